#include "runtime/content_fetch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bundle/chunk_list.hpp"

namespace graphite {

namespace {

tl::unexpected<error> misfit(const char* what) {
  return fail(errc::corrupt, std::string("chunk port: ") + what);
}

bool is_small(const content_ref& content) { return content.size <= single_chunk_bytes_max; }

}  // namespace

// ---- what is wanted

result<void> content_fetch::want_only(const std::vector<content_want>& wants) {
  std::unordered_map<digest, want> kept;
  kept.swap(wants_);
  ready_.clear();
  large_.clear();
  for (const auto& wanted : wants) {
    const digest& id = wanted.content.id;
    if (wants_.contains(id)) continue;
    if (auto node = kept.extract(id); !node.empty()) {
      node.mapped().asset = wanted.asset;
      if (node.mapped().big)
        large_.insert({wanted.content.size, id});
      else if (!node.mapped().asked)
        ready(node.mapped());
      wants_.insert(std::move(node));
      continue;
    }
    if (sink_.has(wanted.content)) continue;
    if (wanted.content.size == 0) {
      GRAPHITE_CHECK(sink_.put(wanted.content, {}));
      continue;
    }
    ready(
        wants_.emplace(id, want{wanted.content, wanted.similar, wanted.asset, false, nullptr}).first->second);
  }
  for (const auto& [id, dropped] : kept)
    if (dropped.big && dropped.big->out) dropped.big->out->forget();
  return {};
}

void content_fetch::ready(const want& wanted) { ready_.insert({wanted.content.size, wanted.content.id}); }

std::uint64_t content_fetch::remaining(const want& wanted) {
  if (!wanted.big) return wanted.content.size;
  const large& big = *wanted.big;
  std::uint64_t sum = 0;
  for (std::size_t i = big.appended; i < big.list.chunks.size(); ++i)
    if (!big.local.contains(big.list.chunks[i].id) && !comes_again(big, i)) sum += big.list.chunks[i].size;
  return sum;
}

std::uint64_t content_fetch::bytes_missing() const {
  std::uint64_t sum = 0;
  for (const auto& [id, wanted] : wants_) sum += remaining(wanted);
  return sum;
}

std::uint64_t content_fetch::bytes_missing(const std::vector<content_want>& wants) const {
  std::uint64_t sum = 0;
  std::set<digest> seen;
  for (const auto& wanted : wants) {
    if (!seen.insert(wanted.content.id).second) continue;
    const auto started = wants_.find(wanted.content.id);
    if (started != wants_.end())
      sum += remaining(started->second);
    else if (!sink_.has(wanted.content))
      sum += wanted.content.size;
  }
  return sum;
}

/// A copy: its owner may be what is erased.
void content_fetch::finish(digest content) {
  const auto found = wants_.find(content);
  ready_.erase({found->second.content.size, content});
  large_.erase({found->second.content.size, content});
  wants_.erase(found);
  if (options_.tell_finished) finished_.push_back(content);
}

std::size_t content_fetch::open_large() const {
  return static_cast<std::size_t>(std::count_if(large_.begin(), large_.end(), [&](const auto& key) {
    return wants_.at(key.second).big->out != nullptr;
  }));
}

// ---- what announcements offer

result<void> content_fetch::offer_list(const digest& content, const chunk_list& list) {
  const auto found = wants_.find(content);
  if (found == wants_.end() || found->second.big || is_small(found->second.content)) return {};
  if (!check_chunk_list(list) || content_of(list, hash_) != found->second.content) return {};
  GRAPHITE_CHECK(start_large(found->second, list));
  return advance(content);
}

result<std::uint64_t> content_fetch::offer_chunk(const digest& id, byte_span bytes) {
  if (bytes.empty() || bytes.size() > chunk_port_limits::reply_bytes_max || hash_.sha256(bytes) != id)
    return 0;
  const content_ref whole = content_of(chunk_ref{id, static_cast<std::uint32_t>(bytes.size())}, hash_);
  if (const auto found = wants_.find(whole.id); found != wants_.end()) {
    GRAPHITE_CHECK(sink_.put(whole, bytes));
    finish(whole.id);
    return bytes.size();
  }
  offered_.insert_or_assign(id, byte_vector(bytes.begin(), bytes.end()));
  return 0;
}

// ---- contents of several chunks

result<bool> content_fetch::start_large(want& wanted, const chunk_list& list) {
  auto big = std::make_unique<large>();
  big->list = list;
  big->similar = wanted.similar;
  find_local(*big);
  find_repeated(*big);
  wanted.big = std::move(big);
  wanted.asked = true;
  ready_.erase({wanted.content.size, wanted.content.id});
  large_.insert({wanted.content.size, wanted.content.id});
  return true;
}

void content_fetch::find_local(large& big) const {
  if (!big.similar || !sink_.has(*big.similar)) return;
  const auto list = sink_.list_of(*big.similar);
  if (!list) return;
  std::set<digest> needed;
  for (const auto& chunk : big.list.chunks) needed.insert(chunk.id);
  std::uint64_t offset = 0;
  for (const auto& chunk : list->chunks) {
    if (needed.contains(chunk.id)) big.local.emplace(chunk.id, offset);
    offset += chunk.size;
  }
}

/// A list that gives one chunk two sizes is hostile: then each is fetched, and fails.
void content_fetch::find_repeated(large& big) {
  std::map<digest, std::pair<first_place, std::uint32_t>> seen;
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < big.list.chunks.size(); ++i) {
    const auto& chunk = big.list.chunks[i];
    const auto [first, fresh] = seen.try_emplace(chunk.id, first_place{i, offset}, chunk.size);
    if (!fresh && first->second.second == chunk.size) big.repeated.emplace(chunk.id, first->second.first);
    offset += chunk.size;
  }
}

