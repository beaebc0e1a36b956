#include <mutex>
#include <thread>

#include "cli/bundle_sink.hpp"
#include "cli/served_ports.hpp"
#include "cli/subscription.hpp"
#include "core/hex.hpp"
#include "core/messages/zap.hpp"
#include "platform/keys/key_authority.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/linux/clock.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"
#include "tests/zmq/secured_rig.hpp"

// A runtime's folder of keys changes while the runtime runs.

namespace graphite::test {
namespace {

/// A subscription in a thread of its own.
class running_subscription final : subscription_listener {
 public:
  running_subscription(subscription_options options, const hasher& hash, log_sink& log)
      : options_(std::move(options)), hash_(hash), log_(log), thread_([this] {
          const auto ended = run_subscription(options_, hash_, log_, *this);
          EXPECT_TRUE(ended) << ended.error().context;
        }) {}
  ~running_subscription() override {
    stopping_ = true;
    {
      const std::lock_guard lock(mutex_);
      if (link_ != nullptr) link_->wake();
    }
    thread_.join();
  }

 private:
  void on_link(runtime_link* link) override {
    const std::lock_guard lock(mutex_);
    link_ = link;
  }
  bool stopping() const override { return stopping_; }
  void on_open(const std::optional<head>&) override {}
  void on_swap(const generation_swapped&, const swap_clock&) override {}
  std::pair<subscriber::commands, time_point> between_events(subscriber&, instant) override {
    return {{}, time_point::max()};
  }

  const subscription_options options_;
  const hasher& hash_;
  log_sink& log_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  runtime_link* link_ = nullptr;
  std::thread thread_;
};

class keys_of_runtimes : public ::testing::Test {
 protected:
  keys_of_runtimes() {
    const auto keys =
        std::make_shared<const publisher_keys>(load_publisher_keys(part("publisher"), now).value());
    // Where nothing else is said a runtime enrols at the port after that of the heads.
    for (std::uint16_t port = 20'000; !ports && port < 30'000; port += 2) {
      served_ports_options how;
      how.heads = {"127.0.0.1", port, false};
      how.chunks = {"127.0.0.1", static_cast<std::uint16_t>(port + 1), false};
      how.secure_loopback = true;
      auto opened = served_ports::open(secured(how, keys).value(), channels.sources(), channels.kept, clock,
                                       server_log);
      if (opened) ports = std::move(*opened);
    }
  }
  std::string part(const std::string& name) const { return place.path() + "/keys/" + name; }
  /// Writes the folder of the runtime, with `days` of time. A pair of keys is made where none is given.
  issued_key ticket(std::int64_t days, std::optional<curve_key> client = {}) {
    return authority.issue_tickets({"pc", {"game"}, {now, now + days * unix_day}, client}).value().front();
  }
  /// A runtime's own pair, which tickets leave alone.
  curve_key own_pair() {
    const auto pair = make_curve_pair().value();
    EXPECT_TRUE(make_key_folder(part("runtimes/pc")));
    EXPECT_TRUE(write_key_file(part("runtimes/pc/curve.key"), secret_text(pair.secret.view()).view()));
    return pair.key;
  }
  static std::string user_of(const issued_key& ticket) {
    const auto bytes = bytes_from_hex(ticket.key, 32).value();
    curve_key key;
    std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
    return user_id_of(key);
  }
  std::unique_ptr<running_subscription> run() {
    subscription_options options;
    options.from = ports->heads().address();
    options.into = place / "into";
    options.channel = "game";
    options.keys = part("runtimes/pc");
    options.secure_loopback = true;
    options.open_state = [this](state_trust trust) -> result<std::unique_ptr<subscriber_state>> {
      bundle_sink_options folder;
      folder.folder = place / "into";
      return bundle_sink::open(std::move(folder), trust, channels.hash, client_log);
    };
    return std::make_unique<running_subscription>(std::move(options), channels.hash, client_log);
  }
  bool says(const std::string& text) {
    return wait_until([&] { return client_log.contains(text); });
  }

  const std::int64_t now = system_clock_source().unix_ns();
  temporary_folder place;
  key_authority authority =
      key_authority::begin(place.path() + "/keys", {{"game", "other"}, now, 300}).value();
  system_clock_source clock;
  recording_log server_log{log_level::info}, client_log{log_level::info};
  published_channels channels;
  std::unique_ptr<served_ports> ports;
};

TEST_F(keys_of_runtimes, are_read_again_when_there_is_a_new_ticket) {
  const auto own = own_pair();
  ticket(3, own);
  const auto running = run();
  ASSERT_TRUE(says("enrolled for channel game until"));
  ASSERT_TRUE(says("the ticket for channel game ends on"));
  ticket(200, own);
  ASSERT_TRUE(says("the keys have changed: they count from now on"));
  ASSERT_TRUE(wait_until([&] { return client_log.count("enrolled for channel game until") == 2; }));
  EXPECT_EQ(client_log.count("connecting anew"), 0u);
  EXPECT_EQ(client_log.count("refused"), 0u) << "there was no gap";
}

TEST_F(keys_of_runtimes, connect_anew_where_the_pair_is_another) {
  const auto first = ticket(100);
  const auto running = run();
  ASSERT_TRUE(wait_until([&] { return server_log.contains("enrolled " + user_of(first)); }));
  const auto second = ticket(100);
  ASSERT_NE(first.key, second.key);
  ASSERT_TRUE(wait_until([&] { return server_log.contains("enrolled " + user_of(second)); }));
  EXPECT_TRUE(client_log.contains("connecting anew with other keys"));
}

TEST_F(keys_of_runtimes, that_cannot_be_used_leave_the_old_ones_in_force) {
  const auto own = own_pair();
  ticket(100, own);
  const auto running = run();
  ASSERT_TRUE(says("enrolled for channel game until"));
  // The pair comes before the tickets that are for it.
  const auto next = own_pair();
  ASSERT_TRUE(says("the old ones stay: no ticket for channel 'game'"));
  EXPECT_EQ(client_log.count("connecting anew"), 0u);
  const auto made = ticket(100, next);
  ASSERT_TRUE(wait_until([&] { return server_log.contains("enrolled " + user_of(made)); }));
  EXPECT_EQ(client_log.count("the old ones stay"), 1u);
}

}  // namespace
}  // namespace graphite::test
