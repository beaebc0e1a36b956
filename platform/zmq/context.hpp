#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/ports/transport.hpp"
#include "core/units.hpp"

namespace zmq {
class context_t;
class socket_t;
class message_t;
}  // namespace zmq

namespace graphite {

/// One process's ZeroMQ: its I/O thread and its limit of sockets. Thread-safe.
/// Sockets hold a share: it ends after the last of them.
class zmq_context {
 public:
  /// What libzmq may use. libzmq aborts the process on EMFILE, so the number of connections that all
  /// sockets together accept stays below what RLIMIT_NOFILE leaves: `reserved_files` are for others.
  struct options {
    int io_threads = 1;
    int sockets_max = 64;
    std::size_t reserved_files = 256;
  };
  /// Raises the soft limit of open files to the hard one.
  /// Errors: unsupported where fewer than `reserved_files` + 64 files may be open.
  static result<std::shared_ptr<zmq_context>> make(const options& chosen);
  ~zmq_context();

  zmq::context_t& get() { return *context_; }
  std::size_t connections_max() const { return connections_max_; }

 private:
  zmq_context(const options& chosen, std::size_t connections_max);
  std::unique_ptr<zmq::context_t> context_;
  std::size_t connections_max_;
};

/// Numbers for every socket we make.
struct zmq_limits {
  static constexpr int linger_ms = 200;       ///< at the end, for what is not sent yet
  static constexpr int unanswered_ms = 5000;  ///< bytes that the peer's machine does not take
  static constexpr int keepalive_s = 5, keepalive_count = 3;
  static constexpr int handshake_ms = 5000;
  static constexpr int backlog = 1024;
  static constexpr int reconnect_ms = 20, reconnect_ms_max = 1000;
  static constexpr int send_queue_messages_max = 1000;  ///< for each peer
  static constexpr int receive_queue_messages_max = 1000;
};

/// Sets all of zmq_limits and the largest message that is accepted. TCP finds dead peers and those who read
/// nothing for long, whose connection then ends; ZeroMQ's own pings stay off.
void apply_limits(zmq::socket_t& socket, std::size_t message_bytes_max);

/// What ZMTP makes of a frame, and CURVE where it is sealed.
constexpr std::size_t wire_bytes(std::size_t frame, bool sealed) {
  constexpr std::size_t seal = 8 + 8 + 1 + 16;  // a name, a nonce, flags, the authenticator
  const std::size_t body = frame + (sealed ? seal : 0);
  return body + (body > 255 ? 9 : 2);  // flags and a size
}
/// The descriptor of the connection that a frame came by, as socket_monitor tells it; negative: not known.
int connection_of(const zmq::message_t& frame);

/// For a socket that strangers send to: all that comes is taken from their connections at once, and the
/// socket's thread has to drain it. libzmq 4.3.4 stops to read a connection whose queue is full; where it has
/// read a ping behind that and the connection breaks, it aborts the process (assertion !_io_error).
void never_stop_input(zmq::socket_t& socket);

/// Makes `socket` one that proves the server's key and hears only who proves his; the context's zap_handler
/// decides about him and gives his messages their sender. Where there is none libzmq lets all in: what has no
/// sender must not be served. And one that proves a peer's key.
void secure_server(zmq::socket_t& socket, served_port port, const curve_pair& keys);
void secure_client(zmq::socket_t& socket, const curve_key& server, const curve_pair& own);
/// Who sent a message, on a port with keys.
std::optional<curve_key> sender_of(const zmq::message_t& message);

/// Binds; gives HOST:PORT. Errors: permission_denied where the host is not loopback and there are no keys,
/// already_exists where the port is taken and `any_port_if_taken` is not set, invalid_argument.
result<std::string> bind_socket(zmq::socket_t& socket, const listen_options& where);

/// Splits HOST:PORT, also [V6]:PORT. Errors: invalid_argument.
struct host_port {
  std::string host;
  std::uint16_t port = 0;
};
result<host_port> parse_host_port(const std::string& text);
/// True for 127.0.0.0/8, ::1 and "localhost".
bool is_loopback(const std::string& host);
/// The refusal of every other host, without keys.
tl::unexpected<error> not_loopback(const std::string& host);

}  // namespace graphite
