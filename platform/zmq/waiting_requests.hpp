#pragma once

#include <deque>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "core/credentials.hpp"

namespace graphite {

/// A request as it came, and whom the answer goes to.
struct waiting_request {
  std::string peer;  ///< the connection, as ROUTER calls it
  zmq::message_t id, body;
  std::optional<curve_key> who = {};
  std::vector<zmq::message_t> raw = {};  ///< frames after the body, where the port takes some

  std::size_t bytes() const {
    return std::accumulate(raw.begin(), raw.end(), body.size(),
                           [](std::size_t sum, const auto& frame) { return sum + frame.size(); });
  }
};

/// Requests that wait to be answered, in turn: one of each connection that has some.
///
/// Bounded: of a connection, and of all in bytes; what is more is dropped. One thread, or under a lock.
class waiting_requests {
 public:
  struct options {
    std::size_t of_connection_max = 0;
    std::size_t bytes_max = 0;
  };
  explicit waiting_requests(options chosen) : options_(chosen) {}

  /// False: dropped.
  bool add(waiting_request request) {
    const std::size_t size = request.bytes();
    if (size > options_.bytes_max - bytes_) return false;
    auto& of = by_peer_[request.peer];
    if (of.size() >= options_.of_connection_max) return false;
    if (of.empty()) turns_.push_back(request.peer);
    bytes_ += size;
    of.push_back(std::move(request));
    return true;
  }
  bool empty() const { return turns_.empty(); }
  /// Not when empty().
  waiting_request take() {
    const auto at = by_peer_.find(turns_.front());
    turns_.pop_front();
    auto out = std::move(at->second.front());
    at->second.pop_front();
    bytes_ -= out.bytes();
    if (at->second.empty())
      by_peer_.erase(at);
    else
      turns_.push_back(out.peer);
    return out;
  }

 private:
  const options options_;
  std::map<std::string, std::deque<waiting_request>> by_peer_;
  std::deque<std::string> turns_;
  std::size_t bytes_ = 0;
};

}  // namespace graphite
