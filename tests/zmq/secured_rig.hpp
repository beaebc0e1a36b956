#pragma once

#include <gtest/gtest.h>

#include <atomic>

#include "bundle/head_codec.hpp"
#include "bundle/index_page.hpp"
#include "bundle/index_tree.hpp"
#include "cli/chunk_port.hpp"
#include "platform/crypto/curve_keys.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/zmq/chunk_server.hpp"
#include "platform/zmq/head_publisher.hpp"
#include "platform/zmq/runtime_link.hpp"
#include "platform/zmq/zap_handler.hpp"
#include "runtime/enrolling_link.hpp"
#include "schemas/codec/chunk_messages.hpp"
#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/recording_log.hpp"

namespace graphite::test {

constexpr std::int64_t unix_now = 1'760'000'000'000'000'000, unix_day = 86'400'000'000'000;

/// The calendar is set by the test; the rest goes on as it does.
struct calendar_clock final : clock_source {
  time_point now() const override { return std::chrono::steady_clock::now(); }
  std::int64_t unix_ns() const override { return unix.load(); }
  std::atomic<std::int64_t> unix{unix_now};
};

/// A root, its channel keys and what they sign.
struct authority {
  std::unique_ptr<ed25519_signer> root = ed25519_signer::generate().value();
  std::unique_ptr<ed25519_signer> channel_key = ed25519_signer::generate().value();

  signed_statement key_of(const std::string& channel, std::uint64_t serial = 1,
                          validity valid = {unix_now - unix_day, unix_now + 30 * unix_day}) const {
    return sign_channel_key({channel, channel_key->key(), serial, valid}, *root).value();
  }
  byte_vector ticket_for(const curve_key& client, const std::string& channel, std::uint64_t serial = 100,
                         validity valid = {unix_now - unix_day, unix_now + 20 * unix_day}) const {
    return ticket_by(key_of(channel), client, channel, serial, valid);
  }
  byte_vector ticket_by(const signed_statement& key, const curve_key& client, const std::string& channel,
                        std::uint64_t serial = 100,
                        validity valid = {unix_now - unix_day, unix_now + 20 * unix_day}) const {
    return encode_ticket({key, sign_ticket({channel, "pc", client, serial, valid}, *channel_key).value()});
  }
  signed_statement revoking(std::uint64_t number, std::set<std::uint64_t> serials,
                            std::set<curve_key> clients = {}) const {
    return sign_revocations({number, std::move(serials), std::move(clients)}, *root).value();
  }
};

/// Two channels, "game" and "other", of one asset each.
struct published_channels {
  published_channels() {
    for (const std::string channel : {"game", "other"}) publish(channel, channel + " bytes");
  }
  void publish(const std::string& channel, const std::string& text) {
    const auto bytes = as_bytes(text);
    const auto chunks = chunk_bytes(bytes, hash);
    const auto content = store.put(bytes, chunks)->ref;
    const auto path = logical_path::parse(channel + ".txt").value();
    const auto tree = index_tree::build({{path, {part_of(content, chunks)}, {}}}, hash).value();
    head now;
    now.channel = channel;
    now.root = tree.root();
    now.assets = 1;
    const auto list = as_bytes(std::string_view("behind of "));
    now.behind = add_content(store, byte_vector(list.begin(), list.end()), hash).id;
    kept.publish(now, tree);
    heads[channel] = now;
    contents[channel] = {content.id, 0, 0, id_of(path)};
  }
  chunk_service_sources sources() {
    chunk_service_sources out;
    out.store = &store;
    out.hash = &hash;
    out.page = [this](std::string_view channel, const digest& id) { return kept.page(channel, id); };
    out.head = [this](std::string_view channel) -> std::optional<chunk_service_sources::current_head> {
      const auto found = heads.find(std::string(channel));
      if (found == heads.end()) return {};
      return chunk_service_sources::current_head{byte_vector(64), {}, 0, 0};
    };
    out.revocations = [this] { return revocations; };
    return out;
  }

