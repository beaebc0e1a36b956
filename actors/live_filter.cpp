#include "actors/live_filter.hpp"

#include <mutex>

#include "core/path_text.hpp"

namespace graphite {

live_filter::live_filter(std::shared_ptr<const project> spec, const file_reader& files)
    : spec_(std::move(spec)), files_(files), filter_(*spec_) {
  reload("");
}

std::optional<std::string> live_filter::read_ignore_file(std::string_view folder) const {
  const auto path = logical_path::parse(join_path(folder, ignore_file_name));
  if (!path) return std::nullopt;
  const auto opened = files_.open(*path);
  if (!opened) return std::nullopt;
  std::string out(ignore_file_bytes_max, '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const auto got = (*opened)->read(std::as_writable_bytes(std::span(out)).subspan(have));
    if (!got || *got == 0) break;
    have += *got;
  }
  out.resize(have);
  return out;
}

bool live_filter::adopt(std::string_view folder, const std::optional<std::string>& text) {
  const std::unique_lock lock(mutex_);
  const auto known = texts_.find(folder);
  if (known == texts_.end() ? !text : text && known->second == *text) return false;
  if (text) {
    filter_.set_ignore_file(folder, *text);
    texts_.insert_or_assign(std::string(folder), *text);
  } else {
    filter_.drop_ignore_file(folder);
    texts_.erase(known);
  }
  return true;
}

bool live_filter::reload(std::string_view folder) {
  return spec_->gitignore && adopt(folder, read_ignore_file(folder));
}

bool live_filter::prunes(std::string_view folder) {
  {
    const std::shared_lock lock(mutex_);
    if (filter_.prunes(folder)) return true;
    if (!spec_->gitignore || folder.empty() || texts_.contains(folder)) return false;
  }
  if (const auto text = read_ignore_file(folder)) adopt(folder, text);
  return false;
}

bool live_filter::prunes_in_walk(std::string_view folder) const {
  const std::shared_lock lock(mutex_);
  return filter_.prunes(folder);
}

path_role live_filter::role_in_walk(std::string_view path) const {
  const std::shared_lock lock(mutex_);
  return filter_.role_in_walk(path);
}

void live_filter::learn(std::string_view folder) {
  {
    const std::shared_lock lock(mutex_);
    if (!spec_->gitignore || folder.empty() || texts_.contains(folder)) return;
  }
  if (const auto text = read_ignore_file(folder)) adopt(folder, text);
}

path_role live_filter::role_of(std::string_view path) const {
  const std::shared_lock lock(mutex_);
  return filter_.role_of(path);
}

}  // namespace graphite
