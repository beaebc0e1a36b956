#pragma once

#include <memory>
#include <string>

#include "platform/zmq/context.hpp"
#include "platform/zmq/peer_connections.hpp"
#include "platform/zmq/refused_peers.hpp"
#include "platform/zmq/socket_monitor.hpp"

namespace graphite {

/// Where a port with keys listens, for one socket after the other.
///
/// The listening descriptor is kept here, and sockets get copies of it: a socket can be replaced, which ends
/// all its connections, and nobody else can take the port meanwhile. While `all_max` connections are open the
/// kernel drops what comes to the port, so that who connects tries again by himself. (To stop to accept, as
/// libzmq does it, would end all connections. It tells of them a little late: a burst gets about the kernel's
/// queue of 128 more in.) One thread.
class accepting {
 public:
  /// Errors: as bind_socket().
  static result<accepting> open(const listen_options& where, const connection_limits& limits);
  accepting(accepting&& other) noexcept;
  accepting& operator=(accepting&&) = delete;
  ~accepting();

  /// `socket` accepts from now on, and none before it. Throws zmq::error_t.
  void serve(zmq::context_t& context, zmq::socket_t& socket);
  /// To be called before the socket that it serves ends.
  void leave() { monitor_.reset(); }

  /// To be polled, and then taken.
  zmq::pollitem_t item() { return monitor_->item(); }
  /// Counts who came and went, tells of those who proved no key, ends what is too much, and stops or begins
  /// to accept. To be called every wait(), at least. Throws zmq::error_t.
  void take_events(refused_peers& refused);

  milliseconds wait() const { return peers_->size() == 0 ? milliseconds(-1) : watch_period; }
  /// A frame that the socket has received. `who`: where it is the last of a message.
  void took(const zmq::message_t& frame, const std::optional<curve_key>& who);
  /// Those that have ended left so much that libzmq may still hold: the socket should be replaced.
  bool wants_replacement(time_point now) const {
    return peers_->left_too_much() && now - served_since_ >= replacement_period_min;
  }

  const std::string& address() const { return address_; }
  std::size_t connections() const { return peers_->size(); }

 private:
  static constexpr milliseconds watch_period{250};
  static constexpr seconds replacement_period_min{10};

  accepting(int descriptor, std::string address, const connection_limits& limits)
      : descriptor_(descriptor),
        address_(std::move(address)),
        peers_(std::make_unique<peer_connections>(limits)) {}
  void let_in(bool anybody);

  int descriptor_;
  const std::string address_;
  std::unique_ptr<socket_monitor> monitor_;
  std::unique_ptr<peer_connections> peers_;  ///< never null
  time_point served_since_{}, watched_{};
  bool full_ = false;
  std::optional<std::string_view> failed_;  ///< why the handshake did whose connection ends next
};

/// Where a port listens, with keys or without.
struct listening {
  std::optional<accepting> accepts;  ///< with keys
  std::string address;               ///< HOST:PORT
};
/// Lets `socket` accept there; with keys at most `limits`, and a quarter of what the context may have.
/// Errors: as bind_socket(). Throws zmq::error_t.
result<listening> listen_at(zmq_context& context, zmq::socket_t& socket, const listen_options& where,
                            connection_limits limits);

}  // namespace graphite
