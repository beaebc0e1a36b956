#pragma once

#include <string_view>
#include <vector>

#include "core/credentials.hpp"

namespace graphite {

inline constexpr std::size_t ticket_choices_max = 64;

/// Which of a runtime's tickets it shows to follow `channel` (empty: any): those that hold now, by keys that
/// hold, for `client`, encoded. Of each channel the one that ends last comes first: before all the second
/// ones; ticket_choices_max of them at most. Pure. `pins` and `verifier`: as access_table's roots. Errors:
/// permission_denied where none is left: says for each why, and what to do.
result<std::vector<byte_vector>> choose_tickets(const std::vector<ticket>& from, std::string_view channel,
                                                const curve_key& client, const std::vector<pinned_root>& pins,
                                                const signature_verifier& verifier, std::int64_t unix_ns);

/// Tickets a few at a time, as many as one request may show: the first ones, and once these are refused the
/// next ones, round and round. Pure.
class ticket_round {
 public:
  explicit ticket_round(std::vector<byte_vector> tickets) : tickets_(std::move(tickets)) {}
  /// chunk_port_limits::tickets_max at most.
  std::vector<byte_vector> shown() const;
  void next();

 private:
  std::vector<byte_vector> tickets_;
  std::size_t first_ = 0;
};

}  // namespace graphite