  openssl_hasher hash;
  memory_chunk_store store{hash};
  kept_generations kept{true};
  std::map<std::string, head> heads;
  std::map<std::string, chunk_range> contents;
  chunk_service_sources::signed_list revocations;
};

struct heard final : link_listener {
  void on_announcement(byte_span message) override { announcements.emplace_back(as_text(message)); }
  void on_heartbeat(byte_span message) override { heartbeats.emplace_back(as_text(message)); }
  void on_reply(std::uint64_t id, std::vector<byte_vector> frames) override {
    replies[id] = decode_chunk_reply(std::move(frames));
  }
  void on_event(const link_event& event) override { events.push_back(event); }
  bool happened(served_port port, link_event::what what) const {
    return std::any_of(events.begin(), events.end(),
                       [&](const auto& one) { return one.port == port && one.happened == what; });
  }
  std::vector<std::string> announcements, heartbeats;
  std::map<std::uint64_t, result<chunk_reply>> replies;
  std::vector<link_event> events;
};

inline byte_vector to_vector(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

template <class Condition>
bool poll_until(runtime_link& link, heard& into, Condition done, seconds limit = seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done() && std::chrono::steady_clock::now() < end)
    if (const auto polled = link.poll(milliseconds(20), into); !polled) {
      ADD_FAILURE() << polled.error().context;
      return false;
    }
  return done();
}

/// Both ports with keys on loopback, and clients of them.
class secured_ports : public ::testing::Test {
 protected:
  secured_ports() { serve(); }
  void serve(request_limits::options limits = {}) {
    heads.reset();
    chunks.reset();
    port.emplace(chunk_service(channels.sources()), clock,
                 chunk_port_security{&gate, &channels.kept, &server_log, limits});
    chunks = make_zmq_chunk_server(server_context,
                                   {.listen = {"127.0.0.1", 0, false, server}, .log = &server_log}, *port)
                 .value();
    zmq_publisher_options options;
    options.listen = {"127.0.0.1", 0, false, server};
    options.rejoin_period = milliseconds(5);
    options.admission = &gate;
    options.log = &server_log;
    heads = make_zmq_publisher(server_context, options).value();
    port->set_endpoints(heads->address(), chunks->address());
  }

  /// A link that talks to the ports without enrolling.
  std::unique_ptr<runtime_link> plain_link(std::optional<link_keys> keys) {
    zmq_link_options options;
    options.keys = std::move(keys);
    return make_zmq_link(client_context, options).value();
  }
  std::unique_ptr<runtime_link> enrolling(const curve_pair_ptr& as, std::vector<byte_vector> tickets) {
    enrolling_link::options options;
    options.chunks = chunks->address();
    options.tickets = std::move(tickets);
    options.retrying.retry_delay = milliseconds(10);
    options.retrying.retry_delay_max = milliseconds(100);
    return std::make_unique<enrolling_link>(plain_link(link_keys{{server->key}, as}), options, clock,
                                            client_log);
  }
  /// Asks, and gives the answer.
  chunk_reply ask(runtime_link& link, const chunk_request& what, const std::string& channel = {}) {
    heard into;
    const auto id = ++last_id;
    EXPECT_TRUE(link.request(id, encode(what, channel)));
    EXPECT_TRUE(poll_until(link, into, [&] { return into.replies.contains(id); }));
    if (!into.replies.contains(id) || !into.replies.at(id)) return {};
    return *into.replies.at(id);
  }
  static curve_pair_ptr new_pair() { return std::make_shared<const curve_pair>(make_curve_pair().value()); }
  static std::string refused(const chunk_reply& reply) {
    const auto* no = std::get_if<refusal>(&reply.header);
    return no ? no->message : "";
  }
  contents_request content_of(const std::string& channel) {
    return {{channels.contents.at(channel)}, 65'536};
  }
  /// What a link that showed `tickets` as `as` is told.
  std::string why_not(const curve_pair_ptr& as, std::vector<byte_vector> tickets) {
    auto link = plain_link(link_keys{{server->key}, as});
    EXPECT_TRUE(link->connect_chunks(chunks->address()));
    return refused(ask(*link, welcome_request{{}, std::move(tickets)}));
  }

  authority ours;
  ed25519_verifier verifier;
  calendar_clock clock;
  recording_log server_log, client_log;
  published_channels channels;
  peer_gate gate{{}, {ours.root->key()}, verifier, clock, server_log};
  curve_pair_ptr server = new_pair(), client = new_pair();
  std::shared_ptr<zmq_context> server_context = *zmq_context::make({1, 256, 64});
  std::shared_ptr<zmq_context> client_context = *zmq_context::make({1, 256, 64});
  std::unique_ptr<zap_handler> zap = zap_handler::start(server_context, gate, &server_log).value();
  std::optional<chunk_port> port;
  std::unique_ptr<chunk_server> chunks;
  std::unique_ptr<head_publisher> heads;
  std::uint64_t last_id = 0;
};

}  // namespace graphite::test
