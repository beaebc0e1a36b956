#pragma once

#include <cstdint>
#include <optional>
#include <zmq.hpp>

namespace graphite {

/// Reads what becomes of a socket's connections. One thread, that of the socket; goes before the socket.
class socket_monitor {
 public:
  /// `events`: of ZMQ_EVENT_*. Throws zmq::error_t.
  socket_monitor(zmq::context_t& context, zmq::socket_t& of, int events);
  socket_monitor(const socket_monitor&) = delete;
  socket_monitor& operator=(const socket_monitor&) = delete;
  ~socket_monitor();

  zmq::pollitem_t item() { return {reader_.handle(), 0, ZMQ_POLLIN, 0}; }
  struct happened {
    std::uint16_t event = 0;  ///< ZMQ_EVENT_*
    int value = 0;            ///< where libzmq says so, the descriptor of the connection
  };
  /// The next one; nothing where there is none yet. Throws zmq::error_t.
  std::optional<happened> next();

 private:
  void* const watched_;
  zmq::socket_t reader_;
};

}  // namespace graphite
