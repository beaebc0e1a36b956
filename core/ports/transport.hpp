#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/curve_pair.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/units.hpp"

/// \file Bytes between processes. Nothing here knows what the bytes mean; platform/zmq has the adapters.

namespace graphite {

/// Where a listener should be reachable.
struct listen_options {
  std::string host = "127.0.0.1";  ///< a numeric address; other than loopback is refused without `keys`
  std::uint16_t port = 0;          ///< 0: any free one
  bool any_port_if_taken = false;  ///< falls back to port 0
  /// The server's CURVE keys: nobody is heard before he has proved a key of his own, and nothing is plain.
  curve_pair_ptr keys = nullptr;
};

/// What a runtime needs to talk to ports with keys.
struct link_keys {
  std::vector<curve_key> servers;  ///< of both ports, any of them; the next is tried where one fails
  curve_pair_ptr own;              ///< tickets are for its public half
};

enum class served_port { heads, chunks };

/// Who may use the ports that have keys. Thread-safe, quick: asked by the threads of the transport.
class peer_admission {
 public:
  virtual ~peer_admission() = default;
  /// Whether `peer`, who has proved his key, may connect now.
  virtual bool admits(served_port port, const curve_key& peer) = 0;
  /// Why `peer` has no grant, for people; called where admits() or may_follow() says no.
  virtual std::string why_not(const curve_key& peer) = 0;
  /// Whether he may hear of `channel` now.
  virtual bool may_follow(const curve_key& peer, std::string_view channel) = 0;
  /// Grows with each grant that was withdrawn or ran out. Who was let in before may not be one any more.
  virtual std::uint64_t withdrawals() = 0;
  /// `peer` did what no client of ours does: he is to lose what he has, and not to come back.
  virtual void misbehaved(const curve_key& peer, std::string_view how) = 0;
};

/// Sends state to everybody who listens. Thread-safe; never blocks: where its queue is full the oldest
/// message is dropped and counted, and listeners recover through the next heartbeat.
class head_publisher {
 public:
  struct counters {
    std::uint64_t listeners = 0;  ///< connected now, over all channels
    std::uint64_t left = 0;       ///< listeners that have gone or were cut off
    std::uint64_t sent = 0, dropped = 0;
    std::uint64_t refused = 0;  ///< subscriptions without a grant
  };
  virtual ~head_publisher() = default;

  /// To those who follow `channel` (is_channel_name).
  virtual void announce(std::string_view channel, byte_vector message) = 0;
  /// To all, and again to those who join later: the last one is kept.
  virtual void beat(byte_vector message) = 0;
  /// HOST:PORT that it is bound to.
  virtual std::string address() const = 0;
  virtual counters count() const = 0;
};

/// Answers requests of the chunk port. Called by one thread of the server; bounded work, never waits.
class chunk_handler {
 public:
  virtual ~chunk_handler() = default;
  /// Absent `peer`: the port has no keys. The reply's frames; none: no answer.
  virtual std::vector<byte_vector> handle(const std::optional<curve_key>& peer, byte_span request) = 0;
};

/// A running chunk port; ends with its destructor.
class chunk_server {
 public:
  struct counters {
    std::uint64_t requests = 0, bytes_sent = 0, refused = 0;
  };
  virtual ~chunk_server() = default;
  virtual std::string address() const = 0;
  virtual counters count() const = 0;
};

/// What became of one connection of a link.
struct link_event {
  enum class what {
    connected,  ///< each side has proved its key
    refused,    ///< by the server: this key has no grant
    failed,     ///< before that: another server key, no keys there, or it went away
    /// The port ends connections that prove no key, and this link has none. The only one that is told of a
    /// link without keys.
    wants_keys
  };
  served_port port = served_port::heads;
  what happened = what::failed;
};

/// Receives what a link's poll() reads, in the polling thread.
class link_listener {
 public:
  virtual ~link_listener() = default;
  virtual void on_announcement(byte_span message) = 0;
  virtual void on_heartbeat(byte_span message) = 0;
  virtual void on_reply(std::uint64_t request, std::vector<byte_vector> frames) = 0;
  virtual void on_event(const link_event&) {}
};

/// A runtime node's end of both ports. One thread, which polls it and is called back by it: no hop lies
/// between the socket and the swap. Only wake() may be called by others.
class runtime_link {
 public:
  virtual ~runtime_link() = default;

  /// Starts to listen at HOST:PORT; connecting and reconnecting happen by themselves, but for a connection
  /// that was refused, or whose port wants keys: it is called again then. What is followed stays so.
  /// Errors: invalid_argument, permission_denied (not loopback, and no keys), io.
  virtual result<void> connect_heads(const std::string& address) = 0;
  virtual result<void> follow(std::string_view channel) = 0;
  /// Replaces the chunk connection; requests under way are not answered any more.
  virtual result<void> connect_chunks(const std::string& address) = 0;
  /// Errors: busy where too much is under way, unavailable without a connection.
  virtual result<void> request(std::uint64_t id, byte_span message) = 0;
  /// Waits at most `timeout` for something to read, then hands over all that has come, at most
  /// `messages_per_poll_max`. Errors: io, cancelled after wake().
  virtual result<void> poll(duration timeout, link_listener& listener) = 0;
  /// Thread-safe and safe in a signal handler: the current or next poll() returns cancelled.
  virtual void wake() noexcept = 0;

  static constexpr std::size_t messages_per_poll_max = 64;
};

}  // namespace graphite
