#include "relay/chunk_service.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bundle/chunk_list.hpp"
#include "bundle/head_codec.hpp"

namespace graphite {
namespace {

using limits = chunk_port_limits;

chunk_reply refuse(errc code, std::string_view message) {
  return {refusal{code, std::string(message.substr(0, limits::message_text_max))}, {}};
}
chunk_reply refuse(const error& why) { return refuse(why.code, why.context); }

/// A run of chunks as bytes of their content.
struct byte_run {
  std::uint64_t offset = 0, bytes = 0;
  std::uint32_t chunks = 0;
};

/// The longest run from `range.first` that fits `room`; at least one chunk where `at_least_one`.
byte_run run_of(const chunk_list& list, const chunk_range& range, std::uint64_t room, bool at_least_one) {
  const auto& chunks = list.chunks;
  const std::size_t first = std::min<std::size_t>(range.first, chunks.size());
  const std::size_t left = chunks.size() - first;
  const std::size_t most = range.count == 0 ? left : std::min<std::size_t>(range.count, left);
  byte_run run;
  for (std::size_t i = 0; i < first; ++i) run.offset += chunks[i].size;
  for (std::size_t i = 0; i < most; ++i) {
    const std::uint64_t size = chunks[first + i].size;
    if (run.bytes + size > room && !(at_least_one && run.chunks == 0)) break;
    run.bytes += size;
    ++run.chunks;
  }
  return run;
}

bool wants_more(const chunk_list& list, const chunk_range& range, const byte_run& run) {
  const std::uint64_t end = range.count == 0 ? list.chunks.size() : std::uint64_t{range.first} + range.count;
  return std::uint64_t{range.first} + run.chunks < std::min<std::uint64_t>(end, list.chunks.size());
}

}  // namespace

chunk_reply chunk_service::answer(const scoped_request& request) const {
  if (const auto* in = std::get_if<snapshot_request>(&request.what)) return snapshot(*in);
  if (const auto* in = std::get_if<pages_request>(&request.what)) return pages(request.channel, *in);
  if (const auto* in = std::get_if<list_request>(&request.what)) return list(*in);
  if (const auto* in = std::get_if<contents_request>(&request.what)) return contents(*in);
  if (const auto* in = std::get_if<behind_request>(&request.what)) return behind(*in);
  if (const auto* in = std::get_if<revocations_request>(&request.what)) return revocations(*in);
  return refuse(errc::unsupported, "this verb is not served here");
}

chunk_reply chunk_service::snapshot(const snapshot_request& request) const {
  auto head = sources_.head(request.channel);
  if (!head) return refuse(errc::not_found, fmt::format("no channel '{}' here", request.channel));
  chunk_reply out{snapshot_reply{head->pages, head->content_bytes}, {}};
  out.frames.push_back(std::move(head->bytes));
  for (auto& page : head->hints)
    if (out.frames.size() + 1 < limits::frames_max && page.size() <= limits::page_bytes_max)
      out.frames.push_back(std::move(page));
  return out;
}

chunk_reply chunk_service::pages(std::string_view channel, const pages_request& request) const {
  if (request.pages.size() > limits::pages_max) return refuse(errc::too_large, "too many pages asked for");
  pages_reply header;
  chunk_reply out;
  std::size_t sent = 0;
  for (const auto& id : request.pages) {
    auto page = sources_.page(channel, id);
    if (page && sent + page->size() > limits::reply_bytes_max) break;
    header.present.push_back(page.has_value());
    if (!page) continue;
    sent += page->size();
    out.frames.push_back(std::move(*page));
  }
  out.header = std::move(header);
  return out;
}

chunk_reply chunk_service::list(const list_request& request) const {
  const auto found = sources_.store->find(request.content);
  if (!found) return refuse(found.error());
  if (!*found) return refuse(errc::not_found, "no content " + to_hex(request.content));
  auto encoded = encode_chunk_list((*found)->chunks, *sources_.hash);
  if (encoded.entries.size() > limits::list_bytes_max)
    return refuse(errc::too_large, "the chunk list is too long");
  chunk_reply out{list_reply{}, {}};
  out.frames.push_back(std::move(encoded.top));
  if (!encoded.entries.empty()) out.frames.push_back(std::move(encoded.entries));
  return out;
}

chunk_reply chunk_service::contents(const contents_request& request) const {
  if (request.ranges.size() > limits::ranges_max) return refuse(errc::too_large, "too many ranges asked for");
  std::uint64_t room = std::min<std::uint64_t>(request.credit_bytes, limits::reply_bytes_max);
  contents_reply header;
  chunk_reply out;
  for (const auto& range : request.ranges) {
    const auto found = sources_.store->find(range.content);
    if (!found) return refuse(found.error());
    header.pieces.push_back({!*found, 0});
    if (!*found) continue;
    const byte_run run = run_of((*found)->chunks, range, room, out.frames.empty());
    if (run.chunks > 0) {
      byte_vector bytes(run.bytes);
      if (const auto read = sources_.store->read(range.content, run.offset, bytes); !read)
        return refuse(read.error());
      out.frames.push_back(std::move(bytes));
      header.pieces.back().chunks = run.chunks;
      room -= std::min(room, run.bytes);
    }
    if (wants_more((*found)->chunks, range, run)) break;  // the credit is used up
  }
  out.header = std::move(header);
  return out;
}

chunk_reply chunk_service::revocations(const revocations_request& request) const {
  const auto list = sources_.revocations ? sources_.revocations() : chunk_service_sources::signed_list{};
  if (!list.bytes || list.id != request.list)
    return refuse(errc::not_found, "this list of revoked keys is not in force here");
  if (request.offset >= list.bytes->size())
    return refuse(errc::invalid_argument, "beyond the end of the list of revoked keys");
  const auto rest = byte_span(*list.bytes).subspan(request.offset);
  const auto piece = rest.first(std::min(rest.size(), limits::revocations_piece_bytes));
  return {revocations_reply{}, {byte_vector(piece.begin(), piece.end())}};
}

chunk_reply chunk_service::behind(const behind_request& request) const {
  const auto found = sources_.store->find(request.content);
  if (!found) return refuse(found.error());
  if (!*found) return refuse(errc::not_found, "no side object " + to_hex(request.content));
  const auto size = (*found)->ref.size;
  if (size > behind_bytes_max) return refuse(errc::too_large, "no list of what is behind is that long");
  byte_vector bytes(size);
  if (const auto read = sources_.store->read(request.content, 0, bytes); !read) return refuse(read.error());
  chunk_reply out{behind_reply{}, {}};
  out.frames.push_back(std::move(bytes));
  return out;
}

}  // namespace graphite
