#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "core/hello.hpp"
#include "relay/chunk_service.hpp"
#include "relay/store_ledger.hpp"
#include "relay/store_uploads.hpp"

namespace graphite {

/// Answers every verb of a store's port but `enrol` (relay/store_access.hpp): what is here, what is brought,
/// what is fetched.
///
/// The store behind it is written to by it alone, so that it knows what a sync has covered: an answer that
/// says durable, of `have` or of `put`, is true. Puts that complete something are answered after a sync,
/// which all share that have come until it begins. Never trusts a number of a request; bounds are
/// store_uploads::options and store_port_limits. One thread, or under a lock; only the sync itself is made
/// without it:
///
///     answer() … answer()   take_waiting()   chunk_store::sync()   synced()
///                                            answer() meanwhile
class store_service {
 public:
  /// By which the caller knows a request again.
  using ticket = std::uint64_t;
  using answers = std::vector<std::pair<ticket, stores::reply>>;
  /// What one sync answers.
  struct waiting {
    answers replies;
    std::set<digest> contents;  ///< that it makes durable
    bool empty() const { return replies.empty(); }
  };

  /// `store` and `hash` outlive it; what the store has is durable by now.
  /// `ledger`: where it is said what there is, what is used, and whether there is room; null: nowhere, and
  /// there is.
  store_service(chunk_store& store, const hasher& hash, store_uploads::options chosen = {},
                store_ledger* ledger = nullptr);

  /// The answer; nothing where it is among those of a later synced(). `raw`: the frames after the first, as
  /// decode_store_request has found them fitting. `peer`: zero at a port without keys.
  std::optional<stores::reply> answer(ticket request, const curve_key& peer, const stores::request& message,
                                      std::span<const byte_span> raw, const hello_time& at);
  bool has_waiting() const { return !waiting_.empty(); }
  /// All that waits for a sync which begins after this.
  waiting take_waiting();
  /// The sync has ended like `how`. To be called before the next take_waiting().
  answers synced(waiting covered, const result<void>& how);
  /// Drops uploads that nobody went on with.
  void lapse(time_point now) { uploads_.lapse(now); }
  /// Contents that somebody has found wrong since the last call, at most doubted_max.
  std::vector<digest> take_doubted();
  /// The store has it no more; `forget` makes it so. Errors: those of `forget`; it is still here, then.
  result<void> drop(const digest& content, const std::function<result<void>(const digest&)>& forget);
  static constexpr std::size_t doubted_max = 1024;

 private:
  stores::reply have(const stores::have_request& request) const;
  std::optional<stores::reply> put(ticket request, const curve_key& peer, const stores::put_request& message,
                                   std::span<const byte_span> raw, time_point now);
  stores::put_outcome put_piece(const store_uploads::asker& from, const stores::put_piece& piece,
                                byte_span bytes, time_point now);
  void put_whole(const stores::put_request& message, std::span<const byte_span> raw, stores::put_reply& out);
  result<stored_content> put_new(byte_span bytes, const chunk_list& chunks);
  stores::reply look(const stores::look_request& request);
  void used(const digest& content) const;
  void came(const content_ref& content);
  bool is_durable(const digest& content) const {
    return !unsynced_.contains(content) && !syncing_.contains(content);
  }

  chunk_store& store_;
  const hasher& hash_;
  chunk_service reads_;
  store_uploads uploads_;
  store_ledger* ledger_;
  std::int64_t now_ms_ = 0;  ///< of the request under way
  std::set<digest> doubted_;
  std::set<digest> unsynced_;  ///< committed, and no sync has begun since
  std::set<digest> syncing_;   ///< of the sync under way
  waiting waiting_;
};

}  // namespace graphite
