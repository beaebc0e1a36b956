#include "bindings/c/demand.hpp"

#include <algorithm>
#include <utility>

namespace graphite::c_api {

void demand::close() {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
}

bool demand::want(asset_id id) {
  const std::lock_guard lock(mutex_);
  if (!wake_) return false;
  if (asked_.contains(id.value)) return true;
  if (asked_.size() == assets_max) return false;
  asked_.insert(id.value);
  queue_.push_back(id);
  if (queue_.size() == 1) wake_();
  return true;
}

std::vector<asset_id> demand::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(queue_, {});
}

void demand::settle(asset_id id) {
  const std::lock_guard lock(mutex_);
  asked_.erase(id.value);
}

void demand::reopen() {
  const std::lock_guard lock(mutex_);
  places_ = std::make_shared<demand_places>();
  const bool waited = !queue_.empty();
  queue_.clear();
  for (const auto id : asked_) queue_.push_back({id});
  if (wake_ && !waited && !queue_.empty()) wake_();
}

std::shared_ptr<demand_places> demand::places() const {
  const std::lock_guard lock(mutex_);
  return places_;
}

void demand_places::put(const digest& name, const extent& place) {
  const std::lock_guard lock(mutex_);
  places_.insert_or_assign(name, place);
}

std::optional<extent> demand_places::find(const digest& name) const {
  const std::shared_lock lock(mutex_);
  const auto found = places_.find(name);
  return found == places_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<content_ref> demand_book::open(asset_id id, const asset_record& record) {
  std::vector<content_ref> out;
  auto& missing = missing_[id.value];
  for (const auto& part : record.parts) {
    if (part.content.size == 0) continue;
    auto& waited = contents_[part.content.id];
    waited.content = part.content;
    waited.name = part.only_chunk.is_zero() ? part.content.id : part.only_chunk;
    if (std::find(waited.assets.begin(), waited.assets.end(), id) != waited.assets.end()) continue;
    waited.assets.push_back(id);
    ++missing;
    out.push_back(part.content);
  }
  if (missing == 0) missing_.erase(id.value);
  return out;
}

std::vector<asset_id> demand_book::close(const digest& content, const std::optional<extent>& place) {
  auto node = contents_.extract(content);
  if (node.empty()) return {};
  if (place) demand_.places()->put(node.mapped().name, *place);
  std::vector<asset_id> out;
  for (const auto id : node.mapped().assets) {
    const auto missing = missing_.find(id.value);
    if (missing == missing_.end() || (--missing->second > 0 && place)) continue;
    missing_.erase(missing);
    demand_.settle(id);
    out.push_back(id);
  }
  return out;
}

const content_ref* demand_book::content(const digest& id) const {
  const auto found = contents_.find(id);
  return found == contents_.end() ? nullptr : &found->second.content;
}

}  // namespace graphite::c_api
