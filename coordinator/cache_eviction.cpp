#include "coordinator/cache_eviction.hpp"

#include <algorithm>

namespace graphite {

namespace {

constexpr std::uint64_t day_ms = 24 * cache_row::use_step_ms;

std::uint64_t short_id(const digest& content) { return std::hash<digest>{}(content); }

}  // namespace

cache_eviction::cache_eviction(cache_bounds bounds, std::uint64_t now_unix_ms,
                               std::function<bool(const digest&)> shown, std::size_t contents)
    : bounds_(bounds), now_(now_unix_ms), shown_(std::move(shown)), contents_max_(contents) {}

bool cache_eviction::too_old(std::uint64_t used) const { return now_ - used > bounds_.days_max * day_ms; }

bool cache_eviction::all_shown(const cached_result& one) const {
  return !one.outputs.empty() &&
         every_content(one, [this](const content_ref& content) { return shown_(content.id); });
}

void cache_eviction::see(const cache_row& row) {
  for (const auto& one : row.results)
    every_content(one, [&](const content_ref& part) {
      if (!shown_(part.id))
        seen_.push_back({short_id(part.id), used(one), std::max(part.size, content_bytes_min)});
      return true;
    });
  if (seen_.size() < 2 * contents_max_) return;
  join_equal();
  drop_oldest(contents_max_);
}

/// One entry a content, the newest.
void cache_eviction::join_equal() {
  std::sort(seen_.begin(), seen_.end(),
            [](const content& x, const content& y) { return x.id != y.id ? x.id < y.id : x.used > y.used; });
  const auto same = [](const content& x, const content& y) { return x.id == y.id; };
  seen_.erase(std::unique(seen_.begin(), seen_.end(), same), seen_.end());
}

void cache_eviction::drop_oldest(std::size_t keep) {
  if (seen_.size() <= keep) return;
  std::nth_element(
      seen_.begin(), seen_.begin() + static_cast<std::ptrdiff_t>(keep), seen_.end(),
      [](const content& x, const content& y) { return x.used != y.used ? x.used > y.used : x.id < y.id; });
  for (auto at = seen_.begin() + static_cast<std::ptrdiff_t>(keep); at != seen_.end(); ++at)
    bytes_ += at->bytes;
  seen_.resize(keep);
}

void cache_eviction::decide() {
  join_equal();
  drop_oldest(contents_max_);
  std::sort(seen_.begin(), seen_.end(), [](const content& x, const content& y) {
    return x.used != y.used ? x.used > y.used : x.id < y.id;
  });
  std::uint64_t sum = 0;
  bool room = true;
  for (const auto& one : seen_) {
    bytes_ += one.bytes;
    room = room && !too_old(one.used) && one.bytes <= bounds_.bytes_max - sum;
    if (!room) continue;
    sum += one.bytes;
    kept_content stays;
    stays.id = one.id;
    stays.bytes = one.bytes & ((1ull << 63) - 1);
    kept_.push_back(stays);
  }
  seen_ = {};
  std::sort(kept_.begin(), kept_.end(),
            [](const kept_content& x, const kept_content& y) { return x.id < y.id; });
}

cache_eviction::kept_content* cache_eviction::find(const digest& content) {
  const auto at = std::lower_bound(kept_.begin(), kept_.end(), short_id(content),
                                   [](const kept_content& x, std::uint64_t id) { return x.id < id; });
  return at == kept_.end() || at->id != short_id(content) ? nullptr : &*at;
}

bool cache_eviction::stays(const cached_result& one) {
  if (too_old(used(one))) return false;
  const bool all = every_content(
      one, [this](const content_ref& part) { return shown_(part.id) || find(part.id) != nullptr; });
  if (!all) return false;
  return every_content(one, [this](const content_ref& part) {
    if (!shown_(part.id)) find(part.id)->named = 1;
    return true;
  });
}

cache_eviction::trimmed cache_eviction::trim(cache_row& row) {
  trimmed out;
  for (auto& one : row.results) {
    if (!all_shown(one) || now_ - used(one) <= renew_after_ms) continue;
    one.used_unix_ms = now_;
    out.changed = true;
  }
  out.dropped = std::erase_if(row.results, [this](const cached_result& one) { return !stays(one); });
  out.changed = out.changed || out.dropped > 0;
  if (out.changed)
    std::stable_sort(row.results.begin(), row.results.end(),
                     [](const auto& x, const auto& y) { return x.used_unix_ms > y.used_unix_ms; });
  return out;
}

std::uint64_t cache_eviction::bytes_kept() const {
  std::uint64_t sum = 0;
  for (const auto& one : kept_)
    if (one.named != 0) sum += one.bytes;
  return sum;
}

}  // namespace graphite