/// Whether chunk `index` is appended before it is needed.
bool content_fetch::comes_again(const large& big, std::size_t index) {
  const auto& chunk = big.list.chunks[index];
  const auto found = big.repeated.find(chunk.id);
  return found != big.repeated.end() && found->second.index < index &&
         big.list.chunks[found->second.index].size == chunk.size;
}

/// False where the next chunk is not here yet.
result<bool> content_fetch::append_one(large& big) {
  const chunk_ref& chunk = big.list.chunks[big.appended];
  if (const auto arrived = big.arrived.find(big.appended); arrived != big.arrived.end()) {
    GRAPHITE_CHECK(big.out->append(arrived->second));
    big.ahead_bytes -= chunk.size;
    big.arrived.erase(arrived);
    return true;
  }
  if (const auto offered = offered_.find(chunk.id); offered != offered_.end()) {
    GRAPHITE_CHECK(big.out->append(offered->second));
    return true;
  }
  if (big.resuming) {
    GRAPHITE_TRY(const bool copied, copy_left(big, chunk));
    if (copied) return true;
    big.resuming = false;  // the attempt before came this far
  }
  if (comes_again(big, big.appended)) return copy_repeated(big, chunk);
  return copy_local(big, chunk);
}

/// Appends a chunk as `read` finds it elsewhere; false where that is something else.
result<bool> content_fetch::append_from(large& big, const chunk_ref& chunk,
                                        const std::function<bool(std::span<std::byte>)>& read) {
  // Kept from piece to piece: what is new each time is cleared, and its pages are faulted in again.
  if (copied_.size() < chunk.size) copied_.resize(chunk.size);
  const auto bytes = std::span(copied_).first(chunk.size);
  if (!read(bytes) || hash_.sha256(bytes) != chunk.id) return false;
  GRAPHITE_CHECK(big.out->append(bytes));
  return true;
}

result<bool> content_fetch::copy_left(large& big, const chunk_ref& chunk) {
  return append_from(big, chunk, [&](auto into) { return big.out->left_before(big.appended_bytes, into); });
}

