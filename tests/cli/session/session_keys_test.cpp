#include "cli/session_keys.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>

#include "platform/keys/key_authority.hpp"
#include "platform/keys/key_file.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

constexpr std::int64_t day = 86'400'000'000'000;
constexpr std::int64_t start = 20'000 * day;

class set_clock final : public clock_source {
 public:
  time_point now() const override { return {}; }
  std::int64_t unix_ns() const override { return unix_ns_; }
  void set(std::int64_t unix_ns) { unix_ns_ = unix_ns; }

 private:
  std::atomic<std::int64_t> unix_ns_ = start;
};

struct keys_of_sessions : testing::Test {
  test::temporary_folder place;
  std::string folder = place.path() + "/keys";
  key_authority authority = key_authority::begin(folder, {{"main"}, start, 365}).value();
  set_clock clock;
  test::recording_log log{log_level::info};
  std::unique_ptr<session_keys> keys = session_keys::load(folder, project(), clock, log).value();

  void watch() {
    keys->watch([] { return result<void>(); });
  }
  errc signing() const {
    channel_state state;
    state.channel = "main";
    const auto done = keys->signer().sign_state(state);
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
  ASSERT_TRUE(authority.revoke({1}));
  ASSERT_TRUE(test::wait_until([&] { return keys->now()->revoked.serials.contains(1); }));
  const auto file = folder + "/publisher/revocations";
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  ASSERT_TRUE(test::wait_until([&] { return log.contains("chmod 600 " + file); }));
  ASSERT_TRUE(authority.add_channel_key("main", {start, start + day}));
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  ASSERT_TRUE(test::wait_until(
      [&] { return keys->now()->ends.at(channel_key_name("main")).unix_ns == start + day; }));
  EXPECT_EQ(log.count("chmod 600 " + file), 1u);
}

TEST_F(keys_of_sessions, try_again_where_no_file_changes_any_more) {
  const std::int64_t end = start + 10 * day;
  clock.set(end + 1);
  ASSERT_TRUE(write_key_file(folder + "/publisher/root.pub", as_bytes(pins_text({{authority.root(), end}}))));
  watch();
  ASSERT_TRUE(test::wait_until([&] { return log.contains("the time of every root has ended"); }));
  clock.set(start);
  ASSERT_TRUE(test::wait_until([&] { return log.contains("count from now on"); }));
}

TEST_F(keys_of_sessions, go_back_to_no_older_list) {
  watch();
  ASSERT_TRUE(authority.revoke({1}));
  ASSERT_TRUE(test::wait_until([&] { return keys->now()->revoked.serials.contains(1); }));
  std::filesystem::remove(folder + "/publisher/revocations");
  ASSERT_TRUE(test::wait_until([&] { return log.contains("copy the newest file `revocations` there"); }));
  EXPECT_TRUE(keys->now()->revoked.serials.contains(1));
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
