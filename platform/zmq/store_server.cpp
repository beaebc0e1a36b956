#include "platform/zmq/store_server.hpp"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <zmq.hpp>

#include "platform/linux/thread_name.hpp"
#include "platform/zmq/accepting.hpp"
#include "platform/zmq/message_bytes.hpp"
#include "platform/zmq/port_trouble.hpp"
#include "platform/zmq/waiting_requests.hpp"
#include "platform/zmq/wake_event.hpp"

namespace graphite {
namespace {

constexpr std::size_t number_bytes = 8;        ///< of a request, by its asker
constexpr int requests_of_round_max = 64;      ///< between looks at who came and went
constexpr std::size_t unsent_answers_max = 8;  ///< of up to 1 MiB each; sending never waits

zmq::socket_t make_store_router(zmq_context& context, const zmq_store_server_options& options) {
  zmq::socket_t socket(context.get(), zmq::socket_type::router);
  apply_limits(socket, wire_bytes(options.frame_bytes_max, true));  // CURVE's seal counts
  socket.set(zmq::sockopt::sndhwm, 16);  // messages of up to 1 MiB each: a slow peer holds few
  never_stop_input(socket);
  if (options.listen.keys) secure_server(socket, served_port::chunks, *options.listen.keys);
  return socket;
}

/// Three threads: the port's own, which alone touches the socket and only takes in and sends, and two of the
/// handler's. So the socket is read whatever the handler does, and requests are handled while others wait for
/// a sync.
class router_store_server final : public store_server {
 public:
  router_store_server(std::shared_ptr<zmq_context> context, zmq::socket_t socket, std::string address,
                      wake_event wake, std::optional<accepting> accepts,
                      const zmq_store_server_options& options, store_handler& handler)
      : context_(std::move(context)),
        accepts_(std::move(accepts)),
        socket_(std::move(socket)),
        address_(std::move(address)),
        wake_(std::move(wake)),
        options_(options),
        handler_(handler),
        trouble_("store port", options.log),
        refused_peers_("store port", options.log),
        waiting_({options.waiting_requests_max, options.waiting_bytes_max}),
        port_thread_([this] {
          name_thread("store-server");
          run();
        }),
        handler_thread_([this] {
          name_thread("store-handler");
          handle_waiting();
        }),
        flush_thread_([this] {
          name_thread("store-flush");
          flush_put_off();
        }) {}

  ~router_store_server() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_.store(true);
    }
    wake_.set();
    may_go_on_.notify_all();
    port_thread_.join();
    handler_thread_.join();
    flush_thread_.join();
    if (accepts_) accepts_->leave();
  }

  std::string address() const override { return address_; }
  counters count() const override {
    return {requests_.load(), bytes_taken_.load(), bytes_sent_.load(), refused_.load()};
  }

 private:
  /// Whom an answer goes to.
  struct asker {
    std::string peer;
    zmq::message_t id;
  };
  struct answer {
    asker to;
    std::vector<byte_vector> frames;
  };

  void run() {
    trouble_.run(
        wake_, stopping_, [this] { open_anew(); }, [this] { go_round(); });
  }

  void go_round() {
    zmq::pollitem_t items[] = {{socket_.handle(), 0, ZMQ_POLLIN, 0},
                               {nullptr, wake_.descriptor(), ZMQ_POLLIN, 0},
                               accepts_ ? accepts_->item() : zmq::pollitem_t{}};
    zmq::poll(items, accepts_ ? 3 : 2, accepts_ ? accepts_->wait() : milliseconds(-1));
    wake_.clear();
    if (accepts_) accepts_->take_events(refused_peers_);
    if (accepts_ && accepts_->wants_replacement(std::chrono::steady_clock::now())) open_anew();
    send_answers();
    for (int i = 0; i < requests_of_round_max && take_one(); ++i) {
    }
  }

  void open_anew() {
    if (accepts_) accepts_->leave();
    socket_.close();
    socket_ = make_store_router(*context_, options_);
    if (accepts_)
      accepts_->serve(context_->get(), socket_);
    else
      socket_.bind("tcp://" + address_);
  }

  /// False: nothing to read.
  bool take_one() {
    zmq::message_t peer;
    if (!socket_.recv(peer, zmq::recv_flags::dontwait)) return false;
    waiting_request request;
    request.peer = peer.to_string();
    bool sound = peer.more() && receive(request.id) && request.id.size() == number_bytes &&
                 request.id.more() && receive(request.body);
    if (accepts_ && sound) request.who = sender_of(request.body);
    bool more = sound ? request.body.more() : request.id.more();
    while (more) {
      zmq::message_t frame;
      if (!receive(frame)) break;
      more = frame.more();
      sound = sound && request.raw.size() + 1 < options_.frames_max;
      if (sound) request.raw.push_back(std::move(frame));
    }
    if (!sound || (accepts_ && !request.who) || !keep(std::move(request))) ++refused_;
    return true;
  }

