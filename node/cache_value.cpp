#include "node/cache_value.hpp"

#include <limits>

namespace graphite {

cache_value::entry& cache_value::add(const content_ref& content) {
  const auto [at, fresh] = all_.try_emplace(content.id, entry{content.size});
  if (fresh) bytes_ += taken(at->second);
  return at->second;
}

void cache_value::value_anew(const digest& content, entry& of) {
  by_value_.erase({of.value, content});
  const auto size = static_cast<double>(taken(of));
  of.value = gone_ + of.uses * (static_cast<double>(options_.fetch_bytes) + size) / size;
  if (of.pins == 0) by_value_.emplace(of.value, content);
}

void cache_value::used(const content_ref& content) {
  auto& of = add(content);
  if (of.uses < std::numeric_limits<std::uint32_t>::max()) ++of.uses;
  value_anew(content.id, of);
}

void cache_value::pin(const content_ref& content) {
  auto& of = add(content);
  by_value_.erase({of.value, content.id});
  ++of.pins;
}

void cache_value::unpin(const digest& content) {
  const auto found = all_.find(content);
  if (found == all_.end() || found->second.pins == 0) return;
  if (--found->second.pins == 0) by_value_.emplace(found->second.value, content);
}

void cache_value::forget(const digest& content) {
  const auto found = all_.find(content);
  if (found == all_.end()) return;
  by_value_.erase({found->second.value, content});
  bytes_ -= taken(found->second);
  all_.erase(found);
}

std::vector<content_ref> cache_value::evict() {
  if (!too_large()) return {};
  return evict_to(options_.bytes_max / 100 * options_.keep_percent);
}

std::vector<content_ref> cache_value::evict_to(std::uint64_t most) {
  std::vector<content_ref> out;
  while (bytes_ > most && !by_value_.empty()) {
    const auto [value, content] = *by_value_.begin();
    gone_ = value;
    out.push_back({content, all_.at(content).size});
    forget(content);
  }
  return out;
}

std::vector<digest> cache_value::kept() const {
  std::vector<digest> out;
  out.reserve(all_.size());
  for (const auto& [content, of] : all_) out.push_back(content);
  return out;
}

}  // namespace graphite
