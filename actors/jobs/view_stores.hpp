#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/content.hpp"
#include "core/error.hpp"
#include "core/messages/jobs.hpp"

namespace graphite {

/// The stores of a cluster, as who plans there needs them: for small things, and for what lies where. No bulk
/// byte comes by here but what a scanner has to read. Thread-safe; blocks.
class view_stores {
 public:
  virtual ~view_stores() = default;
  /// Whether a store has each of these. What was seen there is taken to be there for less time than stores
  /// keep what nobody needs, or until a store goes. Errors: unavailable (nobody can be asked), cancelled (the
  /// process ends).
  virtual result<std::vector<bool>> have(std::span<const content_ref> contents) = 0;
  /// Somebody has not found these there: have() asks anew.
  virtual void doubt(std::span<const digest> contents) = 0;
  /// The first `bytes_max` bytes of each; nothing where no store has it. Errors: as have(), those of the
  /// disk.
  virtual result<std::vector<std::optional<byte_vector>>> read(std::span<const content_ref> contents,
                                                               std::uint64_t bytes_max) = 0;
  /// Puts it into as many stores as have to have it. Errors: as have(), those of the stores.
  virtual result<content_ref> keep(byte_span bytes) = 0;

  /// What a client has to put, and where: the answer but for its ticket. Errors: unavailable (no store).
  virtual result<missing_answer> missing(std::span<const content_ref> contents) = 0;
  /// The stores' ticket for a client, with its end. Errors: those of signing.
  virtual result<void> add_ticket(const std::string& tenant, const curve_key& client, missing_answer& to) = 0;
};

}  // namespace graphite
