#include "cli/served_ports.hpp"

#include "cli/subscription_keys.hpp"
#include "platform/keys/key_authority.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"
#include "tests/zmq/secured_rig.hpp"

// From folders of keys to bytes at a client, and to none.

namespace graphite::test {
namespace {

class served : public ::testing::Test {
 protected:
  served()
      : authority(
            key_authority::begin(std::string(folder.path()) + "/keys", {{"game", "other"}, unix_now, 30})
                .value()) {}

  std::string part(const std::string& name) { return std::string(folder.path()) + "/keys/" + name; }
  std::shared_ptr<const publisher_keys> publisher() {
    return std::make_shared<const publisher_keys>(load_publisher_keys(part("publisher"), unix_now).value());
  }
  std::uint64_t ticket_for(const std::string& runtime, const std::string& channel) {
    const auto made = authority.issue_tickets({runtime, {channel}, {unix_now, unix_now + 9 * unix_day}, {}});
    EXPECT_TRUE(made) << made.error().context;
    return made->back().serial;
  }
  static served_ports_options loopback() {
    served_ports_options out;
    out.heads = {"127.0.0.1", 0, false};
    out.chunks = {"127.0.0.1", 0, false};
    out.secure_loopback = true;
    return out;
  }
  void open(const served_ports_options& how) {
    auto opened = served_ports::open(how, channels.sources(), channels.kept, clock, server_log);
    ASSERT_TRUE(opened) << opened.error().context;
    ports = std::move(*opened);
  }
  std::unique_ptr<runtime_link> client_of(const std::string& runtime, const std::string& channel) {
    const auto keys = load_runtime_keys(part("runtimes/" + runtime), unix_now).value();
    auto made = subscription_keys_of(keys, channel, unix_now).value();
    zmq_link_options link;
    link.keys = made.link;
    enrolling_link::options options;
    options.chunks = ports->chunks().address();
    options.tickets = made.tickets;
    options.retrying.retry_delay = milliseconds(10);
    return std::make_unique<enrolling_link>(make_zmq_link(client_context, link).value(), options, clock,
                                            client_log);
  }

  temporary_folder folder;
  key_authority authority;
  calendar_clock clock;
  recording_log server_log, client_log;
  published_channels channels;
  std::shared_ptr<zmq_context> client_context = *zmq_context::make({1, 64, 64});
  std::unique_ptr<served_ports> ports;
};

TEST_F(served, a_runtime_with_a_ticket_hears_until_it_is_revoked) {
  open(secured(loopback(), publisher()).value());
  const auto serial = ticket_for("pc", "game");
  auto link = client_of("pc", "game");
  heard into;
  ASSERT_TRUE(link->connect_heads(ports->heads().address()));
  ASSERT_TRUE(link->follow("game"));
  ASSERT_TRUE(poll_until(*link, into, [&] {
    ports->heads().announce("game", to_vector("before"));
    return !into.announcements.empty();
  }));
  ASSERT_TRUE(authority.revoke({serial}));
  ASSERT_TRUE(ports->renew(*publisher()));
  ASSERT_TRUE(poll_until(*link, into, [&] {
    ports->heads().announce("game", to_vector("after"));
    return client_log.contains("was revoked");
  }));
  EXPECT_EQ(std::count(into.announcements.begin(), into.announcements.end(), "after"), 0);
  open(secured(loopback(), publisher()).value());
  auto again = client_of("pc", "game");
  ASSERT_TRUE(again->connect_heads(ports->heads().address()));
  EXPECT_TRUE(poll_until(*again, into, [&] { return server_log.contains("was revoked"); }))
      << "a new process knows it from its keys";
}

TEST_F(served, what_a_root_gave_ends_with_its_overlap) {
  open(secured(loopback(), publisher()).value());
  ticket_for("pc", "game");
  auto link = client_of("pc", "game");
  heard into;
  ASSERT_TRUE(link->connect_heads(ports->heads().address()));
  ASSERT_TRUE(link->follow("game"));
  const auto hears = [&](const std::string& what) {
    return poll_until(*link, into, [&] {
      ports->heads().announce("game", to_vector(what));
      return std::count(into.announcements.begin(), into.announcements.end(), what) > 0;
    });
  };
  ASSERT_TRUE(hears("before"));
  ASSERT_TRUE(authority.replace_root({unix_now, unix_now + unix_day}));
  ASSERT_TRUE(ports->renew(*publisher()));
  EXPECT_TRUE(hears("while both count"));
  clock.unix = unix_now + unix_day;
  ASSERT_TRUE(poll_until(*link, into, [&] {
    ports->heads().announce("game", to_vector("after"));
    return client_log.contains("a root whose time has ended");
  }));
  EXPECT_EQ(std::count(into.announcements.begin(), into.announcements.end(), "after"), 0);
}

TEST_F(served, no_ticket_for_the_channel_is_told_before_anything_is_sent) {
  ticket_for("pc", "other");
  const auto keys = load_runtime_keys(part("runtimes/pc"), unix_now).value();
  const auto none = subscription_keys_of(keys, "game", unix_now);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().context.find("graphite keys ticket"), std::string::npos);
}

TEST_F(served, keys_are_used_beyond_loopback_and_nothing_is_served_there_without) {
  auto beyond = loopback();
  beyond.secure_loopback = false;
  EXPECT_FALSE(secured(beyond, publisher())->heads.keys);
  beyond.heads.host = "0.0.0.0";
  EXPECT_TRUE(secured(beyond, publisher())->chunks.keys);
  const auto refused = served_ports::open(secured(beyond, nullptr).value(), channels.sources(), channels.kept,
                                          clock, server_log);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::permission_denied);
  EXPECT_NE(refused.error().context.find("graphite keygen DIR"), std::string::npos);
  EXPECT_NE(refused.error().context.find("--keys DIR"), std::string::npos);
}

TEST_F(served, ports_that_are_reached_at_any_address_work) {
  auto beyond = loopback();
  beyond.heads.host = beyond.chunks.host = "0.0.0.0";
  open(secured(beyond, publisher()).value());
  ticket_for("pc", "game");
  const auto port_of = [](const std::string& address) { return address.substr(address.rfind(':')); };
  const auto keys = load_runtime_keys(part("runtimes/pc"), unix_now).value();
  auto made = subscription_keys_of(keys, "", unix_now).value();
  zmq_link_options plain;
  plain.keys = made.link;
  enrolling_link::options options;
  options.chunks = "127.0.0.1" + port_of(ports->chunks().address());
  options.tickets = made.tickets;
  enrolling_link link(make_zmq_link(client_context, plain).value(), options, clock, client_log);
  heard into;
  // The heads port is where the welcome says, at the host that was asked.
  ASSERT_TRUE(link.connect_heads("127.0.0.1:1"));
  ports->heads().beat(to_vector("beat"));
  EXPECT_TRUE(poll_until(link, into, [&] { return !into.heartbeats.empty(); }));
}

TEST_F(served, half_of_the_keys_is_refused) {
  auto half = secured(loopback(), publisher()).value();
  half.chunks.keys = nullptr;
  EXPECT_FALSE(served_ports::open(half, channels.sources(), channels.kept, clock, server_log));
  auto rootless = secured(loopback(), publisher()).value();
  rootless.trust.reset();
  EXPECT_FALSE(served_ports::open(rootless, channels.sources(), channels.kept, clock, server_log));
}

}  // namespace
}  // namespace graphite::test
