#include "cli/subscribe.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>

#include "cli/bundle_sink.hpp"
#include "cli/console.hpp"
#include "cli/exec_runner.hpp"
#include "cli/exit_codes.hpp"
#include "cli/mirror_sink.hpp"
#include "cli/subscription.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/linux/thread_turns.hpp"

namespace graphite {
namespace {

std::atomic<runtime_link*> signalled_link{nullptr};
std::atomic<bool> stop_asked{false};

void on_signal(int) {
  stop_asked.store(true);
  if (runtime_link* link = signalled_link.load()) link->wake();
}

/// Says things on the command's console from `least` on. Thread-safe, as a state's threads use it, too.
class speaker final : public log_sink {
 public:
  speaker(console& out, std::mutex& one_at_a_time, log_level least)
      : out_(out), mutex_(one_at_a_time), least_(least) {}
  void write(log_level level, std::string_view text) override {
    if (level < least_) return;
    const std::lock_guard lock(mutex_);
    if (level >= log_level::warning)
      out_.warn(text);
    else
      out_.remark(text);
  }

 private:
  console& out_;
  std::mutex& mutex_;
  const log_level least_;
};

void install_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

/// Prints what happens and runs the command after swaps.
class printing_listener final : public subscription_listener {
 public:
  explicit printing_listener(const subscribe_options& options) : options_(options) {
    if (!options.exec.empty()) exec_ = std::make_unique<exec_runner>(options.exec);
  }

  void on_link(runtime_link* link) override {
    signalled_link.store(link);
    if (link != nullptr)
      install_signals();
    else
      tell_swap(std::nullopt);
  }
  bool stopping() const override { return stop_asked.load(); }
  void on_open(const std::optional<head>& active) override {
    if (active && options_.json)
      print(fmt::format(R"({{"event":"start","channel":"{}","epoch":{},"sequence":{},"root":"{}"}})",
                        active->channel, active->epoch.value, active->sequence.value, to_hex(active->root)));
  }
  void on_swap(const generation_swapped& swap, const swap_clock& clock) override {
    untold_ = {swap, clock};
    if (exec_) exec_->notify(environment_of(swap));
    if (swap.behind) tell_swap(swap.behind);
  }
  void on_behind(const std::optional<behind_list>& behind) override { tell_swap(behind); }
  std::pair<subscriber::commands, time_point> between_events(subscriber&, instant) override {
    return {{}, time_point::max()};
  }

 private:
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

  static void print(std::string line) {
    line.push_back('\n');
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
  }

  const subscribe_options& options_;
  std::unique_ptr<exec_runner> exec_;
  std::optional<std::pair<generation_swapped, swap_clock>> untold_;  ///< waits for what is behind
};

result<std::unique_ptr<subscriber_state>> open_state(const subscribe_options& options, state_trust trust,
                                                     const hasher& hash, log_sink& log) {
  if (std::filesystem::exists(std::filesystem::path(options.into) / "graphite.toml"))
    return fail(errc::already_exists, options.into + " is a project: choose a folder of its own");
  if (!options.no_files) return mirror_sink::open(options.into, trust, hash, log, options.log_bytes_max);
  bundle_sink_options bundle;
  bundle.folder = options.into;
  return bundle_sink::open(std::move(bundle), trust, hash, log);
}

}  // namespace

int run_subscribe(const subscribe_options& options) {
  console out(options.json);
  if (!options.keys.empty()) leave_no_core_file();
  std::mutex one_at_a_time;
  // A state's own messages are of interest from warnings on.
  speaker log(out, one_at_a_time, log_level::info), state_log(out, one_at_a_time, log_level::warning);
  const openssl_hasher hash;
  printing_listener listener(options);
  const subscription_options subscription{
      options.from, options.channel, options.into, options.keys, options.root, false, [&](state_trust trust) {
        return open_state(options, trust, hash, state_log);
      }};
  const short_turns of_the_swap;
  const auto outcome = run_subscription(subscription, hash, log, listener);
  return outcome ? static_cast<int>(exit_ok) : out.failed(outcome.error());
}

}  // namespace graphite
