#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/content.hpp"

namespace graphite {

/// Which contents of a node's cache are worth least: those that are soonest fetched again for the room that
/// they take, and have been used least, and longest ago.
///
/// This is GreedyDual-Size with frequency (P. Cao, S. Irani, "Cost-aware WWW proxy caching algorithms", USITS
/// 1997; L. Cherkasova, HP Laboratories report HPL-98-69R1, 1998): a content's value is that of the last one
/// that went, when it was used last, plus uses · cost / size; its cost is a round trip and its bytes on a
/// network. So small contents and those that come again and again stay, and none stays for ever. Pure; one
/// thread. Memory: some 200 bytes a content. Each call O(log contents) but for evict().
class cache_value {
 public:
  struct options {
    std::uint64_t bytes_max = 16 * GiB;
    /// What a fetch costs beside its bytes, as so many bytes.
    std::uint64_t fetch_bytes = 256 * KiB;
    /// Each content's place beside its bytes.
    std::uint64_t place_bytes = 64;
    unsigned keep_percent = 80;  ///< of bytes_max, once something has to go
  };
  explicit cache_value(options chosen) : options_(chosen) {}

  /// The content is here, and is being used.
  void used(const content_ref& content);
  /// While it is pinned it does not go: it is nowhere else yet. Pins count.
  void pin(const content_ref& content);
  void unpin(const digest& content);
  void forget(const digest& content);

  std::uint64_t bytes() const { return bytes_; }
  std::size_t size() const { return all_.size(); }
  bool too_large() const { return bytes_ > options_.bytes_max; }
  /// Forgets the least worth until the rest fits, and says what they are, cheapest first.
  std::vector<content_ref> evict();
  /// The same, until no more than `most` is here.
  std::vector<content_ref> evict_to(std::uint64_t most);
  /// What stays, ascending.
  std::vector<digest> kept() const;

 private:
  struct entry {
    std::uint64_t size = 0;
    double value = 0;
    std::uint32_t uses = 0, pins = 0;
  };
  entry& add(const content_ref& content);
  void value_anew(const digest& content, entry& of);
  std::uint64_t taken(const entry& of) const { return of.size + options_.place_bytes; }

  const options options_;
  std::map<digest, entry> all_;
  std::set<std::pair<double, digest>> by_value_;  ///< without those that are pinned
  double gone_ = 0;                               ///< value of the last one that went
  std::uint64_t bytes_ = 0;
};

}  // namespace graphite
