#include "tests/support/wait_until.hpp"
#include "tests/zmq/secured_rig.hpp"

namespace graphite::test {
namespace {

TEST_F(secured_ports, a_client_with_a_ticket_hears_and_fetches) {
  auto link = enrolling(client, {ours.ticket_for(client->key, "game")});
  heard into;
  ASSERT_TRUE(link->connect_heads(heads->address()));
  ASSERT_TRUE(link->follow("game"));
  heads->beat(to_vector("beat"));
  ASSERT_TRUE(poll_until(*link, into, [&] { return !into.heartbeats.empty(); }));
  ASSERT_TRUE(poll_until(*link, into, [&] {
    heads->announce("other", to_vector("not ours"));
    heads->announce("game", to_vector("ours"));
    return into.announcements.size() > 2;
  }));
  for (const auto& text : into.announcements) EXPECT_EQ(text, "ours");
  const auto reply = ask(*link, content_of("game"), "game");
  ASSERT_EQ(reply.frames.size(), 1u) << refused(reply);
  EXPECT_EQ(as_text(reply.frames[0]), "game bytes");
  EXPECT_TRUE(client_log.contains("enrolled for channel game until 2025-"));
  EXPECT_TRUE(server_log.contains("enrolled "));
}

TEST_F(secured_ports, another_server_key_is_told) {
  const auto imposter = new_pair();
  enrolling_link::options options;
  options.chunks = chunks->address();
  enrolling_link link(plain_link(link_keys{{imposter->key}, client}), options, clock, client_log);
  heard into;
  ASSERT_TRUE(link.connect_heads(heads->address()));
  EXPECT_TRUE(poll_until(link, into, [&] { return client_log.contains("did not prove the server's key"); }));
  EXPECT_TRUE(into.happened(served_port::chunks, link_event::what::failed));
  EXPECT_FALSE(into.happened(served_port::chunks, link_event::what::connected));
}

/// The first are revoked, and more than one request may show.
TEST_F(secured_ports, the_next_tickets_are_shown_when_the_first_are_refused) {
  std::vector<byte_vector> tickets;
  std::set<std::uint64_t> serials;
  for (std::uint64_t serial = 1; serial <= 2 * chunk_port_limits::tickets_max; ++serial) {
    tickets.push_back(ours.ticket_for(client->key, "game", 200 + serial));
    serials.insert(200 + serial);
  }
  ASSERT_TRUE(gate.revoke(ours.revoking(1, serials)));
  tickets.push_back(ours.ticket_for(client->key, "game", 300));
  auto link = enrolling(client, tickets);
  heard into;
  ASSERT_TRUE(link->connect_heads(heads->address()));
  EXPECT_TRUE(poll_until(*link, into, [&] { return client_log.contains("enrolled for channel game"); }));
  EXPECT_TRUE(client_log.contains("ticket 201 for channel game was revoked"));
}

TEST_F(secured_ports, a_long_list_of_revoked_keys_is_for_whoever_has_a_grant) {
  const auto list = std::make_shared<const byte_vector>(200'000, std::byte{7});
  channels.revocations = {channels.hash.sha256(*list), list};
  serve();
  const revocations_request asked{channels.revocations.id, 0};
  auto stranger = plain_link(link_keys{{server->key}, client});
  ASSERT_TRUE(stranger->connect_chunks(chunks->address()));
  EXPECT_NE(refused(ask(*stranger, asked, "game")).find("enrol with a ticket"), std::string::npos);
  auto link = enrolling(client, {ours.ticket_for(client->key, "game")});
  ASSERT_TRUE(link->connect_heads(heads->address()));
  const auto reply = ask(*link, asked, "game");
  ASSERT_EQ(reply.frames.size(), 1u) << refused(reply);
  EXPECT_EQ(reply.frames[0], *list);
  EXPECT_NE(refused(ask(*link, asked, "other")).find("no grant for channel 'other'"), std::string::npos);
}

TEST_F(secured_ports, one_channel_gives_nothing_of_another) {
  auto link = enrolling(client, {ours.ticket_for(client->key, "game")});
  heard into;
  ASSERT_TRUE(link->connect_heads(heads->address()));
  heads->beat(to_vector("beat"));
  ASSERT_TRUE(poll_until(*link, into, [&] { return !into.heartbeats.empty(); }));
  const auto refuses = [&](const chunk_request& what, const std::string& channel) {
    EXPECT_NE(refused(ask(*link, what, channel)), "");
  };
  refuses(snapshot_request{"other"}, "other");
  refuses(snapshot_request{"other"}, "game");
  refuses(snapshot_request{"game"}, "");
  refuses(content_of("other"), "other");
  refuses(list_request{channels.contents.at("other").content, channels.contents.at("other").asset}, "game");
  refuses(behind_request{digest{}}, "game");
  auto crossed = channels.contents.at("other");
  crossed.asset = channels.contents.at("game").asset;
  const contents_request mixed{{crossed, channels.contents.at("other"), channels.contents.at("game")},
                               65'536};
  const auto absent = ask(*link, mixed, "game");
  ASSERT_TRUE(std::holds_alternative<contents_reply>(absent.header)) << refused(absent);
  EXPECT_EQ(std::get<contents_reply>(absent.header).pieces,
            (std::vector<contents_reply::piece>{{true, 0}, {true, 0}, {false, 1}}));
  ASSERT_EQ(absent.frames.size(), 1u);
  EXPECT_EQ(as_text(absent.frames[0]), "game bytes");
  const auto pages =
      ask(*link, pages_request{{channels.heads.at("other").root, channels.heads.at("game").root}}, "game");
  ASSERT_TRUE(std::holds_alternative<pages_reply>(pages.header));
  EXPECT_EQ(std::get<pages_reply>(pages.header).present, (std::vector<bool>{false, true}));
  EXPECT_EQ(channels.store.options().reads, 1u) << "of the one that is granted";
}

TEST_F(secured_ports, a_prefix_of_topics_is_not_followed) {
  const std::vector<byte_vector> tickets{ours.ticket_for(client->key, "game")};
  ASSERT_TRUE(gate.enrol(client->key, tickets));
  auto link = plain_link(link_keys{{server->key}, client});
  heard into;
  ASSERT_TRUE(link->connect_heads(heads->address()));
  ASSERT_TRUE(link->follow("other"));
  ASSERT_TRUE(link->follow("game"));
  ASSERT_TRUE(poll_until(*link, into, [&] {
    heads->announce("other", to_vector("not ours"));
    heads->announce("game", to_vector("ours"));
    return into.announcements.size() > 3;
  }));
  for (const auto& text : into.announcements) EXPECT_EQ(text, "ours");
  EXPECT_TRUE(wait_until([&] { return heads->count().refused >= 1; }));
  EXPECT_FALSE(channel_of_topic("a/"));
  EXPECT_FALSE(channel_of_topic(""));
  EXPECT_FALSE(channel_of_topic(std::string_view("a/ga", 4)));
  EXPECT_EQ(channel_of_topic(announcement_topic("game")), "game");
}

/// What a client with a grant has, and loses by `withdraw`.
class withdrawn_grant : public secured_ports {
 protected:
  void hears_and_then_not(const std::function<void()>& withdraw, const std::string& why) {
    const auto stays = new_pair();
    auto link = enrolling(client, {ours.ticket_for(client->key, "game", 100)});
    auto other = enrolling(
        stays, {ours.ticket_for(stays->key, "game", 101, {unix_now - 1, unix_now + 29 * unix_day})});
    heard into, other_into;
    for (auto* one : {link.get(), other.get()}) {
      ASSERT_TRUE(one->connect_heads(heads->address()));
      ASSERT_TRUE(one->follow("game"));
    }
    const auto both = [&](auto done) {
      return poll_until(*link, into, [&] {
        EXPECT_TRUE(other->poll({}, other_into));
        return done();
      });
    };
    ASSERT_TRUE(both([&] {
      heads->announce("game", to_vector("before"));
      return !into.announcements.empty() && !other_into.announcements.empty();
    }));
    withdraw();
    EXPECT_NE(refused(ask(*link, content_of("game"), "game")), "");
    ASSERT_TRUE(both([&] {
      heads->announce("game", to_vector("after"));
      return other_into.announcements.back() == "after" && client_log.contains(why);
    })) << why;
    EXPECT_EQ(std::count(into.announcements.begin(), into.announcements.end(), "after"), 0);
    EXPECT_NE(refused(ask(*other, snapshot_request{"other"}, "game")), "");
    EXPECT_EQ(refused(ask(*other, content_of("game"), "game")), "");
  }
};

TEST_F(withdrawn_grant, a_revoked_ticket_ends_what_is_under_way) {
  hears_and_then_not([&] { ASSERT_TRUE(gate.revoke(ours.revoking(1, {100}))); },
                     "ticket 100 for channel game was revoked");
}

TEST_F(withdrawn_grant, a_revoked_client_ends_what_is_under_way) {
  hears_and_then_not([&] { ASSERT_TRUE(gate.revoke(ours.revoking(1, {}, {client->key}))); },
                     "this client's key was revoked");
}

TEST_F(withdrawn_grant, an_expired_ticket_ends_what_is_under_way) {
  hears_and_then_not([&] { clock.unix = unix_now + 20 * unix_day; }, "has expired");
}

TEST_F(secured_ports, a_server_that_forgot_everybody_is_enrolled_with_again) {
  auto link = enrolling(client, {ours.ticket_for(client->key, "game")});
  heard into;
  ASSERT_TRUE(link->connect_heads(heads->address()));
  heads->beat(to_vector("first"));
  ASSERT_TRUE(poll_until(*link, into, [&] { return !into.heartbeats.empty(); }));
  // As after a restart: the same ports, and nobody has a grant.
  ASSERT_TRUE(gate.revoke(ours.revoking(1, {100})));
  ASSERT_TRUE(gate.revoke(ours.revoking(2, {})));
  ASSERT_TRUE(poll_until(*link, into, [&] {
    heads->beat(to_vector("second"));
    return into.heartbeats.back() == "second" && gate.clients() == 1;
  }));
}

}  // namespace
}  // namespace graphite::test
