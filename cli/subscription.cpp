#include "cli/subscription.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "cli/background_job.hpp"
#include "cli/subscriber_trust.hpp"
#include "core/ports/random.hpp"
#include "platform/linux/clock.hpp"
#include "platform/zmq/runtime_link.hpp"
#include "runtime/enrolling_link.hpp"
#include "schemas/codec/announcement.hpp"
#include "schemas/codec/chunk_messages.hpp"

namespace graphite {
namespace {

constexpr duration sync_quiet = milliseconds(250);  ///< after the last swap
/// However many swaps come; of each process its own time between the two, so that many on one disk, which
/// hear of a generation at once, do not sync at once and hold up the next one.
constexpr duration sync_latest_min = milliseconds(2'500), sync_latest_max = seconds(5);
constexpr duration tidy_slice = milliseconds(1);
constexpr duration keep_trust_retry = seconds(2);
/// libzmq gives up a connection for good that breaks its protocol: by a message that is too long, by bytes
/// that somebody has changed, by keys that are wanted. So who hears nothing connects anew.
constexpr duration silence_min = seconds(5), silence_max = seconds(60);
constexpr duration look_at_keys_period = seconds(1);
constexpr int sockets_max =
    16;                        ///< two, with keys a monitor's two for each, and those that are being replaced
constexpr int heals_max = 16;  ///< of one run; a disk that is worse than that is hopeless

time_point subscription_now() { return std::chrono::steady_clock::now(); }

instant read_clocks() {
  const auto unix_ns = std::chrono::system_clock::now().time_since_epoch();
  return {subscription_now(), std::chrono::duration_cast<std::chrono::nanoseconds>(unix_ns).count()};
}

duration random_sync_latest() {
  system_random_source random;
  const auto span = static_cast<std::uint64_t>((sync_latest_max - sync_latest_min).count());
  return sync_latest_min + duration(static_cast<duration::rep>(random.next() % span));
}

std::string process_name() {
  char host[65] = {};
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{:.48}:{}", host, ::getpid());
}

subscriber_options core_options(const subscription_options& options, subscriber_trust* trust) {
  subscriber_options out;
  if (trust != nullptr) out.gate = &trust->gate();
  out.channel = options.channel;
  out.on_demand = options.on_demand;
  system_random_source random;
  out.who.value = make_uuid(random);
  out.name = process_name();
  return out;
}

/// How a session ended that did not fail.
struct session_end {
  std::optional<error> damage;  ///< the state is to be opened again, trusting it less
  bool swapped = false;
  bool is_strange = false;  ///< the damage: nobody who is believed signed it
  bool other_keys = false;  ///< it is to be connected with the keys that are there now
};

/// A link, and what it connects with.
struct connection {
  std::unique_ptr<runtime_link> link;
  enrolling_link* enrolling = nullptr;  ///< `link`, where it has keys that are read of a folder
  curve_key own;
  std::vector<curve_key> servers;
};

/// From the opening of the state to its end: a loop that polls the link and hands what it reads to the state
/// machine.
class subscribe_session final : public link_listener {
 public:
  subscribe_session(const subscription_options& options, const hasher& hash, log_sink& log,
                    subscriber_trust* trust, subscriber_state& state, subscriber_memory memory,
                    connection& with, subscription_listener& listener)
      : options_(options),
        log_(log),
        state_(state),
        with_(with),
        link_(*with.link),
        listener_(listener),
        trust_(trust),
        core_(core_options(options, trust), hash, state, state.index(), state.index().empty_root(),
              std::move(memory)) {}

  result<session_end> run() {
    listener_.on_open(core_.active());
    look();
    while (!listener_.stopping() && !failed_ && !other_keys_ && !state_.damage()) {
      const auto polled = link_.poll(time_to_wait(), *this);
      if (!polled && polled.error().code != errc::cancelled) {
        failed_ = polled.error();
        break;
      }
      obey(core_.on_tick(read_clocks()));
      after_work();
      look();
    }
    syncing_.finish();
    if (other_keys_ && trust_ != nullptr) keep_what_roots_said();
    if (!failed_ && !listener_.stopping()) failed_ = state_.damage();
    if (failed_ && failed_->code != errc::corrupt) return tl::unexpected(*failed_);
    return session_end{failed_, swapped_, false, other_keys_};
  }

  void on_announcement(byte_span message) override {
    auto decoded = decode_announcement(message);
    if (!decoded) return warn("an announcement", decoded.error());
    obey(core_.on_announcement(*decoded, read_clocks()));
  }
  void on_heartbeat(byte_span message) override {
    auto decoded = decode_heartbeat(message);
    if (!decoded) return warn("a heartbeat", decoded.error());
    obey(core_.on_heartbeat(*decoded, read_clocks()));
  }
  void on_event(const link_event& event) override {
    if (event.happened != link_event::what::wants_keys) return;
    if (std::exchange(wants_keys_said_, true)) return;
    log_.warn(
        "{} ends connections without keys: where it has some, name the folder of this runtime's, --keys DIR "
        "(`graphite keys ticket` makes it); trying again",
        options_.from);
  }
  void on_reply(std::uint64_t id, std::vector<byte_vector> frames) override {
    auto decoded = decode_chunk_reply(std::move(frames));
    if (!decoded) warn("an answer", decoded.error());
    obey(core_.on_reply(id, decoded ? std::optional(std::move(*decoded)) : std::nullopt, read_clocks()));
  }

 private:
  void look() {
    auto [commands, next] = listener_.between_events(core_, read_clocks());
    next_look_ = next;
    obey(commands);
  }

  duration time_to_wait() const {
    if (more_to_tidy_) return duration::zero();
    time_point next = std::min({core_.next_deadline(), next_look_, subscription_now() + seconds(10)});
    if (state_.needs_sync()) next = std::min(next, sync_due());
    next = std::min({next, keep_trust_at_, connect_again_at_});
    if (trust_ != nullptr) next = std::min(next, look_at_keys_);
    return std::max(duration::zero(), next - subscription_now());
  }
  time_point sync_due() const { return std::min(last_swap_ + sync_quiet, first_unsynced_ + sync_latest_); }

  void keep_what_roots_said() {
    if (subscription_now() < keep_trust_at_) return;
    keep_trust_at_ = time_point::max();
    const auto kept = trust_->keep();
    if (kept) return;
    if (!untold_keep_) warn("what roots said is not kept; trying again", kept.error());
    untold_keep_ = true;
    keep_trust_at_ = subscription_now() + keep_trust_retry;
  }

  void connect_again() {
    if (core_.connected()) {
      connect_again_at_ = time_point::max();
      silence_ = silence_min;
      return;
    }
    const auto now = subscription_now();
    if (connect_again_at_ == time_point::max()) connect_again_at_ = now + silence_;
    if (now < connect_again_at_) return;
    silence_ = std::min<duration>(2 * silence_, silence_max);
    connect_again_at_ = now + silence_;
    check(link_.connect_heads(options_.from));
  }

  /// Tickets are shown as they are, pins count; what a connection is made with makes a new one.
  result<void> take_keys(const runtime_keys& keys) {
    if (with_.enrolling == nullptr) return {};
    GRAPHITE_TRY(auto made, subscription_keys_of(keys, options_.channel, read_clocks().unix_ns));
    other_keys_ = keys.curve.key != with_.own || keys.servers != with_.servers;
    if (!other_keys_) with_.enrolling->show(std::move(made.tickets));
    return {};
  }

  void look_at_keys() {
    if (trust_ == nullptr || subscription_now() < look_at_keys_) return;
    look_at_keys_ = subscription_now() + look_at_keys_period;
    const auto changed = trust_->look_again(read_clocks().unix_ns,
                                            [this](const runtime_keys& keys) { return take_keys(keys); });
    if (!changed) {
      if (changed.error().context != keys_failure_)
        log_.error("the keys may have changed and cannot be used, the old ones stay: {}",
                   changed.error().context);
      keys_failure_ = changed.error().context;
      return;
    }
    keys_failure_.clear();
    if (*changed) log_.info("the keys have changed: they count from now on");
  }

  void after_work() {
    connect_again();
    keep_what_roots_said();
    look_at_keys();
    tidy();
    if (auto outcome = syncing_.take())
      if (const auto ended = state_.end_sync(*outcome); !ended) warn("sync", ended.error());
    if (syncing_.running() || !state_.needs_sync() || subscription_now() < sync_due()) return;
    first_unsynced_ = time_point::max() - sync_latest_;
    syncing_.start(state_.begin_sync(), [this] { link_.wake(); });
  }

  /// Small steps, so that what arrives meanwhile is not kept waiting.
  void tidy() {
    const time_point until = subscription_now() + tidy_slice;
    do more_to_tidy_ = state_.tidy(core_.idle());
    while (more_to_tidy_ && subscription_now() < until);
  }

  void obey(const subscriber::commands& commands) {
    for (const auto& command : commands) std::visit([this](const auto& c) { act(c); }, command);
  }
  void act(const follow_channel& c) { check(link_.follow(c.channel)); }
  void act(const connect_chunk_port& c) {
    const std::string heads_host = options_.from.substr(0, options_.from.rfind(':'));
    // An address that cannot be is its sender's mistake: the next heartbeat may have another.
    if (const auto done =
            link_.connect_chunks(fmt::format("{}:{}", c.host.empty() ? heads_host : c.host, c.port));
        !done)
      warn("the chunk port that a heartbeat names", done.error());
  }
  // Busy or unanswered is the same to the core: it asks again after a while.
  void act(const send_request& c) { (void)link_.request(c.id, encode(c.request, c.channel)); }
  void act(const say& c) {
    if (c.level != log_level::debug) log_.write(c.level, c.text);
  }
  void act(const give_up& c) { failed_ = c.why; }
  void act(const keep_trust&) { keep_trust_at_ = subscription_now(); }
  void act(const generation_swapped& c) {
    last_swap_ = state_.swapped_at();
    first_unsynced_ = std::min(first_unsynced_, last_swap_);
    more_to_tidy_ = swapped_ = true;
    listener_.on_swap(c, {state_.staged_at(), state_.swapped_at(), boot_});
  }
  void act(const behind_told& c) { listener_.on_behind(c.behind); }
  void act(const contents_here& c) { listener_.on_contents(c.contents, true, c.bytes_fetched); }
  void act(const contents_gone& c) { listener_.on_contents(c.contents, false, 0); }

  void check(const result<void>& outcome) {
    if (!outcome) failed_ = outcome.error();
  }
  void warn(const char* what, const error& why) { log_.warn("{}: {}", what, why.context); }

  const subscription_options& options_;
  log_sink& log_;
  subscriber_state& state_;
  connection& with_;
  runtime_link& link_;
  subscription_listener& listener_;
  subscriber_trust* const trust_;
  subscriber core_;
  const uuid boot_ = boot_id();
  background_job syncing_;
  const duration sync_latest_ = random_sync_latest();
  time_point last_swap_{}, first_unsynced_ = time_point::max() - sync_latest_;
  time_point next_look_ = time_point::max();
  time_point keep_trust_at_ = time_point::max();     ///< max: nothing is to be kept
  time_point connect_again_at_ = time_point::max();  ///< max: the publisher is heard
  duration silence_ = silence_min;                   ///< after which it connects anew
  bool untold_keep_ = false, wants_keys_said_ = false;
  time_point look_at_keys_ = subscription_now() + look_at_keys_period;
  std::string keys_failure_;  ///< told last
  bool other_keys_ = false;   ///< than the link has
  bool more_to_tidy_ = true, swapped_ = false;
  std::optional<error> failed_;
};

/// The chunk port where nothing else is said.
result<std::string> port_after(const std::string& heads) {
  GRAPHITE_TRY(const auto where, parse_host_port(heads));
  if (where.port == 65'535) return fail(errc::invalid_argument, heads + " has no port after it to enrol at");
  return heads.substr(0, heads.rfind(':') + 1) + std::to_string(where.port + 1);
}

/// The keys for the ports, where they have any.
result<std::optional<subscription_keys>> keys_for(const subscription_options& options,
                                                  const subscriber_trust* whom, const clock_source& clock) {
  if (options.curve || whom == nullptr || whom->keys() == nullptr) return options.curve;
  GRAPHITE_TRY(const auto where, parse_host_port(options.from));
  if (is_loopback(where.host) && !options.secure_loopback) return std::nullopt;
  GRAPHITE_TRY(auto made, subscription_keys_of(*whom->keys(), options.channel, clock.unix_ns()));
  return std::optional(std::move(made));
}

result<connection> make_connection(const subscription_options& options, const subscriber_trust* whom,
                                   const std::shared_ptr<zmq_context>& context, const clock_source& clock,
                                   log_sink& log) {
  GRAPHITE_TRY(auto keys, keys_for(options, whom, clock));
  connection out;
  zmq_link_options link;
  if (!keys) {
    GRAPHITE_TRY(out.link, make_zmq_link(context, link));
    return out;
  }
  link.keys = std::move(keys->link);
  enrolling_link::options enrolling;
  enrolling.tickets = std::move(keys->tickets);
  enrolling.chunks = std::move(keys->chunks);
  if (enrolling.chunks.empty()) {
    GRAPHITE_TRY(enrolling.chunks, port_after(options.from));
  }
  out.own = link.keys->own->key;
  out.servers = link.keys->servers;
  GRAPHITE_TRY(auto plain, make_zmq_link(context, link));
  auto made = std::make_unique<enrolling_link>(std::move(plain), std::move(enrolling), clock, log);
  if (!options.curve) out.enrolling = made.get();
  out.link = std::move(made);
  return out;
}

result<session_end> one_session(const subscription_options& options, state_trust trust, const hasher& hash,
                                log_sink& log, subscriber_trust* whom, bool forget,
                                subscription_listener& listener) {
  GRAPHITE_TRY(auto context, zmq_context::make({1, sockets_max, 64}));
  const system_clock_source clock;
  GRAPHITE_TRY(auto with, make_connection(options, whom, context, clock, log));
  GRAPHITE_CHECK(with.link->connect_heads(options.from));
  auto state = options.open_state(trust);
  if (!state && (state.error().code == errc::corrupt || state.error().code == errc::not_found))
    return session_end{state.error(), false};
  if (!state) return tl::unexpected(state.error());
  // Another one's heads would never be newer than what is shown, or of a tree that has nothing to do with it.
  const auto& kept = (*state)->memory().active;
  if (kept && !options.channel.empty() && kept->channel != options.channel)
    return fail(errc::invalid_argument, fmt::format("{} keeps channel '{}': '{}' needs a folder of its own",
                                                    options.into, kept->channel, options.channel));
  if (whom != nullptr && kept)
    if (const auto good = whom->gate().check_kept(*kept, (*state)->memory().signature, hash); !good)
      return session_end{good.error(), false, true};
  auto memory = forget ? subscriber_memory() : (*state)->memory();
  listener.on_link(with.link.get());
  subscribe_session session(options, hash, log, whom, **state, std::move(memory), with, listener);
  auto end = session.run();
  listener.on_link(nullptr);
  return end;
}

}  // namespace

result<void> run_subscription(const subscription_options& options, const hasher& hash, log_sink& log,
                              subscription_listener& listener) {
  const auto unix_ns = read_clocks().unix_ns;
  GRAPHITE_TRY(const auto whom,
               subscriber_trust::open({options.keys, options.root, options.into}, unix_ns, log));
  auto trust = state_trust::usual;
  bool forget = false;  // what is kept is somebody else's
  for (int heals = 0;; ++heals) {
    GRAPHITE_TRY(const auto end, one_session(options, trust, hash, log, whom.get(), forget, listener));
    if (end.swapped) forget = false;
    if (end.other_keys && !end.damage && !listener.stopping()) {
      log.info("connecting anew with other keys");
      --heals;  // nothing was damaged
      continue;
    }
    if (!end.damage) return {};
    if (end.is_strange) {
      log.warn("{}: {}: it counts no more than if it were not there", options.into, end.damage->context);
      trust = state_trust::none;
      forget = true;
      continue;
    }
    const bool hopeless = trust == state_trust::none && !end.swapped;
    if (hopeless || heals == heals_max) return fail(errc::corrupt, end.damage->context);
    log.warn("the state in {} is damaged: {}; checking it", options.into, end.damage->context);
    trust = trust == state_trust::usual || end.swapped ? state_trust::little : state_trust::none;
  }
}

}  // namespace graphite
