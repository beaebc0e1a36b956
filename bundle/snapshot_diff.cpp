#include "bundle/snapshot_diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/path_text.hpp"

namespace graphite {

namespace {

bool is_folder(const snapshot_entry* one) {
  return one != nullptr && one->what == snapshot_entry::kind::folder;
}

std::optional<snapshot_change::state> file_state(const snapshot_entry* one) {
  if (one == nullptr || is_folder(one)) return {};
  return snapshot_change::state{one->content, one->what == snapshot_entry::kind::program};
}

const snapshot_entries& entries_of(const std::optional<snapshot_object>& object) {
  static const snapshot_entries none;
  return object ? std::get<snapshot_entries>(*object) : none;
}

bool is_split(const std::optional<snapshot_object>& object) {
  return object && std::holds_alternative<snapshot_branches>(*object);
}

tl::unexpected<error> out_of_place(const std::string& folder) {
  return fail(errc::corrupt, fmt::format("a snapshot's folder '{}' is not made as it has to be", folder));
}

}  // namespace

result<snapshot_diff> snapshot_diff::between(std::optional<content_ref> before,
                                             std::optional<content_ref> after, const hasher& hash,
                                             const snapshot_limits& limits) {
  for (const auto& root : {before, after})
    if (root && (root->size == 0 || root->size > snapshot_limits::object_bytes_max))
      return fail(errc::corrupt, "no root of a snapshot: it is too large or empty");
  snapshot_diff out(hash, limits);
  place top;
  top.before.named = before;
  top.after.named = after;
  if (before != after) GRAPHITE_CHECK(out.look_at(std::move(top)));
  return out;
}

std::vector<content_ref> snapshot_diff::wanted(std::size_t most) {
  std::vector<content_ref> out;
  for (std::size_t i = 0; i < most && !to_look_at_.empty() && out.size() < most; ++i) {
    const auto number = ++last_;
    const auto& at = places_.emplace(number, std::move(to_look_at_.back())).first->second;
    to_look_at_.pop_back();
    for (const auto* one : {&at.before, &at.after})
      if (one->named && wait_for(*one->named, number)) out.push_back(*one->named);
  }
  return out;
}

/// Whether nobody did before.
bool snapshot_diff::wait_for(const content_ref& name, place_number which) {
  auto& waits = waiting_[name];
  const bool first = waits.empty();
  if (first || waits.back() != which) waits.push_back(which);
  return first;
}

result<void> snapshot_diff::supply(const content_ref& name, byte_span bytes) {
  const auto found = waiting_.find(name);
  if (found == waiting_.end()) return fail(errc::invalid_argument, "an object that nobody waits for");
  if (bytes.size() != name.size || name_of_object(bytes, *hash_) != name)
    return fail(errc::corrupt, "an object of a snapshot is not what its name says");
  GRAPHITE_TRY(const auto object, decode_snapshot_object(bytes));
  const auto places = std::move(found->second);
  waiting_.erase(found);
  for (const auto which : places) GRAPHITE_CHECK(arrived(which, name, object));
  return {};
}

std::vector<snapshot_change> snapshot_diff::take_changes() {
  std::sort(changes_.begin(), changes_.end());
  return std::exchange(changes_, {});
}

/// Compares at once where all is here, or later.
result<void> snapshot_diff::look_at(place at) {
  if (++looked_at_ > limits_.objects_max)
    return fail(errc::too_large, fmt::format("a snapshot of more than {} objects", limits_.objects_max));
  if (!at.before.named && !at.after.named) return compare(std::move(at));
  if (to_look_at_.size() >= limits_.waiting_max)
    return fail(errc::too_large, "a snapshot with too many folders side by side");
  to_look_at_.push_back(std::move(at));
  return {};
}

result<void> snapshot_diff::arrived(place_number which, const content_ref& name,
                                    const snapshot_object& object) {
  const auto found = places_.find(which);
  GRAPHITE_INVARIANT(found != places_.end());
  auto& at = found->second;
  for (auto* one : {&at.before, &at.after}) {
    if (one->named != name) continue;
    GRAPHITE_CHECK(check(at, object, one->list_bytes));
    one->named.reset();
    one->object = object;
  }
  if (at.before.named || at.after.named) return {};
  auto ready = std::move(at);
  places_.erase(found);
  return compare(std::move(ready));
}

/// What only its place tells: how many bytes there have to be, and that each name belongs here.
result<void> snapshot_diff::check(const place& at, const snapshot_object& object,
                                  std::optional<std::uint64_t> list_bytes) const {
  if (list_bytes && list_bytes_of(object) != *list_bytes) return out_of_place(at.folder);
  if (std::holds_alternative<snapshot_branches>(object)) {
    if (at.digits == name_digits) return out_of_place(at.folder);
    return {};
  }
  const auto& entries = std::get<snapshot_entries>(object);
  if (entries.empty() && (at.deep > 0 || at.digits > 0)) return out_of_place(at.folder);
  for (const auto& one : entries)
    if (at.digits > 0 && name_number(one.name) >> (64 - 4 * at.digits) != at.number)
      return out_of_place(at.folder);
  return {};
}

result<void> snapshot_diff::compare(place at) {
  if (is_split(at.before.object) || is_split(at.after.object)) return compare_parts(std::move(at));
  const auto &before = entries_of(at.before.object), &after = entries_of(at.after.object);
  auto old = before.begin();
  for (auto now = after.begin(); old != before.end() || now != after.end();) {
    const bool takes_old = old != before.end() && (now == after.end() || old->name <= now->name);
    const bool takes_now = now != after.end() && (old == before.end() || now->name <= old->name);
    GRAPHITE_CHECK(compare_entry(at, takes_old ? &*old : nullptr, takes_now ? &*now : nullptr));
    if (takes_old) ++old;
    if (takes_now) ++now;
  }
  return {};
}

/// One of both is split: so both are, the other one in thought only.
result<void> snapshot_diff::compare_parts(place at) {
  const auto part_of = [&at](const side& whole, std::uint8_t digit) {
    side out;
    if (!whole.object) return out;
    if (const auto* branches = std::get_if<snapshot_branches>(&*whole.object)) {
      const auto found = std::find_if(branches->begin(), branches->end(),
                                      [digit](const auto& one) { return one.digit == digit; });
      if (found != branches->end()) {
        out.named = found->object;
        out.list_bytes = found->list_bytes;
      }
      return out;
    }
    snapshot_entries entries;
    for (const auto& one : std::get<snapshot_entries>(*whole.object))
      if (digit_at(name_number(one.name), at.digits) == digit) entries.push_back(one);
    if (!entries.empty()) out.object = std::move(entries);
    return out;
  };
  for (std::uint8_t digit = 0; digit < 16; ++digit) {
    place part{at.folder,
               at.deep,
               at.digits + 1,
               at.number << 4 | digit,
               part_of(at.before, digit),
               part_of(at.after, digit)};
    const bool same = part.before.named && part.before.named == part.after.named &&
                      part.before.list_bytes == part.after.list_bytes;
    if (same || (part.before.empty() && part.after.empty())) continue;
    GRAPHITE_CHECK(look_at(std::move(part)));
  }
  return {};
}

/// Of one name; either may be absent.
result<void> snapshot_diff::compare_entry(const place& at, const snapshot_entry* before,
                                          const snapshot_entry* after) {
  if (before != nullptr && after != nullptr && *before == *after) return {};
  const auto& name = before != nullptr ? before->name : after->name;
  GRAPHITE_CHECK(note(at, name, before, after));
  if (!is_folder(before) && !is_folder(after)) return {};
  place below;
  below.folder = join_path(at.folder, name);
  below.deep = at.deep + 1;
  if (below.deep > snapshot_limits::folders_deep_max)
    return fail(errc::too_large, fmt::format("a snapshot with more than {} folders in each other",
                                             snapshot_limits::folders_deep_max));
  if (is_folder(before)) below.before.named = before->content;
  if (is_folder(after)) below.after.named = after->content;
  return look_at(std::move(below));
}

result<void> snapshot_diff::note(const place& at, const std::string& name, const snapshot_entry* before,
                                 const snapshot_entry* after) {
  const auto was = file_state(before), is = file_state(after);
  if (!was && !is) return {};
  auto path = logical_path::parse(join_path(at.folder, name));
  if (!path) return fail(errc::corrupt, "a snapshot with a name that is none: " + path.error().context);
  if (changes_.size() >= limits_.files_max)
    return fail(errc::too_large, fmt::format("more than {} files of a snapshot", limits_.files_max));
  changes_.push_back({std::move(*path), was, is});
  return {};
}

}  // namespace graphite
