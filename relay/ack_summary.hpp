#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/messages/chunks.hpp"
#include "core/units.hpp"

namespace graphite {

/// Who runs which generation, from the acks of runtime nodes.
///
/// Pure, one thread. Bounded: `peers_max` nodes, the longest silent one goes first; one that has been
/// silent for `expiry` is not counted any more.
class ack_summary {
 public:
  struct options {
    std::size_t peers_max = 4096;
    duration expiry = seconds(15);
  };
  struct peer {
    ack_request last;
    time_point heard{};
  };

  explicit ack_summary(options chosen) : options_(chosen) {}

  void note(const ack_request& ack, time_point now);
  /// Forgets the silent. O(peers).
  void expire(time_point now);
  /// All that are counted, by incarnation.
  std::vector<peer> peers() const;
  /// How many of `channel`'s nodes have exactly this generation active.
  std::size_t active(const std::string& channel, epoch_number epoch, sequence_number sequence) const;
  std::size_t followers(const std::string& channel) const;

 private:
  void make_room();

  options options_;
  std::map<incarnation_id, peer> peers_;
};

}  // namespace graphite
