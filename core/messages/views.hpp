#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/content.hpp"
#include "core/error.hpp"
#include "core/messages/control.hpp"

/// \file What a watcher beside the sources and the coordinator say to each other once both have proved who
/// they are: the meaning of schemas/views.capnp, which tells the whole exchange.

namespace graphite {

struct view_limits {
  static constexpr std::uint32_t protocol = 1;
  static constexpr std::size_t message_bytes_max = 64 * KiB;
  static constexpr std::size_t name_bytes_max = 128;  ///< of a view, an address
  static constexpr std::size_t path_bytes_max = 1'024;
  static constexpr std::size_t text_bytes_max = 16 * KiB;  ///< of a reason
  static constexpr std::size_t stores_max = 256;
};

namespace views {

/// First, and once.
struct join {
  std::uint32_t protocol = view_limits::protocol;
  incarnation_id incarnation;
  epoch_number epoch_seen;
  std::string view;          ///< named as channels are
  std::string project_file;  ///< its logical path in the snapshots
  bool operator==(const join&) const = default;
};

/// The view is so now, and the stores have all of it.
struct revised {
  std::uint64_t revision = 0;  ///< of this incarnation, ascending from 1
  content_ref snapshot;        ///< root
  bool operator==(const revised&) const = default;
};

/// Where contents go, and to how many of these.
struct settings {
  std::uint32_t copies = 1;
  std::vector<control::store_address> stores;  ///< alive ones
  bool operator==(const settings&) const = default;
};

struct welcome {
  epoch_number epoch;
  content_ref snapshot = {};  ///< the last that it took of this view, from whomever; zero: none
  settings first;
  bool operator==(const welcome&) const = default;
};

/// A last word.
struct refusal {
  errc code = errc::permission_denied;
  std::string text;  ///< for people: what is wrong, and what to do
  bool operator==(const refusal&) const = default;
};

/// What has become of a revision.
struct verdict {
  enum class what : std::uint8_t {
    accepted,   ///< it is the view's state now; the next one may come
    published,  ///< it, or what it has become since, is shown
    refused,    ///< it never will be: the next one may come
    missing     ///< contents of it are in no store: bring them, and say it again
  };
  std::uint64_t revision = 0;
  what state = what::accepted;
  errc code = errc::invalid_argument;  ///< of a refused one
  std::string text = {};               ///< why; of a published one, what shows it
  bool operator==(const verdict&) const = default;
};

}  // namespace views

using view_to_coordinator = std::variant<views::join, views::revised>;
using view_to_watcher = std::variant<views::welcome, views::refusal, views::settings, views::verdict>;

}  // namespace graphite
