#include <gtest/gtest.h>

#include <atomic>

#include "platform/zmq/chunk_server.hpp"
#include "platform/zmq/head_publisher.hpp"
#include "platform/zmq/runtime_link.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

byte_vector bytes_of(std::string_view text) {
  const byte_span span = as_bytes(text);
  return {span.begin(), span.end()};
}

struct heard final : link_listener {
  void on_announcement(byte_span message) override { announcements.emplace_back(as_text(message)); }
  void on_heartbeat(byte_span message) override { heartbeats.emplace_back(as_text(message)); }
  void on_reply(std::uint64_t id, std::vector<byte_vector> frames) override {
    replies.emplace_back(id, std::move(frames));
  }
  std::vector<std::string> announcements, heartbeats;
  std::vector<std::pair<std::uint64_t, std::vector<byte_vector>>> replies;
};

/// Sends the request's bytes back in two frames; nothing for "silence".
struct echo final : chunk_handler {
  std::vector<byte_vector> handle(const std::optional<curve_key>&, byte_span request) override {
    ++calls;
    if (as_text(request) == "silence") return {};
    return {byte_vector(request.begin(), request.end()), bytes_of("second")};
  }
  std::atomic<int> calls{0};
};

class zmq_adapters : public ::testing::Test {
 protected:
  std::unique_ptr<head_publisher> publisher(std::uint16_t port = 0) {
    return *make_zmq_publisher(context_, {{"127.0.0.1", port, false}, 1024, milliseconds(5)});
  }
  std::unique_ptr<runtime_link> link() { return *make_zmq_link(context_, {}); }
  /// Polls until `done`, at most ten seconds.
  template <class Condition>
  bool poll_until(runtime_link& link, heard& into, Condition done) {
    const auto end = std::chrono::steady_clock::now() + seconds(10);
    while (!done() && std::chrono::steady_clock::now() < end)
      if (const auto polled = link.poll(milliseconds(50), into); !polled) {
        ADD_FAILURE() << polled.error().context;
        return false;
      }
    return done();
  }
  std::shared_ptr<zmq_context> context_ = *zmq_context::make({1, 256, 64});
};

std::uint16_t port_of(const std::string& address) { return parse_host_port(address)->port; }

TEST_F(zmq_adapters, a_late_listener_gets_the_kept_heartbeat) {
  auto heads = publisher();
  heads->beat(bytes_of("old"));
  heads->beat(bytes_of("new"));
  auto late = link();
  heard into;
  ASSERT_TRUE(late->connect_heads(heads->address()));
  ASSERT_TRUE(
      poll_until(*late, into, [&] { return !into.heartbeats.empty() && into.heartbeats.back() == "new"; }));
  // ZeroMQ may let it hear before the publisher has read that it listens.
  EXPECT_TRUE(poll_until(*late, into, [&] { return heads->count().listeners == 1; }));
  EXPECT_EQ(heads->count().left, 0u);
}

TEST_F(zmq_adapters, announcements_reach_those_who_follow_the_channel_in_order) {
  auto heads = publisher();
  heads->beat(bytes_of("beat"));
  auto one = link();
  heard into;
  ASSERT_TRUE(one->connect_heads(heads->address()));
  ASSERT_TRUE(one->follow("main"));
  ASSERT_TRUE(poll_until(*one, into, [&] { return !into.heartbeats.empty(); }));
  heads->announce("main2", bytes_of("not ours"));
  // The subscription to the channel follows the one to heartbeats; what is missed is a gap, as in life.
  ASSERT_TRUE(poll_until(*one, into, [&] {
    heads->announce("main", bytes_of(std::to_string(into.announcements.size())));
    return into.announcements.size() >= 5;
  }));
  for (const auto& text : into.announcements) EXPECT_NE(text, "not ours");
}

TEST_F(zmq_adapters, sixty_four_listeners_all_hear) {
  auto heads = publisher();
  std::vector<std::unique_ptr<runtime_link>> links;
  std::vector<heard> into(64);
  for (int i = 0; i < 64; ++i) {
    links.push_back(link());
    ASSERT_TRUE(links.back()->connect_heads(heads->address()));
  }
  heads->beat(bytes_of("beat"));
  for (int i = 0; i < 64; ++i)
    EXPECT_TRUE(poll_until(*links[i], into[i], [&] { return !into[i].heartbeats.empty(); })) << i;
  EXPECT_EQ(heads->count().listeners, 64u);
  links.resize(10);
  heard sink;
  EXPECT_TRUE(poll_until(*links[0], sink, [&] { return heads->count().listeners == 10; }));
}