  bool receive(zmq::message_t& message) {
    if (!socket_.recv(message, zmq::recv_flags::none)) return false;
    bytes_taken_ += message.size();
    if (accepts_) accepts_->took(message, message.more() ? std::nullopt : sender_of(message));
    return true;
  }

  bool keep(waiting_request request) {
    const std::lock_guard lock(mutex_);
    if (!waiting_.add(std::move(request))) return false;
    may_go_on_.notify_all();
    return true;
  }

  void handle_waiting() {
    std::unique_lock lock(mutex_);
    while (true) {
      may_go_on_.wait(lock, [this] {
        return stopping_.load() || (!waiting_.empty() && answers_.size() < unsent_answers_max &&
                                    put_off_.size() < options_.put_off_max);
      });
      if (stopping_.load()) return;
      waiting_request next = waiting_.take();
      const auto ticket = ++last_ticket_;
      put_off_.emplace(ticket, asker{std::move(next.peer), std::move(next.id)});
      lock.unlock();
      ++requests_;
      std::vector<byte_span> message{bytes_of(next.body)};
      for (const auto& frame : next.raw) message.push_back(bytes_of(frame));
      auto frames = handler_.handle(ticket, next.who, message);
      lock.lock();
      if (frames) {
        answer_locked(ticket, std::move(*frames));
      } else {
        wants_flush_ = true;
        may_go_on_.notify_all();
      }
    }
  }

  void flush_put_off() {
    std::unique_lock lock(mutex_);
    while (true) {
      may_go_on_.wait(lock, [this] { return stopping_.load() || wants_flush_; });
      if (stopping_.load()) return;
      wants_flush_ = false;
      lock.unlock();
      auto answered = handler_.flush();
      lock.lock();
      for (auto& [ticket, frames] : answered) answer_locked(ticket, std::move(frames));
      may_go_on_.notify_all();
    }
  }

  void answer_locked(store_handler::ticket ticket, std::vector<byte_vector> frames) {
    auto found = put_off_.extract(ticket);
    if (found.empty() || frames.empty()) return;
    answers_.push_back({std::move(found.mapped()), std::move(frames)});
    wake_.set();
  }

  void send_answers() {
    std::deque<answer> taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(answers_);
    }
    if (taken.empty()) return;
    may_go_on_.notify_all();
    for (auto& one : taken) send(one);
  }

  void send(answer& one) {
    // ROUTER drops what a peer does not take; with router_mandatory unset that is silent, as we want.
    socket_.send(zmq::buffer(one.to.peer), zmq::send_flags::sndmore);
    socket_.send(one.to.id, zmq::send_flags::sndmore);
    for (std::size_t i = 0; i < one.frames.size(); ++i) {
      const auto& frame = one.frames[i];
      const bool last = i + 1 == one.frames.size();
      socket_.send(zmq::buffer(frame.data(), frame.size()),
                   last ? zmq::send_flags::none : zmq::send_flags::sndmore);
      bytes_sent_ += frame.size();
    }
  }

  const std::shared_ptr<zmq_context> context_;
  std::optional<accepting> accepts_;  ///< with keys
  zmq::socket_t socket_;
  const std::string address_;
  const wake_event wake_;
  const zmq_store_server_options options_;
  store_handler& handler_;
  port_trouble trouble_;
  refused_peers refused_peers_;
  std::atomic<std::uint64_t> requests_{0}, bytes_taken_{0}, bytes_sent_{0}, refused_{0};
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;  ///< of the three threads
  std::condition_variable may_go_on_;
  waiting_requests waiting_;
  std::map<store_handler::ticket, asker> put_off_;  ///< with the one that is being handled
  std::deque<answer> answers_;
  store_handler::ticket last_ticket_ = 0;
  bool wants_flush_ = false;
  std::thread port_thread_, handler_thread_, flush_thread_;
};

}  // namespace

result<std::unique_ptr<store_server>> make_zmq_store_server(std::shared_ptr<zmq_context> context,
                                                            const zmq_store_server_options& options,
                                                            store_handler& handler) {
  try {
    zmq::socket_t socket = make_store_router(*context, options);
    GRAPHITE_TRY(auto wake, wake_event::make());
    GRAPHITE_TRY(auto listens, listen_at(*context, socket, options.listen, options.connections));
    return std::make_unique<router_store_server>(std::move(context), std::move(socket),
                                                 std::move(listens.address), std::move(wake),
                                                 std::move(listens.accepts), options, handler);
  } catch (const zmq::error_t& e) {
    return fail(errc::io, fmt::format("store port: {}", e.what()));
  }
}

}  // namespace graphite
