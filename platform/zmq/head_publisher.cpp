#include "platform/zmq/head_publisher.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <zmq.hpp>

#include "core/channel_name.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/zmq/accepting.hpp"
#include "platform/zmq/port_trouble.hpp"
#include "platform/zmq/wake_event.hpp"

namespace graphite {

std::string announcement_topic(std::string_view channel) {
  std::string out = "a/";
  out.append(channel);
  out.push_back('\0');
  return out;
}

std::optional<std::string> channel_of_topic(std::string_view topic) {
  if (!topic.starts_with("a/") || !topic.ends_with('\0')) return {};
  std::string channel(topic.substr(2, topic.size() - 3));
  if (!is_channel_name(channel)) return {};
  return channel;
}

namespace {

constexpr std::size_t subscription_bytes_max = 256;
constexpr std::size_t handshake_bytes_max = 1024;  ///< with keys, more than a subscription

zmq::socket_t make_xpub(zmq_context& context, const zmq_publisher_options& options) {
  zmq::socket_t socket(context.get(), zmq::socket_type::xpub);
  apply_limits(socket, options.listen.keys ? handshake_bytes_max : subscription_bytes_max);
  never_stop_input(socket);
  if (options.listen.keys) {
    secure_server(socket, served_port::heads, *options.listen.keys);
    socket.set(zmq::sockopt::xpub_manual, 1);
  } else {
    socket.set(zmq::sockopt::xpub_verboser, 1);
  }
  return socket;
}

class xpub_publisher final : public head_publisher {
 public:
  xpub_publisher(std::shared_ptr<zmq_context> context, zmq::socket_t socket, std::string address,
                 wake_event wake, std::optional<accepting> accepts, const zmq_publisher_options& options)
      : context_(std::move(context)),
        accepts_(std::move(accepts)),
        socket_(std::move(socket)),
        address_(std::move(address)),
        wake_(std::move(wake)),
        options_(options),
        trouble_("heads port", options.log),
        refused_peers_("heads port", options.log),
        thread_([this] {
          name_thread("head-publisher");
          run();
        }) {}

  ~xpub_publisher() override {
    stopping_.store(true);
    wake_.set();
    thread_.join();
    if (accepts_) accepts_->leave();
  }

  void announce(std::string_view channel, byte_vector message) override {
    push({announcement_topic(channel), std::move(message)});
  }
  void beat(byte_vector message) override { push({std::string(heartbeat_topic), std::move(message)}); }
  std::string address() const override { return address_; }
  counters count() const override {
    return {listeners_.load(), left_.load(), sent_.load(), dropped_.load(), refused_.load()};
  }

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
    const bool whole = trouble_.run(
        wake_, stopping_, [this] { open_anew(); }, [this] { go_round(); });
    try {
      if (whole) send_queued();
    } catch (const zmq::error_t& e) {
      trouble_.goes_on(e, wake_, stopping_);  // what is not sent at the end is told
    }
  }

  void go_round() {
    zmq::pollitem_t items[] = {{socket_.handle(), 0, ZMQ_POLLIN, 0},
                               {nullptr, wake_.descriptor(), ZMQ_POLLIN, 0},
                               accepts_ ? accepts_->item() : zmq::pollitem_t{}};
    zmq::poll(items, accepts_ ? 3 : 2, rejoin_wait());
    wake_.clear();
    if (accepts_) accepts_->take_events(refused_peers_);
    send_queued();
    read_subscriptions();
    end_withdrawn();
    greet_newcomers();
  }

  milliseconds rejoin_wait() const {
    const auto watching = accepts_ ? accepts_->wait() : milliseconds(-1);
    if (!newcomers_) return watching;
    return watching.count() < 0 ? options_.rejoin_period : std::min(options_.rejoin_period, watching);
  }

  // What an error keeps from being sent is sent after it.
  void send_queued() {
    if (sending_.empty()) {
      const std::lock_guard lock(mutex_);
      sending_.swap(queue_);
    }
    for (; !sending_.empty(); sending_.pop_front()) {
      end_withdrawn();
      send(sending_.front());
      if (sending_.front().topic == heartbeat_topic) kept_ = std::move(sending_.front());
    }
    if (const std::lock_guard lock(mutex_); !queue_.empty()) wake_.set();
  }

  void send(const queued& item) {
    socket_.send(zmq::buffer(item.topic), zmq::send_flags::sndmore);
    socket_.send(zmq::buffer(item.message.data(), item.message.size()), zmq::send_flags::dontwait);
    ++sent_;
  }

