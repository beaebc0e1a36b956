#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "core/hello.hpp"

/// \file What the actors of a control connection say to the actor of their own process that decides.
///
/// Between processes only texts travel, each under an atom: `dial` (no text: the first word of who dialled),
/// `hello` (core/hello_messages), `control` (schemas/control.capnp), `refuse` (a last word, for a log). So a
/// peer's bytes are read by bounded decoders alone and never by CAF's.

namespace graphite {

/// A connection of this process; never given out again while it lives.
using control_link = std::uint64_t;

/// Of one connection, in order: one `came`, any number of texts, one `gone`.
struct control_event {
  struct came {
    proven_peer peer;
  };
  struct gone {
    std::string why;
  };
  control_link link = 0;
  std::variant<came, std::string, gone> what;
};
using control_event_ptr = std::shared_ptr<const control_event>;

/// To be said. After `ends` its connection is over: what it sends is not read any more, and no `gone`
/// follows.
struct control_frame {
  control_link link = 0;
  std::string text;
  bool ends = false;  ///< `text` is the last word: why
};
using control_frame_ptr = std::shared_ptr<const control_frame>;

struct dispatch_call;  ///< actors/cluster/dispatch_call.hpp
using dispatch_call_ptr = std::shared_ptr<const dispatch_call>;
struct job_call;  ///< actors/jobs/job_desk.hpp
using job_call_ptr = std::shared_ptr<const job_call>;

}  // namespace graphite
