#include "platform/keys/key_authority.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "core/client_identity.hpp"
#include "core/hex.hpp"
#include "core/kill_point.hpp"
#include "platform/keys/channel_signer.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/keys/loaded_keys.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

constexpr std::int64_t day = 86'400'000'000'000;
constexpr std::int64_t now = 20'000 * day;

struct key_authorities : testing::Test {
  test::temporary_folder place;
  std::string folder = place.path() + "/keys";
  ed25519_verifier verifier;

  /// Something that can be revoked and is of no consequence.
  std::uint64_t a_client(key_authority& keys) const {
    return keys.issue_certificate({"ann", "clients", {verb::query}, {}, {now, now + day}}).value().serial;
  }
  key_authority begin() { return key_authority::begin(folder, {{"main", "ui"}, now, 365}).value(); }
  publisher_keys publisher(std::int64_t at = now) const { return load_publisher_keys(folder, at).value(); }
  errc publisher_fails(std::int64_t at) const {
    const auto loaded = load_publisher_keys(folder, at);
    return loaded ? errc{} : loaded.error().code;
  }
};

TEST_F(key_authorities, give_a_publisher_all_that_it_needs) {
  const auto made = begin();
  const auto keys = publisher();
  EXPECT_EQ(keys.roots, std::vector<pinned_root>{made.root()});
  ASSERT_EQ(keys.channels.size(), 2u);
  const auto& main = keys.channels.at("main");
  EXPECT_EQ(verified_channel_key(main.statement, made.root(), verifier).value().key, main.signer->key());
  EXPECT_EQ(read_certificate(keys.clients.own.certificate).value().common_name, "graphite server");
  EXPECT_NE(keys.clients.authority, keys.operators.authority);
  EXPECT_EQ(publisher_keys_version(folder).value(), publisher_keys_version(folder + "/publisher").value());
}

TEST_F(key_authorities, are_never_written_over) {
  (void)begin();
  EXPECT_EQ(key_authority::begin(folder, {}).error().code, errc::already_exists);
}

