#include "relay/store_service.hpp"

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"

namespace graphite {

namespace {

using outcome = stores::put_outcome;

stores::reply refused(const error& why) {
  return {refusal{why.code, why.context.substr(0, store_port_limits::text_bytes_max)}, {}};
}

outcome refused_piece(errc code) { return {outcome::what::refused, 0, code}; }

chunk_service_sources reading_from(const chunk_store& store, const hasher& hash) {
  chunk_service_sources out;
  out.store = &store;
  out.hash = &hash;
  return out;
}

/// What the chunk port would say, as a store's reply: the verbs are the same.
stores::reply as_reply(chunk_reply from) {
  stores::reply out{refusal{}, std::move(from.frames)};
  if (auto* no = std::get_if<refusal>(&from.header)) out.header = std::move(*no);
  if (std::holds_alternative<list_reply>(from.header)) out.header = list_reply{};
  if (auto* pieces = std::get_if<contents_reply>(&from.header)) out.header = std::move(*pieces);
  return out;
}

bool is_whole(const stores::put_piece& piece, byte_span bytes) {
  return piece.offset == 0 && bytes.size() == piece.content.size;
}

}  // namespace

store_service::store_service(chunk_store& store, const hasher& hash, store_uploads::options chosen,
                             store_ledger* ledger)
    : store_(store),
      hash_(hash),
      reads_(reading_from(store, hash)),
      uploads_(store, hash, chosen, ledger),
      ledger_(ledger) {}

std::optional<stores::reply> store_service::answer(ticket request, const curve_key& peer,
                                                   const stores::request& message,
                                                   std::span<const byte_span> raw, const hello_time& at) {
  now_ms_ = at.unix_ns / 1'000'000;
  if (const auto* in = std::get_if<stores::have_request>(&message)) return have(*in);
  if (const auto* in = std::get_if<stores::put_request>(&message))
    return put(request, peer, *in, raw, at.now);
  if (const auto* in = std::get_if<list_request>(&message)) {
    used(in->content);
    return as_reply(reads_.answer(*in));
  }
  if (const auto* in = std::get_if<contents_request>(&message)) {
    for (const auto& range : in->ranges) used(range.content);
    return as_reply(reads_.answer(*in));
  }
  if (const auto* in = std::get_if<stores::look_request>(&message)) return look(*in);
  return refused({errc::unsupported, "this port has no keys: nobody needs to enrol"});
}

stores::reply store_service::have(const stores::have_request& request) const {
  stores::have_reply out;
  for (const auto& content : request.contents) {
    const auto found = store_.find(content);
    if (!found) return refused(found.error());
    out.durable.push_back(found->has_value() && is_durable(content));
    used(content);
  }
  return {std::move(out), {}};
}

std::optional<stores::reply> store_service::put(ticket request, const curve_key& peer,
                                                const stores::put_request& message,
                                                std::span<const byte_span> raw, time_point now) {
  GRAPHITE_INVARIANT(raw.size() == message.pieces.size());
  stores::put_reply out;
  out.pieces.resize(message.pieces.size());
  put_whole(message, raw, out);
  bool waits = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto& piece = message.pieces[i];
    if (!is_whole(piece, raw[i])) out.pieces[i] = put_piece({peer, message.who}, piece, raw[i], now);
    waits = waits || (out.pieces[i].state == outcome::what::durable && !is_durable(piece.content.id));
  }
  if (!waits) return stores::reply{std::move(out), {}};
  waiting_.replies.emplace_back(request, stores::reply{std::move(out), {}});
  return std::nullopt;
}

/// Those that are all of their contents: small ones are hashed beside each other.
void store_service::put_whole(const stores::put_request& message, std::span<const byte_span> raw,
                              stores::put_reply& out) {
  std::vector<std::size_t> places;
  std::vector<byte_span> bytes;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (!is_whole(message.pieces[i], raw[i])) continue;
    places.push_back(i);
    bytes.push_back(raw[i]);
  }
  const auto lists = chunk_each(bytes, hash_);
  for (std::size_t i = 0; i < places.size(); ++i) {
    auto& piece = out.pieces[places[i]];
    const auto& content = message.pieces[places[i]].content;
    if (content_of(lists[i], hash_) != content) {
      piece = refused_piece(errc::corrupt);
      continue;
    }
    const auto before = store_.find(content.id);
    const bool known = before && *before;
    const auto stored = known ? result<stored_content>(**before) : put_new(bytes[i], lists[i]);
    if (known) used(content.id);
    piece = stored ? outcome{outcome::what::durable} : refused_piece(stored.error().code);
  }
}

result<stored_content> store_service::put_new(byte_span bytes, const chunk_list& chunks) {
  if (ledger_ != nullptr) GRAPHITE_CHECK(ledger_->admit(bytes.size()));
  GRAPHITE_TRY(auto stored, store_.put(bytes, chunks));
  came(stored.ref);
  return stored;
}

void store_service::came(const content_ref& content) {
  unsynced_.insert(content.id);
  if (ledger_ != nullptr) ledger_->add(content, now_ms_);
}

void store_service::used(const digest& content) const {
  if (ledger_ != nullptr) ledger_->used(content, now_ms_);
}

stores::reply store_service::look(const stores::look_request& request) {
  for (const auto& content : request.contents)
    if (doubted_.size() < doubted_max) doubted_.insert(content);
  return {stores::look_reply{}, {}};
}

std::vector<digest> store_service::take_doubted() {
  const auto all = std::exchange(doubted_, {});
  return {all.begin(), all.end()};
}

result<void> store_service::drop(const digest& content,
                                 const std::function<result<void>(const digest&)>& forget) {
  GRAPHITE_CHECK(forget(content));
  unsynced_.erase(content);
  if (ledger_ != nullptr) ledger_->remove(content);
  return {};
}

stores::put_outcome store_service::put_piece(const store_uploads::asker& from, const stores::put_piece& piece,
                                             byte_span bytes, time_point now) {
  const auto found = store_.find(piece.content.id);
  if (!found) return refused_piece(found.error().code);
  if (*found && (*found)->ref != piece.content) return refused_piece(errc::corrupt);
  if (*found) {
    used(piece.content.id);
    return {outcome::what::durable};
  }
  const auto done = uploads_.take(from, piece, bytes, now);
  if (!done) return refused_piece(done.error().code);
  if (!done->whole) return {outcome::what::partly, done->have};
  came(piece.content);
  return {outcome::what::durable};
}

store_service::waiting store_service::take_waiting() {
  GRAPHITE_INVARIANT(syncing_.empty());
  syncing_ = std::exchange(unsynced_, {});
  waiting_.contents = syncing_;
  return std::exchange(waiting_, {});
}

store_service::answers store_service::synced(waiting covered, const result<void>& how) {
  syncing_.clear();
  if (how) return std::move(covered.replies);
  unsynced_.merge(covered.contents);  // where the store has kept them, the next one covers them
  for (auto& [request, reply] : covered.replies) reply = refused(how.error());
  return std::move(covered.replies);
}

}  // namespace graphite
