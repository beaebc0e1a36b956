#include "platform/zmq/chunk_server.hpp"

#include <fmt/format.h>

#include <atomic>
#include <thread>
#include <zmq.hpp>

#include "platform/linux/thread_name.hpp"
#include "platform/zmq/accepting.hpp"
#include "platform/zmq/message_bytes.hpp"
#include "platform/zmq/wake_event.hpp"

namespace graphite {
namespace {

constexpr std::size_t request_id_bytes = 8;

class router_server final : public chunk_server {
 public:
  router_server(std::shared_ptr<zmq_context> context, zmq::socket_t socket, std::string address,
                wake_event wake, std::optional<accepting> accepts, chunk_handler& handler)
      : context_(std::move(context)),
        accepts_(std::move(accepts)),
        socket_(std::move(socket)),
        address_(std::move(address)),
        wake_(std::move(wake)),
        handler_(handler),
        thread_([this] {
          name_thread("chunk-server");
          run();
        }) {}

  ~router_server() override {
    stopping_.store(true);
    wake_.set();
    thread_.join();
    if (accepts_) accepts_->leave();
  }

  std::string address() const override { return address_; }
  counters count() const override { return {requests_.load(), bytes_sent_.load(), refused_.load()}; }

 private:
  void run() {
    while (!stopping_.load()) {
      zmq::pollitem_t items[] = {{socket_.handle(), 0, ZMQ_POLLIN, 0},
                                 {nullptr, wake_.descriptor(), ZMQ_POLLIN, 0},
                                 accepts_ ? accepts_->item() : zmq::pollitem_t{}};
      try {
        zmq::poll(items, accepts_ ? 3 : 2, milliseconds(-1));
        wake_.clear();
        if (accepts_) accepts_->take_events();
        while (!stopping_.load() && serve_one()) {
        }
      } catch (const zmq::error_t& e) {
        if (e.num() != EINTR) return;  // the context has ended
      }
    }
  }

  /// False: nothing to read.
  bool serve_one() {
    zmq::message_t peer, id, body;
    if (!socket_.recv(peer, zmq::recv_flags::dontwait)) return false;
    const bool three = peer.more() && receive(id) && id.more() && receive(body) && !body.more();
    if (!three) drain(body.more() || id.more());
    if (!three || id.size() != request_id_bytes) {
      ++refused_;
      return true;
    }
    const auto who = accepts_ ? sender_of(body) : std::nullopt;
    if (accepts_ && !who) {
      ++refused_;
      return true;
    }
    ++requests_;
    answer(peer, id, handler_.handle(who, bytes_of(body)));
    return true;
  }

  bool receive(zmq::message_t& message) { return socket_.recv(message, zmq::recv_flags::none).has_value(); }

  void drain(bool more) {
    zmq::message_t rest;
    while (more && receive(rest)) more = rest.more();
  }

  void answer(zmq::message_t& peer, zmq::message_t& id, const std::vector<byte_vector>& frames) {
    if (frames.empty()) return;
    // ROUTER drops what a peer does not take; with router_mandatory unset that is silent, as we want.
    socket_.send(peer, zmq::send_flags::sndmore);
    socket_.send(id, zmq::send_flags::sndmore);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const bool last = i + 1 == frames.size();
      socket_.send(zmq::buffer(frames[i].data(), frames[i].size()),
                   last ? zmq::send_flags::none : zmq::send_flags::sndmore);
      bytes_sent_ += frames[i].size();
    }
  }

  const std::shared_ptr<zmq_context> context_;
  std::optional<accepting> accepts_;  ///< with keys
  zmq::socket_t socket_;
  const std::string address_;
  const wake_event wake_;
  chunk_handler& handler_;
  std::atomic<std::uint64_t> requests_{0}, bytes_sent_{0}, refused_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace

result<std::unique_ptr<chunk_server>> make_zmq_chunk_server(std::shared_ptr<zmq_context> context,
                                                            const zmq_chunk_server_options& options,
                                                            chunk_handler& handler) {
  try {
    zmq::socket_t socket(context->get(), zmq::socket_type::router);
    apply_limits(socket, options.request_bytes_max);
    socket.set(zmq::sockopt::sndhwm, 16);  // messages of up to 1 MiB each: a slow peer holds few
    GRAPHITE_TRY(auto wake, wake_event::make());
    std::optional<accepting> accepts;
    std::string address;
    if (options.listen.keys) {
      secure_server(socket, served_port::chunks, *options.listen.keys);
      socket.set(zmq::sockopt::rcvhwm, options.waiting_requests_max);
      const auto connections_max = std::min(options.connections_max, context->connections_max() / 2);
      GRAPHITE_TRY(auto opened, accepting::open(options.listen, connections_max));
      accepts.emplace(std::move(opened));
      accepts->serve(context->get(), socket);
      address = accepts->address();
    } else {
      GRAPHITE_TRY(address, bind_socket(socket, options.listen));
    }
    return std::make_unique<router_server>(std::move(context), std::move(socket), std::move(address),
                                           std::move(wake), std::move(accepts), handler);
  } catch (const zmq::error_t& e) {
    return fail(errc::io, fmt::format("chunk port: {}", e.what()));
  }
}

}  // namespace graphite
