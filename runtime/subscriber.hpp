#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/messages/chunks.hpp"
#include "core/messages/heads.hpp"
#include "core/ports/log.hpp"
#include "core/rate_limit.hpp"
#include "runtime/content_fetch.hpp"
#include "runtime/generation_index.hpp"
#include "runtime/head_gate.hpp"

namespace graphite {

struct subscriber_options {
  std::string channel;  ///< empty: the only one that is served
  incarnation_id who;
  std::string name;  ///< for people, see ack_request::name
  duration request_timeout = seconds(2);
  duration retry_delay = milliseconds(50), retry_delay_max = seconds(2);
  duration ack_period = seconds(5);
  duration ack_delay = milliseconds(100);    ///< after a swap: many runtime nodes swap at once
  duration away_after = milliseconds(1750);  ///< without a heartbeat
  std::size_t requests_max = 4;              ///< under way
  std::size_t pages_per_request = 128;
  unsigned failures_max = 6;              ///< in a row, then the generation is given up for the newest one
  unsigned behind_tries_max = 3;          ///< then a generation's side object is given up
  unsigned timeouts_max = 3;              ///< in a row, then the chunk connection is made anew
  std::size_t lineages_max = 16;          ///< remembered
  std::size_t spare_bytes_max = 1 * MiB;  ///< of chunks told with heads that are not taken at once
  duration epoch_ahead_max = std::chrono::hours(24);
  /// Generations are shown when their index is here; contents are fetched when want() asks for them.
  bool on_demand = false;
  std::size_t demanded_max = 65'536;  ///< contents wanted at once
  content_fetch::options fetch;
  /// Passes what may be believed; outlives the subscriber. Null: heads need no signature.
  head_gate* gate = nullptr;
};

/// Both clocks, read together.
struct instant {
  time_point now{};
  std::int64_t unix_ns = 0;
};

/// What a subscriber wants done. In order.
struct follow_channel {
  std::string channel;
};
struct connect_chunk_port {
  std::string host;  ///< empty: that of the heads
  std::uint16_t port = 0;
};
struct send_request {
  std::uint64_t id = 0;
  std::string channel;
  chunk_request request;
};
/// The sink shows a new generation since just now.
struct generation_swapped {
  head now;
  std::vector<logical_path> changed, removed;
  std::uint64_t bytes_fetched = 0;
  announced_times times;  ///< zeros where it was not learned from one announcement
  uuid clock;
  trace_id trace;
  time_point heard{};  ///< when the head arrived
  /// What the head's side object says; empty where nothing is behind. Absent: it is still to come, by a
  /// `behind_told` of the same generation before the next generation_swapped.
  std::optional<behind_list> behind;
};
struct behind_told {
  std::optional<behind_list> behind;  ///< absent: it could not be had
};
/// On demand: contents that were wanted are here, or cannot be had any more.
struct contents_here {
  std::vector<digest> contents;
  std::uint64_t bytes_fetched = 0;  ///< since the one before, while no generation was on its way
};
struct contents_gone {
  std::vector<digest> contents;
};
struct say {
  log_level level = log_level::info;
  std::string text;
};
/// It cannot go on: invalid_argument where there are several channels to choose from, corrupt where what the
/// sink or the index holds is damaged (to be opened again, trusting it less).
struct give_up {
  error why;
};
/// What the gate knows has changed: head_gate::known() is to be kept.
struct keep_trust {};
using subscriber_command = std::variant<follow_channel, connect_chunk_port, send_request, generation_swapped,
                                        behind_told, contents_here, contents_gone, say, give_up, keep_trust>;

/// What is known from before a restart.
struct subscriber_memory {
  std::optional<head> active;
  std::vector<lineage_mark> marks;
  byte_vector signature{};  ///< of `active`; empty: it has none
};

/// A runtime node's side of the heads and chunk protocols: from heads, pages and chunks to swaps.
///
/// Reads no clock and no socket and has no thread: events in, commands out; contents and pages go to the
/// sink and the index at once. Invariants: a generation is shown only when every page and chunk of it is
/// here and verified and its root is the head's; (epoch, sequence) of a lineage never falls; with a gate
/// nothing is looked at that it does not pass, and a lineage is left for another only where a root said so; a
/// started generation is finished unless the newest one needs fewer bytes. Bounds: subscriber_options; a peer
/// that lies costs retries with growing delay, never a wrong byte.
class subscriber {
 public:
  using commands = std::vector<subscriber_command>;

  /// All outlive it. `memory.active` is what the sink shows and the index holds.
  subscriber(subscriber_options options, const hasher& hash, content_sink& sink, generation_index& index,
             digest empty_root, subscriber_memory memory);

  commands on_announcement(const announcement& message, instant at);
  commands on_heartbeat(const heartbeat& message, instant at);
  /// `reply`: absent where the frames did not decode.
  commands on_reply(std::uint64_t id, const std::optional<chunk_reply>& reply, instant at);
  /// On demand. What the sink has already is told at once; beyond demanded_max as gone.
  commands want(const std::vector<content_want>& contents, instant at);
  /// To be called when next_deadline() has come; calling it more often does no harm.
  commands on_tick(instant at);
  time_point next_deadline() const;

  const std::optional<head>& active() const { return active_; }
  bool connected() const { return connected_; }
  /// No generation is under way.
  bool idle() const { return !target_; }
  /// Of the generation being fetched, for a progress bar; zero: none.
  std::uint64_t bytes_missing() const { return target_ ? fetch_.bytes_missing() : 0; }

