#include <sys/socket.h>

#include "core/messages/zap.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/recording_proxy.hpp"
#include "tests/support/wait_until.hpp"
#include "tests/zmq/secured_rig.hpp"

// The rows of docs/security.md for the ports of runtimes: what who may not have anything hears, what the
// service writes, and that nothing else is told.

namespace graphite::test {
namespace {

constexpr validity past{unix_now - 2 * unix_day, unix_now - unix_day};

class refused_peer : public secured_ports {
 protected:
  using what = link_event::what;

  /// A connection to the heads port ends so, and hears nothing.
  void expect_end_at_heads(std::optional<link_keys> keys, what end) {
    auto link = plain_link(std::move(keys));
    heard into;
    ASSERT_TRUE(link->connect_heads(heads->address()));
    for (const auto* channel : {"game", "other"}) EXPECT_TRUE(link->follow(channel));
    EXPECT_TRUE(poll_until(*link, into, [&] {
      tell_all();
      return into.happened(served_port::heads, end);
    }));
    EXPECT_TRUE(into.heartbeats.empty() && into.announcements.empty());
  }
  void tell_all() {
    heads->beat(to_vector("beat"));
    for (const auto* channel : {"game", "other"}) heads->announce(channel, to_vector(channel));
  }
  std::optional<link_keys> keys_of(const curve_pair_ptr& own) { return link_keys{{server->key}, own}; }
  void grant(const curve_pair_ptr& who, const std::string& channel, std::uint64_t serial = 100) {
    const std::vector<byte_vector> tickets{ours.ticket_for(who->key, channel, serial)};
    ASSERT_TRUE(gate.enrol(who->key, tickets));
  }
  void expect_written(const std::string& text) {
    EXPECT_TRUE(wait_until([&] { return server_log.contains(text); })) << text;
  }
  /// Says what somebody else has said, at once and waiting for the port's answer: it ends the connection.
  void expect_nothing_for(const std::string& bytes, const std::string& address) {
    constexpr std::size_t until_hello = 64 + 2 + 200, welcome = 64 + 2 + 168;
    ASSERT_GT(bytes.size(), until_hello);
    for (const bool waiting : {false, true}) {
      raw_client again(address);
      std::string answer(waiting ? welcome : 0, '\0');
      again.send(bytes.substr(0, until_hello));
      if (waiting) {
        ASSERT_EQ(::recv(again.fd(), answer.data(), welcome, MSG_WAITALL), ssize_t(welcome));
      }
      again.send(bytes.substr(until_hello));
      answer += again.read_to_end();
      EXPECT_LE(answer.size(), welcome) << "which he cannot read";
      for (const auto* secret : {"game", "other", "beat", "bytes"})
        EXPECT_EQ(answer.find(secret), std::string::npos);
    }
    expect_written("it does not have this server's key, or repeats what somebody else said");
  }
  /// A peer without keys that waits for what the port says of it; a link may see first that keys are wanted,
  /// and goes.
  void expect_no_key_told(const std::string& port, const std::string& address) {
    std::string greeting(64, '\0');
    greeting.replace(0, 1, "\xff").replace(8, 4, std::string("\x01\x7f\x03\x00", 4)).replace(12, 4, "NULL");
    raw_client plain(address);
    plain.send(greeting);
    EXPECT_LE(plain.read_to_end().size(), greeting.size());
    expect_written(port + ": refused a peer");  // where it is known, with its address
    expect_written("it shows no CURVE key");
  }
  void hears(const std::string& why, const std::string& part) {
    EXPECT_NE(why.find(part), std::string::npos) << why;
  }
  /// Who shows these tickets hears `why`, which the service writes, too.
  void expect_not_enrolled(const char* who, const curve_pair_ptr& as, std::vector<byte_vector> tickets,
                           const std::string& why) {
    SCOPED_TRACE(who);
    hears(why_not(as, std::move(tickets)), why);
    expect_written(why);
    EXPECT_TRUE(server_log.contains("refused to enrol " + user_id_of(as->key)));
    EXPECT_FALSE(gate.admits(served_port::heads, as->key));
  }
};

TEST_F(refused_peer, at_the_heads_port) {
  struct visit {
    const char* who;
    std::optional<link_keys> keys;
    what end;
    std::string written;
  };
  const auto expect_refused = [&](std::initializer_list<visit> visits) {
    for (const auto& [who, keys, end, written] : visits) {
      SCOPED_TRACE(who);
      expect_end_at_heads(keys, end);
      expect_written(written);
    }
  };
  const std::string none = ": this client has no grant (any more): it has to enrol with a ticket";
  const auto client_line = [](const curve_pair_ptr& who) {
    return "heads port: refused client " + user_id_of(who->key);
  };
  const auto stranger = new_pair(), revoked = new_pair(), left = new_pair(), expired = new_pair();
  expect_refused({{"no key", {}, what::wants_keys, "heads port: refused a peer"},
                  {"the key of another server", link_keys{{new_pair()->key}, client}, what::failed,
                   "it does not have this server's key"},
                  {"wrong role: no ticket", keys_of(stranger), what::refused, client_line(stranger) + none}});
  expect_no_key_told("heads port", heads->address());
  // When a grant ends all connections do, whatever they are about.
  grant(revoked, "game", 55);
  grant(left, "game", 66);
  ASSERT_TRUE(gate.revoke(ours.revoking(1, {66}, {revoked->key})));
  const std::vector<byte_vector> short_ticket{
      ours.ticket_for(expired->key, "game", 77, {unix_now - unix_day, unix_now + 1})};
  ASSERT_TRUE(gate.enrol(expired->key, short_ticket));
  clock.unix = unix_now + 1;
  expect_refused(
      {{"revoked", keys_of(revoked), what::refused, client_line(revoked) + ": this client's key was revoked"},
       {"a revoked ticket", keys_of(left), what::refused, client_line(left) + none},
       {"expired", keys_of(expired), what::refused, client_line(expired) + none}});
  EXPECT_EQ(zap->count().admitted, 0u);
}

TEST_F(refused_peer, at_the_heads_port_of_another_channel) {
  grant(client, "other");
  auto link = plain_link(keys_of(client));
  heard into;
  ASSERT_TRUE(link->connect_heads(heads->address()));
  ASSERT_TRUE(link->follow("game"));
  ASSERT_TRUE(link->follow("other"));
  ASSERT_TRUE(poll_until(*link, into, [&] {
    tell_all();
    return into.announcements.size() > 20;
  }));
  EXPECT_EQ(std::count(into.announcements.begin(), into.announcements.end(), "game"), 0);
  expect_written("refused client " + user_id_of(client->key) + ": it has no grant for channel 'game'");
}

TEST_F(refused_peer, who_replays_anothers_bytes_to_the_heads_port) {
  grant(client, "game");
  std::string bytes;
  {
    recording_proxy between(heads->address());
    auto link = plain_link(keys_of(client));
    heard into;
    ASSERT_TRUE(link->connect_heads(between.address()));
    ASSERT_TRUE(link->follow("game"));
    ASSERT_TRUE(poll_until(*link, into, [&] {
      tell_all();
      return !into.announcements.empty();
    }));
    bytes = between.sent_by_client();
  }
  expect_nothing_for(bytes, heads->address());
  expect_written("heads port: refused a peer");
}

TEST_F(refused_peer, at_the_chunk_port) {
  for (const bool with_key : {false, true}) {
    auto link = plain_link(with_key ? std::optional(link_keys{{new_pair()->key}, client}) : std::nullopt);
    heard into;
    ASSERT_TRUE(link->connect_chunks(chunks->address()));
    ASSERT_TRUE(link->request(1, encode(snapshot_request{"game"}, "game")));
    ASSERT_TRUE(poll_until(*link, into, [&] { return !into.events.empty(); }));
    EXPECT_EQ(into.events.front().happened, with_key ? what::failed : what::wants_keys);
    EXPECT_TRUE(into.replies.empty());
  }
  expect_no_key_told("chunk port", chunks->address());
  expect_written("it does not have this server's key");
}

TEST_F(refused_peer, who_shows_a_ticket_that_does_not_count) {
  const authority theirs;
  const auto thief = new_pair(), late = new_pair(), soon = new_pair(), revoked = new_pair();
  ASSERT_TRUE(gate.revoke(ours.revoking(1, {55, 66}, {revoked->key})));
  expect_not_enrolled("no ticket", new_pair(), {}, "no ticket was shown: make a new one with `graphite keys");
  expect_not_enrolled("no whole ticket", new_pair(), {to_vector("nonsense")}, "a ticket that cannot be read");
  expect_not_enrolled("another root's", client, {theirs.ticket_for(client->key, "game")},
                      "a ticket of another root");
  expect_not_enrolled("replayed by another key", thief, {ours.ticket_for(client->key, "game")},
                      "ticket 100 for channel game is for another client's key, that of pc");
  expect_not_enrolled("by the key of another channel", late,
                      {ours.ticket_by(ours.key_of("other"), late->key, "game")},
                      "ticket 100 for channel game is signed by a key of channel other");
  expect_not_enrolled("a revoked ticket", late, {ours.ticket_for(late->key, "game", 55)},
                      "ticket 55 for channel game was revoked");
  expect_not_enrolled("by a revoked key", late, {ours.ticket_by(ours.key_of("game", 66), late->key, "game")},
                      "is signed by key 66, which was revoked");
  expect_not_enrolled("a revoked client", revoked, {ours.ticket_for(revoked->key, "game")},
                      "this client's key was revoked: make another one");
  expect_not_enrolled("expired", late, {ours.ticket_for(late->key, "game", 1, past)},
                      "ticket 1 for channel game has expired: make a new one");
  expect_not_enrolled("not yet", soon, {ours.ticket_for(soon->key, "game", 1, {unix_now + 1, unix_now + 2})},
                      "is not valid yet: are both clocks right?");
  expect_not_enrolled("by an expired key", soon,
                      {ours.ticket_by(ours.key_of("game", 7, past), soon->key, "game")},
                      "key 7 of it has expired");
  EXPECT_EQ(gate.clients(), 0u);
}

/// All that can be asked, of `game`.
std::vector<chunk_request> questions(const published_channels& of) {
  const auto& content = of.contents.at("game");
  ack_request ack;
  ack.channel = "game";
  return {snapshot_request{"game"},
          pages_request{{of.heads.at("game").root}},
          list_request{content.content, content.asset},
          contents_request{{content}, 65'536},
          behind_request{of.heads.at("game").behind},
          ack};
}

TEST_F(refused_peer, who_asks_without_a_grant) {
  const auto ticket_of_other = new_pair(), left = new_pair(), expired = new_pair(), revoked = new_pair();
  grant(ticket_of_other, "other");
  grant(left, "game", 66);
  grant(revoked, "game", 67);
  const std::vector<byte_vector> short_ticket{
      ours.ticket_for(expired->key, "game", 77, {unix_now - unix_day, unix_now + 1})};
  ASSERT_TRUE(gate.enrol(expired->key, short_ticket));
  ASSERT_TRUE(gate.revoke(ours.revoking(1, {66}, {revoked->key})));
  clock.unix = unix_now + 1;
  const std::string none = "this client has no grant (any more): it has to enrol with a ticket";
  const std::pair<curve_pair_ptr, std::string> clients[] = {
      {new_pair(), none},
      {ticket_of_other,
       "this client has no grant for channel 'game': make a new one with `graphite keys ticket`"},
      {left, none},
      {revoked, "this client's key was revoked: make another one"},
      {expired, none}};
  for (const auto& [as, why] : clients) {
    const auto id = user_id_of(as->key);
    SCOPED_TRACE(why);
    serve({.requests = {2000, 4000}, .enrolments = {100, 100}});
    auto link = plain_link(keys_of(as));
    ASSERT_TRUE(link->connect_chunks(chunks->address()));
    for (const auto& question : questions(channels)) {
      const auto reply = ask(*link, question, "game");
      EXPECT_EQ(refused(reply), why) << "question " << question.index();
      EXPECT_TRUE(reply.frames.empty());
    }
    EXPECT_EQ(server_log.count("refused a request of " + id + ": " + why), questions(channels).size());
  }
  EXPECT_EQ(channels.store.options().reads, 0u);
}

TEST_F(refused_peer, who_replays_anothers_bytes_to_the_chunk_port) {
  grant(client, "game");
  std::string bytes;
  {
    recording_proxy between(chunks->address());
    auto link = plain_link(keys_of(client));
    ASSERT_TRUE(link->connect_chunks(between.address()));
    EXPECT_EQ(refused(ask(*link, content_of("game"), "game")), "");
    bytes = between.sent_by_client();
  }
  const auto requests = chunks->count().requests;
  expect_nothing_for(bytes, chunks->address());
  expect_written("chunk port: refused a peer");
  EXPECT_EQ(chunks->count().requests, requests);
}

}  // namespace
}  // namespace graphite::test
