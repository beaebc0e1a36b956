#pragma once

#include <optional>
#include <span>
#include <vector>

#include "coordinator/cluster/content_index.hpp"
#include "coordinator/cluster/domain_slots.hpp"
#include "coordinator/cluster/requirement_table.hpp"

namespace graphite {

struct placement_options {
  domain_slots_options slots;
  std::size_t contents_max = 1u << 17;  ///< of the content index
  /// Fewer input bytes than this there do not count: they come as fast as the attempt itself.
  std::uint64_t near_bytes_min = 64 * KiB;
};

/// The domains there are, and which of them an attempt goes to: where most of its input bytes are, then
/// where the load is least, then the lowest number. A node that died of it comes after all others. One that
/// can start it at once always goes before one where it would be sent ahead (of these, the one with the least
/// waiting).
///
/// Pure. choose is O(domains). Numbers of removed domains are given out again; serials are not.
class placement {
 public:
  static constexpr std::uint32_t no_task = 0xffffffffu;
  static constexpr std::size_t domains_max = 4'096;  ///< at once

  explicit placement(const placement_options& options) : options_(options), contents_(options.contents_max) {}

  domain_index add(node_index node, const domain_capacity& capacity);
  /// Nothing runs or waits there.
  void remove(domain_index domain);

  struct request {
    const task_needs* needs = nullptr;
    std::uint64_t expected_ns = 0;
    std::span<const content_use> inputs;
    node_index not_on = no_cluster_index;
    std::span<const node_index> rather_not;  ///< only where no other takes it
    std::uint32_t task = no_task;            ///< who may have what is reserved for it
    bool suspect = false;  ///< never beside another suspect (coordinator/cluster/retry_policy.hpp)
  };
  struct choice {
    domain_index domain = no_cluster_index;
    bool at_once = false;  ///< else it is sent ahead
  };
  /// Nothing where no domain takes it now.
  std::optional<choice> choose(const request& what);
  /// A domain that could take it when empty, the one with the most of it free; nothing where there is none.
  std::optional<domain_index> candidate_to_reserve(const request& what) const;
  /// Some live domain is large enough, open or not.
  bool possible(const task_needs& needs) const;

  void start(domain_index domain, domain_slots::attempt what, const request& of);
  void queue(domain_index domain, domain_slots::attempt what, const request& of);
  /// A suspect's attempt is `remove`d as one.
  void remove_attempt(domain_index domain, domain_slots::attempt what, bool suspect,
                      std::vector<domain_slots::attempt>& started);
  /// What nodes have to be or have, and which are so.
  requirement_table& requirements() { return requirements_; }
  /// Its inputs or outputs are there now.
  void note_content(domain_index domain, std::span<const content_use> contents);

  /// Closed ones take nothing.
  void set_open(domain_index domain, bool open);
  void reserve(domain_index domain, std::uint32_t task);
  void unreserve(domain_index domain) { reserve(domain, no_task); }
  std::uint32_t reserved_for(domain_index domain) const { return domains_[domain].reserved_for; }

  bool live(domain_index domain) const { return domain < domains_.size() && domains_[domain].live; }
  bool open(domain_index domain) const { return domains_[domain].open; }
  node_index node_of(domain_index domain) const { return domains_[domain].node; }
  content_index::holder serial_of(domain_index domain) const { return domains_[domain].serial; }
  const domain_slots& slots(domain_index domain) const { return domains_[domain].slots; }
  domain_index size() const { return static_cast<domain_index>(domains_.size()); }
  std::size_t live_count() const { return live_count_; }

 private:
  struct state {
    bool live = false, open = false;
    node_index node = no_cluster_index;
    content_index::holder serial = 0;
    std::uint32_t reserved_for = no_task;
    domain_slots slots{{}, {}};
  };
  /// What choose() looks at first, close together.
  struct quick {
    std::uint32_t free_cpu = 0;  ///< 0: takes nothing at once
    std::uint32_t soon_cpu = 0;  ///< 0: takes nothing ahead
    std::uint32_t load = 0;
    std::uint32_t waiting_us = 0;
  };
  void find_near(std::span<const content_use> inputs);
  bool admits(const state& one, const request& what) const;
  bool unloved(domain_index domain, const request& what) const;
  bool better(domain_index a, domain_index b, const request& what, bool at_once) const;
  bool takes(domain_index domain, const request& what, bool at_once) const;
  std::optional<choice> best_of(const request& what, bool at_once) const;
  void refresh(domain_index domain);

  placement_options options_;
  content_index contents_;
  requirement_table requirements_;
  std::vector<state> domains_;
  std::vector<quick> quick_;
  std::vector<std::uint64_t> some_now_, some_ahead_;  ///< a bit for each domain that takes something so
  std::vector<domain_index> unused_;
  std::vector<std::uint32_t> suspects_;  ///< by node
  content_index::holder serials_ = 0;
  std::size_t live_count_ = 0;
  std::vector<domain_index> near_;  ///< those with input bytes of the request in hand, and how many
  std::vector<std::uint64_t> near_bytes_;
};

}  // namespace graphite
