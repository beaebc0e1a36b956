#include "platform/zmq/store_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <zmq.hpp>

#include "platform/zmq/message_bytes.hpp"
#include "platform/zmq/peer_connections.hpp"
#include "platform/zmq/socket_monitor.hpp"
#include "platform/zmq/wake_event.hpp"

namespace graphite {
namespace {

constexpr int told_of_stores = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED |
                               ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
constexpr milliseconds look_period{100};  ///< at what connections hold

/// A store, its socket and what becomes of the connection.
struct store_end {
  store_end(store_endpoint to, zmq::socket_t made, std::size_t held_bytes_max)
      : where(std::move(to)), socket(std::move(made)), open({.held_bytes_max = held_bytes_max}) {}
  const store_endpoint where;
  zmq::socket_t socket;
  std::unique_ptr<socket_monitor> monitor;  ///< goes before the socket
  peer_connections open;
};

class dealer_store_link final : public store_link {
 public:
  dealer_store_link(std::shared_ptr<zmq_context> context, wake_event wake,
                    const zmq_store_link_options& options)
      : context_(std::move(context)), wake_(std::move(wake)), options_(options) {}

  result<void> connect(std::span<const store_endpoint> stores) override {
    std::erase_if(ends_, [&](const auto& one) {
      return std::find(stores.begin(), stores.end(), one.second->where) == stores.end();
    });
    result<void> out;
    for (const auto& store : stores)
      if (!ends_.contains(store.name))
        if (auto made = connect_one(store); !made) out = std::move(made);
    return out;
  }

  result<void> send(const std::string& store, std::uint64_t request,
                    std::vector<byte_vector> frames) override {
    const auto found = ends_.find(store);
    if (found == ends_.end()) return fail(errc::not_found, "no store is called " + store);
    auto& socket = found->second->socket;
    try {
      if (!socket.send(zmq::buffer(&request, sizeof request),
                       zmq::send_flags::sndmore | zmq::send_flags::dontwait))
        return fail(errc::busy, "too much is under way to store " + store);
      for (std::size_t i = 0; i < frames.size(); ++i)
        socket.send(zmq::buffer(frames[i].data(), frames[i].size()),
                    i + 1 == frames.size() ? zmq::send_flags::none : zmq::send_flags::sndmore);
      return {};
    } catch (const zmq::error_t& e) {
      return fail(errc::io, fmt::format("request to store {}: {}", store, e.what()));
    }
  }

  result<void> poll(duration timeout, store_link_listener& listener) override {
    try {
      GRAPHITE_CHECK(wait(ends_.empty() ? timeout : std::min<duration>(timeout, look_period)));
      take_events(listener);
      for (auto& [name, end] : ends_)
        for (std::size_t i = 0; i < messages_per_poll_max && read_reply(*end, listener); ++i) {
        }
      return {};
    } catch (const zmq::error_t& e) {
      if (e.num() == EINTR) return {};
      return fail(errc::io, fmt::format("link to stores: {}", e.what()));
    }
  }

  void wake() noexcept override { wake_.set(); }

 private:
  result<void> connect_one(const store_endpoint& to) {
    GRAPHITE_TRY(const host_port where, parse_host_port(to.address));
    if (!is_loopback(where.host) && !options_.own) return not_loopback(where.host);
    if (options_.own && !to.key)
      return fail(errc::invalid_argument, fmt::format("store {} has no key, and needs one", to.name));
    try {
      zmq::socket_t socket(context_->get(), zmq::socket_type::dealer);
      apply_limits(socket, options_.reply_bytes_max);
      socket.set(zmq::sockopt::linger, 0);
      socket.set(zmq::sockopt::sndhwm, static_cast<int>(options_.unsent_max));
      // What a lost connection did not take is dropped: who asked is told, and asks again.
      socket.set(zmq::sockopt::immediate, true);
      if (where.host.find(':') != std::string::npos) socket.set(zmq::sockopt::ipv6, true);
      if (options_.own) secure_client(socket, *to.key, *options_.own);
      auto end = std::make_unique<store_end>(to, std::move(socket), options_.held_bytes_max);
      end->monitor = std::make_unique<socket_monitor>(context_->get(), end->socket, told_of_stores);
      end->socket.connect("tcp://" + to.address);
      ends_.emplace(to.name, std::move(end));
      return {};
    } catch (const zmq::error_t& e) {
      return fail(errc::io, fmt::format("connection to store {}: {}", to.name, e.what()));
    }
  }

  result<void> wait(duration timeout) {
    std::vector<zmq::pollitem_t> items{{nullptr, wake_.descriptor(), ZMQ_POLLIN, 0}};
    for (auto& [name, end] : ends_) {
      items.push_back({end->socket.handle(), 0, ZMQ_POLLIN, 0});
      items.push_back(end->monitor->item());
    }
    // Rounded up: zero would make a loop that waits for a deadline below one millisecond spin.
    zmq::poll(items.data(), items.size(), std::chrono::ceil<milliseconds>(timeout));
    if ((items[0].revents & ZMQ_POLLIN) != 0 && wake_.clear()) return fail(errc::cancelled, "woken");
    return {};
  }

  void take_events(store_link_listener& listener) {
    const auto now = std::chrono::steady_clock::now();
    const bool looks = now - looked_ >= look_period;
    if (looks) looked_ = now;
    for (auto& [name, end] : ends_) {
      while (const auto event = end->monitor->next()) note(*end, *event, now, listener);
      if (looks) end->open.watch(now);
    }
  }

  static void note(store_end& of, const socket_monitor::happened& event, time_point now,
                   store_link_listener& listener) {
    switch (event.event) {
      case ZMQ_EVENT_CONNECTED:
        of.open.accepted(event.value, now);
        of.open.settle(event.value);
        return;
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        return listener.on_connected(of.where.name);
      case ZMQ_EVENT_DISCONNECTED:
        of.open.ended(event.value);
        [[fallthrough]];
      default:
        return listener.on_lost(of.where.name);
    }
  }

  zmq::recv_result_t receive(store_end& from, zmq::message_t& into, zmq::recv_flags how) {
    const auto got = from.socket.recv(into, how);
    if (got) from.open.took(connection_of(into), wire_bytes(into.size(), options_.own != nullptr), {});
    return got;
  }

  /// False: nothing to read.
  bool read_reply(store_end& from, store_link_listener& listener) {
    zmq::message_t part;
    if (!receive(from, part, zmq::recv_flags::dontwait)) return false;
    std::uint64_t request = 0;
    const bool named = part.size() == sizeof request;
    if (named) std::memcpy(&request, part.data(), sizeof request);
    std::vector<byte_vector> frames;
    while (part.more() && receive(from, part, zmq::recv_flags::none)) {
      if (frames.size() > options_.reply_frames_max) continue;
      const byte_span bytes = bytes_of(part);
      frames.emplace_back(bytes.begin(), bytes.end());
    }
    if (named) listener.on_reply(from.where.name, request, std::move(frames));
    return true;
  }

  const std::shared_ptr<zmq_context> context_;
  const wake_event wake_;
  const zmq_store_link_options options_;
  std::map<std::string, std::unique_ptr<store_end>> ends_;
  time_point looked_{};
};

}  // namespace

result<std::unique_ptr<store_link>> make_zmq_store_link(std::shared_ptr<zmq_context> context,
                                                        const zmq_store_link_options& options) {
  GRAPHITE_TRY(auto wake, wake_event::make());
  return std::make_unique<dealer_store_link>(std::move(context), std::move(wake), options);
}

}  // namespace graphite
