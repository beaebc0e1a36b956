#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/ports/transport.hpp"
#include "core/units.hpp"

namespace graphite {

/// How much room a port with keys has for connections.
struct connection_limits {
  std::size_t all_max = 4096;         ///< each needs two open files
  std::size_t of_address_max = 1024;  ///< IPv4 address or /64 of IPv6
  std::size_t of_key_max = 64;        ///< where keys are told by took()
  /// What one has sent and nobody has taken from libzmq: unfinished messages, those of a connection that
  /// calls itself as another one does, commands.
  std::size_t held_bytes_max = 4 * MiB;
  std::size_t left_bytes_max = 64 * MiB;  ///< the same, of all that have ended: libzmq may keep it
  duration ungranted_grace = seconds(10);
  /// Says who has a grant, if null nobody is ended for want of one.
  peer_admission* admission = nullptr;
};

/// The open connections of a port: counts them by who they are and what they hold, and ends what is too much.
/// Ending is a shutdown by a descriptor of our own, so that it never hits another file. One thread.
class peer_connections {
 public:
  explicit peer_connections(connection_limits limits) : limits_(limits) {}

  /// `descriptor` is libzmq's, and names the connection until ended().
  void accepted(int descriptor, time_point now);
  void ended(int descriptor);
  /// To be called before what the socket has told since is read.
  void next_round() { ++round_; }
  /// "ADDRESS:PORT" of who is at its other end; empty where that is not known (any more). Not of one that was
  /// accepted in this round and has ended: its descriptor may have been another connection's when it was
  /// looked at.
  std::string name_of(int descriptor) const;
  /// What was read from it so far counts as taken: for who hears late of a connection.
  void settle(int descriptor);
  /// All, and what they left.
  void clear();
  /// A frame of `bytes` was taken from the connection; `who` sent it.
  void took(int descriptor, std::size_t bytes, const std::optional<curve_key>& who);
  /// Ends what holds too much; where the port is full, those longest there without a grant. O(connections).
  void watch(time_point now);

  std::size_t size() const { return open_.size(); }
  bool full() const { return open_.size() >= limits_.all_max; }
  bool left_too_much() const { return left_bytes_ > limits_.left_bytes_max; }

 private:
  /// Another descriptor of the same connection.
  class own_descriptor {
   public:
    explicit own_descriptor(int of);
    own_descriptor(own_descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    own_descriptor& operator=(own_descriptor&&) = delete;
    ~own_descriptor();
    int get() const { return descriptor_; }

   private:
    int descriptor_;  ///< negative: it had ended already
  };
  struct connection {
    own_descriptor own;
    std::string address;
    time_point since{};
    std::uint64_t number = 0, round = 0;
    std::uint64_t taken_bytes = 0;
    std::optional<curve_key> who;
    bool ending = false;
  };
  bool granted(const connection& one) const;
  void end(connection& one);
  void end_longest_ungranted(std::size_t most, time_point before, const std::string* address);
  void forget(const connection& one);

  const connection_limits limits_;
  std::map<int, connection> open_;
  std::map<std::string, std::size_t> of_address_;  ///< without those that are ending
  std::map<curve_key, std::size_t> of_key_;
  std::uint64_t left_bytes_ = 0, last_number_ = 0, round_ = 0;
};

}  // namespace graphite
