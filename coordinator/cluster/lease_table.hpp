#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "coordinator/cluster/cluster_types.hpp"
#include "core/error.hpp"

namespace graphite {

struct lease_options {
  duration ttl = seconds(5);  ///< a node not heard of for so long is lost
  std::size_t nodes_max = 1'024;
};

/// Which nodes take part, each by its name, and until when they are believed to live.
///
/// A node is its name (what its role's key is signed for). A *session* is one hello of one start
/// (incarnation) of it; what a node says counts only in its newest session and in this reign (epoch). A node
/// that starts anew, in place or elsewhere, says hello with another incarnation: its old session is lost at
/// once. One that was not heard of for `ttl` has lost its session; it is asked to say hello again, and
/// whatever it brings from before is refused until then. Pure: time is an argument, one thread. Bound:
/// nodes_max names; one that is away and not cordoned makes room. All calls are O(1) but expire, next_expiry
/// and list, which are O(nodes).
class lease_table {
 public:
  lease_table(epoch_number epoch, const lease_options& options) : epoch_(epoch), options_(options) {}

  struct greeting {
    node_index node = no_cluster_index;
    node_session session;
    node_session lost;      ///< of the same node, which ended by this; zero: none
    bool returned = false;  ///< the same start of it was here before, whether it has lost that session or not
  };
  /// Errors: stale_epoch (the node has seen a later reign: this coordinator is not the one any more;
  /// is_deposed() from now on), busy (nodes_max), unavailable (deposed).
  result<greeting> hello(std::string_view name, const incarnation_id& incarnation, epoch_number last_seen,
                         time_point now);
  /// Renews. Errors: stale_epoch (of an earlier reign, or of a later: see hello), not_found (session lost:
  /// say hello).
  result<node_index> heard(node_session session, epoch_number epoch, time_point now);
  /// The connection is gone, or the node says goodbye: lost at once. False where it is not current.
  bool end(node_session session);
  /// Those whose time is over, ascending by node: lost now.
  struct lost_node {
    node_index node = no_cluster_index;
    node_session session;
    auto operator<=>(const lost_node&) const = default;
  };
  std::vector<lost_node> expire(time_point now);
  std::optional<time_point> next_expiry() const;

  /// Nothing where the session is not current.
  std::optional<node_index> node_of(node_session session) const;
  bool current(node_session session) const { return node_of(session).has_value(); }
  bool is_deposed() const { return deposed_; }
  epoch_number epoch() const { return epoch_; }

  enum class service : std::uint8_t {
    in,        ///< takes attempts
    cordoned,  ///< takes no more; what runs there ends there
    draining   ///< the same, and what waits there is taken back
  };
  /// By name, of nodes that are away, too: it holds until it is changed. Errors: busy (nodes_max).
  result<node_index> set_service(std::string_view name, service how);
  service service_of(node_index node) const { return nodes_[node].how; }

  struct known_node {
    std::string name;
    node_index node = no_cluster_index;
    node_session session = {};  ///< zero: away
    incarnation_id incarnation = {};
    service how = service::in;
    time_point heard{};
  };
  /// All names that are here, or cordoned. Ascending by number.
  std::vector<known_node> list() const;
  const std::string& name_of(node_index node) const { return nodes_[node].name; }
  std::optional<node_index> find(std::string_view name) const;

 private:
  result<node_index> number_of(std::string_view name);
  bool in_use(const known_node& one) const { return one.session != node_session{} || one.how != service::in; }

  epoch_number epoch_;
  lease_options options_;
  bool deposed_ = false;
  std::vector<known_node> nodes_;
  std::unordered_map<std::string, node_index> numbers_;
  std::uint32_t sessions_ = 0;
};

}  // namespace graphite
