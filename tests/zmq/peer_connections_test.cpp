#include "platform/zmq/peer_connections.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "gateway/listen_address.hpp"
#include "tests/support/raw_client.hpp"

namespace graphite::test {
namespace {

/// One connection, and both of its ends.
struct peer_connection : ::testing::Test {
  tcp_listener listener = listen_tcp({"127.0.0.1", 0}, 1).value();
  raw_client far{to_string(listener.at)};
  owned_fd near{::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  time_point now{};

  void pass(std::size_t bytes) {
    const std::string block(64 * KiB, 'x');
    std::string into(block.size(), '\0');
    for (std::size_t sent = 0; sent < bytes; sent += block.size()) {
      ASSERT_TRUE(far.send(block));
      ASSERT_EQ(::recv(near.get(), into.data(), into.size(), MSG_WAITALL), static_cast<ssize_t>(into.size()));
    }
  }
  bool open() {
    char byte = 0;
    return ::recv(far.fd(), &byte, 1, MSG_DONTWAIT) != 0;
  }
};

TEST_F(peer_connection, is_called_by_its_address_once_it_is_sure_whose_descriptor_it_was) {
  peer_connections all({});
  all.next_round();
  all.accepted(near.get(), now);
  EXPECT_EQ(all.name_of(near.get()), "");
  all.next_round();
  EXPECT_EQ(all.name_of(near.get()).rfind("127.0.0.1:", 0), 0u);
  all.ended(near.get());
  EXPECT_EQ(all.name_of(near.get()), "");
}

TEST_F(peer_connection, that_holds_too_much_is_ended) {
  peer_connections all({.held_bytes_max = MiB});
  all.accepted(near.get(), now);
  pass(2 * MiB);
  all.took(near.get(), MiB + 1, {});
  all.watch(now);
  EXPECT_TRUE(open());
  pass(MiB);
  all.watch(now);
  EXPECT_FALSE(open());
}

TEST_F(peer_connection, that_is_heard_of_late_holds_nothing_of_before) {
  peer_connections all({.held_bytes_max = MiB});
  pass(2 * MiB);
  all.accepted(near.get(), now);
  all.settle(near.get());
  all.watch(now);
  EXPECT_TRUE(open());
  pass(2 * MiB);
  all.watch(now);
  EXPECT_FALSE(open());
}

}  // namespace
}  // namespace graphite::test
