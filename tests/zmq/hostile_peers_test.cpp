#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <zmq.hpp>

#include "platform/linux/owned_fd.hpp"
#include "platform/zmq/socket_monitor.hpp"
#include "tests/support/wait_until.hpp"
#include "tests/zmq/secured_rig.hpp"

// Peers who want to be in the way: they cost little, and others go on.

namespace graphite::test {
namespace {

constexpr std::size_t intruders = 1000;

/// Bytes of this process's memory that is its own.
std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t size = 0, resident = 0, shared = 0;
  in >> size >> resident >> shared;
  return (resident - shared) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

owned_fd raw_connection(const std::string& address) {
  const auto where = parse_host_port(address).value();
  owned_fd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(where.port);
  inet_pton(AF_INET, where.host.c_str(), &to.sin_addr);
  if (::connect(out.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return owned_fd();
  fcntl(out.get(), F_SETFL, O_NONBLOCK);
  return out;
}

/// The first 64 bytes of a connection of ZMTP 3.0.
std::string greeting(std::string_view mechanism) {
  std::string out(64, '\0');
  out[0] = '\xff';
  out[8] = 1;
  out[9] = 0x7f;
  out[10] = 3;
  std::copy(mechanism.begin(), mechanism.end(), out.begin() + 12);
  return out;
}

std::string noise(std::size_t bytes, std::mt19937_64& random) {
  std::string out(bytes, '\0');
  for (auto& c : out) c = static_cast<char>(random());
  return out;
}

/// What intruder number `i` says.
std::string opening(std::size_t i, std::mt19937_64& random) {
  switch (i % 6) {
    case 0:
      return {};
    case 1:
      return noise(60'000, random);
    case 2:
      return greeting("NULL") + noise(2000, random);
    case 3:
      return greeting("CURVE") + std::string("\x04\xc8\x05HELLO", 8) + noise(60'000, random);
    case 4:
      return greeting("CURVE").substr(0, 20);
    default:  // a command that would be longer than anything
      return greeting("CURVE") + std::string("\x06\x7f\xff\xff\xff\xff\xff\xff\xff", 9) +
             noise(60'000, random);
  }
}

class hostile_peers : public secured_ports {
 protected:
  /// An honest client goes on to hear what is told.
  void expect_heard(runtime_link& link, heard& into, const std::string& text) {
    EXPECT_TRUE(poll_until(link, into, [&] {
      heads->announce("game", to_vector(text));
      return !into.announcements.empty() && into.announcements.back() == text;
    })) << text;
  }
  /// Connects `intruders` to each port, which say what `says` makes; the memory that each costs.
  std::size_t bytes_per_connection(const std::function<std::string(std::size_t)>& says) {
    auto honest = enrolling(client, {ours.ticket_for(client->key, "game")});
    heard into;
    EXPECT_TRUE(honest->connect_heads(heads->address()));
    EXPECT_TRUE(honest->follow("game"));
    expect_heard(*honest, into, "before");
    std::vector<owned_fd> open;
    const auto before = resident_bytes();
    auto most = before;
    for (const auto& address : {heads->address(), chunks->address()})
      for (std::size_t i = 0; i < intruders; ++i) {
        auto one = raw_connection(address);
        EXPECT_GE(one.get(), 0);
        const auto text = says(i);
        (void)!::send(one.get(), text.data(), text.size(), MSG_NOSIGNAL);
        open.push_back(std::move(one));
        if (i % 100 == 0) expect_heard(*honest, into, fmt::format("{} {}", address, i));
        most = std::max(most, resident_bytes());
      }
    expect_heard(*honest, into, "after");
    most = std::max(most, resident_bytes());
    EXPECT_EQ(refused(ask(*honest, content_of("game"), "game")), "");
    EXPECT_EQ(gate.clients(), 1u);
    EXPECT_EQ(zap->count().admitted, 2u) << "both of the honest one";
    const auto each = (most - before) / (2 * intruders);
    RecordProperty("bytes_per_connection", static_cast<int>(each));
    fmt::print("bytes_per_connection: {}\n", each);
    return each;
  }
};

TEST_F(hostile_peers, a_thousand_who_say_nothing_at_each_port_cost_little_and_stop_nobody) {
  const auto half = [](std::size_t i) { return i % 2 == 0 ? "" : greeting("CURVE").substr(0, 20); };
  EXPECT_LT(bytes_per_connection(half), MiB);
}

TEST_F(hostile_peers, a_thousand_who_say_rubbish_at_each_port_cost_little_and_stop_nobody) {
  std::mt19937_64 random(5);
  EXPECT_LT(bytes_per_connection([&](std::size_t i) { return opening(i, random); }), MiB);
}

TEST_F(hostile_peers, a_key_without_a_grant_that_floods_is_bounded) {
  auto honest = enrolling(client, {ours.ticket_for(client->key, "game")});
  heard into;
  ASSERT_TRUE(honest->connect_heads(heads->address()));
  ASSERT_TRUE(honest->follow("game"));
  expect_heard(*honest, into, "before");
  const auto before = resident_bytes();
  auto rude = plain_link(link_keys{{server->key}, new_pair()});
  heard rude_into;
  ASSERT_TRUE(rude->connect_chunks(chunks->address()));
  const byte_vector large(60'000);
  std::uint64_t sent = 0, answered = 0, busy = 0;
  for (std::uint64_t id = 1; id <= 3000; ++id) {
    sent += rude->request(id, large).has_value();
    ASSERT_TRUE(rude->poll({}, rude_into));
  }
  ASSERT_TRUE(poll_until(*rude, rude_into,
                         [&] { return rude_into.replies.size() >= std::min<std::uint64_t>(sent, 20); }));
  for (const auto& [id, reply] : rude_into.replies) {
    ASSERT_TRUE(reply);
    const auto* no = std::get_if<refusal>(&reply->header);
    ASSERT_NE(no, nullptr);
    ++answered;
    busy += no->code == errc::busy;
  }
  EXPECT_GT(busy, answered / 2) << "most get past no more than the counting";
  // What this process's own sending end holds is in it, too.
  EXPECT_LT(resident_bytes() - std::min(before, resident_bytes()), 64 * MiB);
  expect_heard(*honest, into, "after");
  EXPECT_EQ(refused(ask(*honest, content_of("game"), "game")), "");
}

TEST_F(hostile_peers, a_key_without_a_grant_cannot_send_much_at_once) {
  auto rude = plain_link(link_keys{{server->key}, new_pair()});
  ASSERT_TRUE(rude->connect_chunks(chunks->address()));
  contents_request many;
  many.ranges.resize(chunk_port_limits::ranges_max);
  EXPECT_NE(refused(ask(*rude, many, "game")).find("has not enrolled"), std::string::npos);
}

TEST_F(hostile_peers, a_client_that_asks_too_often_is_told_to_wait) {
  request_limits::options few;
  few.requests = {1, 3};
  serve(few);
  const std::vector<byte_vector> tickets{ours.ticket_for(client->key, "game")};
  ASSERT_TRUE(gate.enrol(client->key, tickets));
  auto link = plain_link(link_keys{{server->key}, client});
  ASSERT_TRUE(link->connect_chunks(chunks->address()));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(refused(ask(*link, content_of("game"), "game")), "");
  EXPECT_NE(refused(ask(*link, content_of("game"), "game")).find("ask again in a second"), std::string::npos);
}

TEST_F(hostile_peers, refused_strangers_do_not_fill_the_log) {
  for (int i = 0; i < 100; ++i)
    EXPECT_NE(why_not(new_pair(), {to_vector("nonsense")}), "") << "each hears it";
  EXPECT_GE(server_log.count("refused to enrol"), 20u);
  EXPECT_LT(server_log.count("refused to enrol"), 80u) << "20, and two a second";
}

// A port's thread ended without a word.
TEST_F(hostile_peers, a_heads_port_that_gets_no_socket_for_a_while_goes_on) {
  heads.reset();
  zmq_publisher_options options;
  options.listen = {"127.0.0.1", 0, false, server};
  options.rejoin_period = milliseconds(5);
  options.admission = &gate;
  options.log = &server_log;
  heads = make_zmq_publisher(server_context, options).value();
  port->set_endpoints(heads->address(), chunks->address());
  std::vector<zmq::socket_t> all;
  std::uint64_t number = 0;
  ASSERT_TRUE(wait_until([&] {
    try {  // also those that the port gives back to have others
      while (true) all.emplace_back(server_context->get(), zmq::socket_type::pair);
    } catch (const zmq::error_t& e) {
      EXPECT_EQ(e.num(), EMFILE);
    }
    const auto gone = new_pair();
    const std::vector<byte_vector> tickets{ours.ticket_for(gone->key, "game", 100 + ++number)};
    EXPECT_TRUE(gate.enrol(gone->key, tickets));
    EXPECT_TRUE(gate.revoke(ours.revoking(number, {100 + number})));
    heads->announce("game", to_vector("before"));
    return server_log.contains("heads port: ");
  }));
  all.clear();
  auto honest = enrolling(client, {ours.ticket_for(client->key, "game", 99)});
  heard into;
  ASSERT_TRUE(honest->connect_heads(heads->address()));
  ASSERT_TRUE(honest->follow("game"));
  expect_heard(*honest, into, "after");
}

TEST_F(hostile_peers, more_connections_than_may_be_wait_until_others_end) {
  chunks.reset();
  zmq_chunk_server_options options;
  options.listen = {"127.0.0.1", 0, false, server};
  options.connections.all_max = 4;
  chunks = make_zmq_chunk_server(server_context, options, *port).value();
  std::vector<owned_fd> open;
  for (int i = 0; i < 4; ++i) open.push_back(raw_connection(chunks->address()));
  auto link = plain_link(link_keys{{server->key}, client});
  heard into;
  ASSERT_TRUE(link->connect_chunks(chunks->address()));
  ASSERT_TRUE(link->request(1, encode(snapshot_request{"game"}, "game")));
  open.clear();
  EXPECT_TRUE(poll_until(*link, into, [&] { return into.replies.contains(1); }));
}

/// A chunk port's client that does what ours does not, by a socket that can.
zmq::socket_t rude_asker(zmq::context_t& context, const curve_key& server, const curve_pair& own) {
  const auto text = [](byte_span bytes) { return std::string(as_text(bytes)); };
  zmq::socket_t out(context, zmq::socket_type::dealer);
  out.set(zmq::sockopt::curve_serverkey, text(server.bytes));
  out.set(zmq::sockopt::curve_publickey, text(own.key.bytes));
  out.set(zmq::sockopt::curve_secretkey, text(own.secret.view()));
  out.set(zmq::sockopt::linger, 0);
  out.set(zmq::sockopt::reconnect_ivl, -1);
  return out;
}

/// A chunk port with other limits.
class limited_chunks : public hostile_peers {
 protected:
  void serve_limited(connection_limits limits) {
    chunks.reset();
    zmq_chunk_server_options options;
    options.listen = {"127.0.0.1", 0, false, server};
    options.connections = limits;
    options.connections.admission = &gate;
    chunks = make_zmq_chunk_server(server_context, options, *port).value();
  }
  /// Proves a key, says one thing that is no request, and stays.
  void stays(const curve_pair_ptr& as) {
    const auto before = chunks->count().refused;
    auto& socket = idle_.emplace_back(rude_asker(context_, server->key, *as));
    socket.connect("tcp://" + chunks->address());
    socket.send(zmq::message_t(8), zmq::send_flags::none);
    ASSERT_TRUE(wait_until([&] { return chunks->count().refused > before; }));
  }
  bool left(zmq::socket_t& socket, socket_monitor& seen, std::size_t bytes) {
    return wait_until([&] {
      (void)socket.send(zmq::message_t(bytes), zmq::send_flags::dontwait);
      return seen.next().has_value();
    });
  }
  void expect_served(runtime_link& link) { EXPECT_EQ(refused(ask(link, content_of("game"), "game")), ""); }

  zmq::context_t context_;
  std::vector<zmq::socket_t> idle_;
};

// They held all connections for ever.
TEST_F(limited_chunks, idle_strangers_make_room_for_others) {
  serve_limited({.all_max = 4, .ungranted_grace = milliseconds(1)});
  const std::vector<byte_vector> tickets{ours.ticket_for(client->key, "game")};
  ASSERT_TRUE(gate.enrol(client->key, tickets));
  for (int i = 0; i < 4; ++i) stays(new_pair());
  auto link = plain_link(link_keys{{server->key}, client});
  ASSERT_TRUE(link->connect_chunks(chunks->address()));
  expect_served(*link);
  for (int i = 0; i < 6; ++i) stays(new_pair());
  expect_served(*link);
}

TEST_F(limited_chunks, an_address_takes_no_more_than_its_share) {
  serve_limited({.of_address_max = 2});
  const std::vector<byte_vector> tickets{ours.ticket_for(client->key, "game")};
  ASSERT_TRUE(gate.enrol(client->key, tickets));
  auto link = plain_link(link_keys{{server->key}, client});
  ASSERT_TRUE(link->connect_chunks(chunks->address()));
  expect_served(*link);
  auto first = rude_asker(context_, server->key, *new_pair());
  socket_monitor seen(context_, first, ZMQ_EVENT_DISCONNECTED);
  first.connect("tcp://" + chunks->address());
  first.send(zmq::message_t(8), zmq::send_flags::none);
  ASSERT_TRUE(wait_until([&] { return chunks->count().refused == 1; }));
  stays(new_pair());
  EXPECT_TRUE(wait_until([&] { return seen.next().has_value(); })) << "the one longest there without a grant";
  expect_served(*link);
}

TEST_F(limited_chunks, a_key_takes_no_more_than_its_share) {
  serve_limited({.of_key_max = 1});
  const auto stranger = new_pair();
  stays(stranger);
  auto second = rude_asker(context_, server->key, *stranger);
  socket_monitor seen(context_, second, ZMQ_EVENT_DISCONNECTED);
  second.connect("tcp://" + chunks->address());
  EXPECT_TRUE(left(second, seen, 8));
}

// libzmq 4.3.4 reads nothing of a connection that calls itself as another one does, and keeps what it sends.
TEST_F(limited_chunks, who_sends_what_nobody_takes_is_ended) {
  serve_limited({.held_bytes_max = MiB});
  const auto stranger = new_pair();
  auto first = rude_asker(context_, server->key, *stranger);
  auto second = rude_asker(context_, server->key, *stranger);
  for (auto* socket : {&first, &second}) socket->set(zmq::sockopt::routing_id, "same");
  first.connect("tcp://" + chunks->address());
  first.send(zmq::message_t(8), zmq::send_flags::none);
  ASSERT_TRUE(wait_until([&] { return chunks->count().refused == 1; })) << "one frame is no request";
  socket_monitor seen(context_, second, ZMQ_EVENT_DISCONNECTED);
  second.connect("tcp://" + chunks->address());
  EXPECT_TRUE(left(second, seen, 60'000));
}

/// What a subscriber's socket of ours never does, by a socket that can.
class rude_listener {
 public:
  rude_listener(const std::string& address, const curve_key& server, const curve_pair& own) {
    const auto text = [](byte_span bytes) { return std::string(as_text(bytes)); };
    socket_.set(zmq::sockopt::curve_serverkey, text(server.bytes));
    socket_.set(zmq::sockopt::curve_publickey, text(own.key.bytes));
    socket_.set(zmq::sockopt::curve_secretkey, text(own.secret.view()));
    socket_.set(zmq::sockopt::linger, 0);
    socket_.connect("tcp://" + address);
  }
  void send(std::string_view bytes) { (void)socket_.send(zmq::buffer(bytes), zmq::send_flags::dontwait); }
  std::vector<std::string> take() {
    std::vector<std::string> out;
    for (zmq::message_t part; socket_.recv(part, zmq::recv_flags::dontwait);) out.push_back(part.to_string());
    return out;
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::xsub};
};

// libzmq 4.3.4 gave the next peer's subscription to the one who had sent no subscription before.
TEST_F(hostile_peers, what_is_no_subscription_gives_nobody_elses) {
  const auto spy = new_pair();
  const std::vector<byte_vector> tickets{ours.ticket_for(spy->key, "other", 200)};
  ASSERT_TRUE(gate.enrol(spy->key, tickets));
  rude_listener rude(heads->address(), server->key, *spy);
  auto honest = enrolling(client, {ours.ticket_for(client->key, "game")});
  heard into;
  ASSERT_TRUE(honest->connect_heads(heads->address()));
  ASSERT_TRUE(honest->follow("game"));
  std::vector<std::string> spied;
  ASSERT_TRUE(poll_until(*honest, into, [&] {
    rude.send("\x02 not a subscription");
    rude.send(std::string("\x01", 1) + announcement_topic("other"));
    heads->announce("game", to_vector("ours"));
    for (auto& text : rude.take()) spied.push_back(std::move(text));
    return server_log.contains("is shut out") && into.announcements.size() > 20;
  }));
  EXPECT_EQ(std::count(spied.begin(), spied.end(), "ours"), 0);
  EXPECT_FALSE(gate.admits(served_port::heads, spy->key));
  EXPECT_FALSE(gate.enrol(spy->key, tickets)) << "he is not let in again";
}

TEST_F(hostile_peers, ever_more_topics_without_a_grant_end_the_listener) {
  const auto spy = new_pair();
  const std::vector<byte_vector> tickets{ours.ticket_for(spy->key, "other", 200)};
  ASSERT_TRUE(gate.enrol(spy->key, tickets));
  rude_listener rude(heads->address(), server->key, *spy);
  std::vector<std::string> spied;
  int i = 0;
  ASSERT_TRUE(wait_until([&] {
    for (const std::string topic :
         {std::string(), std::string("a/"), std::string("a/game"), std::to_string(i++)})
      rude.send("\x01" + topic);
    heads->announce("game", to_vector("ours"));
    for (auto& text : rude.take()) spied.push_back(std::move(text));
    return server_log.contains("ever more");
  }));
  EXPECT_EQ(std::count(spied.begin(), spied.end(), "ours"), 0);
}

TEST_F(hostile_peers, without_anybody_who_decides_nobody_is_served) {
  zap.reset();
  const std::vector<byte_vector> tickets{ours.ticket_for(client->key, "game")};
  ASSERT_TRUE(gate.enrol(client->key, tickets));
  auto link = plain_link(link_keys{{server->key}, client});
  heard into;
  ASSERT_TRUE(link->connect_heads(heads->address()));
  ASSERT_TRUE(link->connect_chunks(chunks->address()));
  ASSERT_TRUE(link->follow("game"));
  ASSERT_TRUE(link->request(1, encode(snapshot_request{"game"}, "game")));
  // Long enough for all of it to be refused, or not: each is seen by a counter or an event.
  ASSERT_TRUE(poll_until(*link, into, [&] {
    heads->announce("game", to_vector("ours"));
    heads->beat(to_vector("beat"));
    const bool heads_over = heads->count().refused >= 1 ||
                            into.happened(served_port::heads, link_event::what::failed) ||
                            into.happened(served_port::heads, link_event::what::refused);
    const bool chunks_over = chunks->count().refused >= 1 ||
                             into.happened(served_port::chunks, link_event::what::failed) ||
                             into.happened(served_port::chunks, link_event::what::refused);
    return heads_over && chunks_over;
  }));
  EXPECT_TRUE(into.announcements.empty() && into.heartbeats.empty() && into.replies.empty());
}

}  // namespace
}  // namespace graphite::test
