#include "platform/zmq/runtime_link.hpp"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <zmq.hpp>

#include "platform/zmq/head_publisher.hpp"
#include "platform/zmq/message_bytes.hpp"
#include "platform/zmq/wake_event.hpp"

namespace graphite {
namespace {

class dealer_link final : public runtime_link {
 public:
  dealer_link(std::shared_ptr<zmq_context> context, zmq::socket_t heads, wake_event wake,
              const zmq_link_options& options)
      : context_(std::move(context)), heads_(std::move(heads)), wake_(std::move(wake)), options_(options) {}

  result<void> connect_heads(const std::string& address) override {
    GRAPHITE_CHECK(check(address));
    heads_.set(zmq::sockopt::subscribe, heartbeat_topic);
    return connect(heads_, address);
  }

  result<void> follow(std::string_view channel) override {
    heads_.set(zmq::sockopt::subscribe, announcement_topic(channel));
    return {};
  }

  result<void> connect_chunks(const std::string& address) override {
    GRAPHITE_CHECK(check(address));
    try {
      zmq::socket_t fresh(context_->get(), zmq::socket_type::dealer);
      apply_limits(fresh, options_.reply_bytes_max);
      fresh.set(zmq::sockopt::linger, 0);
      fresh.set(zmq::sockopt::sndhwm, 64);
      GRAPHITE_CHECK(connect(fresh, address));
      chunks_ = std::move(fresh);
      return {};
    } catch (const zmq::error_t& e) {
      return fail(errc::io, fmt::format("chunk connection: {}", e.what()));
    }
  }

  result<void> request(std::uint64_t id, byte_span message) override {
    if (!chunks_) return fail(errc::unavailable, "the chunk port is not known yet");
    try {
      if (!chunks_->send(zmq::buffer(&id, sizeof id), zmq::send_flags::sndmore | zmq::send_flags::dontwait))
        return fail(errc::busy, "too many requests under way");
      chunks_->send(zmq::buffer(message.data(), message.size()), zmq::send_flags::dontwait);
      return {};
    } catch (const zmq::error_t& e) {
      return fail(errc::io, fmt::format("chunk request: {}", e.what()));
    }
  }

  result<void> poll(duration timeout, link_listener& listener) override {
    try {
      GRAPHITE_TRY(auto ready, wait(timeout));
      // A socket is left alone where it is known to be empty: asking it costs four system calls.
      for (std::size_t i = 0; i < messages_per_poll_max && (ready.heads || ready.chunks); ++i) {
        ready.heads = ready.heads && read_head(listener);
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
  static result<void> check(const std::string& address) {
    GRAPHITE_TRY(const host_port where, parse_host_port(address));
    if (!is_loopback(where.host)) return not_loopback(where.host);
    return {};
  }

  static result<void> connect(zmq::socket_t& socket, const std::string& address) {
    try {
      socket.connect("tcp://" + address);
      return {};
    } catch (const zmq::error_t& e) {
      return fail(errc::invalid_argument, fmt::format("cannot connect to '{}': {}", address, e.what()));
    }
  }

  struct readable {
    bool heads = false, chunks = false;
  };

  result<readable> wait(duration timeout) {
    zmq::pollitem_t items[] = {{heads_.handle(), 0, ZMQ_POLLIN, 0},
                               {nullptr, wake_.descriptor(), ZMQ_POLLIN, 0},
                               {chunks_ ? chunks_->handle() : nullptr, 0, ZMQ_POLLIN, 0}};
    // Rounded up: zero would make a loop that waits for a deadline below one millisecond spin.
    const auto ms = std::chrono::ceil<milliseconds>(timeout);
    zmq::poll(items, chunks_ ? 3 : 2, ms);
    const auto set = [&](std::size_t i) { return (items[i].revents & ZMQ_POLLIN) != 0; };
    if (set(1) && wake_.clear()) return fail(errc::cancelled, "woken");
    return readable{set(0), chunks_ && set(2)};
  }

  bool read_head(link_listener& listener) {
    zmq::message_t topic, body;
    if (!heads_.recv(topic, zmq::recv_flags::dontwait)) return false;
    if (!topic.more()) return true;
    const auto received = heads_.recv(body, zmq::recv_flags::none);
    if (!received) return true;
    if (drain(heads_, body.more())) return true;
    if (topic.to_string_view() == heartbeat_topic)
      listener.on_heartbeat(bytes_of(body));
    else
      listener.on_announcement(bytes_of(body));
    return true;
  }

  /// True where there was more than there should be.
  static bool drain(zmq::socket_t& socket, bool more) {
    const bool any = more;
    zmq::message_t rest;
    while (more && socket.recv(rest, zmq::recv_flags::none)) more = rest.more();
    return any;
  }

  bool read_reply(link_listener& listener) {
    zmq::message_t part;
    if (!chunks_->recv(part, zmq::recv_flags::dontwait)) return false;
    std::uint64_t id = 0;
    const bool named = part.size() == sizeof id;
    if (named) std::memcpy(&id, part.data(), sizeof id);
    std::vector<byte_vector> frames;
    while (part.more() && chunks_->recv(part, zmq::recv_flags::none)) {
      if (frames.size() > options_.reply_frames_max) continue;
      const byte_span bytes = bytes_of(part);
      frames.emplace_back(bytes.begin(), bytes.end());
    }
    if (named) listener.on_reply(id, std::move(frames));
    return true;
  }

  const std::shared_ptr<zmq_context> context_;
  zmq::socket_t heads_;
  std::optional<zmq::socket_t> chunks_;
  const wake_event wake_;
  const zmq_link_options options_;
};

}  // namespace

result<std::unique_ptr<runtime_link>> make_zmq_link(std::shared_ptr<zmq_context> context,
                                                    const zmq_link_options& options) {
  try {
    zmq::socket_t heads(context->get(), zmq::socket_type::sub);
    apply_limits(heads, options.head_bytes_max);
    GRAPHITE_TRY(auto wake, wake_event::make());
    return std::make_unique<dealer_link>(std::move(context), std::move(heads), std::move(wake), options);
  } catch (const zmq::error_t& e) {
    return fail(errc::io, fmt::format("link: {}", e.what()));
  }
}

}  // namespace graphite