  // ZeroMQ cannot end one connection: all end, and who has a grant is back at once.
  void end_withdrawn() {
    if (!accepts_) return;
    const auto withdrawals = options_.admission->withdrawals();
    if (withdrawals == withdrawals_ && !astray_) return;
    open_anew();
  }

  void open_anew() {
    if (accepts_) withdrawals_ = options_.admission->withdrawals();
    refused_by_.clear();
    left_ += listeners_.exchange(0);
    if (accepts_) accepts_->leave();
    socket_.close();
    socket_ = make_xpub(*context_, options_);
    if (accepts_)
      accepts_->serve(context_->get(), socket_);
    else
      socket_.bind("tcp://" + address_);
    astray_ = false;
  }

  /// Nothing is sent to a listener before his subscription is granted here.
  void decide(const zmq::message_t& message, std::string_view topic, bool joins) {
    const auto who = sender_of(message);
    auto& admission = *options_.admission;
    const auto channel = channel_of_topic(topic);
    const bool granted =
        who && (channel ? admission.may_follow(*who, *channel)
                        : topic == heartbeat_topic && admission.admits(served_port::heads, *who));
    if (joins && granted) socket_.set(zmq::sockopt::subscribe, topic);
    if (!joins) socket_.set(zmq::sockopt::unsubscribe, topic);
    if (!joins || granted) return;
    ++refused_;
    if (who) tell_refused(*who, topic);
    if (who && ++refused_by_[*who] > options_.refused_topics_max)
      admission.misbehaved(*who, "it asks for ever more that it has no grant for");
  }

  void tell_refused(const curve_key& who, std::string_view topic) {
    const auto channel = channel_of_topic(topic);
    if (channel)
      refused_peers_.key(who, fmt::format("it has no grant for channel '{}', which it asks for", *channel));
    else
      refused_peers_.key(who, topic == heartbeat_topic ? options_.admission->why_not(who)
                                                       : "it asks for what is no channel");
  }

  /// libzmq 4.3.4 counts in manual mode on everything that comes being a subscription: after anything else,
  /// it takes the next one for another peer's. So nothing more is read from this socket.
  void go_astray(const zmq::message_t& message) {
    astray_ = true;
    if (const auto who = sender_of(message))
      options_.admission->misbehaved(*who, "it sent something that is no subscription");
  }

  // VERBOSER and MANUAL pass every subscription and its end on, also those that ZeroMQ would fold into one.
  void read_subscriptions() {
    zmq::message_t message;
    for (int i = 0; i < 256 && !astray_ && socket_.recv(message, zmq::recv_flags::dontwait); ++i) {
      const auto* const bytes = static_cast<const char*>(message.data());
      const bool subscription = message.size() > 0 && (*bytes == 0 || *bytes == 1);
      if (!subscription && accepts_) go_astray(message);
      if (!subscription) continue;
      const std::string_view topic(bytes + 1, message.size() - 1);
      const bool joins = *bytes == 1;
      if (accepts_) decide(message, topic, joins);
      if (topic != heartbeat_topic) continue;
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
  std::optional<accepting> accepts_;  ///< with keys
  zmq::socket_t socket_;
  const std::string address_;
  const wake_event wake_;
  const zmq_publisher_options options_;
  port_trouble trouble_;
  refused_peers refused_peers_;

  std::mutex mutex_;
  std::deque<queued> queue_, sending_;  ///< the second of the thread
  std::atomic<std::uint64_t> listeners_{0}, left_{0}, sent_{0}, dropped_{0}, refused_{0};
  std::atomic<bool> stopping_{false};

  std::optional<queued> kept_;  // of the thread
  bool newcomers_ = false;
  std::uint64_t withdrawals_ = 0;
  bool astray_ = false;  ///< no subscription is to be believed any more: the socket has to go
  std::map<curve_key, std::size_t> refused_by_;
  std::chrono::steady_clock::time_point greeted_{};
  std::thread thread_;
};

}  // namespace

result<std::unique_ptr<head_publisher>> make_zmq_publisher(std::shared_ptr<zmq_context> context,
                                                           const zmq_publisher_options& options) {
  GRAPHITE_INVARIANT(!options.listen.keys || options.admission != nullptr);
  try {
    zmq::socket_t socket = make_xpub(*context, options);
    GRAPHITE_TRY(auto wake, wake_event::make());
    GRAPHITE_TRY(auto listens, listen_at(*context, socket, options.listen, options.connections));
    return std::make_unique<xpub_publisher>(std::move(context), std::move(socket), std::move(listens.address),
                                            std::move(wake), std::move(listens.accepts), options);
  } catch (const zmq::error_t& e) {
    return fail(errc::io, fmt::format("heads port: {}", e.what()));
  }
}

}  // namespace graphite