TEST_F(key_authorities, keep_every_file_to_themselves) {
  (void)begin();
  std::size_t files = 0;
  for (const auto& one : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat facts {};
    ASSERT_EQ(::lstat(one.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, one.is_directory() ? 0700u : 0600u) << one.path();
    ++files;
  }
  EXPECT_GT(files, 20u);
}

TEST_F(key_authorities, whose_files_are_looser_are_refused) {
  (void)begin();
  const auto file = folder + "/publisher/curve.key";
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  const auto refused = load_publisher_keys(folder, now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::permission_denied);
  EXPECT_NE(refused.error().context.find("chmod 600 " + file), std::string::npos) << refused.error().context;
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  EXPECT_EQ(publisher_fails(now), errc{});
  ASSERT_EQ(::chmod((folder + "/root").c_str(), 0750), 0);
  EXPECT_EQ(key_authority::open(folder).error().code, errc::permission_denied);
}

TEST_F(key_authorities, take_no_links_for_keys) {
  (void)begin();
  const auto file = folder + "/publisher/curve.key", other = folder + "/other.key";
  std::filesystem::rename(file, other);
  std::filesystem::create_symlink(other, file);
  EXPECT_EQ(publisher_fails(now), errc::permission_denied);
}

TEST_F(key_authorities, leave_channels_out_whose_key_has_expired) {
  auto keys = begin();
  EXPECT_EQ(publisher(now + 364 * day).channels.size(), 2u);
  ASSERT_TRUE(keys.add_channel_key("main", {now + 360 * day, now + 700 * day}));
  const auto later = publisher(now + 366 * day);
  EXPECT_TRUE(later.channels.contains("main"));
  EXPECT_FALSE(later.channels.contains("ui"));
  EXPECT_TRUE(later.refused.empty());
}

TEST_F(key_authorities, tell_of_a_revoked_key_that_was_the_only_one) {
  auto keys = begin();
  const auto main = publisher().channels.at("main").signer->key();
  std::uint64_t serial = 0;
  for (const auto& row : keys.issued())
    if (row.key == hex_text(main.bytes)) serial = row.serial;
  ASSERT_TRUE(keys.revoke({serial}));
  const auto loaded = publisher();
  EXPECT_TRUE(loaded.revoked.serials.contains(serial));
  EXPECT_FALSE(loaded.revocations.empty());
  EXPECT_FALSE(loaded.channels.contains("main"));
  EXPECT_TRUE(loaded.channels.contains("ui"));
  channel_signer::keys left;
  left.channels["ui"] = {loaded.channels.at("ui").statement, nullptr};
  channel_state state;
  state.channel = "main";
  EXPECT_EQ(channel_signer(std::move(left)).sign_state(state, {}).error().code, errc::permission_denied);
}

TEST_F(key_authorities, revoke_a_machines_certificate_and_role_key_together) {
  auto keys = begin();
  for (const auto* name : {"node-1", "node-2"})
    ASSERT_TRUE(keys.issue_certificate({name, "control", {}, role::node, {now, now + day}}));
  const auto again = keys.issue_certificate({"node-1", "control", {}, role::node, {now, now + day}}).value();
  std::map<std::string, std::vector<std::uint64_t>> role_keys;
  for (const auto& row : keys.issued())
    if (row.what == issued_key::kind::role_key) role_keys[row.name].push_back(row.serial);
  ASSERT_EQ(role_keys["node-1"].size(), 2u);
  const auto by_certificate = keys.revoke({again.serial}).value().serials;
  EXPECT_EQ(by_certificate, (std::set<std::uint64_t>{again.serial, role_keys["node-1"][1]}));
  const auto all = keys.revoke({role_keys["node-2"][0]}).value().serials;
  EXPECT_EQ(all.size(), 4u) << "its certificate, too";
  EXPECT_TRUE(all.contains(role_keys["node-2"][0] - 1));
  EXPECT_FALSE(all.contains(role_keys["node-1"][0])) << "a former one was not asked for";
}

TEST_F(key_authorities, do_not_say_that_they_revoked_what_nobody_asks_about) {
  auto keys = begin();
  std::size_t refused = 0;
  for (const auto& row : std::vector(keys.issued())) {
    if (row.about != "authority" && row.name != "server") continue;
    EXPECT_EQ(keys.revoke({row.serial}).error().code, errc::unsupported) << row.serial;
    ++refused;
  }
  EXPECT_EQ(refused, 6u);
  EXPECT_TRUE(publisher().revoked.serials.empty());
}

TEST_F(key_authorities, tell_of_revocations_beside_a_key_that_cannot_be_read) {
  auto keys = begin();
  const auto channels = folder + "/publisher/channels";
  const auto file = std::filesystem::directory_iterator(channels)->path().string();
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  const auto channel =
      std::ranges::find(keys.issued(), issued_key::kind::channel_key, &issued_key::what)->serial;
  ASSERT_TRUE(keys.revoke({channel}));
  const auto loaded = publisher();
  EXPECT_TRUE(loaded.revoked.serials.contains(channel));
  ASSERT_EQ(loaded.refused.size(), 1u);
  EXPECT_NE(loaded.refused.front().find("chmod 600 " + file), std::string::npos);
}

TEST_F(key_authorities, notice_any_file_that_changes) {
  (void)begin();
  const auto file = folder + "/publisher/curve.key";
  const auto before = publisher_keys_version(folder).value();
  EXPECT_EQ(publisher_keys_version(folder).value(), before);
  ASSERT_TRUE(write_key_file(folder + "/publisher/revocations", as_bytes(std::string_view("x"))));
  const auto copied = publisher_keys_version(folder).value();
  EXPECT_NE(copied, before);
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  EXPECT_NE(publisher_keys_version(folder).value(), copied);
}

TEST_F(key_authorities, tell_what_ends_soon) {
  (void)begin();
  EXPECT_TRUE(ends_told(publisher(), now).empty());
  const auto soon = ends_told(publisher(now + 340 * day), now + 340 * day);
  ASSERT_EQ(soon.size(), 5u);  // two channels, three certificates
  EXPECT_NE(soon.front().find("rotate DIR --channel main"), std::string::npos) << soon.front();
  EXPECT_NE(soon.back().find("rotate DIR --server"), std::string::npos) << soon.back();
  EXPECT_NE(ends_told(publisher(), now + 366 * day).front().find("has ended"), std::string::npos);
}

TEST_F(key_authorities, believe_no_pins_that_others_can_write) {
  (void)begin();
  const auto pins = folder + "/root/root.pub";
  ASSERT_EQ(::chmod(pins.c_str(), 0644), 0);
  EXPECT_TRUE(load_pins(pins, now));
  for (const mode_t mode : {0664, 0646}) {
    ASSERT_EQ(::chmod(pins.c_str(), mode), 0);
    const auto refused = load_pins(pins, now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::permission_denied);
    EXPECT_NE(refused.error().context.find("chmod go-w " + pins), std::string::npos);
  }
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(::chmod(pins.c_str(), 0644), 0);
  ASSERT_EQ(::chown(pins.c_str(), 12'345, 12'345), 0);
  EXPECT_EQ(load_pins(pins, now).error().code, errc::permission_denied);
}

TEST_F(key_authorities, rotate_while_the_old_key_counts) {
  auto keys = begin();
  const auto old = publisher().channels.at("main").statement;
  const auto version = publisher_keys_version(folder).value();
  const auto row = keys.add_channel_key("main", {now, now + 365 * day}).value();
  EXPECT_NE(publisher_keys_version(folder).value(), version);
  const auto rotated = publisher();
  const auto says =
      verified_channel_key(rotated.channels.at("main").statement, keys.root(), verifier).value();
  EXPECT_EQ(says.serial, row.serial);
  EXPECT_TRUE(verified_channel_key(old, keys.root(), verifier).value().valid.holds(now));
}

TEST_F(key_authorities, let_publishers_pass_over_a_revoked_key) {
  auto keys = begin();
  const auto row = keys.add_channel_key("main", {now, now + 365 * day}).value();
  ASSERT_TRUE(keys.revoke({row.serial}));
  const auto loaded = publisher();
  EXPECT_TRUE(loaded.revoked.serials.contains(row.serial));
  EXPECT_LT(verified_channel_key(loaded.channels.at("main").statement, keys.root(), verifier).value().serial,
            row.serial);
  EXPECT_EQ(keys.revoke({9'999}).error().code, errc::not_found);
}

TEST_F(key_authorities, give_runtimes_tickets) {
  auto keys = begin();
  const auto rows = keys.issue_tickets({"game-1", {"main", "ui"}, {now, now + 30 * day}, {}}).value();
  ASSERT_EQ(rows.size(), 2u);
  const auto loaded = load_runtime_keys(folder + "/runtimes/game-1", now).value();
  EXPECT_EQ(loaded.roots, std::vector<pinned_root>{keys.root()});
  EXPECT_EQ(loaded.servers, std::vector{publisher().curve.key});
  ASSERT_EQ(loaded.tickets.size(), 2u);
  const auto key = verified_channel_key(loaded.tickets[0].key, keys.root(), verifier).value();
  const auto says = verified_ticket(loaded.tickets[0].grant, key.key, verifier).value();
  EXPECT_EQ(says.client, loaded.curve.key);
  EXPECT_EQ(says.channel, "main");
  EXPECT_EQ(says.serial, rows[0].serial);
  ASSERT_TRUE(keys.revoke({rows[0].serial}));
  EXPECT_TRUE(publisher().revoked.clients.contains(loaded.curve.key));
  EXPECT_EQ(keys.issue_tickets({"game-2", {"other"}, {now, now + day}, {}}).error().code, errc::not_found);
  EXPECT_EQ(keys.issue_tickets({"../x", {"main"}, {now, now + day}, {}}).error().code,
            errc::invalid_argument);
}

TEST_F(key_authorities, keep_a_runtimes_own_key_out_of_the_folder) {
  auto keys = begin();
  const auto own = make_curve_pair().value();
  ASSERT_TRUE(keys.issue_tickets({"game-1", {"main"}, {now, now + 30 * day}, own.key}));
  EXPECT_FALSE(std::filesystem::exists(folder + "/runtimes/game-1/curve.key"));
}

TEST_F(key_authorities, give_certificates_that_say_what_they_are_for) {
  auto keys = begin();
  const validity valid{now, now + 30 * day};
  const auto client =
      keys.issue_certificate({"alice", "clients", {verb::query, verb::publish}, {}, valid}).value();
  const auto text = read_secret_file(folder + "/clients/alice/client.crt", MiB).value();
  const auto facts = read_certificate(as_text(text.view())).value();
  EXPECT_EQ(facts.serial, client.serial);
  EXPECT_EQ(parse_client_identity(facts.common_name).value(),
            (client_identity{"alice", {verb::query, verb::publish}, client.serial}));
  EXPECT_TRUE(std::filesystem::exists(folder + "/clients/alice/clients-ca.crt"));
  ASSERT_TRUE(keys.issue_certificate({"bob", "operators", {verb::operate}, {}, valid}));
  ASSERT_TRUE(keys.issue_certificate({"node-1", "control", {}, role::relay, valid}));
  const auto role_text = read_secret_file(folder + "/nodes/node-1/role.key", MiB).value();
  const auto role_key = parse_signing_key(role_text.view()).value();
  const auto says = verified_role_key(role_key.statement, keys.root(), verifier).value();
  EXPECT_EQ(says.what, role::relay);
  EXPECT_EQ(says.key, role_key.signer->key());
  EXPECT_EQ(keys.issue_certificate({"x", "kings", {verb::query}, {}, valid}).error().code,
            errc::invalid_argument);
  EXPECT_EQ(keys.issue_certificate({"x", "clients", {}, {}, valid}).error().code, errc::invalid_argument);
}

TEST_F(key_authorities, are_the_same_when_opened_again) {
  std::uint64_t serial = 0;
  {
    auto keys = begin();
    serial = keys.issue_token({"ci", "studio", {verb::build}, {now, now + day}}).value().serial;
    ASSERT_TRUE(keys.revoke({serial}));
  }
  auto keys = key_authority::open(folder).value();
  EXPECT_EQ(keys.issued().back().serial, serial);
  EXPECT_EQ(keys.issued().back().about, "studio:build");
  EXPECT_TRUE(keys.revoked().serials.contains(serial));
  EXPECT_GT(keys.add_channel_key("main", {now, now + day}).value().serial, serial);
  EXPECT_EQ(key_authority::open(place.path()).error().code, errc::not_found);
}

TEST_F(key_authorities, belong_to_one_at_a_time) {
  {
    const auto keys = begin();
    const auto refused = key_authority::open(folder);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::busy);
  }
  EXPECT_TRUE(key_authority::open(folder));
}

TEST_F(key_authorities, never_number_a_list_anew) {
  begin().revoke({7}).value();
  const auto told = folder + "/publisher/revocations", kept = folder + "/root/revocations";
  const auto first = place.path() + "/first";
  std::filesystem::copy(told, first);
  EXPECT_EQ(key_authority::open(folder).value().revoke({8}).value().number, 2u);
  const auto refused = [&] {
    const auto opened = key_authority::open(folder);
    return opened ? "" : opened.error().context;
  };
  std::filesystem::remove(told);
  EXPECT_NE(refused().find("cp " + kept + " " + told), std::string::npos) << refused();
  std::filesystem::copy(first, told);
  EXPECT_NE(refused().find("has list 1"), std::string::npos) << refused();
  std::filesystem::copy(kept, told, std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(refused(), "");
  // The root's copy of a folder of before there was one, or of a crash between the two.
  std::filesystem::copy(first, kept, std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(key_authority::open(folder).value().revoke({7}).value().number, 3u);
}

TEST_F(key_authorities, renew_what_a_server_has) {
  auto keys = begin();
  const auto before = publisher();
  const auto rows = keys.replace_server_certificates({now, now + 700 * day}).value();
  ASSERT_EQ(rows.size(), 3u);
  const auto after = publisher();
  EXPECT_EQ(after.clients.authority, before.clients.authority);
  EXPECT_EQ(read_certificate(after.clients.own.certificate).value().serial, rows[1].serial);
  EXPECT_GT(read_certificate(after.control.own.certificate).value().until_unix_ns, now + 600 * day);
  EXPECT_EQ(after.curve.key, before.curve.key);

  const auto curve = keys.replace_curve_key().value();
  EXPECT_EQ(publisher().curve.key, curve);
  ASSERT_TRUE(keys.issue_tickets({"game-1", {"main"}, {now, now + day}, {}}));
  EXPECT_EQ(load_runtime_keys(folder + "/runtimes/game-1", now).value().servers,
            (std::vector{curve, before.curve.key}));
  for (std::size_t i = 0; i < key_authority::server_pins_max; ++i) ASSERT_TRUE(keys.replace_curve_key());
  ASSERT_TRUE(keys.issue_tickets({"game-1", {"main"}, {now, now + day}, {}}));
  EXPECT_EQ(load_runtime_keys(folder + "/runtimes/game-1", now).value().servers.size(),
            key_authority::server_pins_max);
}

TEST_F(key_authorities, give_tickets_that_end_with_the_key_that_signs_them) {
  auto keys = begin();
  const auto rows = keys.issue_tickets({"game-1", {"main"}, {now, now + 900 * day}, {}}).value();
  EXPECT_EQ(rows.front().valid.until_unix_ns, now + 365 * day);
}

TEST_F(key_authorities, leave_ended_keys_to_the_old_root) {
  auto keys = begin();
  const auto revoked = keys.add_channel_key("main", {now, now + 365 * day}).value().serial;
  const auto expired = keys.add_channel_key("main", {now - 10 * day, now - day}).value().serial;
  const auto good = keys.add_channel_key("main", {now, now + 365 * day}).value().serial;
  ASSERT_TRUE(keys.revoke({revoked}));
  ASSERT_TRUE(keys.replace_root({now, now + 30 * day}));
  const auto signed_by_new = [&](std::uint64_t serial) {
    const auto text =
        read_secret_file(folder + "/publisher/channels/main." + std::to_string(serial) + ".key", MiB).value();
    return verified_channel_key(parse_signing_key(text.view()).value().statement, keys.root(), verifier)
        .has_value();
  };
  EXPECT_FALSE(signed_by_new(revoked));
  EXPECT_FALSE(signed_by_new(expired));
  EXPECT_TRUE(signed_by_new(good));
  EXPECT_EQ(publisher(now + 31 * day).channels.size(), 2u);  // also when nobody pins the old root any more
}

TEST_F(key_authorities, finish_a_new_root_wherever_it_was_cut_off) {
  std::uint64_t revoked = 0;
  {
    auto keys = begin();
    keys.revoke({revoked = a_client(keys)}).value();
  }
  const auto whole = place.path() + "/whole";
  std::filesystem::copy(folder, whole, std::filesystem::copy_options::recursive);
  const auto old = key_authority::open(folder).value().root();
  std::size_t finished = 0;
  for (const auto* point : {"file.before_write", "file.after_rename"})
    for (int count = 1;; ++count) {
      std::filesystem::remove_all(folder);
      std::filesystem::copy(whole, folder, std::filesystem::copy_options::recursive);
      const auto child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        arm_kill_point(kill_point_index(point), count);
        auto keys = key_authority::open(folder);
        ::_exit(keys && keys->replace_root({now, now + 30 * day}) ? 0 : 1);
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      if (WIFEXITED(status)) {
        EXPECT_EQ(WEXITSTATUS(status), 0);
        EXPECT_GT(count, 10);  // it was cut off at every file
        break;
      }
      ASSERT_EQ(publisher().channels.size(), 2u) << point << ' ' << count;  // what serves goes on
      auto keys = key_authority::open(folder);
      ASSERT_TRUE(keys) << point << ' ' << count << ": " << keys.error().context;
      EXPECT_TRUE(keys->revoked().serials.contains(revoked));
      const auto during = publisher();
      EXPECT_EQ(during.roots.front().key, keys->root());
      EXPECT_TRUE(verified_channel_key(during.channels.at("main").statement, keys->root(), verifier));
      if (keys->root() != old) {
        ++finished;
        EXPECT_EQ(roots_that_count(during.roots, now), (std::vector{keys->root(), old}));
        EXPECT_EQ(during.vouchers.size(), 1u);
      }
      EXPECT_FALSE(std::filesystem::exists(folder + "/root/root.key.next"));
      EXPECT_EQ(keys->revoke({8}).value().number, 2u);
    }
  EXPECT_GT(finished, 10u);
}

TEST_F(key_authorities, replace_their_root_without_a_gap) {
  auto keys = begin();
  const auto old = keys.root();
  ASSERT_TRUE(keys.follow({"main", {}, lineage_id{uuid{{1}}}, epoch_number{5}}));
  ASSERT_TRUE(keys.revoke({a_client(keys)}));
  ASSERT_TRUE(keys.replace_root({now, now + 30 * day}));
  ASSERT_NE(keys.root(), old);
  const auto during = publisher();
  EXPECT_EQ(roots_that_count(during.roots, now), (std::vector{keys.root(), old}));
  EXPECT_TRUE(verified_channel_key(during.channels.at("main").statement, keys.root(), verifier));
  ASSERT_EQ(during.vouchers.size(), 2u);
  EXPECT_TRUE(verified_succession(during.vouchers[0], keys.root(), verifier));
  EXPECT_EQ(verified_root_succession(during.vouchers[1], old, verifier).value().after, keys.root());
  EXPECT_EQ(roots_that_count(during.roots, now + 31 * day), std::vector{keys.root()});
  EXPECT_TRUE(roots_changed(during, now + 31 * day));
  EXPECT_FALSE(roots_changed(during, now + 29 * day));
  const auto root = keys.root();
  { const auto ended = std::move(keys); }
  EXPECT_EQ(key_authority::open(folder).value().root(), root);
}

TEST_F(key_authorities, have_registers_that_survive_a_torn_line) {
  std::uint64_t next = 0;
  {
    auto keys = begin();
    next = keys.issued().back().serial + 1;
  }
  const auto path = folder + "/root/register";
  auto text = std::string(as_text(read_secret_file(path, MiB).value().view()));
  ASSERT_TRUE(write_key_file(path, as_bytes(text + "99\tticket\tx")));
  EXPECT_EQ(key_authority::open(folder).value().issued().back().serial + 1, next);
  ASSERT_TRUE(write_key_file(path, as_bytes("x\n" + text)));
  const auto refused = key_authority::open(folder);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::corrupt);
  EXPECT_NE(refused.error().context.find("register:1"), std::string::npos);
}

TEST_F(key_authorities, of_others_are_not_believed) {
  (void)begin();
  const auto own = folder;
  folder = place.path() + "/others";
  (void)begin();
  std::filesystem::copy(
      folder + "/publisher/channels", own + "/publisher/channels",
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  const auto loaded = load_publisher_keys(own, now).value();
  EXPECT_FALSE(loaded.refused.empty());
  for (const auto& [channel, key] : loaded.channels)
    EXPECT_TRUE(verified_channel_key(key.statement, loaded.roots.front().key, verifier)) << channel;
}

}  // namespace
}  // namespace graphite
