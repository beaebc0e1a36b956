#pragma once

#include <memory>
#include <string>

#include "platform/zmq/context.hpp"
#include "platform/zmq/socket_monitor.hpp"

namespace graphite {

/// Where a port with keys listens, for one socket after the other.
///
/// The listening descriptor is kept here, and sockets get copies of it: a socket can be replaced, which ends
/// all its connections, and nobody else can take the port meanwhile. While `connections_max` are open the
/// kernel drops what comes to the port, so that who connects tries again by himself. (To stop to accept, as
/// libzmq does it, would end all connections. It tells of them a little late: a burst gets about the kernel's
/// queue of 128 more in.) One thread.
class accepting {
 public:
  /// Errors: as bind_socket().
  static result<accepting> open(const listen_options& where, std::size_t connections_max);
  accepting(accepting&& other) noexcept;
  accepting& operator=(accepting&&) = delete;
  ~accepting();

  /// `socket` accepts from now on, and none before it. Throws zmq::error_t.
  void serve(zmq::context_t& context, zmq::socket_t& socket);
  /// To be called before the socket that it serves ends.
  void leave() { monitor_.reset(); }

  /// To be polled, and then taken.
  zmq::pollitem_t item() { return monitor_->item(); }
  /// Counts who came and went, and stops or begins to accept. Throws zmq::error_t.
  void take_events();

  const std::string& address() const { return address_; }
  std::size_t connections() const { return connections_; }

 private:
  accepting(int descriptor, std::string address, std::size_t connections_max)
      : descriptor_(descriptor), address_(std::move(address)), connections_max_(connections_max) {}
  void let_in(bool anybody);

  int descriptor_;
  const std::string address_;
  const std::size_t connections_max_;
  std::unique_ptr<socket_monitor> monitor_;
  std::size_t connections_ = 0;
  bool full_ = false;
};

}  // namespace graphite
