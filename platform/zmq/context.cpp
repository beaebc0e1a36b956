#include "platform/zmq/context.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <charconv>
#include <zmq.hpp>

#include "core/messages/zap.hpp"

namespace graphite {

static result<std::size_t> raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return fail_errno(errno, "read the limit of open files");
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

result<std::shared_ptr<zmq_context>> zmq_context::make(const options& chosen) {
  GRAPHITE_TRY(const std::size_t files, raise_file_limit());
  if (files < chosen.reserved_files + 64)
    return fail(errc::unsupported, fmt::format("only {} files may be open, {} are needed: raise `ulimit -n`",
                                               files, chosen.reserved_files + 64));
  return std::shared_ptr<zmq_context>(new zmq_context(chosen, files - chosen.reserved_files));
}

zmq_context::zmq_context(const options& chosen, std::size_t connections_max)
    : context_(std::make_unique<zmq::context_t>(chosen.io_threads, chosen.sockets_max)),
      connections_max_(connections_max) {}

zmq_context::~zmq_context() = default;

void apply_limits(zmq::socket_t& socket, std::size_t message_bytes_max) {
  using limits = zmq_limits;
  socket.set(zmq::sockopt::linger, limits::linger_ms);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(message_bytes_max));
  // No pings of ZeroMQ's own: they end a process of ours whose queue is full (never_stop_input()). TCP finds
  // out who is gone or takes nothing.
  socket.set(zmq::sockopt::heartbeat_ivl, 0);
  socket.set(zmq::sockopt::tcp_maxrt, limits::unanswered_ms);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, limits::keepalive_s);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, limits::keepalive_s);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, limits::keepalive_count);
  socket.set(zmq::sockopt::handshake_ivl, limits::handshake_ms);
  socket.set(zmq::sockopt::backlog, limits::backlog);
  socket.set(zmq::sockopt::reconnect_ivl, limits::reconnect_ms);
  socket.set(zmq::sockopt::reconnect_ivl_max, limits::reconnect_ms_max);
  socket.set(zmq::sockopt::sndhwm, limits::send_queue_messages_max);
  socket.set(zmq::sockopt::rcvhwm, limits::receive_queue_messages_max);
}

void never_stop_input(zmq::socket_t& socket) { socket.set(zmq::sockopt::rcvhwm, 0); }

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host == "::1") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

tl::unexpected<error> not_loopback(const std::string& host) {
  return fail(errc::permission_denied,
              fmt::format("{} is not this machine, and nothing leaves it without keys: make some with "
                          "`graphite keygen DIR` and give them by `--keys DIR`",
                          host));
}

static std::string as_option(byte_span bytes) { return std::string(as_text(bytes)); }

void secure_server(zmq::socket_t& socket, served_port port, const curve_pair& keys) {
  socket.set(zmq::sockopt::zap_domain, std::string(zap_domain(port)));
  socket.set(zmq::sockopt::curve_server, 1);
  const byte_span secret = keys.secret.view();
  if (zmq_setsockopt(socket.handle(), ZMQ_CURVE_SECRETKEY, secret.data(), secret.size()) != 0)
    throw zmq::error_t();
}

void secure_client(zmq::socket_t& socket, const curve_key& server, const curve_pair& own) {
  socket.set(zmq::sockopt::curve_serverkey, as_option(server.bytes));
  socket.set(zmq::sockopt::curve_publickey, as_option(own.key.bytes));
  const byte_span secret = own.secret.view();
  if (zmq_setsockopt(socket.handle(), ZMQ_CURVE_SECRETKEY, secret.data(), secret.size()) != 0)
    throw zmq::error_t();
}

int connection_of(const zmq::message_t& frame) {
  zmq_msg_t* const raw = const_cast<zmq::message_t&>(frame).handle();  // only reads
  return zmq_msg_get(raw, ZMQ_SRCFD);
}

std::optional<curve_key> sender_of(const zmq::message_t& message) {
  zmq_msg_t* const raw = const_cast<zmq::message_t&>(message).handle();  // only reads
  const char* const user = zmq_msg_gets(raw, "User-Id");
  return user == nullptr ? std::nullopt : key_of_user_id(user);
}

result<host_port> parse_host_port(const std::string& text) {
  const auto colon = text.rfind(':');
  const auto wrong = [&] { return fail(errc::invalid_argument, fmt::format("'{}' is not HOST:PORT", text)); };
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) return wrong();
  host_port out;
  out.host = text.substr(0, colon);
  if (out.host.front() == '[' && out.host.back() == ']') out.host = out.host.substr(1, out.host.size() - 2);
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, out.port);
  if (parsed.ec != std::errc{} || parsed.ptr != end || out.host.empty()) return wrong();
  return out;
}

static std::string endpoint_of(const std::string& host, std::uint16_t port) {
  const std::string numeric = host == "localhost" ? "127.0.0.1" : host;
  const std::string number = port == 0 ? "*" : std::to_string(port);
  if (numeric.find(':') != std::string::npos) return fmt::format("tcp://[{}]:{}", numeric, number);
  return fmt::format("tcp://{}:{}", numeric, number);
}

static int try_bind(zmq::socket_t& socket, const std::string& endpoint) {
  try {
    socket.bind(endpoint);
    return 0;
  } catch (const zmq::error_t& e) {
    return e.num();
  }
}

result<std::string> bind_socket(zmq::socket_t& socket, const listen_options& where) {
  if (!is_loopback(where.host) && !where.keys) return not_loopback(where.host);
  if (where.host.find(':') != std::string::npos) socket.set(zmq::sockopt::ipv6, true);
  int failed = try_bind(socket, endpoint_of(where.host, where.port));
  if (failed == EADDRINUSE && where.any_port_if_taken) failed = try_bind(socket, endpoint_of(where.host, 0));
  if (failed == EADDRINUSE)
    return fail(errc::already_exists,
                fmt::format("{}:{} is taken by another program", where.host, where.port));
  if (failed != 0) return fail_errno(failed, fmt::format("listen at {}:{}", where.host, where.port));
  const std::string endpoint = socket.get(zmq::sockopt::last_endpoint);
  return endpoint.substr(std::string_view("tcp://").size());
}

}  // namespace graphite