// What was taken does not count as held: a connection that is ended loses the answers under way.
TEST_F(zmq_adapters, many_times_what_may_be_held_passes_a_link) {
  echo handler;
  const auto chunks = *make_zmq_chunk_server(context_, {.listen = {"127.0.0.1", 0, false}}, handler);
  zmq_link_options options;
  options.chunks_held_bytes_max = 512 * KiB;
  const auto one = *make_zmq_link(context_, options);
  heard into;
  ASSERT_TRUE(one->connect_chunks(chunks->address()));
  const byte_vector large(60'000);
  constexpr std::size_t all = 3'000, at_once = 4;
  std::size_t asked = 0, answered = 0;
  const bool done = poll_until(*one, into, [&] {
    answered += into.replies.size();
    into.replies.clear();
    while (asked < all && asked - answered < at_once) EXPECT_TRUE(one->request(++asked, large));
    return answered == all;
  });
  EXPECT_TRUE(done) << answered << " of " << all;
}

TEST_F(zmq_adapters, a_restarted_publisher_is_heard_again) {
  auto heads = publisher();
  const std::string address = heads->address();
  heads->beat(bytes_of("first"));
  auto one = link();
  heard into;
  ASSERT_TRUE(one->connect_heads(address));
  ASSERT_TRUE(poll_until(*one, into, [&] { return !into.heartbeats.empty(); }));
  heads.reset();
  result<std::unique_ptr<head_publisher>> again = fail(errc::unavailable, "");
  ASSERT_TRUE(poll_until(*one, into, [&] {
    if (!again)
      again = make_zmq_publisher(context_, {{"127.0.0.1", port_of(address), false}, 16, milliseconds(5)});
    return again.has_value();
  }));
  (*again)->beat(bytes_of("second"));
  EXPECT_TRUE(poll_until(*one, into, [&] { return into.heartbeats.back() == "second"; }));
}

// ZeroMQ 4.3.4 aborted the listener here: with pings of its own it connected anew beside a full queue.
TEST_F(zmq_adapters, a_listener_that_is_busy_for_long_is_cut_off_and_comes_back) {
  auto heads = publisher();
  heads->beat(bytes_of("before"));
  auto busy = link();
  heard into;
  ASSERT_TRUE(busy->connect_heads(heads->address()));
  ASSERT_TRUE(poll_until(*busy, into, [&] { return !into.heartbeats.empty(); }));
  // Its queue fills, then the connection, and then TCP gets rid of nothing for long.
  const byte_vector large(16'384);
  const auto deaf = [&] {
    for (int i = 0; i < 20; ++i) heads->beat(large);
    return heads->count().left > 0;
  };
  ASSERT_TRUE(test::wait_until(deaf, seconds(60)));
  EXPECT_TRUE(poll_until(*busy, into, [&] {
    heads->beat(bytes_of("after"));
    return into.heartbeats.back() == "after";
  }));
}

TEST_F(zmq_adapters, requests_are_answered_under_their_number) {
  echo handler;
  auto server = *make_zmq_chunk_server(context_, {{"127.0.0.1", 0, false}, 65536}, handler);
  auto one = link();
  heard into;
  EXPECT_FALSE(one->request(1, bytes_of("too early")));
  ASSERT_TRUE(one->connect_chunks(server->address()));
  ASSERT_TRUE(one->request(7, bytes_of("seven")));
  ASSERT_TRUE(one->request(8, bytes_of("silence")));
  ASSERT_TRUE(one->request(9, bytes_of("nine")));
  ASSERT_TRUE(poll_until(*one, into, [&] { return into.replies.size() == 2; }));
  EXPECT_EQ(into.replies[0].first, 7u);
  EXPECT_EQ(into.replies[0].second, (std::vector<byte_vector>{bytes_of("seven"), bytes_of("second")}));
  EXPECT_EQ(into.replies[1].first, 9u);
}

TEST_F(zmq_adapters, an_oversized_request_never_reaches_the_handler) {
  echo handler;
  auto server = *make_zmq_chunk_server(context_, {{"127.0.0.1", 0, false}, 1024}, handler);
  auto rude = link();
  auto polite = link();
  heard into;
  ASSERT_TRUE(rude->connect_chunks(server->address()));
  ASSERT_TRUE(polite->connect_chunks(server->address()));
  ASSERT_TRUE(rude->request(1, byte_vector(100'000)));
  ASSERT_TRUE(polite->request(2, bytes_of("hello")));
  ASSERT_TRUE(poll_until(*polite, into, [&] { return into.replies.size() == 1; }));
  EXPECT_EQ(handler.calls.load(), 1);
}

TEST_F(zmq_adapters, wake_ends_a_poll) {
  auto one = link();
  heard into;
  one->wake();
  const auto polled = one->poll(seconds(60), into);
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().code, errc::cancelled);
}

TEST_F(zmq_adapters, a_taken_port_is_refused_or_another_one_is_taken) {
  auto heads = publisher();
  const std::uint16_t port = port_of(heads->address());
  const auto refused = make_zmq_publisher(context_, {{"127.0.0.1", port, false}, 16, milliseconds(5)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::already_exists);
  const auto moved = make_zmq_publisher(context_, {{"127.0.0.1", port, true}, 16, milliseconds(5)});
  ASSERT_TRUE(moved);
  EXPECT_NE((*moved)->address(), heads->address());
}

TEST_F(zmq_adapters, only_loopback_is_served_and_used) {
  for (const char* host : {"0.0.0.0", "192.168.0.1", "*", "::"}) {
    const auto refused = make_zmq_publisher(context_, {{host, 0, false}, 16, milliseconds(5)});
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().code, errc::permission_denied);
    EXPECT_NE(refused.error().context.find("keys"), std::string::npos);
  }
  auto one = link();
  EXPECT_FALSE(one->connect_heads("10.0.0.1:7402"));
  EXPECT_FALSE(one->connect_heads("nonsense"));
}

TEST_F(zmq_adapters, a_full_queue_drops_the_oldest_and_counts_it) {
  auto heads = *make_zmq_publisher(context_, {{"127.0.0.1", 0, false}, 1, milliseconds(5)});
  for (int i = 0; i < 10'000; ++i) heads->announce("main", byte_vector(10));
  EXPECT_GT(heads->count().dropped, 0u);
}

}  // namespace
}  // namespace graphite
