#include "platform/numa/placement.hpp"

#include <fmt/format.h>
#include <numaif.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "platform/numa/node_mask.hpp"
#include "platform/numa/placed_memory.hpp"

namespace graphite {

namespace {

/// MPOL_F_STATIC_NODES: numbers stay physical ones where the cpuset moves. Not in libnuma's header, and the
/// kernel's cannot be included beside it.
constexpr int mpol_static_nodes = 1 << 15;

/// Of one system call: bounds its arrays.
constexpr std::size_t pages_per_call_max = 4096;

bool refused_for_good(int failure) { return failure == EPERM || failure == ENOSYS || failure == EACCES; }

std::string why_refused(std::string_view call, int failure) {
  if (failure == ENOSYS) return fmt::format("this kernel has no {}, or a filter hides it", call);
  return fmt::format("{} is refused here: containers without CAP_SYS_NICE often forbid it", call);
}

tl::unexpected<error> not_supported(const std::string& why) { return fail(errc::unsupported, why); }

std::vector<void*> addresses_of(const std::byte* first, std::size_t count, std::size_t page_bytes) {
  std::vector<void*> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(const_cast<std::byte*>(first + i * page_bytes));  // the interface knows no const
  return out;
}

/// 0 or an errno. `wanted` empty: only asks. A page's state is its node or a negative errno.
int visit_pages(std::vector<void*>& pages, const std::vector<int>& wanted, std::vector<int>& states) {
  states.assign(pages.size(), -ENOENT);
  const long done = ::move_pages(0, pages.size(), pages.data(), wanted.empty() ? nullptr : wanted.data(),
                                 states.data(), wanted.empty() ? 0 : MPOL_MF_MOVE);
  return done < 0 ? errno : 0;  // above 0: so many could not be moved, the states tell which
}

/// The mode and its nodes, as mbind takes them.
int mode_of(const placement_policy& policy) {
  switch (policy.how) {
    case placement_policy::kind::local:
      return MPOL_DEFAULT;
    case placement_policy::kind::prefer:
      return MPOL_PREFERRED | mpol_static_nodes;
    case placement_policy::kind::bind:
      return MPOL_BIND | mpol_static_nodes;
    case placement_policy::kind::interleave:
      return MPOL_INTERLEAVE | mpol_static_nodes;
  }
  return MPOL_DEFAULT;
}

/// 0 or an errno.
int bind_pages(std::span<std::byte> pages, const placement_policy& policy) {
  const node_mask nodes(policy.nodes);
  const bool local = policy.how == placement_policy::kind::local;
  const long done = ::mbind(pages.data(), pages.size(), mode_of(policy), local ? nullptr : nodes.words(),
                            local ? 0 : node_mask::bits, 0);
  return done != 0 ? errno : 0;
}

/// The kernel passes over nodes without allowed memory as long as one is left: they are found before.
result<void> check_nodes(const std::vector<unsigned>& nodes) {
  const auto allowed = allowed_memory();
  for (const unsigned node : nodes) {
    if (!allowed || allowed->has(node)) continue;
    if (!node_exists(node)) return fail(errc::invalid_argument, fmt::format("there is no node {}", node));
    return not_supported(fmt::format("node {} has no memory that this process may use", node));
  }
  return {};
}

result<void> of_failed_call(int failure, std::string_view call, const std::vector<unsigned>& nodes) {
  if (refused_for_good(failure)) return not_supported(why_refused(call, failure));
  const bool missing = !std::all_of(nodes.begin(), nodes.end(), node_exists);
  if (failure == ENODEV || (failure == EINVAL && missing))
    return fail(errc::invalid_argument, "there is no such node");
  if (failure == EINVAL) return not_supported("the nodes have no memory that this process may use");
  if (failure == EFAULT || failure == ENOMEM)
    return fail(errc::invalid_argument, fmt::format("{}: not all of the range is mapped", call));
  return fail_errno(failure, call);
}

std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

result<void> check_placement(std::span<const std::byte> pages, const placement_policy& policy,
                             std::size_t page_bytes) {
  if (reinterpret_cast<std::uintptr_t>(pages.data()) % page_bytes != 0 || pages.size() % page_bytes != 0)
    return fail(errc::invalid_argument, "a range to be placed is not whole pages");
  using kind = placement_policy::kind;
  const bool fits = policy.how == kind::local    ? policy.nodes.empty()
                    : policy.how == kind::prefer ? policy.nodes.size() == 1
                                                 : !policy.nodes.empty();
  if (!fits) return fail(errc::invalid_argument, "the policy has the wrong number of nodes");
  for (const unsigned node : policy.nodes)
    if (node >= node_mask::nodes_max)
      return fail(errc::invalid_argument, fmt::format("there is no node {}", node));
  return {};
}

numa_placement::numa_placement() : page_bytes_(page_size()) {
  auto probe = anonymous_pages::make(page_bytes_);
  if (!probe) {
    bind_refused_ = move_refused_ = where_refused_ = probe.error().context;
    return;
  }
  probe->bytes()[0] = std::byte{1};
  auto pages = addresses_of(probe->bytes().data(), 1, page_bytes_);
  std::vector<int> states;
  if (const int failure = visit_pages(pages, {}, states)) where_refused_ = why_refused("move_pages", failure);
  move_refused_ = where_refused_;
  // To where it is: moves nothing, but a filter may tell asking and moving apart.
  if (move_refused_.empty() && states[0] >= 0)
    if (const int failure = visit_pages(pages, std::vector<int>(states), states); refused_for_good(failure))
      move_refused_ = why_refused("move_pages", failure);
  const auto allowed = allowed_memory();
  const auto node = allowed ? allowed->first() : std::optional<unsigned>(0);
  const int failure = bind_pages(probe->bytes(), {placement_policy::kind::prefer, {node.value_or(0)}});
  if (refused_for_good(failure)) bind_refused_ = why_refused("mbind", failure);
}

result<void> numa_placement::apply(std::span<std::byte> pages, const placement_policy& policy) {
  GRAPHITE_CHECK(check_placement(pages, policy, page_bytes_));
  if (!bind_refused_.empty()) {
    // Where nothing was ever bound, all is local.
    return policy.how == placement_policy::kind::local ? result<void>() : not_supported(bind_refused_);
  }
  GRAPHITE_CHECK(check_nodes(policy.nodes));
  if (pages.empty()) return {};
  if (const int failure = bind_pages(pages, policy)) return of_failed_call(failure, "mbind", policy.nodes);
  return {};
}

result<std::size_t> numa_placement::move(std::span<std::byte> pages, unsigned node) {
  GRAPHITE_CHECK(check_placement(pages, {placement_policy::kind::bind, {node}}, page_bytes_));
  if (!move_refused_.empty()) return not_supported(move_refused_);
  GRAPHITE_CHECK(check_nodes({node}));
  std::size_t there = 0;
  std::vector<int> states;
  for (std::size_t at = 0; at < pages.size(); at += pages_per_call_max * page_bytes_) {
    const auto count = std::min(pages_per_call_max, (pages.size() - at) / page_bytes_);
    auto some = addresses_of(pages.data() + at, count, page_bytes_);
    int failure = visit_pages(some, std::vector<int>(count, static_cast<int>(node)), states);
    // A page that no page may be moved for is no failure of the others: what counts is where they lie.
    if (failure == 0 || failure == ENOENT) failure = visit_pages(some, {}, states);
    if (failure != 0) return tl::unexpected(of_failed_call(failure, "move_pages", {node}).error());
    there += static_cast<std::size_t>(std::count(states.begin(), states.end(), static_cast<int>(node)));
  }
  return there;
}

result<std::vector<std::optional<unsigned>>> numa_placement::where(std::span<const std::byte> pages) const {
  GRAPHITE_CHECK(check_placement(pages, {}, page_bytes_));
  if (!where_refused_.empty()) return not_supported(where_refused_);
  std::vector<std::optional<unsigned>> out;
  std::vector<int> states;
  for (std::size_t at = 0; at < pages.size(); at += pages_per_call_max * page_bytes_) {
    auto some = addresses_of(pages.data() + at,
                             std::min(pages_per_call_max, (pages.size() - at) / page_bytes_), page_bytes_);
    if (const int failure = visit_pages(some, {}, states))
      return tl::unexpected(of_failed_call(failure, "move_pages", {}).error());
    for (const int state : states)
      out.push_back(state < 0 ? std::nullopt : std::optional(static_cast<unsigned>(state)));
  }
  return out;
}

std::string numa_placement::reason() const {
  if (bind_refused_.empty() && !move_refused_.empty())
    return "memory is placed but not moved: " + move_refused_;
  if (!bind_refused_.empty()) return "memory lies where it is first touched: " + bind_refused_;
  return {};
}

no_placement::no_placement(std::string reason)
    : page_bytes_(page_size()),
      reason_(reason.empty() ? "memory is not placed on this system" : std::move(reason)) {}

result<void> no_placement::apply(std::span<std::byte> pages, const placement_policy& policy) {
  GRAPHITE_CHECK(check_placement(pages, policy, page_bytes_));
  return policy.how == placement_policy::kind::local ? result<void>() : not_supported(reason_);
}

result<std::size_t> no_placement::move(std::span<std::byte> pages, unsigned node) {
  GRAPHITE_CHECK(check_placement(pages, {placement_policy::kind::bind, {node}}, page_bytes_));
  return not_supported(reason_);
}

result<std::vector<std::optional<unsigned>>> no_placement::where(std::span<const std::byte> pages) const {
  GRAPHITE_CHECK(check_placement(pages, {}, page_bytes_));
  return not_supported(reason_);
}

}  // namespace graphite
