#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/ports/transport.hpp"

/// \file Bytes between nodes and the stores of a cluster. Nothing here knows what they mean
/// (schemas/stores.capnp does); platform/zmq has the adapters.

namespace graphite {

/// Answers requests of a store's port. handle() is called by one thread of the server, flush() by another
/// one.
class store_handler {
 public:
  using frames = std::vector<byte_vector>;
  /// Numbers the requests of a server; never used twice.
  using ticket = std::uint64_t;
  virtual ~store_handler() = default;
  /// The reply's frames, or nothing: then flush() has them. `peer` is absent where the port has no keys.
  /// Bounded work: it waits for no disk but to read and to append.
  virtual std::optional<frames> handle(ticket request, const std::optional<curve_key>& peer,
                                       std::span<const byte_span> message) = 0;
  /// Called after a request was put off; blocks until those that were by then can be answered.
  virtual std::vector<std::pair<ticket, frames>> flush() = 0;
};

/// A running port of a store; ends with its destructor.
class store_server {
 public:
  struct counters {
    std::uint64_t requests = 0, bytes_taken = 0, bytes_sent = 0, refused = 0;
  };
  virtual ~store_server() = default;
  virtual std::string address() const = 0;
  virtual counters count() const = 0;
};

/// Where a store is reached.
struct store_endpoint {
  std::string name;                   ///< by which it is chosen (core/store_choice.hpp) and called here
  std::string address;                ///< HOST:PORT
  std::optional<curve_key> key = {};  ///< that it has to prove; needed where the link has keys
  bool operator==(const store_endpoint&) const = default;
};

/// Receives what a store link's poll() reads, in the polling thread.
class store_link_listener {
 public:
  virtual ~store_link_listener() = default;
  virtual void on_reply(const std::string& store, std::uint64_t request, std::vector<byte_vector> frames) = 0;
  /// A connection to it stands.
  virtual void on_connected(const std::string& store) = 0;
  /// The connection ended, or could not be made: requests under way will not be answered. It is made anew by
  /// itself.
  virtual void on_lost(const std::string& store) = 0;
};

/// A node's end of the ports of all stores. One thread, which polls it and is called back by it. Only wake()
/// may be called by others.
class store_link {
 public:
  virtual ~store_link() = default;
  /// The stores from now on; connections to others end, those that stay are kept. Errors: invalid_argument,
  /// permission_denied (not loopback, and no keys), io. Those that could be are connected all the same.
  virtual result<void> connect(std::span<const store_endpoint> stores) = 0;
  /// Errors: not_found (no such store), busy (too much is under way), io.
  virtual result<void> send(const std::string& store, std::uint64_t request,
                            std::vector<byte_vector> frames) = 0;
  /// Waits at most `timeout` for something to read, then hands over what has come, at most
  /// `messages_per_poll_max` of each store. Errors: io, cancelled after wake().
  virtual result<void> poll(duration timeout, store_link_listener& listener) = 0;
  /// Thread-safe: the current or next poll() returns cancelled.
  virtual void wake() noexcept = 0;

  static constexpr std::size_t messages_per_poll_max = 64;
};

}  // namespace graphite
