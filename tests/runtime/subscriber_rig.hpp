#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <random>

#include "platform/crypto/sha256.hpp"
#include "relay/chunk_service.hpp"
#include "runtime/subscriber.hpp"
#include "runtime/tree_index.hpp"
#include "tests/live_swap/small_publisher.hpp"
#include "tests/runtime/memory_sink.hpp"

namespace graphite::test {

/// A subscriber wired to a relay in memory. Time moves only by advance(); replies arrive by run().
class rig {
 public:
  /// Sees each reply before it is delivered; nothing: it is lost.
  using tamper = std::function<std::optional<chunk_reply>(const chunk_request&, chunk_reply)>;

  explicit rig(const hasher& hash, subscriber_memory memory = {}, std::string channel = {})
      : rig(hash, make_options(std::move(channel)), std::move(memory)) {}
  rig(const hasher& hash, subscriber_options options, subscriber_memory memory)
      : sink(hash),
        index(hash, nullptr),
        core(options, hash, sink, index, index.empty_root(), std::move(memory)) {
    sink.contents_later = options.on_demand;
  }

  static subscriber_options make_options(std::string channel) {
    subscriber_options out;
    out.channel = std::move(channel);
    out.fetch.credit_bytes = 256 * KiB;
    return out;
  }
  void serve(small_publisher& publisher, std::uint8_t incarnation = 1) {
    publisher_ = &publisher;
    who_.value.bytes.fill(incarnation);
  }
  void beat() { hear(publisher_->beat(7403, who_, unix_ns)); }
  void hear(const heartbeat& message) {
    obey(core.on_heartbeat(message, at()));
    run();
  }
  void hear(const announcement& message) {
    obey(core.on_announcement(message, at()));
    run();
  }
  void want(const std::vector<content_ref>& contents) {
    std::vector<content_want> wanted;
    for (const auto& content : contents) wanted.push_back({content, std::nullopt, asset_with(content.id)});
    obey(core.want(wanted, at()));
    run();
  }
  void hear_only(const announcement& message) { obey(core.on_announcement(message, at())); }
  /// Answers until nothing is asked any more.
  void run() {
    const chunk_service service(publisher_->sources());
    for (int i = 0; i < 10'000 && !requests.empty(); ++i) {
      const send_request request = requests.front();
      requests.pop_front();
      if (one_publisher) expect_granted(request);
      std::optional<chunk_reply> reply = service.answer(request.request);
      if (meddle) reply = meddle(request.request, std::move(*reply));
      if (reply) obey(core.on_reply(request.id, reply, at()));
    }
  }
  void advance(duration by) {
    const time_point end = now + by;
    for (int i = 0; i < 10'000 && now < end; ++i) {
      now = std::min(end, std::max(core.next_deadline(), now + milliseconds(1)));
      obey(core.on_tick(at()));
      run();
    }
  }
  instant at() const { return {now, unix_ns}; }

  memory_sink sink;
  tree_index index;
  subscriber core;
  std::deque<send_request> requests;
  std::vector<generation_swapped> swaps;
  std::vector<std::optional<behind_list>> told;
  std::vector<std::string> said;
  std::vector<digest> here, gone;    ///< on demand, as they were told
  std::uint64_t demanded_bytes = 0;  ///< fetched for them
  std::optional<error> gave_up;
  int connects = 0, trust_changes = 0;
  tamper meddle;
  bool one_publisher = true;  ///< then nothing is asked for that this one never had
  time_point now{seconds(1000)};
  std::int64_t unix_ns = 1'700'000'000'000'000'000;

 private:
  void obey(const subscriber::commands& commands) {
    for (const auto& command : commands) {
      if (const auto* c = std::get_if<send_request>(&command)) requests.push_back(*c);
      if (const auto* c = std::get_if<generation_swapped>(&command)) swaps.push_back(*c);
      if (const auto* c = std::get_if<behind_told>(&command)) told.push_back(c->behind);
      if (const auto* c = std::get_if<say>(&command)) said.push_back(c->text);
      if (const auto* c = std::get_if<contents_here>(&command)) {
        here.insert(here.end(), c->contents.begin(), c->contents.end());
        demanded_bytes += c->bytes_fetched;
      }
      if (const auto* c = std::get_if<contents_gone>(&command))
        gone.insert(gone.end(), c->contents.begin(), c->contents.end());
      if (const auto* c = std::get_if<give_up>(&command)) gave_up = c->why;
      if (std::holds_alternative<keep_trust>(command)) ++trust_changes;
      if (std::holds_alternative<connect_chunk_port>(command)) {
        ++connects;
        requests.clear();
      }
    }
  }
  /// Every request has to be one that a port with keys answers a client with a grant for the channel.
  void expect_granted(const send_request& request) {
    const auto checked = publisher_->kept().check({request.channel, request.request});
    EXPECT_TRUE(checked) << checked.error().context;
    if (const auto* contents = std::get_if<contents_request>(&request.request)) {
      const auto belong = publisher_->kept().belonging(request.channel, contents->ranges);
      EXPECT_EQ(belong, std::vector<bool>(contents->ranges.size(), true));
    }
  }
  asset_id asset_with(const digest& content) {
    for (const auto& [path, bytes] : publisher_->files()) {
      const auto chunks = chunk_bytes(as_bytes(bytes), test_hash());
      if (content_of(chunks, test_hash()).id == content) return id_of(logical_path::parse(path).value());
    }
    return {};
  }
  static const hasher& test_hash() {
    static const openssl_hasher hash;
    return hash;
  }
  small_publisher* publisher_ = nullptr;
  incarnation_id who_;
};

class subscriber_test : public ::testing::Test {
 protected:
  std::string text(std::size_t bytes) {
    std::string out(bytes, ' ');
    for (auto& c : out) c = static_cast<char>(rng_());
    return out;
  }
  bool shows(const rig& r, const small_publisher& p) { return r.sink.shown == p.files(); }

  openssl_hasher hash_;
  std::mt19937_64 rng_{3};
  small_publisher publisher_{{}, hash_};
};

}  // namespace graphite::test
