#include "cli/job_stores.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"

namespace graphite {

bool job_stores::set_stores(const control::settings& now) {
  const std::lock_guard lock(mutex_);
  const auto is_in = [](const std::vector<control::store_address>& all, const control::store_address& one) {
    return std::ranges::find(all, one) != all.end();
  };
  const bool came =
      std::ranges::any_of(now.stores, [&](const auto& one) { return !is_in(now_.stores, one); });
  const bool went =
      std::ranges::any_of(now_.stores, [&](const auto& one) { return !is_in(now.stores, one); });
  if (went) known_.clear();  // what only that one had is not there any more
  now_ = now;
  return came;
}

void job_stores::note(const digest& content) {
  const std::lock_guard lock(mutex_);
  if (known_.size() >= known_max) known_.clear();
  known_.insert_or_assign(content, with_.clock.now());
}

bool job_stores::is_known_locked(const digest& content, time_point now) const {
  const auto seen = known_.find(content);
  return seen != known_.end() && now - seen->second < store_port_limits::seen_for;
}

void job_stores::doubt(std::span<const digest> contents) {
  const std::lock_guard lock(mutex_);
  for (const auto& one : contents) known_.erase(one);
}

result<std::vector<bool>> job_stores::have(std::span<const content_ref> contents) {
  std::vector<bool> out(contents.size(), true);
  std::vector<digest> asked;
  std::vector<std::size_t> places;
  {
    const auto now = with_.clock.now();
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < contents.size(); ++i) {
      if (contents[i].size == 0 || is_known_locked(contents[i].id, now)) continue;
      asked.push_back(contents[i].id);
      places.push_back(i);
    }
  }
  if (asked.empty()) return out;
  GRAPHITE_TRY(const auto found, with_.traffic.ask(asked, false));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    out[places[i]] = found[i].anywhere;
    if (found[i].anywhere) note(asked[i]);
  }
  return out;
}

result<std::optional<byte_vector>> job_stores::read_one(const content_ref& content,
                                                        std::uint64_t bytes_max) const {
  byte_vector bytes(std::min(content.size, bytes_max));
  if (bytes.empty()) return bytes;
  GRAPHITE_TRY(const auto found, cache_.find(content.id));
  if (!found || found->ref != content) return std::nullopt;
  const auto read = cache_.read(content.id, 0, bytes);
  if (!read && read.error().code == errc::not_found) return std::nullopt;
  GRAPHITE_CHECK(read);
  return bytes;
}

result<std::vector<std::optional<byte_vector>>> job_stores::read(std::span<const content_ref> contents,
                                                                 std::uint64_t bytes_max) {
  std::vector<content_ref> wanted;
  for (const auto& one : contents)
    if (one.size > 0) wanted.push_back(one);
  GRAPHITE_TRY(const auto lost, cache_.fetch(wanted));
  std::vector<std::optional<byte_vector>> out;
  for (const auto& one : contents) {
    auto bytes = std::ranges::find(lost, one.id) == lost.end() ? read_one(one, bytes_max) : std::nullopt;
    if (!bytes && bytes.error().code == errc::corrupt) bytes = std::nullopt;  // no store has the right bytes
    GRAPHITE_CHECK(bytes);
    if (*bytes) note(one.id);
    out.push_back(std::move(*bytes));
  }
  return out;
}

/// What is stored here may be collected before it has been sent: once more, then.
result<content_ref> job_stores::keep(byte_span bytes) {
  constexpr int tries_max = 3;
  const auto chunks = chunk_bytes(bytes, with_.hash);
  for (int i = 1;; ++i) {
    GRAPHITE_TRY(const auto stored, with_.local.put(bytes, chunks));
    const auto brought = with_.traffic.bring(std::span(&stored.ref, 1));
    if (brought) {
      note(stored.ref.id);
      return stored.ref;
    }
    if (brought.error().code != errc::not_found || i == tries_max)
      return tl::unexpected<error>(brought.error());
  }
}

/// Where contents are to be put. Errors: unavailable.
result<missing_answer> job_stores::places() const {
  const std::lock_guard lock(mutex_);
  if (now_.stores.empty())
    return fail(errc::unavailable, "no store is here: start a node with one (`graphite node --store`)");
  if (now_.stores.size() < now_.copies)
    return fail(errc::unavailable, fmt::format("{} stores are here, and {} have to have each content",
                                               now_.stores.size(), now_.copies));
  missing_answer out;
  out.copies = now_.copies;
  for (const auto& one : now_.stores) out.stores.push_back({one.chunks, one.key});
  return out;
}

result<missing_answer> job_stores::missing(std::span<const content_ref> contents) {
  GRAPHITE_TRY(auto out, places());
  std::vector<digest> asked;
  std::vector<std::uint32_t> at;
  for (std::uint32_t i = 0; i < contents.size(); ++i) {
    if (contents[i].size == 0) continue;  // it needs no store
    asked.push_back(contents[i].id);
    at.push_back(i);
  }
  GRAPHITE_TRY(const auto found, with_.traffic.ask(asked, true));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (found[i].copies < out.copies) out.missing.push_back(at[i]);
  }
  return out;
}

result<void> job_stores::add_ticket(const std::string& tenant, const curve_key& client, missing_answer& to) {
  to.until_unix_ns = with_.clock.unix_ns() + ticket_lasts.count();
  GRAPHITE_TRY(to.ticket, with_.ticket(tenant, client, to.until_unix_ns));
  return {};
}

}  // namespace graphite
