#include "platform/zmq/runtime_link.hpp"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <set>
#include <zmq.hpp>

#include "platform/zmq/head_publisher.hpp"
#include "platform/zmq/message_bytes.hpp"
#include "platform/zmq/peer_connections.hpp"
#include "platform/zmq/socket_monitor.hpp"
#include "platform/zmq/wake_event.hpp"

namespace graphite {
namespace {

constexpr int watched_events = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
/// Without keys, connections that the port ended at once before it is taken for one that has keys. It ends
/// them before or after it has said so, as it happens.
constexpr int ended_at_once_max = 3;
constexpr milliseconds watch_period{100};  ///< of what connections hold

std::optional<link_event::what> meaning_of(std::uint16_t event) {
  switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      return link_event::what::connected;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      return link_event::what::refused;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      return link_event::what::failed;
    default:
      return {};
  }
}

/// A socket and what becomes of its connection.
struct end {
  end(zmq::socket_t made, std::size_t held_bytes_max)
      : socket(std::move(made)), open({.held_bytes_max = held_bytes_max}) {}
  zmq::socket_t socket;
  std::unique_ptr<socket_monitor> monitor;  ///< goes before the socket
  peer_connections open;
  bool urgent = true;  ///< events of it are waited for
  int ended_at_once = 0;
};

class dealer_link final : public runtime_link {
 public:
  dealer_link(std::shared_ptr<zmq_context> context, wake_event wake, const zmq_link_options& options)
      : context_(std::move(context)), wake_(std::move(wake)), options_(options) {}

  result<void> connect_heads(const std::string& address) override {
    GRAPHITE_CHECK(check(address));
    try {
      auto fresh = std::make_unique<end>(make(zmq::socket_type::sub, options_.head_bytes_max),
                                         options_.heads_held_bytes_max);
      fresh->socket.set(zmq::sockopt::subscribe, heartbeat_topic);
      for (const auto& topic : topics_) fresh->socket.set(zmq::sockopt::subscribe, topic);
      GRAPHITE_CHECK(connect(*fresh, address));
      heads_ = std::move(fresh);
      return {};
    } catch (const zmq::error_t& e) {
      return fail(errc::io, fmt::format("heads connection: {}", e.what()));
    }
  }

  result<void> follow(std::string_view channel) override {
    auto topic = announcement_topic(channel);
    if (heads_) heads_->socket.set(zmq::sockopt::subscribe, topic);
    topics_.insert(std::move(topic));
    return {};
  }

  result<void> connect_chunks(const std::string& address) override {
    GRAPHITE_CHECK(check(address));
    try {
      auto fresh = std::make_unique<end>(make(zmq::socket_type::dealer, options_.reply_bytes_max),
                                         options_.chunks_held_bytes_max);
      fresh->socket.set(zmq::sockopt::linger, 0);
      fresh->socket.set(zmq::sockopt::sndhwm, 64);
      GRAPHITE_CHECK(connect(*fresh, address));
      chunks_ = std::move(fresh);
      return {};
    } catch (const zmq::error_t& e) {
      return fail(errc::io, fmt::format("chunk connection: {}", e.what()));
    }
  }

  result<void> request(std::uint64_t id, byte_span message) override {
    if (!chunks_) return fail(errc::unavailable, "the chunk port is not known yet");
    try {
      if (!chunks_->socket.send(zmq::buffer(&id, sizeof id),
                                zmq::send_flags::sndmore | zmq::send_flags::dontwait))
        return fail(errc::busy, "too many requests under way");
      chunks_->socket.send(zmq::buffer(message.data(), message.size()), zmq::send_flags::dontwait);
      return {};
    } catch (const zmq::error_t& e) {
      return fail(errc::io, fmt::format("chunk request: {}", e.what()));
    }
  }