result<bool> content_fetch::copy_repeated(large& big, const chunk_ref& chunk) {
  const auto offset = big.repeated.at(chunk.id).offset;
  GRAPHITE_TRY(const bool copied,
               append_from(big, chunk, [&](auto into) { return big.out->read(offset, into).has_value(); }));
  if (copied) return true;
  big.repeated.erase(chunk.id);
  fetch_again(big, chunk.id);
  return false;
}

/// It is not what it was where it could be copied from.
void content_fetch::fetch_again(large& big, const digest& chunk) {
  for (std::size_t i = big.appended; i < big.asked; ++i)
    if (big.list.chunks[i].id == chunk && !big.arrived.contains(i)) big.again.insert(i);
}

result<bool> content_fetch::copy_local(large& big, const chunk_ref& chunk) {
  const auto local = big.local.find(chunk.id);
  if (local == big.local.end()) return false;
  GRAPHITE_TRY(const bool copied, append_from(big, chunk, [&](auto into) {
                 return sink_.read(*big.similar, local->second, into).has_value();
               }));
  if (copied) return true;
  big.local.erase(local);
  fetch_again(big, chunk.id);
  return false;
}

/// Appends what is here, within the step's bound.
result<void> content_fetch::advance(const digest& content) {
  want& wanted = wants_.at(content);
  large& big = *wanted.big;
  if (!big.out) {
    if (open_large() >= options_.large_open_max) return {};
    GRAPHITE_TRY(big.out, sink_.begin(wanted.content, big.list));
    big.resuming = true;
  }
  std::uint64_t room = options_.copy_bytes_step;
  while (big.appended < big.list.chunks.size() && room > 0) {
    GRAPHITE_TRY(const bool appended, append_one(big));
    if (!appended) return {};
    big.appended_bytes += big.list.chunks[big.appended].size;
    room -= std::min<std::uint64_t>(room, big.list.chunks[big.appended].size);
    big.again.erase(big.appended);
    ++big.appended;
    big.asked = std::max(big.asked, big.appended);
  }
  if (big.appended < big.list.chunks.size()) return {};
  GRAPHITE_CHECK(big.out->finish());
  finish(content);
  return {};
}

bool content_fetch::copying() const {
  const std::size_t open = open_large();
  return std::any_of(large_.begin(), large_.end(), [&](const auto& key) {
    const large& big = *wants_.at(key.second).big;
    if (!big.out) return open < options_.large_open_max;
    const digest& id = big.list.chunks[big.appended].id;
    return big.resuming || big.local.contains(id) || comes_again(big, big.appended) ||
           big.arrived.contains(big.appended) || offered_.contains(id);
  });
}

result<void> content_fetch::copy_some() {
  const auto open = large_;  // advance() may finish some
  for (const auto& key : open) GRAPHITE_CHECK(advance(key.second));
  return {};
}

// ---- questions

std::optional<content_fetch::ask> content_fetch::next() {
  if (auto batch = next_batch()) return batch;
  return next_large();
}

/// Small contents together, or the list of a large one.
std::optional<content_fetch::ask> content_fetch::next_batch() {
  ask out;
  contents_request request;
  std::uint64_t room = options_.credit_bytes;
  while (!ready_.empty() && request.ranges.size() < chunk_port_limits::ranges_max) {
    want& wanted = wants_.at(ready_.begin()->second);
    const bool small = is_small(wanted.content);
    if (!request.ranges.empty() && (!small || wanted.content.size > room)) break;
    ready_.erase(ready_.begin());
    wanted.asked = true;
    if (!small) return ask{list_request{wanted.content.id, wanted.asset}, {}, wanted.content};
    request.ranges.push_back({wanted.content.id, 0, 0, wanted.asset});
    room -= std::min(room, wanted.content.size);
  }
  if (request.ranges.empty()) return std::nullopt;
  request.credit_bytes = options_.credit_bytes;
  out.ranges = request.ranges;
  out.request = std::move(request);
  return out;
}

