#include "platform/zmq/socket_monitor.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <string>

namespace graphite {

namespace {

/// An endpoint of the process: no two monitors of a context may have the same.
std::string monitor_endpoint(const void* of) {
  static std::atomic<std::uint64_t> last{0};
  return fmt::format("inproc://monitor-{}-{}", of, ++last);
}

}  // namespace

socket_monitor::socket_monitor(zmq::context_t& context, zmq::socket_t& of, int events)
    : watched_(of.handle()), reader_(context, zmq::socket_type::pair) {
  const auto endpoint = monitor_endpoint(watched_);
  if (zmq_socket_monitor(watched_, endpoint.c_str(), events) != 0) throw zmq::error_t();
  // Unbounded, or the I/O thread would wait for us: each event is of a connection, which are bounded.
  reader_.set(zmq::sockopt::rcvhwm, 0);
  reader_.set(zmq::sockopt::linger, 0);
  reader_.connect(endpoint);
}

/// The writing end goes first: without a reader it would wait for one.
socket_monitor::~socket_monitor() { zmq_socket_monitor(watched_, nullptr, 0); }

std::optional<socket_monitor::happened> socket_monitor::next() {
  zmq::message_t event, address;
  if (!reader_.recv(event, zmq::recv_flags::dontwait)) return {};
  if (event.more()) (void)reader_.recv(address, zmq::recv_flags::none);
  happened out;
  if (event.size() < sizeof out.event + sizeof out.value) return out;
  const auto* const bytes = static_cast<const char*>(event.data());
  std::memcpy(&out.event, bytes, sizeof out.event);
  std::memcpy(&out.value, bytes + sizeof out.event, sizeof out.value);
  return out;
}

}  // namespace graphite