  result<void> poll(duration timeout, link_listener& listener) override {
    try {
      GRAPHITE_TRY(auto ready, wait(heads_ || chunks_ ? std::min<duration>(timeout, watch_period) : timeout));
      const auto now = std::chrono::steady_clock::now();
      if (ready.events || now - watched_ >= watch_period) take_events(listener, now);
      // A socket is left alone where it is known to be empty: asking it costs four system calls.
      for (std::size_t i = 0; i < messages_per_poll_max && (ready.heads || ready.chunks); ++i) {
        ready.heads = ready.heads && heads_ && read_head(listener);
        ready.chunks = ready.chunks && chunks_ && read_reply(listener);
      }
      return {};
    } catch (const zmq::error_t& e) {
      if (e.num() == EINTR) return {};
      return fail(errc::io, fmt::format("link: {}", e.what()));
    }
  }

  void wake() noexcept override { wake_.set(); }

 private:
  result<void> check(const std::string& address) const {
    GRAPHITE_TRY(const host_port where, parse_host_port(address));
    if (!is_loopback(where.host) && !options_.keys) return not_loopback(where.host);
    return {};
  }

  zmq::socket_t make(zmq::socket_type type, std::size_t message_bytes_max) {
    zmq::socket_t fresh(context_->get(), type);
    apply_limits(fresh, message_bytes_max);
    if (options_.keys) secure_client(fresh, options_.keys->servers[server_], *options_.keys->own);
    return fresh;
  }

  result<void> connect(end& fresh, const std::string& address) {
    fresh.monitor = std::make_unique<socket_monitor>(context_->get(), fresh.socket, watched_events);
    try {
      if (address.front() == '[') fresh.socket.set(zmq::sockopt::ipv6, true);
      fresh.socket.connect("tcp://" + address);
      return {};
    } catch (const zmq::error_t& e) {
      return fail(errc::invalid_argument, fmt::format("cannot connect to '{}': {}", address, e.what()));
    }
  }

  struct readable {
    bool heads = false, chunks = false, events = false;
  };

  result<readable> wait(duration timeout) {
    zmq::pollitem_t items[5] = {{nullptr, wake_.descriptor(), ZMQ_POLLIN, 0}};
    std::size_t count = 1;
    const auto add = [&](const zmq::pollitem_t& item) {
      items[count] = item;
      return count++;
    };
    const auto heads = heads_ ? add({heads_->socket.handle(), 0, ZMQ_POLLIN, 0}) : 0;
    const auto chunks = chunks_ ? add({chunks_->socket.handle(), 0, ZMQ_POLLIN, 0}) : 0;
    const auto monitors = count;
    for (const auto* one : {&heads_, &chunks_})
      if (*one && (*one)->urgent) add((*one)->monitor->item());
    // Rounded up: zero would make a loop that waits for a deadline below one millisecond spin.
    zmq::poll(items, count, std::chrono::ceil<milliseconds>(timeout));
    const auto set = [&](std::size_t i) { return (items[i].revents & ZMQ_POLLIN) != 0; };
    if (set(0) && wake_.clear()) return fail(errc::cancelled, "woken");
    readable out{heads != 0 && set(heads), chunks != 0 && set(chunks), false};
    for (std::size_t i = monitors; i < count; ++i) out.events = out.events || set(i);
    return out;
  }

  /// What the listener does about an event may replace a socket: all are read before he is told.
  void take_events(link_listener& listener, time_point now) {
    std::vector<link_event> events;
    for (const auto port : {served_port::heads, served_port::chunks}) {
      auto& from = port == served_port::heads ? heads_ : chunks_;
      while (from) {
        const auto event = from->monitor->next();
        if (!event) break;
        note_connection(*from, *event, now);
        const auto what = options_.keys ? meaning_of(event->event) : meaning_without_keys(*from, *event);
        if (what) events.push_back({port, *what});
        if (what == link_event::what::wants_keys) from.reset();  // libzmq would try for ever, or never
      }
      if (from && now - watched_ >= watch_period) from->open.watch(now);
    }
    if (now - watched_ >= watch_period) watched_ = now;
    // Another of the server's keys may be the one that it has now.
    if (std::ranges::any_of(events,
                            [](const auto& event) { return event.happened == link_event::what::failed; }))
      server_ = (server_ + 1) % options_.keys->servers.size();
    for (const auto& event : events) listener.on_event(event);
  }

