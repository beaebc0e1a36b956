#include "node/content_uploads.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bundle/stored_bytes.hpp"

namespace graphite {

namespace {

using port = store_port_limits;

}  // namespace

bool content_uploads::goes_unasked(const content_ref& content) const {
  return content.size <= port::small_bytes_max && !options_.asks_always;
}

void content_uploads::want(const content_ref& content, time_point now, std::size_t copies) {
  const auto [entry, fresh] = open_.try_emplace(content.id, upload{content, now, copies, {}, {}});
  auto& of = entry->second;
  if (!fresh && copies > copies_of(of)) of.copies = copies;
  place_one(of);
}

void content_uploads::place(const store_choice& all, std::size_t copies) {
  all_ = all;
  copies_ = std::max<std::size_t>(copies, 1);
  std::vector<digest> names;
  for (auto& [content, of] : open_) {
    std::erase_if(of.to, [&](const auto& one) {
      return !std::binary_search(all_.names().begin(), all_.names().end(), one.first);
    });
    place_one(of);
    names.push_back(content);
  }
  for (const auto& content : names) settle(content);
}

void content_uploads::place_one(upload& of) {
  std::size_t places = 0;
  for (const auto& name : all_.first_names(of.content.id, all_.size())) {
    if (places == copies_of(of)) break;
    if (of.passed.contains(name)) continue;
    ++places;
    const auto [entry, fresh] = of.to.try_emplace(name);
    if (!fresh) continue;
    entry->second.missing = goes_unasked(of.content);
    enqueue(name, of, entry->second);
  }
}

void content_uploads::enqueue(const std::string& store, const upload& of, const target& to) {
  (to.missing ? lanes_[store].send : lanes_[store].ask).push_back(of.content.id);
}

/// Null where the content is not brought to the store (any more).
content_uploads::target* content_uploads::find(const std::string& store, const digest& content) {
  const auto found = open_.find(content);
  if (found == open_.end()) return nullptr;
  const auto to = found->second.to.find(store);
  return to == found->second.to.end() ? nullptr : &to->second;
}

std::optional<content_uploads::ask> content_uploads::next(const std::string& store) {
  auto& of = lanes_[store];
  if (auto out = next_inquiry(store, of)) return out;
  return next_delivery(store, of);
}

std::optional<content_uploads::ask> content_uploads::next_inquiry(const std::string& store, lanes& of) {
  stores::have_request request;
  while (!of.ask.empty() && request.contents.size() < port::contents_max) {
    const digest content = of.ask.front();
    of.ask.pop_front();
    auto* to = find(store, content);
    if (to == nullptr || to->asked || to->missing || to->durable) continue;
    to->asked = true;
    request.contents.push_back(content);
  }
  if (request.contents.empty()) return std::nullopt;
  inquiry about{request.contents};
  return ask{std::move(request), {}, std::move(about), 0};
}

std::optional<content_uploads::ask> content_uploads::next_delivery(const std::string& store, lanes& of) {
  ask out{stores::put_request{self_, {}}, {}, delivery{}, 0};
  while (!of.send.empty() && out.frames.size() < port::pieces_max) {
    const digest content = of.send.front();
    bool more = false;
    if (!add_piece(store, content, out, more)) break;
    if (more) break;  // this message is full, and it goes on in the next one
    of.send.pop_front();
  }
  if (out.frames.empty()) return std::nullopt;
  return out;
}

/// False: there is no room for it in this message. `more`: not all of it is sent.
bool content_uploads::add_piece(const std::string& store, const digest& content, ask& out, bool& more) {
  auto* to = find(store, content);
  if (to == nullptr || to->durable || !to->missing || to->off) return true;
  const auto& of = open_.at(content);
  const std::uint64_t left = of.content.size - to->sent;
  if (left == 0 && to->sent != 0) return true;
  const std::uint64_t room = port::raw_bytes_max - out.bytes;
  if (left > room && out.bytes > 0) return false;
  const std::uint64_t bytes = to->resumes ? 0 : std::min(left, room);
  byte_vector frame(bytes);
  if (const auto read = bytes == 0 ? result<void>() : local_.read(content, to->sent, frame); !read) {
    end(content, fail(read.error().code, "a content that is to be stored: " + read.error().context));
    return true;
  }
  std::get<stores::put_request>(out.what).pieces.push_back({of.content, to->sent});
  std::get<delivery>(out.of).pieces.push_back({content, to->sent, bytes});
  out.frames.push_back(std::move(frame));
  out.bytes += bytes;
  to->off = std::exchange(to->resumes, false);
  to->sent += bytes;
  ++to->under_way;
  more = bytes < left && !to->off;
  return true;
}

bool content_uploads::answered(const std::string& store, const about& of, const stores::reply& reply) {
  const bool well = took(store, of, reply);
  if (well) moved_.insert(store);
  return well;
}

bool content_uploads::took(const std::string& store, const about& of, const stores::reply& reply) {
  if (const auto* asked = std::get_if<inquiry>(&of)) {
    const auto* have = std::get_if<stores::have_reply>(&reply.header);
    if (have != nullptr && have->durable.size() == asked->contents.size())
      return took_inquiry(store, *asked, *have);
    unanswered(store, of);
    return false;
  }
  const auto& sent = std::get<delivery>(of);
  const auto* put = std::get_if<stores::put_reply>(&reply.header);
  if (put == nullptr || put->pieces.size() != sent.pieces.size()) {
    unanswered(store, of);
    return false;
  }
  bool well = true;
  for (std::size_t i = 0; i < sent.pieces.size(); ++i)
    well = took_outcome(store, sent.pieces[i], put->pieces[i]) && well;
  return well;
}

bool content_uploads::took_inquiry(const std::string& store, const inquiry& of,
                                   const stores::have_reply& reply) {
  for (std::size_t i = 0; i < of.contents.size(); ++i) {
    auto* to = find(store, of.contents[i]);
    if (to == nullptr) continue;
    to->asked = false;
    if (reply.durable[i]) {
      to->durable = true;
      settle(of.contents[i]);
    } else if (!to->missing) {
      to->missing = true;
      lanes_[store].send.push_back(of.contents[i]);
    }
  }
  return true;
}

bool content_uploads::took_outcome(const std::string& store, const sent_piece& piece,
                                   const stores::put_outcome& outcome) {
  auto* to = find(store, piece.content);
  if (to == nullptr) return true;
  auto& of = open_.at(piece.content);
  to->under_way -= std::min<std::size_t>(to->under_way, 1);
  switch (outcome.state) {
    case stores::put_outcome::what::durable:
      to->durable = true;
      ++delivered_.contents;
      delivered_.bytes += of.content.size;
      settle(piece.content);
      return true;
    case stores::put_outcome::what::partly:
      return took_progress(store, of, *to, piece, outcome.have);
    case stores::put_outcome::what::refused:
      break;
  }
  return took_refusal(store, of, *to, outcome.code);
}

/// Where the store is elsewhere than the pieces that are on their way, these come to nothing: it goes on from
/// there once all are answered.
bool content_uploads::took_progress(const std::string& store, upload& of, target& to, const sent_piece& piece,
                                    std::uint64_t have) {
  const bool stands = have <= to.have && piece.bytes > 0;
  to.off = to.off || have != piece.offset + piece.bytes;
  to.stood = stands ? to.stood + 1 : 0;
  to.have = have;
  if (to.stood >= options_.stands_max) return took_refusal(store, of, to, errc::unsupported);
  if (have >= of.content.size) return took_refusal(store, of, to, errc::unsupported);  // it would be durable
  if (!to.off) return true;
  if (to.under_way > 0) return !stands;
  to.off = to.resumes = false;
  to.missing = true;
  to.sent = have;
  lanes_[store].send.push_back(of.content.id);
  return !stands;
}

bool content_uploads::took_refusal(const std::string& store, upload& of, target& to, errc code) {
  const digest content = of.content.id;
  if (code == errc::corrupt && !has_right_bytes(local_, of.content, hash_)) {  // else the store is wrong
    end(content, fail(errc::corrupt, "the bytes here are not those of content " + to_hex(content)));
    return true;
  }
  if (code == errc::busy || code == errc::unavailable || code == errc::timed_out || code == errc::cancelled) {
    again(store, of, to);
    return false;
  }
  of.passed.insert(store);
  of.to.erase(store);
  const auto copies = copies_of(of);
  if (all_.size() >= copies && all_.size() - of.passed.size() < copies) {
    end(content, fail(code, fmt::format("{} of {} stores do not take content {}: {}", of.passed.size(),
                                        all_.size(), to_hex(content), to_string(code))));
    return true;
  }
  place_one(of);
  return true;
}

void content_uploads::unanswered(const std::string& store, const about& of) {
  if (const auto* asked = std::get_if<inquiry>(&of)) {
    for (const auto& content : asked->contents)
      if (auto* to = find(store, content); to != nullptr && to->asked) again(store, open_.at(content), *to);
    return;
  }
  for (const auto& piece : std::get<delivery>(of).pieces) {
    auto* to = find(store, piece.content);
    if (to == nullptr) continue;
    to->under_way -= std::min<std::size_t>(to->under_way, 1);
    again(store, open_.at(piece.content), *to);
  }
}

/// From the beginning, but for what the store has by then.
void content_uploads::again(const std::string& store, upload& of, target& to) {
  to.asked = false;
  if (to.durable) return;
  to.off = to.under_way > 0;  // the others' answers come first
  to.missing = goes_unasked(of.content);
  to.resumes = !to.missing && (to.resumes || to.have > 0 || to.sent > 0);
  to.sent = to.have = 0;
  if (to.under_way == 0) enqueue(store, of, to);
}

/// Ends it where enough stores have it.
void content_uploads::settle(const digest& content) {
  const auto found = open_.find(content);
  if (found == open_.end()) return;
  const auto& to = found->second.to;
  const auto have = std::count_if(to.begin(), to.end(), [](const auto& one) { return one.second.durable; });
  if (static_cast<std::size_t>(have) >= copies_of(found->second)) end(content, {});
}

void content_uploads::end(const digest& content, result<void> how) {
  const digest id = content;  // it may be the one that goes
  open_.erase(id);
  ended_.push_back({id, std::move(how)});
}

/// Who waits behind others for a store that gets on does not wait in vain.
void content_uploads::give_up(time_point now) {
  std::vector<std::pair<digest, std::size_t>> late;
  for (auto& [content, of] : open_) {
    std::size_t have = 0;
    for (const auto& [store, to] : of.to) {
      have += to.durable ? 1 : 0;
      if (!to.durable && moved_.contains(store)) of.waits_since = now;
    }
    if (now - of.waits_since >= options_.give_up_after) late.emplace_back(content, have);
  }
  moved_.clear();
  for (const auto& [content, have] : late)
    end(content, fail(errc::unavailable,
                      fmt::format("content {} is in {} stores, and has to be in {}; {} stores are alive",
                                  to_hex(content), have, copies_, all_.size())));
}

}  // namespace graphite
