#include "platform/zmq/head_publisher.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <zmq.hpp>

#include "platform/linux/thread_name.hpp"
#include "platform/zmq/wake_event.hpp"

namespace graphite {

std::string announcement_topic(std::string_view channel) {
  std::string out = "a/";
  out.append(channel);
  out.push_back('\0');
  return out;
}

namespace {

class xpub_publisher final : public head_publisher {
 public:
  xpub_publisher(std::shared_ptr<zmq_context> context, zmq::socket_t socket, std::string address,
                 wake_event wake, const zmq_publisher_options& options)
      : context_(std::move(context)),
        socket_(std::move(socket)),
        address_(std::move(address)),
        wake_(std::move(wake)),
        options_(options),
        thread_([this] {
          name_thread("head-publisher");
          run();
        }) {}

  ~xpub_publisher() override {
    stopping_.store(true);
    wake_.set();
    thread_.join();
  }

  void announce(std::string_view channel, byte_vector message) override {
    push({announcement_topic(channel), std::move(message)});
  }
  void beat(byte_vector message) override { push({std::string(heartbeat_topic), std::move(message)}); }
  std::string address() const override { return address_; }
  counters count() const override { return {listeners_.load(), left_.load(), sent_.load(), dropped_.load()}; }

 private:
  struct queued {
    std::string topic;
    byte_vector message;
  };

  void push(queued item) {
    {
      const std::lock_guard lock(mutex_);
      if (queue_.size() >= options_.queue_messages_max) {
        queue_.pop_front();
        ++dropped_;
      }
      queue_.push_back(std::move(item));
    }
    wake_.set();
  }

  void run() {
    while (!stopping_.load()) {
      zmq::pollitem_t items[] = {{socket_.handle(), 0, ZMQ_POLLIN, 0},
                                 {nullptr, wake_.descriptor(), ZMQ_POLLIN, 0}};
      try {
        zmq::poll(items, 2, rejoin_wait());
        wake_.clear();
        send_queued();
        read_subscriptions();
        greet_newcomers();
      } catch (const zmq::error_t& e) {
        if (e.num() != EINTR) return;  // the context has ended
      }
    }
    send_queued();
  }

  milliseconds rejoin_wait() const { return newcomers_ ? options_.rejoin_period : milliseconds(-1); }

  void send_queued() {
    std::deque<queued> taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(queue_);
    }
    for (auto& item : taken) {
      send(item);
      if (item.topic == heartbeat_topic) kept_ = std::move(item);
    }
  }

  void send(const queued& item) {
    socket_.send(zmq::buffer(item.topic), zmq::send_flags::sndmore);
    socket_.send(zmq::buffer(item.message.data(), item.message.size()), zmq::send_flags::dontwait);
    ++sent_;
  }

  // VERBOSER passes every subscription and its end on, also those that ZeroMQ would fold into one.
  void read_subscriptions() {
    zmq::message_t message;
    for (int i = 0; i < 256 && socket_.recv(message, zmq::recv_flags::dontwait); ++i) {
      if (message.size() < 2) continue;
      const std::string_view topic(static_cast<const char*>(message.data()) + 1, message.size() - 1);
      if (topic != heartbeat_topic) continue;
      const bool joins = *static_cast<const char*>(message.data()) == 1;
      if (joins) newcomers_ = true;
      if (joins) ++listeners_;
      if (joins || listeners_ == 0) continue;
      --listeners_;
      ++left_;
    }
  }

  // The kept heartbeat goes to all: one message for any number of newcomers, at most each rejoin_period.
  void greet_newcomers() {
    const auto now = std::chrono::steady_clock::now();
    if (!newcomers_ || !kept_ || now - greeted_ < options_.rejoin_period) return;
    send(*kept_);
    newcomers_ = false;
    greeted_ = now;
  }

  const std::shared_ptr<zmq_context> context_;
  zmq::socket_t socket_;
  const std::string address_;
  const wake_event wake_;
  const zmq_publisher_options options_;

  std::mutex mutex_;
  std::deque<queued> queue_;
  std::atomic<std::uint64_t> listeners_{0}, left_{0}, sent_{0}, dropped_{0};
  std::atomic<bool> stopping_{false};

  std::optional<queued> kept_;  // of the thread
  bool newcomers_ = false;
  std::chrono::steady_clock::time_point greeted_{};
  std::thread thread_;
};

}  // namespace

result<std::unique_ptr<head_publisher>> make_zmq_publisher(std::shared_ptr<zmq_context> context,
                                                           const zmq_publisher_options& options) {
  try {
    zmq::socket_t socket(context->get(), zmq::socket_type::xpub);
    apply_limits(socket, 256);  // of what it receives: subscriptions
    socket.set(zmq::sockopt::xpub_verboser, 1);
    GRAPHITE_TRY(auto address, bind_socket(socket, options.listen));
    GRAPHITE_TRY(auto wake, wake_event::make());
    return std::make_unique<xpub_publisher>(std::move(context), std::move(socket), std::move(address),
                                            std::move(wake), options);
  } catch (const zmq::error_t& e) {
    return fail(errc::io, fmt::format("heads port: {}", e.what()));
  }
}

}  // namespace graphite
