#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "core/ports/memory_placement.hpp"

namespace graphite::test {

/// NUMA nodes in thought: remembers policies by page, and where pages lie once touch() says that somebody
/// touched them. Reads and writes no memory. Thread-safe; set the knobs between calls.
class fake_placement final : public memory_placement {
 public:
  static constexpr std::size_t page_bytes = 4096;

  struct knobs {
    std::set<unsigned> nodes{0, 1};                    ///< that exist
    std::set<unsigned> forbidden{};                    ///< of those, by the cpuset
    std::map<unsigned, std::size_t> free_pages_max{};  ///< none named: no limit
    std::string refused{};                             ///< not empty: all but local is unsupported for this
    std::size_t applied = 0, moved = 0;                ///< calls that were not refused
  };
  knobs& options() { return knobs_; }

  /// A thread on `node` touches the pages: each that lies nowhere gets its place. False where the nodes that
  /// its policy allows are full.
  bool touch(std::span<std::byte> pages, unsigned node = 0) {
    const std::lock_guard lock(mutex_);
    for (const auto page : pages_of(pages)) {
      if (places_.contains(page)) continue;
      const auto where = place_for(page, node);
      if (!where) return false;
      places_[page] = *where;
      ++used_[*where];
    }
    return true;
  }
  /// Forgets pages, as munmap() does.
  void forget(std::span<std::byte> pages) {
    const std::lock_guard lock(mutex_);
    for (const auto page : pages_of(pages)) {
      if (const auto found = places_.find(page); found != places_.end()) {
        --used_[found->second];
        places_.erase(found);
      }
      policies_.erase(page);
    }
  }
  /// The policy in force for a page.
  placement_policy policy_of(const std::byte* page) const {
    const std::lock_guard lock(mutex_);
    const auto found = policies_.find(reinterpret_cast<std::uintptr_t>(page));
    return found == policies_.end() ? placement_policy{} : found->second;
  }

  result<void> apply(std::span<std::byte> pages, const placement_policy& policy) override {
    const std::lock_guard lock(mutex_);
    GRAPHITE_CHECK(check(pages, policy));
    if (policy.how != placement_policy::kind::local) GRAPHITE_CHECK(check_allowed(policy.nodes));
    ++knobs_.applied;
    for (const auto page : pages_of(pages)) policies_[page] = policy;
    return {};
  }

  result<std::size_t> move(std::span<std::byte> pages, unsigned node) override {
    const std::lock_guard lock(mutex_);
    GRAPHITE_CHECK(check(pages, {}));
    GRAPHITE_CHECK(check_allowed({node}));
    ++knobs_.moved;
    std::size_t there = 0;
    for (const auto page : pages_of(pages)) {
      const auto found = places_.find(page);
      if (found == places_.end()) continue;
      if (found->second != node && has_room(node)) {
        --used_[found->second];
        ++used_[node];
        found->second = node;
      }
      there += found->second == node;
    }
    return there;
  }

  result<std::vector<std::optional<unsigned>>> where(std::span<const std::byte> pages) const override {
    const std::lock_guard lock(mutex_);
    GRAPHITE_CHECK(check(pages, {}));
    if (!knobs_.refused.empty()) return fail(errc::unsupported, knobs_.refused);
    std::vector<std::optional<unsigned>> out;
    for (const auto page : pages_of(pages)) {
      const auto found = places_.find(page);
      out.push_back(found == places_.end() ? std::nullopt : std::optional(found->second));
    }
    return out;
  }

  std::string reason() const override {
    const std::lock_guard lock(mutex_);
    return knobs_.refused;
  }

 private:
  static std::vector<std::uintptr_t> pages_of(std::span<const std::byte> pages) {
    std::vector<std::uintptr_t> out;
    for (std::size_t at = 0; at < pages.size(); at += page_bytes)
      out.push_back(reinterpret_cast<std::uintptr_t>(pages.data() + at));
    return out;
  }

  static result<void> check(std::span<const std::byte> pages, const placement_policy& policy) {
    using kind = placement_policy::kind;
    if (reinterpret_cast<std::uintptr_t>(pages.data()) % page_bytes != 0 || pages.size() % page_bytes != 0)
      return fail(errc::invalid_argument, "no whole pages");
    const auto count = policy.nodes.size();
    if (policy.how == kind::local ? count != 0 : policy.how == kind::prefer ? count != 1 : count == 0)
      return fail(errc::invalid_argument, "the wrong number of nodes");
    return {};
  }

  result<void> check_allowed(const std::vector<unsigned>& nodes) const {
    if (!knobs_.refused.empty()) return fail(errc::unsupported, knobs_.refused);
    for (const unsigned node : nodes) {
      if (!knobs_.nodes.contains(node)) return fail(errc::invalid_argument, "no such node");
      if (knobs_.forbidden.contains(node))
        return fail(errc::unsupported, "the cpuset forbids this node's memory");
    }
    return {};
  }

  bool has_room(unsigned node) const {
    const auto limit = knobs_.free_pages_max.find(node);
    if (!knobs_.nodes.contains(node) || knobs_.forbidden.contains(node)) return false;
    const auto used = used_.find(node);
    return limit == knobs_.free_pages_max.end() || used == used_.end() || used->second < limit->second;
  }

  std::optional<unsigned> place_for(std::uintptr_t page, unsigned toucher) const {
    using kind = placement_policy::kind;
    const auto found = policies_.find(page);
    const auto policy = found == policies_.end() ? placement_policy{} : found->second;
    std::vector<unsigned> order;
    if (policy.how == kind::local)
      order = {toucher};
    else
      order = policy.nodes;
    if (policy.how == kind::interleave)
      std::rotate(order.begin(), order.begin() + static_cast<long>(page / page_bytes % order.size()),
                  order.end());
    if (policy.how == kind::local || policy.how == kind::prefer)
      order.insert(order.end(), knobs_.nodes.begin(), knobs_.nodes.end());
    for (const unsigned node : order)
      if (has_room(node)) return node;
    return std::nullopt;
  }

  mutable std::mutex mutex_;
  knobs knobs_;
  std::map<std::uintptr_t, placement_policy> policies_;
  std::map<std::uintptr_t, unsigned> places_;
  std::map<unsigned, std::size_t> used_;  // pages by node
};

}  // namespace graphite::test
