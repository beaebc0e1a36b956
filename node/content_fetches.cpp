#include "node/content_fetches.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bundle/chunk_list.hpp"

namespace graphite {

namespace {

using port = store_port_limits;

constexpr std::size_t doubts_max = 1024;  ///< of one store that wait to be told

const contents_reply* one_piece(const stores::reply& reply) {
  const auto* header = std::get_if<contents_reply>(&reply.header);
  return header != nullptr && header->pieces.size() == 1 ? header : nullptr;
}

bool is_absent(const stores::reply& reply) {
  const auto* no = std::get_if<refusal>(&reply.header);
  return no != nullptr && no->code == errc::not_found;
}

}  // namespace

void content_fetches::want(const digest& content, time_point now) {
  if (open_.contains(content)) return;
  const auto known = local_.find(content);
  if (known && *known) return ended_.push_back({content, {}});
  const auto entry = open_.try_emplace(content).first;
  entry->second.waits_since = now;
  place_one(content, entry->second);
}

void content_fetches::place(const store_choice& all, const std::set<std::string>& can) {
  all_ = all;
  can_ = can;
  for (auto& [content, of] : open_) place_one(content, of);
}

/// Puts it into the lane of the store that is to be asked next, if it is not there.
void content_fetches::place_one(const digest& content, fetch& of) {
  if (!of.at.empty() && can_.contains(of.at) && !of.passed.contains(of.at)) return;
  of.at.clear();
  for (auto& name : all_.first_names(content, all_.size())) {
    if (!can_.contains(name) || of.passed.contains(name)) continue;
    of.at = std::move(name);
    break;
  }
  if (of.at.empty()) return;
  (of.large ? large_ : probes_)[of.at].push_back(content);
}

/// Nobody is left to ask where every store has answered.
void content_fetches::pass(const digest& content, const std::string& store, bool wrong) {
  if (auto& doubts = doubts_[store]; wrong && doubts.size() < doubts_max) doubts.insert(content);
  const auto found = open_.find(content);
  if (found == open_.end()) return;
  auto& of = found->second;
  of.passed.insert(store);
  of.saw_wrong = of.saw_wrong || wrong;
  place_one(content, of);
  if (!of.at.empty()) return;
  const bool all = std::all_of(all_.names().begin(), all_.names().end(),
                               [&](const auto& name) { return of.passed.contains(name); });
  if (!all) return;  // one that cannot be asked now may have it
  end(content, of.saw_wrong
                   ? fail(errc::corrupt, "no store has the right bytes of content " + to_hex(content))
                   : fail(errc::not_found, "no store has content " + to_hex(content)));
}

void content_fetches::end(const digest& content, result<void> how) {
  open_.erase(content);
  ended_.push_back({content, std::move(how)});
}

std::optional<content_fetches::ask> content_fetches::next_doubt(const std::string& store) {
  const auto found = doubts_.find(store);
  if (found == doubts_.end()) return std::nullopt;
  doubt of;
  auto& all = found->second;
  while (!all.empty() && of.contents.size() < port::looks_max)
    of.contents.push_back(all.extract(all.begin()).value());
  if (all.empty()) doubts_.erase(found);
  if (of.contents.empty()) return std::nullopt;
  stores::look_request what{of.contents};
  return ask{std::move(what), std::move(of), 0};
}

std::optional<content_fetches::ask> content_fetches::next(const std::string& store) {
  if (auto out = next_doubt(store)) return out;
  auto& lane = large_[store];
  for (std::size_t left = lane.size(); left > 0; --left) {  // each in turn
    const digest content = lane.front();
    lane.pop_front();
    const auto found = open_.find(content);
    if (found == open_.end() || found->second.at != store || !found->second.large) continue;
    lane.push_back(content);
    if (auto out = next_of_large(content, found->second)) return out;
  }
  return next_probe(probes_[store], store);
}

std::optional<content_fetches::ask> content_fetches::next_probe(std::deque<digest>& lane,
                                                                const std::string& store) {
  probe of;
  contents_request request{{}, port::raw_bytes_max};
  while (!lane.empty() && of.contents.size() < port::ranges_max) {
    const digest content = lane.front();
    lane.pop_front();
    const auto found = open_.find(content);
    if (found == open_.end() || found->second.at != store || found->second.large || found->second.asked)
      continue;
    found->second.asked = true;
    of.contents.push_back(content);
    request.ranges.push_back({content, 0, 1, {}});
  }
  if (of.contents.empty()) return std::nullopt;
  return ask{std::move(request), std::move(of), port::raw_bytes_max};
}

std::optional<content_fetches::ask> content_fetches::next_of_large(const digest& content, fetch& of) {
  if (!of.chunks) {
    if (of.asked) return std::nullopt;
    of.asked = true;
    return ask{list_request{content, {}}, list{content}, port::header_bytes_max};
  }
  const auto run = next_run(content, of);
  if (!run) return std::nullopt;
  if (of.again.erase(run->first) == 0) of.next = run->first + run->count;
  const auto bytes = bytes_of(of, run->first, run->count);
  of.under_way_bytes += bytes;
  return ask{contents_request{{{content, run->first, run->count, {}}}, port::raw_bytes_max}, *run, bytes};
}

/// What is wanted once more goes first: all behind it waits for it.
std::optional<content_fetches::run> content_fetches::next_run(const digest& content, fetch& of) const {
  if (!of.again.empty()) return run{content, of.again.begin()->first, of.again.begin()->second};
  if (of.next >= of.chunks->chunks.size() || of.under_way_bytes >= options_.window_bytes) return std::nullopt;
  run out{content, of.next, 0};
  std::uint64_t bytes = 0;
  for (auto i = of.next; i < of.chunks->chunks.size(); ++i, ++out.count) {
    bytes += of.chunks->chunks[i].size;
    if (out.count > 0 && bytes > port::raw_bytes_max) break;
  }
  return out;
}

std::uint64_t content_fetches::bytes_of(const fetch& of, std::uint32_t first, std::uint32_t count) const {
  std::uint64_t out = 0;
  for (auto i = first; i < first + count; ++i) out += of.chunks->chunks[i].size;
  return out;
}

bool content_fetches::answered(const std::string& store, const about& of, stores::reply reply) {
  const bool well = took(store, of, reply);
  if (well) moved_.insert(store);
  return well;
}

bool content_fetches::took(const std::string& store, const about& of, stores::reply& reply) {
  if (std::holds_alternative<doubt>(of)) return std::holds_alternative<stores::look_reply>(reply.header);
  if (const auto* one = std::get_if<probe>(&of)) return took_probe(store, *one, reply);
  const auto* of_list = std::get_if<list>(&of);
  const auto* of_run = std::get_if<run>(&of);
  const auto content = of_list != nullptr ? of_list->content : of_run->content;
  const auto* no = std::get_if<refusal>(&reply.header);
  const bool gone = is_absent(reply) || (one_piece(reply) != nullptr && one_piece(reply)->pieces[0].absent);
  if (no != nullptr && !gone) {
    unanswered(of);
    return false;
  }
  if (!gone && (of_list != nullptr ? took_list(content, reply) : took_run(*of_run, reply))) return true;
  if (!open_.contains(content)) return true;  // it has ended, for a reason of our own
  unanswered(of);
  pass(content, store, !gone);
  return true;
}

/// The answer may be cut short: the others are asked for again.
bool content_fetches::took_probe(const std::string& store, const probe& of, stores::reply& reply) {
  const auto* header = std::get_if<contents_reply>(&reply.header);
  unanswered(of);  // whatever is not settled below
  if (header == nullptr || header->pieces.empty() || header->pieces.size() > of.contents.size()) return false;
  std::vector<byte_span> bytes(reply.frames.begin(), reply.frames.end());
  std::vector<digest> hashes(bytes.size());
  hash_.sha256_each(bytes, hashes);
  std::size_t frame = 0;
  for (std::size_t i = 0; i < header->pieces.size(); ++i) {
    const auto& content = of.contents[i];
    const auto& piece = header->pieces[i];
    if (piece.absent) {
      pass(content, store, false);
    } else if (piece.chunks == 0) {
      if (!took_first(content, {}, {}, 0)) pass(content, store, true);
    } else {
      if (!took_first(content, bytes[frame], hashes[frame], piece.chunks)) pass(content, store, true);
      ++frame;
    }
  }
  return true;
}

/// The first chunk: all of a small content, or the sign that this is a larger one.
bool content_fetches::took_first(const digest& content, byte_span bytes, const digest& hash,
                                 std::uint32_t chunks) {
  const auto found = open_.find(content);
  if (found == open_.end()) return true;
  chunk_list list;
  if (chunks > 0) list.chunks.push_back({hash, static_cast<std::uint32_t>(bytes.size())});
  const bool small = bytes.size() <= single_chunk_bytes_max && (chunks == 0 || !bytes.empty());
  if (small && content_of(list, hash_).id == content) {
    auto stored = local_.put(bytes, list);
    end(content, stored ? result<void>() : tl::unexpected(stored.error()));
    return true;
  }
  if (chunks == 0 || found->second.large) return chunks != 0;
  found->second.large = true;
  large_[found->second.at].push_back(content);
  return true;
}

bool content_fetches::took_list(const digest& content, const stores::reply& reply) {
  const auto found = open_.find(content);
  if (found == open_.end()) return true;
  auto& of = found->second;
  of.asked = false;
  if (!std::holds_alternative<list_reply>(reply.header) || reply.frames.empty()) return false;
  const auto top = decode_top_list(reply.frames[0]);
  if (!top) return false;
  std::vector<byte_span> sub_lists;
  byte_span rest = reply.frames.size() > 1 ? byte_span(reply.frames[1]) : byte_span();
  for (const auto& entry : top->level == 0 ? std::vector<chunk_ref>() : top->entries.chunks) {
    if (entry.size > rest.size()) return false;
    sub_lists.push_back(rest.first(entry.size));
    rest = rest.subspan(entry.size);
  }
  auto whole = decode_chunk_list({content, top->content_bytes}, reply.frames[0], sub_lists, hash_);
  if (!whole) return false;
  if (!of.chunks) {
    auto writer = local_.begin(whole->total_bytes());
    if (!writer) {
      end(content, tl::unexpected(writer.error()));
      return true;
    }
    of.writer = std::move(*writer);
    of.chunks = std::move(*whole);
  }
  if (!of.chunks->chunks.empty()) return true;
  if (const auto done = append_ready(content, of); !done) end(content, done);
  return true;
}

bool content_fetches::took_run(const run& of, stores::reply& reply) {
  const auto found = open_.find(of.content);
  if (found == open_.end() || !found->second.chunks) return true;
  auto& fetch = found->second;
  const auto* header = one_piece(reply);
  if (header == nullptr || header->pieces[0].chunks == 0 || header->pieces[0].chunks > of.count) return false;
  const auto count = header->pieces[0].chunks;
  auto& bytes = reply.frames[0];
  if (bytes.size() != bytes_of(fetch, of.first, count)) return false;
  std::vector<byte_span> pieces;
  byte_span rest(bytes);
  for (auto i = of.first; i < of.first + count; ++i) {
    pieces.push_back(rest.first(fetch.chunks->chunks[i].size));
    rest = rest.subspan(pieces.back().size());
  }
  std::vector<digest> hashes(pieces.size());
  hash_.sha256_each(pieces, hashes);
  for (std::uint32_t i = 0; i < count; ++i)
    if (hashes[i] != fetch.chunks->chunks[of.first + i].id) return false;
  if (count < of.count) {
    fetch.again[of.first + count] = of.count - count;
    fetch.under_way_bytes -= bytes_of(fetch, of.first + count, of.count - count);
  }
  fetch.early[of.first] = {count, std::move(bytes)};
  if (const auto done = append_ready(of.content, fetch); !done) end(of.content, done);
  return true;
}

/// Errors are those of the store here.
result<void> content_fetches::append_ready(const digest& content, fetch& of) {
  for (auto first = of.early.begin(); first != of.early.end() && first->first == of.appended;
       first = of.early.erase(first)) {
    GRAPHITE_CHECK(of.writer->append(first->second.bytes));
    of.appended += first->second.count;
    of.under_way_bytes -= first->second.bytes.size();
  }
  if (of.appended < of.chunks->chunks.size()) return {};
  GRAPHITE_CHECK(of.writer->commit(*of.chunks));
  end(content, {});
  return {};
}

/// A doubt is not said again: who fetches the content the next time has it anew.
void content_fetches::unanswered(const about& of) {
  if (std::holds_alternative<doubt>(of)) return;
  if (const auto* one = std::get_if<run>(&of)) {
    const auto found = open_.find(one->content);
    if (found == open_.end() || !found->second.chunks) return;
    found->second.again[one->first] = one->count;
    found->second.under_way_bytes -= bytes_of(found->second, one->first, one->count);
    return;
  }
  const auto* probed = std::get_if<probe>(&of);
  const auto contents = probed != nullptr ? probed->contents : std::vector{std::get<list>(of).content};
  for (const auto& content : contents) {
    const auto found = open_.find(content);
    if (found == open_.end() || !found->second.asked) continue;
    found->second.asked = false;
    if (!found->second.at.empty() && !found->second.large) probes_[found->second.at].push_back(content);
  }
}

/// Who waits behind others for a store that gets on does not wait in vain.
void content_fetches::give_up(time_point now) {
  std::vector<digest> late;
  for (auto& [content, of] : open_) {
    if (moved_.contains(of.at)) of.waits_since = now;
    if (now - of.waits_since >= options_.give_up_after) late.push_back(content);
  }
  moved_.clear();
  for (const auto& content : late)
    end(content, fail(errc::unavailable,
                      fmt::format("no store that may have content {} can be reached", to_hex(content))));
}

}  // namespace graphite