 private:
  /// A head that is newer than the active one.
  struct candidate {
    head now;
    byte_vector bytes;
    std::optional<announcement> told;  ///< for its lists, chunks and times
    time_point heard{};
    bool planned = false;  ///< pages complete, contents known
    std::optional<index_difference> difference;
    std::uint64_t bytes_fetched = 0;
  };
  struct pages_ask {
    std::vector<digest> pages;
  };
  struct snapshot_ask {};
  struct behind_ask {
    digest object;
  };
  struct ack_ask {};
  struct list_ask {
    digest list;
    std::uint32_t offset = 0;
  };
  using asked = std::variant<pages_ask, snapshot_ask, behind_ask, ack_ask, list_ask, content_fetch::ask>;
  struct under_way {
    asked what;
    time_point deadline{};
  };

  // heads
  bool acceptable(const head& offered, instant at);
  bool passes(byte_span head_bytes, const head_file& decoded, instant at);
  bool passes(const channel_state& state, const publisher_place& place, instant at);
  void learn_news(const trust_news& news, instant at);
  void learned(instant at);
  void drop_refused(instant at);
  bool is_of_now(const heartbeat& message, instant at);
  bool may_follow(const head& offered);
  const lineage_mark* mark_of(const lineage_id& lineage) const;
  bool newer_than_known(const lineage_mark& offered) const;
  void choose_channel(const heartbeat& message);
  void compare(const channel_state& state, instant at);
  void apply_announced(candidate& from);
  void learn(candidate fresh, instant at);
  bool better(const candidate& fresh);
  void spare_chunks(const candidate& from);
  void forget_spares();
  digest active_root() const { return active_ ? active_->root : empty_root_; }

  // the generation under way
  void pump(instant at);
  bool plan_target(instant at);
  void refuse_target(const error& why);
  bool offer_told(instant at);
  std::vector<content_want> wants_of(const index_difference& difference) const;
  std::vector<content_want> demanded() const;
  void take_absent(const std::vector<digest>& absent);
  bool fetch_target(instant at);
  void adopt_marks(swap_plan& plan) const;
  bool swap_target(instant at);
  void became_active(swap_plan plan, instant at);
  void drop_target(const std::string& why);
  void sink_failed(const error& why, instant at);
  void damaged(const error& why);

  // what is behind; subscriber_behind.cpp
  std::optional<behind_list> known_behind(const head& of) const;
  digest behind_wanted() const;
  void ask_behind(instant at);
  void take(const behind_ask& asked, const std::optional<chunk_reply>& reply);
  void tell_behind(std::optional<behind_list> told);

  // a long list of revoked keys; subscriber_revocations.cpp
  struct list_fetch {
    trust_news::list_name what;
    byte_vector bytes;  ///< from its beginning
  };
  void name_list(const trust_news::list_name& named, instant at);
  const digest& list_in_force();
  void ask_list(instant at);
  void take(const list_ask& asked, const chunk_reply& reply, instant at);
  void take_list(instant at);

  // requests
  static std::string refusal_text(const chunk_reply& reply);
  std::size_t bulk_under_way() const;
  void send(chunk_request request, asked what, instant at);
  void ask_all(instant at);
  void ask_pages(instant at);
  void send_ack(instant at);
  void take_snapshot(const chunk_reply& reply, instant at);
  void take(const pages_ask& asked, const chunk_reply& reply, instant at);
  void take(const content_fetch::ask& asked, const chunk_reply& reply, instant at);
  void give_back(const under_way& lost);
  void succeeded();
  void failed(const std::string& why, instant at);
  void expire(instant at);
  void reconnect();

  void note(log_level level, std::string text);
  commands finish(instant at);

  const subscriber_options options_;
  const hasher& hash_;
  content_sink& sink_;
  generation_index& index_;
  const digest empty_root_;
  content_fetch fetch_;

  std::string channel_;
  std::optional<head> active_;
  std::vector<lineage_mark> marks_;
  std::optional<candidate> target_, next_;
  std::optional<lineage_mark> refused_;      ///< the newest head that can never be shown
  std::map<digest, content_want> demanded_;  ///< on demand: wanted and not here
  std::deque<announced_chunk> spare_;        ///< told with heads that wait or were passed over
  std::size_t spare_bytes_ = 0;

  bool connected_ = false, followed_ = false, has_chunk_port_ = false;
  publisher_place place_;
  time_point heard_{};

  /// The newest side object that is known, and how often one was asked for in vain.
  digest behind_object_;
  behind_list behind_;
  digest behind_missed_;
  unsigned behind_tries_ = 0;
  bool behind_to_tell_ = false;  ///< of the active generation
  time_point behind_deadline_{};

  std::optional<list_fetch> list_;
  digest list_in_force_;  ///< zero: not computed
  digest list_refused_;   ///< came whole, and taught nothing
  rate_limit lists_begun_{{0.2, 4}};

  bool snapshot_wanted_ = false;
  std::uint64_t demanded_bytes_ = 0;  ///< fetched, and not told yet
  std::uint64_t last_request_ = 0;
  std::map<std::uint64_t, under_way> under_way_;
  unsigned failures_ = 0, timeouts_ = 0;
  time_point blocked_until_{}, sink_blocked_until_{}, next_ack_{};
  time_point ack_by_{};  ///< however many swaps come
  std::string last_said_;
  rate_limit warnings_{{1, 20}}, news_taken_{{4, 16}};
  time_point now_{};  ///< of the event that is worked on
  commands out_;
};

}  // namespace graphite