std::optional<content_fetch::ask> content_fetch::next_large() {
  for (const auto& key : large_) {
    large& big = *wants_.at(key.second).big;
    if (!big.out || big.resuming) continue;
    contents_request request;
    std::uint64_t room = options_.credit_bytes;
    while (request.ranges.size() < chunk_port_limits::ranges_max) {
      const auto run = next_run(key.second, big, room);
      if (!run) break;
      request.ranges.push_back(*run);
    }
    if (request.ranges.empty()) continue;
    request.credit_bytes = options_.credit_bytes;
    auto ranges = request.ranges;
    return ask{std::move(request), std::move(ranges), {}};
  }
  return std::nullopt;
}

/// The next run of chunks that nobody has asked for, as far as `room` and the window go.
std::optional<chunk_range> content_fetch::next_run(const digest& content, large& big, std::uint64_t& room) {
  const auto& chunks = big.list.chunks;
  const auto is_here = [&](std::size_t i) {
    return big.local.contains(chunks[i].id) || offered_.contains(chunks[i].id) || comes_again(big, i);
  };
  const auto fits = [&](std::size_t i) {
    return chunks[i].size <= room &&
           (big.ahead_bytes == 0 || big.ahead_bytes + chunks[i].size <= options_.ahead_bytes_max);
  };
  std::size_t first = 0;
  if (!big.again.empty()) {
    first = *big.again.begin();
  } else {
    while (big.asked < chunks.size() && is_here(big.asked)) ++big.asked;
    first = big.asked;
  }
  std::size_t end = first;
  while (end < chunks.size() && fits(end)) {
    if (big.again.erase(end) == 0 && (end < big.asked || is_here(end))) break;
    room -= chunks[end].size;
    big.ahead_bytes += chunks[end].size;
    ++end;
  }
  if (end == first) return std::nullopt;
  big.asked = std::max(big.asked, end);
  return chunk_range{content, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(end - first),
                     wants_.at(content).asset};
}

void content_fetch::give_back(const ask& asked) {
  if (asked.ranges.empty()) {
    if (const auto found = wants_.find(asked.listed.id); found != wants_.end() && !found->second.big) {
      found->second.asked = false;
      ready(found->second);
    }
    return;
  }
  for (const auto& range : asked.ranges) {
    const auto found = wants_.find(range.content);
    if (found == wants_.end()) continue;
    if (!found->second.big) {
      found->second.asked = false;
      ready(found->second);
      continue;
    }
    large& big = *found->second.big;
    for (std::size_t i = range.first; i < std::size_t{range.first} + range.count; ++i) {
      if (i < big.appended || i >= big.list.chunks.size() || big.arrived.contains(i)) continue;
      if (big.again.insert(i).second)
        big.ahead_bytes -= std::min<std::uint64_t>(big.ahead_bytes, big.list.chunks[i].size);
    }
  }
}

// ---- answers

bool content_fetch::moot(const ask& asked) const {
  if (asked.ranges.empty()) return !wants_.contains(asked.listed.id);
  return std::none_of(asked.ranges.begin(), asked.ranges.end(),
                      [&](const auto& range) { return wants_.contains(range.content); });
}

result<content_fetch::progress> content_fetch::take(const ask& asked, const chunk_reply& reply) {
  progress out;
  out.moot = moot(asked);
  if (out.moot) return out;
  if (asked.ranges.empty()) {
    const auto taken = take_list(asked, reply, out);
    give_back(asked);  // where it was no good; a list that was taken is not asked for again
    if (!taken) return tl::unexpected<error>(taken.error());
    return out;
  }
  const auto* header = std::get_if<contents_reply>(&reply.header);
  if (!header || header->pieces.size() > asked.ranges.size()) {
    give_back(asked);
    return misfit("an answer that does not fit the question");
  }
  std::size_t frame = 0;
  for (std::size_t i = 0; i < header->pieces.size(); ++i) {
    const auto& piece = header->pieces[i];
    if (piece.absent && wants_.contains(asked.ranges[i].content))
      out.absent.push_back(asked.ranges[i].content);
    if (piece.chunks == 0) continue;
    if (const auto taken = take_piece(asked.ranges[i], piece.chunks, reply.frames[frame++], out); !taken) {
      give_back(asked);
      return tl::unexpected<error>(taken.error());
    }
  }
  give_back(asked);  // what was not answered; what was good is known by now
  return out;
}

