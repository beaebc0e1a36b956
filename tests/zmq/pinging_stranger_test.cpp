#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <latch>

#include "platform/linux/owned_fd.hpp"
#include "platform/zmq/chunk_server.hpp"
#include "platform/zmq/head_publisher.hpp"
#include "platform/zmq/runtime_link.hpp"
#include "tests/support/wait_until.hpp"

// A peer that speaks ZMTP 3.0 itself, fills what the port reads into, pings behind that and resets.

namespace graphite::test {
namespace {

using namespace std::string_literals;

std::string greeting_without_keys() {
  std::string out(64, '\0');
  out[0] = '\xff';
  out[8] = 1;
  out[9] = 0x7f;
  out[10] = 3;
  out.replace(12, 4, "NULL");
  return out;
}

/// Command READY of a socket of this type.
std::string ready(const std::string& type) {
  const std::string body = "\5READY\x0bSocket-Type"s + std::string(3, '\0') + char(type.size()) + type;
  return "\4"s + char(body.size()) + body;
}

const std::string ping = "\4\7\4PING\0\0"s;

class raw_peer {
 public:
  raw_peer(const std::string& address, const std::string& type) {
    const auto where = parse_host_port(address).value();
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(where.port);
    inet_pton(AF_INET, where.host.c_str(), &to.sin_addr);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    say(greeting_without_keys() + ready(type));
    char answer[65];
    EXPECT_EQ(::recv(socket_.get(), answer, sizeof answer, MSG_WAITALL), 65) << "the greeting, and more";
  }
  void say(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Not by the book.
  void reset() {
    const linger at_once{1, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket_.reset();
  }

 private:
  owned_fd socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

/// The port's I/O thread has gone round a few times when it has greeted new peers.
void let_it_go_round(const std::string& address, const std::string& type) {
  for (int i = 0; i < 8; ++i) raw_peer(address, type).reset();
}

struct held_up final : chunk_handler {
  std::vector<byte_vector> handle(const std::optional<curve_key>&, byte_span request) override {
    held.wait();
    return {byte_vector(request.begin(), request.end())};
  }
  std::latch held{1};
};

struct counting final : link_listener {
  void on_announcement(byte_span) override { ++heard; }
  void on_heartbeat(byte_span) override { ++heard; }
  void on_reply(std::uint64_t, std::vector<byte_vector>) override { ++heard; }
  int heard = 0;
};

void poll_until_heard(runtime_link& link) {
  counting into;
  ASSERT_TRUE(wait_until([&] {
    EXPECT_TRUE(link.poll(milliseconds(5), into));
    return into.heard > 0;
  }));
}

class pinging_stranger : public ::testing::Test {
 protected:
  std::shared_ptr<zmq_context> context_ = *zmq_context::make({1, 256, 64});
};

// libzmq 4.3.4 ended the process: assertion !_io_error.
TEST_F(pinging_stranger, does_not_end_a_chunk_port_that_is_busy) {
  held_up handler;
  auto server = *make_zmq_chunk_server(context_, {.listen = {"127.0.0.1", 0, false}}, handler);
  raw_peer rude(server->address(), "DEALER");
  std::string flood;
  for (int i = 0; i < 5000; ++i) flood += "\1\10"s + "12345678" + "\0\1x"s + ping;
  rude.say(flood);
  EXPECT_TRUE(wait_until([&] { return server->count().refused > 0; }))
      << "of one connection not more wait than may";
  rude.reset();
  let_it_go_round(server->address(), "DEALER");
  handler.held.count_down();
  auto honest = *make_zmq_link(context_, {});
  ASSERT_TRUE(honest->connect_chunks(server->address()));
  ASSERT_TRUE(honest->request(1, as_bytes(std::string_view("hello"))));
  poll_until_heard(*honest);
}

TEST_F(pinging_stranger, does_not_end_a_heads_port) {
  auto heads = *make_zmq_publisher(context_, {{"127.0.0.1", 0, false}, 1024, milliseconds(5)});
  heads->beat(byte_vector(8));
  for (int round = 0; round < 20; ++round) {
    raw_peer rude(heads->address(), "SUB");
    std::string flood;
    for (int i = 0; i < 5000; ++i) flood += "\0\2\1x"s + ping;
    rude.say(flood);
    rude.reset();
  }
  auto honest = *make_zmq_link(context_, {});
  ASSERT_TRUE(honest->connect_heads(heads->address()));
  poll_until_heard(*honest);
}

}  // namespace
}  // namespace graphite::test
