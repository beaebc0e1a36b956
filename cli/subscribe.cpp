#include "cli/subscribe.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>

#include "cli/background_job.hpp"
#include "cli/bundle_sink.hpp"
#include "cli/console.hpp"
#include "cli/exec_runner.hpp"
#include "cli/exit_codes.hpp"
#include "cli/mirror_sink.hpp"
#include "cli/swap_event.hpp"
#include "core/ports/transport.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/clock.hpp"
#include "platform/zmq/runtime_link.hpp"
#include "schemas/codec/announcement.hpp"
#include "schemas/codec/chunk_messages.hpp"

namespace graphite {
namespace {

constexpr duration sync_quiet = milliseconds(250);  ///< after the last swap
/// However many swaps come; of each process its own time between the two, so that many on one disk, which
/// hear of a generation at once, do not sync at once and hold up the next one.
constexpr duration sync_latest_min = milliseconds(2'500), sync_latest_max = seconds(5);
constexpr duration tidy_slice = milliseconds(1);
constexpr int heals_max = 16;  ///< of one run; a disk that is worse than that is hopeless

std::atomic<runtime_link*> signalled_link{nullptr};
std::atomic<bool> stop_asked{false};

void on_signal(int) {
  stop_asked.store(true);
  if (runtime_link* link = signalled_link.load()) link->wake();
}

time_point now() { return std::chrono::steady_clock::now(); }

instant read_clocks() {
  const auto unix_ns = std::chrono::system_clock::now().time_since_epoch();
  return {now(), std::chrono::duration_cast<std::chrono::nanoseconds>(unix_ns).count()};
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

subscriber_options core_options(const subscribe_options& options) {
  subscriber_options out;
  out.channel = options.channel;
  system_random_source random;
  out.who.value = make_uuid(random);
  out.name = process_name();
  return out;
}

/// Says things on the command's console. Thread-safe, as a state's threads use it, too.
class speaker final : public log_sink {
 public:
  explicit speaker(console& out) : out_(out) {}
  /// A state's messages: of interest from warnings on.
  void write(log_level level, std::string_view text) override {
    if (level >= log_level::warning) say(level, text);
  }
  void say(log_level level, std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (level >= log_level::warning)
      out_.warn(text);
    else
      out_.remark(text);
  }

 private:
  std::mutex mutex_;
  console& out_;
};

/// How a session ended that did not fail.
struct session_end {
  std::optional<error> damage;  ///< the state is to be opened again, trusting it less
  bool swapped = false;
};

/// From the opening of the state to its end: a loop that polls the link and hands what it reads to the state
/// machine.
class subscribe_session final : public link_listener {
 public:
  subscribe_session(const subscribe_options& options, const hasher& hash, speaker& log,
                    subscriber_state& state, runtime_link& link, exec_runner* exec)
      : options_(options),
        log_(log),
        state_(state),
        link_(link),
        exec_(exec),
        core_(core_options(options), hash, state, state.index(), state.index().empty_root(), state.memory()) {
  }

  result<session_end> run() {
    start();
    while (!stop_asked.load() && !failed_ && !state_.damage()) {
      const auto polled = link_.poll(time_to_wait(), *this);
      if (!polled && polled.error().code != errc::cancelled) {
        failed_ = polled.error();
        break;
      }
      obey(core_.on_tick(read_clocks()));
      after_work();
    }
    tell_swap(std::nullopt);
    syncing_.finish();
    if (!failed_ && !stop_asked.load()) failed_ = state_.damage();
    if (failed_ && failed_->code != errc::corrupt) return tl::unexpected(*failed_);
    return session_end{failed_, swapped_};
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
  void on_reply(std::uint64_t id, std::vector<byte_vector> frames) override {
    auto decoded = decode_chunk_reply(std::move(frames));
    if (!decoded) warn("an answer", decoded.error());
    obey(core_.on_reply(id, decoded ? std::optional(std::move(*decoded)) : std::nullopt, read_clocks()));
  }

 private:
  void start() {
    if (const auto& active = core_.active(); active && options_.json)
      print(fmt::format(R"({{"event":"start","channel":"{}","epoch":{},"sequence":{},"root":"{}"}})",
                        active->channel, active->epoch.value, active->sequence.value, to_hex(active->root)));
  }

  duration time_to_wait() const {
    if (more_to_tidy_) return duration::zero();
    time_point next = std::min(core_.next_deadline(), now() + seconds(10));
    if (state_.needs_sync()) next = std::min(next, sync_due());
    return std::max(duration::zero(), next - now());
  }
  time_point sync_due() const { return std::min(last_swap_ + sync_quiet, first_unsynced_ + sync_latest_); }

  void after_work() {
    tidy();
    if (auto outcome = syncing_.take())
      if (const auto ended = state_.end_sync(*outcome); !ended) warn("sync", ended.error());
    if (syncing_.running() || !state_.needs_sync() || now() < sync_due()) return;
    first_unsynced_ = time_point::max() - sync_latest_;
    syncing_.start(state_.begin_sync(), [this] { link_.wake(); });
  }

  /// Small steps, so that what arrives meanwhile is not kept waiting.
  void tidy() {
    const time_point until = now() + tidy_slice;
    do more_to_tidy_ = state_.tidy(core_.idle());
    while (more_to_tidy_ && now() < until);
  }

  void obey(const subscriber::commands& commands) {
    for (const auto& command : commands) std::visit([this](const auto& c) { act(c); }, command);
  }
  void act(const follow_channel& c) { check(link_.follow(c.channel)); }
  void act(const connect_chunk_port& c) {
    const std::string heads_host = options_.from.substr(0, options_.from.rfind(':'));
    check(link_.connect_chunks(fmt::format("{}:{}", c.host.empty() ? heads_host : c.host, c.port)));
  }
  // Busy or unanswered is the same to the core: it asks again after a while.
  void act(const send_request& c) { (void)link_.request(c.id, encode(c.request)); }
  void act(const say& c) {
    if (c.level != log_level::debug) log_.say(c.level, c.text);
  }
  void act(const give_up& c) { failed_ = c.why; }
  void act(const generation_swapped& c) {
    untold_ = {c, {state_.staged_at(), state_.swapped_at(), boot_}};
    last_swap_ = state_.swapped_at();
    first_unsynced_ = std::min(first_unsynced_, last_swap_);
    more_to_tidy_ = swapped_ = true;
    if (exec_) exec_->notify(environment_of(c));
    if (c.behind) tell_swap(c.behind);
  }
  void act(const behind_told& c) { tell_swap(c.behind); }

  void tell_swap(std::optional<behind_list> behind) {
    if (!untold_) return;
    auto& [swap, clock] = *untold_;
    swap.behind = std::move(behind);
    print(options_.json ? swap_event_json(swap, clock) : swap_event_text(swap, clock));
    untold_.reset();
  }

  exec_runner::environment environment_of(const generation_swapped& c) const {
    return {{"GRAPHITE_CHANNEL", c.now.channel},
            {"GRAPHITE_EPOCH", std::to_string(c.now.epoch.value)},
            {"GRAPHITE_SEQUENCE", std::to_string(c.now.sequence.value)},
            {"GRAPHITE_ROOT", to_hex(c.now.root)},
            {"GRAPHITE_CURRENT",
             std::filesystem::absolute(options_.into).string() + (options_.no_files ? "" : "/current")}};
  }

  void check(const result<void>& outcome) {
    if (!outcome) failed_ = outcome.error();
  }
  void warn(const char* what, const error& why) { log_.warn("{}: {}", what, why.context); }
  static void print(std::string line) {
    line.push_back('\n');
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
  }

  const subscribe_options& options_;
  speaker& log_;
  subscriber_state& state_;
  runtime_link& link_;
  exec_runner* exec_;
  subscriber core_;
  const uuid boot_ = boot_id();
  background_job syncing_;
  std::optional<std::pair<generation_swapped, swap_clock>> untold_;  ///< waits for what is behind
  const duration sync_latest_ = random_sync_latest();
  time_point last_swap_{}, first_unsynced_ = time_point::max() - sync_latest_;
  bool more_to_tidy_ = true, swapped_ = false;
  std::optional<error> failed_;
};

void install_signals(runtime_link& link) {
  signalled_link.store(&link);
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

result<std::unique_ptr<subscriber_state>> open_state(const subscribe_options& options, state_trust trust,
                                                     const hasher& hash, log_sink& log) {
  if (!options.no_files) return mirror_sink::open(options.into, trust, hash, log, options.log_bytes_max);
  bundle_sink_options bundle;
  bundle.folder = options.into;
  return bundle_sink::open(std::move(bundle), trust, hash, log);
}

result<session_end> one_session(const subscribe_options& options, state_trust trust, const hasher& hash,
                                speaker& log, exec_runner* exec) {
  GRAPHITE_TRY(auto context, zmq_context::make({1, 8, 64}));
  GRAPHITE_TRY(auto link, make_zmq_link(context, {}));
  GRAPHITE_CHECK(link->connect_heads(options.from));
  auto state = open_state(options, trust, hash, log);
  if (!state && (state.error().code == errc::corrupt || state.error().code == errc::not_found))
    return session_end{state.error(), false};
  if (!state) return tl::unexpected(state.error());
  install_signals(*link);
  subscribe_session session(options, hash, log, **state, *link, exec);
  auto end = session.run();
  signalled_link.store(nullptr);
  return end;
}

/// What is damaged in DIR can be fetched again: it is opened once more, trusting it less each time.
result<void> subscribe(const subscribe_options& options, speaker& log) {
  const openssl_hasher hash;
  std::unique_ptr<exec_runner> exec;
  if (!options.exec.empty()) exec = std::make_unique<exec_runner>(options.exec);
  auto trust = state_trust::usual;
  for (int heals = 0;; ++heals) {
    GRAPHITE_TRY(const auto end, one_session(options, trust, hash, log, exec.get()));
    if (!end.damage) return {};
    const bool hopeless = trust == state_trust::none && !end.swapped;
    if (hopeless || heals == heals_max) return fail(errc::corrupt, end.damage->context);
    log.warn("the state in {} is damaged: {}; checking it", options.into, end.damage->context);
    trust = trust == state_trust::usual || end.swapped ? state_trust::little : state_trust::none;
  }
}

}  // namespace

int run_subscribe(const subscribe_options& options) {
  console out(options.json);
  speaker log(out);
  const auto outcome = subscribe(options, log);
  return outcome ? static_cast<int>(exit_ok) : out.failed(outcome.error());
}

}  // namespace graphite