result<void> content_fetch::take_list(const ask& asked, const chunk_reply& reply, progress& out) {
  if (const auto* no = std::get_if<refusal>(&reply.header); no && no->code == errc::not_found) {
    out.absent.push_back(asked.listed.id);
    return {};
  }
  if (!std::holds_alternative<list_reply>(reply.header)) return misfit("an answer that is no chunk list");
  const auto found = wants_.find(asked.listed.id);
  if (found == wants_.end() || found->second.big) return {};
  GRAPHITE_TRY(const top_list top, decode_top_list(reply.frames[0]));
  std::vector<byte_span> pieces;
  byte_span rest = reply.frames.size() > 1 ? byte_span(reply.frames[1]) : byte_span();
  for (const auto& piece : top.entries.chunks) {
    if (top.level == 0) break;
    if (piece.size > rest.size()) return misfit("a chunk list that ends early");
    pieces.push_back(rest.first(piece.size));
    rest = rest.subspan(piece.size);
  }
  GRAPHITE_TRY(const chunk_list list, decode_chunk_list(asked.listed, reply.frames[0], pieces, hash_));
  out.good_bytes += reply.frames[0].size() + (reply.frames.size() > 1 ? reply.frames[1].size() : 0);
  GRAPHITE_CHECK(start_large(found->second, list));
  return advance(asked.listed.id);
}

result<void> content_fetch::take_piece(const chunk_range& range, std::uint32_t chunks, byte_span bytes,
                                       progress& out) {
  const auto found = wants_.find(range.content);
  if (found == wants_.end()) return {};  // no longer wanted
  if (!found->second.big) {
    if (is_small(found->second.content)) return take_small(found->second, bytes, out);
    return {};
  }
  if (chunks > range.count) return misfit("more chunks than asked for");
  return take_run(found->second, range.first, chunks, bytes, out);
}

result<void> content_fetch::take_small(want& wanted, byte_span bytes, progress& out) {
  const content_ref content = wanted.content;
  const bool good =
      bytes.size() == content.size &&
      content_of(chunk_ref{hash_.sha256(bytes), static_cast<std::uint32_t>(bytes.size())}, hash_) == content;
  if (!good) {
    ++out.bad_chunks;
    return {};
  }
  GRAPHITE_CHECK(sink_.put(content, bytes));
  out.good_bytes += bytes.size();
  finish(content.id);
  return {};
}

result<void> content_fetch::take_run(want& wanted, std::size_t first, std::uint32_t chunks, byte_span bytes,
                                     progress& out) {
  large& big = *wanted.big;
  for (std::size_t i = first; i < first + chunks && i < big.list.chunks.size(); ++i) {
    const chunk_ref& chunk = big.list.chunks[i];
    if (bytes.size() < chunk.size) {
      ++out.bad_chunks;
      break;
    }
    const byte_span piece = bytes.first(chunk.size);
    bytes = bytes.subspan(chunk.size);
    if (i < big.appended || big.arrived.contains(i) || big.again.contains(i)) continue;
    if (hash_.sha256(piece) != chunk.id) {
      ++out.bad_chunks;
      continue;
    }
    out.good_bytes += piece.size();
    big.arrived.emplace(i, byte_vector(piece.begin(), piece.end()));
  }
  return advance(wanted.content.id);
}

}  // namespace graphite
