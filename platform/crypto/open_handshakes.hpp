#pragma once

#include <map>
#include <vector>

#include "core/units.hpp"

namespace graphite {

/// The connections that have not shaken hands yet, so that peers who say nothing hold a bounded number of
/// descriptors. Not thread-safe; sessions are only names here.
///
/// Invariant: at most `open_max` sessions. Over it the oldest goes: a peer that is in earnest takes some
/// milliseconds, and dials again.
class open_handshakes {
 public:
  static constexpr std::size_t open_max = 256;
  static constexpr duration wait_max = seconds(10);

  /// `session` waits for its peer, since now if it did not before. The descriptors of those that are given
  /// up, and forgotten: who waits longer than `wait_max`, and the oldest over `open_max`. `now` does not
  /// fall.
  std::vector<int> waits(const void* session, int descriptor, std::uint16_t dialled, time_point now) {
    if (orders_.try_emplace(session, last_ + 1).second)
      waiting_.emplace(++last_, waiting{session, descriptor, dialled, now});
    std::vector<int> out;
    while (!waiting_.empty()) {
      const auto oldest = waiting_.begin()->second;
      if (now - oldest.since < wait_max && waiting_.size() <= open_max) break;
      out.push_back(oldest.descriptor);
      ends(oldest.session);
    }
    return out;
  }
  /// The descriptors of those that dialled `port`, which are forgotten.
  std::vector<int> give_up_dials(std::uint16_t port) {
    std::vector<int> out;
    for (auto one = waiting_.begin(); one != waiting_.end();) {
      const auto next = std::next(one);
      if (const auto& it = one->second; it.dialled == port && port != 0) {
        out.push_back(it.descriptor);
        ends(it.session);
      }
      one = next;
    }
    return out;
  }
  /// It has shaken hands, failed, or is freed. One that is not known is none.
  void ends(const void* session) {
    const auto known = orders_.find(session);
    if (known == orders_.end()) return;
    waiting_.erase(known->second);
    orders_.erase(known);
  }
  std::size_t open() const { return waiting_.size(); }

 private:
  struct waiting {
    const void* session;
    int descriptor;
    std::uint16_t dialled;
    time_point since;
  };
  std::map<std::uint64_t, waiting> waiting_;  ///< in the order of their coming
  std::map<const void*, std::uint64_t> orders_;
  std::uint64_t last_ = 0;
};

}  // namespace graphite
