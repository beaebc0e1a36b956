#include "cli/session_keys.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>

#include "core/hex.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/keys/key_authority.hpp"
#include "platform/keys/key_file.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/set_clock.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

constexpr std::int64_t day = 86'400'000'000'000;
constexpr std::int64_t start = 20'000 * day;

struct keys_of_sessions : testing::Test {
  test::temporary_folder place;
  std::string folder = place.path() + "/keys";
  key_authority authority = key_authority::begin(folder, {{"main"}, start, 365}).value();
  /// Whose certificate can be revoked, and is of no consequence.
  const std::uint64_t client =
      authority.issue_certificate({"ann", "clients", {verb::query}, {}, {start, start + 365 * day}})
          .value()
          .serial;
  test::set_clock clock{start};
  test::recording_log log{log_level::info};
  std::unique_ptr<session_keys> keys = session_keys::load(folder, project(), clock, log).value();

  void watch() {
    keys->watch([] { return result<void>(); });
  }
  errc signing() const {
    channel_state state;
    state.channel = "main";
    const auto done = keys->signer().sign_state(state, {});
    return done ? errc{} : done.error().code;
  }
  std::uint64_t serial_of_main() const {
    for (const auto& row : authority.issued())
      if (row.what == issued_key::kind::channel_key) return row.serial;
    return 0;
  }
};

TEST_F(keys_of_sessions, sign_nothing_more_once_the_only_key_is_revoked) {
  watch();
  EXPECT_EQ(signing(), errc{});
  ASSERT_TRUE(authority.revoke({serial_of_main()}));
  ASSERT_TRUE(test::wait_until([&] { return log.contains("nothing more is signed"); }));
  EXPECT_EQ(signing(), errc::permission_denied);
  EXPECT_TRUE(keys->now()->revoked.serials.contains(serial_of_main()));
  EXPECT_FALSE(keys->signer().news().revocations.empty());
  ASSERT_TRUE(authority.add_channel_key("main", {start, start + day}));
  ASSERT_TRUE(test::wait_until([&] { return signing() == errc{}; }));
  EXPECT_EQ(log.count("nothing more is signed"), 1u);
}

TEST_F(keys_of_sessions, sign_nothing_more_once_the_only_key_has_ended) {
  clock.set(start + 364 * day);
  watch();
  ASSERT_TRUE(test::wait_until([&] { return log.contains("the key of channel main ends within 2 days"); }));
  EXPECT_TRUE(log.contains("rotate DIR --server"));
  EXPECT_EQ(signing(), errc{});
  clock.set(start + 365 * day);
  ASSERT_TRUE(test::wait_until([&] { return log.contains("nothing more is signed"); }));
  EXPECT_EQ(signing(), errc::permission_denied);
  ASSERT_TRUE(
      test::wait_until([&] { return log.contains("the server's certificate for clients has ended"); }));
  EXPECT_EQ(log.count("ends within 2 days"), 4u);  // a channel and three certificates, once
}

TEST_F(keys_of_sessions, try_what_failed_again_and_tell_it_once) {
  watch();
  ASSERT_TRUE(authority.revoke({client}));
  ASSERT_TRUE(test::wait_until([&] { return keys->now()->revoked.serials.contains(client); }));
  const auto file = folder + "/publisher/revocations";
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  ASSERT_TRUE(test::wait_until([&] { return log.contains("chmod 600 " + file); }));
  ASSERT_TRUE(authority.add_channel_key("main", {start, start + day}));
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  ASSERT_TRUE(test::wait_until(
      [&] { return keys->now()->ends.at(channel_key_name("main")).unix_ns == start + day; }));
  EXPECT_EQ(log.count("chmod 600 " + file), 1u);
}

TEST_F(keys_of_sessions, sign_nothing_more_once_the_time_of_their_root_has_ended) {
  const std::int64_t end = start + 10 * day;
  ASSERT_TRUE(write_key_file(folder + "/publisher/root.pub", as_bytes(pins_text({{authority.root(), end}}))));
  watch();
  ASSERT_TRUE(test::wait_until([&] { return log.contains("count from now on"); }));
  EXPECT_EQ(signing(), errc{});
  clock.set(end);  // no file changes any more
  ASSERT_TRUE(test::wait_until([&] { return log.contains("nothing more is signed"); }));
  EXPECT_TRUE(log.contains("the time of every root that is pinned has ended"));
  EXPECT_EQ(signing(), errc::permission_denied);
  clock.set(start);
  ASSERT_TRUE(test::wait_until([&] { return signing() == errc{}; })) << "the clock was wrong";
}

TEST_F(keys_of_sessions, tell_their_users_when_a_root_has_ended) {
  ASSERT_TRUE(authority.replace_root({start, start + 30 * day}));
  watch();
  ASSERT_TRUE(test::wait_until([&] { return log.contains("count from now on"); }));
  std::atomic<int> told = 0;
  keys->on_change([&](const publisher_keys&) { ++told; });
  EXPECT_EQ(told, 1);
  clock.set(start + 31 * day);
  ASSERT_TRUE(test::wait_until([&] { return told == 2; }));
  EXPECT_EQ(signing(), errc{}) << "the new root signed it, too";
  keys->on_change({});
}

TEST_F(keys_of_sessions, name_a_list_that_is_too_long_for_heartbeats) {
  ASSERT_TRUE(authority.revoke({client}));
  watch();
  ASSERT_TRUE(test::wait_until([&] { return keys->now()->revoked.number == 1; }));
  EXPECT_EQ(keys->signer().news().revocations, keys->now()->revocations);
  EXPECT_EQ(keys->signer().news().longer, trust_news::list_name{});
  const auto secret = parse_secret(read_secret_file(folder + "/root/root.key", 4096)->view()).value();
  const auto root = ed25519_signer::from_secret(secret.view()).value();
  revocations_statement many{2, {}, {}};
  for (std::uint64_t i = 0; i < many.entries_max; ++i) many.serials.insert(1'000'000 + i);
  const auto list = encode_signed(sign_revocations(many, *root).value());
  ASSERT_TRUE(write_key_file(folder + "/publisher/revocations", as_bytes(hex_text(list) + '\n')));
  ASSERT_TRUE(test::wait_until([&] { return keys->now()->revoked.number == 2; }));
  const auto news = keys->signer().news();
  EXPECT_TRUE(news.revocations.empty());
  EXPECT_EQ(news.longer.bytes, list.size());
  const auto given = keys->revocations()();
  EXPECT_EQ(given.id, news.longer.id);
  EXPECT_EQ(*given.bytes, list);
  EXPECT_EQ(openssl_hasher().sha256(list), news.longer.id);
}

TEST_F(keys_of_sessions, go_back_to_no_older_list) {
  watch();
  ASSERT_TRUE(authority.revoke({client}));
  ASSERT_TRUE(test::wait_until([&] { return keys->now()->revoked.serials.contains(client); }));
  std::filesystem::remove(folder + "/publisher/revocations");
  ASSERT_TRUE(test::wait_until([&] { return log.contains("copy the newest file `revocations` there"); }));
  EXPECT_TRUE(keys->now()->revoked.serials.contains(client));
}

TEST_F(keys_of_sessions, begin_with_a_key_for_each_channel_alone) {
  ASSERT_TRUE(authority.revoke({serial_of_main()}));
  const auto refused = session_keys::load(folder, project(), clock, log);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::permission_denied);
  EXPECT_NE(refused.error().context.find("graphite keys channel DIR main"), std::string::npos);
}

}  // namespace
}  // namespace graphite
