#include "platform/zmq/chunk_server.hpp"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <deque>
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

constexpr std::size_t request_id_bytes = 8;
constexpr int messages_of_round_max = 256;      ///< between looks at who came and went
constexpr std::size_t answers_waiting_max = 4;  ///< of up to 1 MiB a frame; sending never waits

zmq::socket_t make_router(zmq_context& context, const zmq_chunk_server_options& options) {
  zmq::socket_t socket(context.get(), zmq::socket_type::router);
  apply_limits(socket, options.request_bytes_max);
  socket.set(zmq::sockopt::sndhwm, 16);  // messages of up to 1 MiB each: a slow peer holds few
  never_stop_input(socket);
  if (options.listen.keys) secure_server(socket, served_port::chunks, *options.listen.keys);
  return socket;
}

/// Two threads: the port's own, which alone touches the socket and only takes in and sends, and the
/// handler's. So the socket is read whatever the handler does.
class router_server final : public chunk_server {
 public:
  router_server(std::shared_ptr<zmq_context> context, zmq::socket_t socket, std::string address,
                wake_event wake, std::optional<accepting> accepts, const zmq_chunk_server_options& options,
                chunk_handler& handler)
      : context_(std::move(context)),
        accepts_(std::move(accepts)),
        socket_(std::move(socket)),
        address_(std::move(address)),
        wake_(std::move(wake)),
        options_(options),
        handler_(handler),
        trouble_("chunk port", options.log),
        refused_peers_("chunk port", options.log),
        waiting_({waiting_of_connection_max(options), options.waiting_bytes_max}),
        port_thread_([this] {
          name_thread("chunk-server");
          run();
        }),
        handler_thread_([this] {
          name_thread("chunk-handler");
          handle_waiting();
        }) {}

  ~router_server() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_.store(true);
    }
    wake_.set();
    may_handle_.notify_one();
    port_thread_.join();
    handler_thread_.join();
    if (accepts_) accepts_->leave();
  }

  std::string address() const override { return address_; }
  counters count() const override { return {requests_.load(), bytes_sent_.load(), refused_.load()}; }

 private:
  struct answer {
    std::string peer;
    zmq::message_t id;
    std::vector<byte_vector> frames;
  };

  static std::size_t waiting_of_connection_max(const zmq_chunk_server_options& options) {
    return options.listen.keys ? options.waiting_requests_max : options.waiting_requests_local_max;
  }

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
    for (int i = 0; i < messages_of_round_max && take_one(); ++i) {
    }
  }

  void open_anew() {
    if (accepts_) accepts_->leave();
    socket_.close();
    socket_ = make_router(*context_, options_);
    if (accepts_)
      accepts_->serve(context_->get(), socket_);
    else
      socket_.bind("tcp://" + address_);
  }

  /// False: nothing to read.
  bool take_one() {
    zmq::message_t peer;
    waiting_request request;
    if (!socket_.recv(peer, zmq::recv_flags::dontwait)) return false;
    auto &id = request.id, &body = request.body;
    const bool three = peer.more() && receive(id) && id.more() && receive(body) && !body.more();
    if (!three) drain(body.more() || id.more());
    const bool sound = three && id.size() == request_id_bytes;
    if (sound && accepts_) request.who = sender_of(body);
    request.peer = peer.to_string();
    if (!sound || (accepts_ && !request.who) || !keep(std::move(request))) ++refused_;
    return true;
  }

  bool keep(waiting_request request) {
    const std::lock_guard lock(mutex_);
    if (!waiting_.add(std::move(request))) return false;
    may_handle_.notify_one();
    return true;
  }

  bool receive(zmq::message_t& message) {
    if (!socket_.recv(message, zmq::recv_flags::none)) return false;
    if (accepts_) accepts_->took(message, message.more() ? std::nullopt : sender_of(message));
    return true;
  }

  void drain(bool more) {
    zmq::message_t rest;
    while (more && receive(rest)) more = rest.more();
  }

  void handle_waiting() {
    std::unique_lock lock(mutex_);
    while (true) {
      may_handle_.wait(lock, [this] {
        return stopping_.load() || (!waiting_.empty() && answers_.size() < answers_waiting_max);
      });
      if (stopping_.load()) return;
      waiting_request next = waiting_.take();
      lock.unlock();
      ++requests_;
      answer out{std::move(next.peer), std::move(next.id), handler_.handle(next.who, bytes_of(next.body))};
      lock.lock();
      if (out.frames.empty()) continue;
      answers_.push_back(std::move(out));
      wake_.set();
    }
  }

  void send_answers() {
    std::deque<answer> taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(answers_);
    }
    if (taken.empty()) return;
    may_handle_.notify_one();
    for (auto& one : taken) send(one);
  }

  void send(answer& one) {
    // ROUTER drops what a peer does not take; with router_mandatory unset that is silent, as we want.
    socket_.send(zmq::buffer(one.peer), zmq::send_flags::sndmore);
    socket_.send(one.id, zmq::send_flags::sndmore);
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
  const zmq_chunk_server_options options_;
  chunk_handler& handler_;
  port_trouble trouble_;
  refused_peers refused_peers_;
  std::atomic<std::uint64_t> requests_{0}, bytes_sent_{0}, refused_{0};
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;  ///< of the two threads
  std::condition_variable may_handle_;
  waiting_requests waiting_;
  std::deque<answer> answers_;
  std::thread port_thread_, handler_thread_;
};

}  // namespace

result<std::unique_ptr<chunk_server>> make_zmq_chunk_server(std::shared_ptr<zmq_context> context,
                                                            const zmq_chunk_server_options& options,
                                                            chunk_handler& handler) {
  try {
    zmq::socket_t socket = make_router(*context, options);
    GRAPHITE_TRY(auto wake, wake_event::make());
    GRAPHITE_TRY(auto listens, listen_at(*context, socket, options.listen, options.connections));
    return std::make_unique<router_server>(std::move(context), std::move(socket), std::move(listens.address),
                                           std::move(wake), std::move(listens.accepts), options, handler);
  } catch (const zmq::error_t& e) {
    return fail(errc::io, fmt::format("chunk port: {}", e.what()));
  }
}

}  // namespace graphite