  static void note_connection(end& of, const socket_monitor::happened& event, time_point now) {
    if (event.event == ZMQ_EVENT_CONNECTED) {
      of.open.accepted(event.value, now);
      of.open.settle(event.value);
    }
    if (event.event == ZMQ_EVENT_DISCONNECTED) of.open.ended(event.value);
  }

  /// Once it was connected nothing of it is urgent: to wait for it would cost each poll() something.
  static std::optional<link_event::what> meaning_without_keys(end& of,
                                                              const socket_monitor::happened& event) {
    if (event.event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) of.urgent = false;
    if (!of.urgent) return {};
    const bool mismatch = event.event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL &&
                          event.value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH;
    if (!mismatch &&
        (event.event != ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL || ++of.ended_at_once < ended_at_once_max))
      return {};
    return link_event::what::wants_keys;
  }

  /// One frame of `from`, which was waited for or has come already.
  zmq::recv_result_t receive(end& from, zmq::message_t& into, zmq::recv_flags how) {
    const auto got = from.socket.recv(into, how);
    if (got) from.open.took(connection_of(into), wire_bytes(into.size(), options_.keys.has_value()), {});
    return got;
  }

  bool read_head(link_listener& listener) {
    zmq::message_t topic, body;
    if (!receive(*heads_, topic, zmq::recv_flags::dontwait)) return false;
    if (!topic.more()) return true;
    const auto received = receive(*heads_, body, zmq::recv_flags::none);
    if (!received) return true;
    if (drain(*heads_, body.more())) return true;
    if (topic.to_string_view() == heartbeat_topic)
      listener.on_heartbeat(bytes_of(body));
    else
      listener.on_announcement(bytes_of(body));
    return true;
  }

  /// True where there was more than there should be.
  bool drain(end& from, bool more) {
    const bool any = more;
    zmq::message_t rest;
    while (more && receive(from, rest, zmq::recv_flags::none)) more = rest.more();
    return any;
  }

  bool read_reply(link_listener& listener) {
    zmq::message_t part;
    if (!receive(*chunks_, part, zmq::recv_flags::dontwait)) return false;
    std::uint64_t id = 0;
    const bool named = part.size() == sizeof id;
    if (named) std::memcpy(&id, part.data(), sizeof id);
    std::vector<byte_vector> frames;
    while (part.more() && receive(*chunks_, part, zmq::recv_flags::none)) {
      if (frames.size() > options_.reply_frames_max) continue;
      const byte_span bytes = bytes_of(part);
      frames.emplace_back(bytes.begin(), bytes.end());
    }
    if (named) listener.on_reply(id, std::move(frames));
    return true;
  }

  const std::shared_ptr<zmq_context> context_;
  std::unique_ptr<end> heads_, chunks_;
  std::set<std::string> topics_;
  std::size_t server_ = 0;  ///< which of its keys the next connection expects
  time_point watched_{};
  const wake_event wake_;
  const zmq_link_options options_;
};

}  // namespace

result<std::unique_ptr<runtime_link>> make_zmq_link(std::shared_ptr<zmq_context> context,
                                                    const zmq_link_options& options) {
  if (options.keys && (!options.keys->own || options.keys->servers.empty()))
    return fail(errc::invalid_argument, "a link with half of its keys");
  GRAPHITE_TRY(auto wake, wake_event::make());
  return std::make_unique<dealer_link>(std::move(context), std::move(wake), options);
}

}  // namespace graphite
