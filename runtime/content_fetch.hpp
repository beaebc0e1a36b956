#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/content.hpp"
#include "core/messages/chunks.hpp"
#include "core/ports/hasher.hpp"
#include "runtime/content_sink.hpp"

namespace graphite {

/// A content to get, and one held already that probably shares chunks with it.
struct content_want {
  content_ref content;
  std::optional<content_ref> similar;
  asset_id asset{};  ///< that has it: goes with the request
};

/// Gets contents into a sink: what to ask for next, and what to do with the answers.
///
/// Pure but for the sink. Small contents come before large ones. Every byte is verified before the sink
/// sees it; a content of several chunks is appended in order, its unchanged chunks copied from the similar
/// content, a chunk that comes again from where it was appended first, and its beginning from an attempt that
/// was cut off. Bounds: what is asked for and not
/// yet appended is at most `ahead_bytes_max` for each large content, and only `large_open_max` of those are
/// under way.
class content_fetch {
 public:
  struct options {
    std::uint32_t credit_bytes = 512 * KiB;  ///< of one request
    std::uint64_t ahead_bytes_max = 2 * MiB;
    std::size_t large_open_max = 2;
    std::uint64_t copy_bytes_step = 16 * MiB;  ///< copied by one copy_some()
    bool tell_finished = false;                ///< for take_finished()
  };
  /// One request and what it was for; goes back in by take() or give_back().
  struct ask {
    chunk_request request;
    std::vector<chunk_range> ranges;  ///< empty: a chunk list
    content_ref listed;
  };
  struct progress {
    std::uint64_t good_bytes = 0;  ///< verified
    std::size_t bad_chunks = 0;    ///< failed their digest; to be asked for again
    std::vector<digest> absent;    ///< wanted contents that the server does not have
    bool moot = false;             ///< nothing of it is wanted any more
  };

  content_fetch(options chosen, const hasher& hash, content_sink& sink)
      : options_(chosen), hash_(hash), sink_(sink) {}

  /// Wants exactly these from now on; transfers under way that are still wanted go on. Skips what the sink
  /// has. Errors of the sink.
  result<void> want_only(const std::vector<content_want>& wants);
  bool done() const { return wants_.empty(); }
  /// Contents that were finished since the last call.
  std::vector<digest> take_finished() { return std::exchange(finished_, {}); }
  /// Bytes still to come, and what would be still to come for `wants`.
  std::uint64_t bytes_missing() const;
  std::uint64_t bytes_missing(const std::vector<content_want>& wants) const;

  /// A chunk list told by an announcement; ignored unless it is what it claims to be.
  result<void> offer_list(const digest& content, const chunk_list& list);
  /// A chunk's bytes told by an announcement; kept until `forget_offers`. Bytes that
  /// completed a content.
  result<std::uint64_t> offer_chunk(const digest& id, byte_span bytes);
  void forget_offers() { offered_.clear(); }

  /// The next thing to ask for; nothing where all is asked for.
  std::optional<ask> next();
  /// The answer to `asked`. Errors: corrupt where it does not fit the question; those of the sink.
  result<progress> take(const ask& asked, const chunk_reply& reply);
  void give_back(const ask& asked);

  /// True while chunks can be copied from contents held already: call copy_some().
  bool copying() const;
  result<void> copy_some();

 private:
  /// A chunk that a content has more than once, where it comes first.
  struct first_place {
    std::size_t index = 0;
    std::uint64_t offset = 0;
  };
  struct large {
    chunk_list list;
    std::optional<content_ref> similar;
    std::map<digest, std::uint64_t> local;  ///< offsets in `similar`
    std::map<digest, first_place> repeated;
    std::unique_ptr<partial_content> out;
    std::size_t appended = 0;  ///< chunks
    std::uint64_t appended_bytes = 0;
    bool resuming = false;          ///< the next chunk may be left from an attempt before: ask for nothing
    std::size_t asked = 0;          ///< chunks before this are appended, asked for or local
    std::uint64_t ahead_bytes = 0;  ///< asked for, not appended
    std::map<std::size_t, byte_vector> arrived;
    std::set<std::size_t> again;  ///< asked for in vain
  };
  struct want {
    content_ref content;
    std::optional<content_ref> similar;
    asset_id asset;
    bool asked = false;  ///< the whole content, or its list
    std::unique_ptr<large> big;
  };
  using by_size = std::pair<std::uint64_t, digest>;

  static std::uint64_t remaining(const want& wanted);
  result<bool> start_large(want& wanted, const chunk_list& list);
  void find_local(large& big) const;
  static void find_repeated(large& big);
  static bool comes_again(const large& big, std::size_t index);
  result<void> advance(const digest& content);
  result<bool> append_one(large& big);
  result<bool> append_from(large& big, const chunk_ref& chunk,
                           const std::function<bool(std::span<std::byte>)>& read);
  result<bool> copy_left(large& big, const chunk_ref& chunk);
  result<bool> copy_local(large& big, const chunk_ref& chunk);
  result<bool> copy_repeated(large& big, const chunk_ref& chunk);
  static void fetch_again(large& big, const digest& chunk);
  std::optional<ask> next_batch();
  std::optional<ask> next_large();
  std::optional<chunk_range> next_run(const digest& content, large& big, std::uint64_t& room);
  result<void> take_list(const ask& asked, const chunk_reply& reply, progress& out);
  result<void> take_piece(const chunk_range& range, std::uint32_t chunks, byte_span bytes, progress& out);
  result<void> take_small(want& wanted, byte_span bytes, progress& out);
  result<void> take_run(want& wanted, std::size_t first, std::uint32_t chunks, byte_span bytes,
                        progress& out);
  bool moot(const ask& asked) const;
  void finish(digest content);
  void ready(const want& wanted);
  std::size_t open_large() const;

  options options_;
  const hasher& hash_;
  content_sink& sink_;
  std::unordered_map<digest, want> wants_;
  std::set<by_size> ready_;  ///< small ones to ask for, and large ones whose list is to be asked for
  std::set<by_size> large_;  ///< with a list
  std::map<digest, byte_vector> offered_;
  byte_vector copied_;  ///< a chunk on its way from elsewhere on this disk; as large as the largest
  std::vector<digest> finished_;
};

}  // namespace graphite
