#include "platform/zmq/accepting.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "platform/linux/address_text.hpp"

namespace graphite {

namespace {

constexpr int watched_events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
constexpr int accept_backlog = 128;  ///< who waits to be accepted costs us nothing but this

struct free_addresses {
  void operator()(addrinfo* it) const { freeaddrinfo(it); }
};
using address_list = std::unique_ptr<addrinfo, free_addresses>;

result<address_list> numeric_address(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  const std::string numeric = host == "localhost" ? "127.0.0.1" : host == "*" ? "0.0.0.0" : host;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(numeric.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed == 0) return address_list(found);
  return fail(errc::invalid_argument, fmt::format("'{}' is no address of this machine", host));
}

/// Zero or errno; the listening descriptor then.
int try_listen(const addrinfo& at, int& out) {
  // Two sockets may have copies of it for a moment: who finds nothing to accept must not wait.
  out = socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (out < 0) return errno;
  const int yes = 1;
  setsockopt(out, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(out, at.ai_addr, at.ai_addrlen) == 0 && listen(out, accept_backlog) == 0) return 0;
  const int failed = errno;
  close(out);
  return failed;
}

std::string bound_address(int descriptor) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&at), &size) != 0) return {};
  return address_text(at, size);
}

}  // namespace

result<accepting> accepting::open(const listen_options& where, const connection_limits& limits) {
  int descriptor = -1;
  GRAPHITE_TRY(auto address, numeric_address(where.host, where.port));
  int failed = try_listen(*address, descriptor);
  if (failed == EADDRINUSE && where.any_port_if_taken) {
    GRAPHITE_TRY(address, numeric_address(where.host, 0));
    failed = try_listen(*address, descriptor);
  }
  if (failed == EADDRINUSE)
    return fail(errc::already_exists,
                fmt::format("{}:{} is taken by another program", where.host, where.port));
  if (failed != 0) return fail_errno(failed, fmt::format("listen at {}:{}", where.host, where.port));
  return accepting(descriptor, bound_address(descriptor), limits);
}

accepting::accepting(accepting&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      address_(other.address_),
      monitor_(std::move(other.monitor_)),
      peers_(std::move(other.peers_)),
      served_since_(other.served_since_),
      watched_(other.watched_),
      full_(other.full_),
      failed_(other.failed_) {}

accepting::~accepting() {
  if (descriptor_ >= 0) close(descriptor_);
}

void accepting::serve(zmq::context_t& context, zmq::socket_t& socket) {
  peers_->clear();
  failed_.reset();
  served_since_ = std::chrono::steady_clock::now();
  let_in(true);
  monitor_ = std::make_unique<socket_monitor>(context, socket, watched_events);
  const int copy = fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw zmq::error_t();
  socket.set(zmq::sockopt::use_fd, copy);  // closed by libzmq with the socket
  socket.bind("tcp://" + address_);
}

/// A filter of the listening socket, which those that are accepted already do not have.
void accepting::let_in(bool anybody) {
  sock_filter drop_all = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{1, &drop_all};
  const int none = 0;
  if (anybody == !full_) return;
  const int failed = anybody
                         ? setsockopt(descriptor_, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none)
                         : setsockopt(descriptor_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
  if (failed == 0) full_ = !anybody;  // else it is tried again with the next event
}

/// libzmq's one thread tells of a failed handshake and at once of the end of its connection.
void accepting::take_events(refused_peers& refused) {
  const auto now = std::chrono::steady_clock::now();
  peers_->next_round();
  while (const auto event = monitor_->next()) {
    if (event->event == ZMQ_EVENT_ACCEPTED) peers_->accepted(event->value, now);
    if (event->event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) failed_ = handshake_failure_text(event->value);
    if (event->event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) failed_ = no_handshake_text;
    if (event->event != ZMQ_EVENT_DISCONNECTED) continue;
    if (failed_) refused.peer(peers_->name_of(event->value), *std::exchange(failed_, std::nullopt));
    peers_->ended(event->value);
  }
  if (now - watched_ >= watch_period) {
    watched_ = now;
    peers_->watch(now);
  }
  let_in(!peers_->full());
}

void accepting::took(const zmq::message_t& frame, const std::optional<curve_key>& who) {
  const int descriptor = connection_of(frame);
  if (descriptor >= 0) peers_->took(descriptor, wire_bytes(frame.size(), true), who);
}

result<listening> listen_at(zmq_context& context, zmq::socket_t& socket, const listen_options& where,
                            connection_limits limits) {
  listening out;
  if (!where.keys) {
    GRAPHITE_TRY(out.address, bind_socket(socket, where));
    return out;
  }
  limits.all_max = std::min(limits.all_max, context.connections_max() / 4);
  GRAPHITE_TRY(auto opened, accepting::open(where, limits));
  out.accepts.emplace(std::move(opened));
  out.accepts->serve(context.get(), socket);
  out.address = out.accepts->address();
  return out;
}

}  // namespace graphite
