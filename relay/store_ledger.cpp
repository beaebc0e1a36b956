#include "relay/store_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace graphite {

/// A use within that of the last one changes nothing.
std::int64_t store_ledger::step_ms() const {
  return std::min<std::int64_t>(60'000, options_.grace.count() / 2);
}

void store_ledger::rank(const digest& content, entry& of, std::int64_t used_ms) {
  by_use_.erase({of.used_ms, content});
  of.used_ms = used_ms;
  by_use_.emplace(used_ms, content);
  unwritten_.insert(content);
}

void store_ledger::add(const content_ref& content, std::int64_t used_ms) {
  const auto [at, fresh] = all_.try_emplace(content.id);
  auto& of = at->second;
  if (fresh) {
    of.size = content.size;
    bytes_ += taken(of);
  }
  if (fresh || used_ms > of.used_ms) rank(content.id, of, used_ms);
}

void store_ledger::used(const digest& content, std::int64_t now_ms) {
  const auto found = all_.find(content);
  if (found == all_.end()) return;
  const auto before = found->second.used_ms;
  if (before <= now_ms && now_ms - before < step_ms()) return;
  rank(content, found->second, now_ms);
}

void store_ledger::remove(const digest& content) {
  const auto found = all_.find(content);
  if (found == all_.end()) return;
  bytes_ -= taken(found->second);
  by_use_.erase({found->second.used_ms, content});
  unwritten_.erase(content);
  all_.erase(found);
}

result<void> store_ledger::admit(std::uint64_t bytes) const {
  if (bytes_ <= options_.bytes_max && bytes + options_.place_bytes <= options_.bytes_max - bytes_) return {};
  return fail(errc::out_of_space,
              fmt::format("this store is full: it has {} of {} bytes, and {} more were brought", bytes_,
                          options_.bytes_max, bytes));
}

std::vector<content_ref> store_ledger::propose(std::int64_t now_ms) const {
  std::vector<content_ref> out;
  if (now_ms - started_ms_ < options_.grace.count()) return out;
  const auto keep = options_.bytes_max / 100 * options_.keep_percent;
  std::uint64_t sum = 0;
  for (const auto& [used, content] : by_use_) {
    if (bytes_ - sum <= keep || out.size() >= options_.proposed_max) break;
    if (now_ms - used < options_.grace.count()) break;
    const auto& of = all_.at(content);
    out.push_back({content, of.size});
    sum += taken(of);
  }
  return out;
}

bool store_ledger::may_go(const digest& content, milliseconds age, std::int64_t now_ms) const {
  const auto found = all_.find(content);
  if (found == all_.end()) return false;
  return now_ms - found->second.used_ms >= options_.grace.count() + step_ms() + age.count();
}

std::vector<content_ref> store_ledger::after(const std::optional<digest>& last, std::size_t count) const {
  std::vector<content_ref> out;
  for (auto at = last ? all_.upper_bound(*last) : all_.begin(); at != all_.end() && out.size() < count; ++at)
    out.push_back({at->first, at->second.size});
  return out;
}

std::vector<std::pair<digest, std::int64_t>> store_ledger::take_used() {
  std::vector<std::pair<digest, std::int64_t>> out;
  for (const auto& content : std::exchange(unwritten_, {}))
    out.emplace_back(content, all_.at(content).used_ms);
  return out;
}

}  // namespace graphite
