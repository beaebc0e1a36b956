#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "platform/zmq/accepting.hpp"
#include "platform/zmq/port_trouble.hpp"
#include "platform/zmq/refused_peers.hpp"
#include "platform/zmq/waiting_requests.hpp"
#include "platform/zmq/wake_event.hpp"

namespace graphite {

struct request_router_options {
  std::string name;     ///< for the log: "chunk port"
  std::string threads;  ///< their names begin with it: "chunk"
  listen_options listen;
  connection_limits connections;
  std::size_t frame_bytes_max = 0;     ///< as it comes by the wire
  std::size_t frames_max = 1;          ///< of a request, after its number
  int requests_of_round_max = 64;      ///< between looks at who came and went
  std::size_t unsent_answers_max = 4;  ///< of up to 1 MiB a frame; sending never waits
  std::size_t put_off_max = 0;         ///< requests that wait for flush(); others wait for them
  waiting_requests::options waiting;
  log_sink* log = nullptr;  ///< gets the port's own troubles and, with keys, who was refused; outlives it
};

/// A port that answers requests: a ROUTER socket with a thread of its own, which alone touches it and only
/// takes in and sends, one that calls `handle` and, where there is one, one that calls `flush`. So the socket
/// is read whatever these do, and requests are handled while others wait for `flush`.
///
/// A request is eight bytes chosen by the asker, which come back unchanged, and frames. What has another
/// form, is too much, or comes where keys are needed without one, is dropped and counted. A reply that its
/// peer does not take (its queue is full, it is gone) is dropped: the peer asks again. Connections take
/// turns.
class request_router {
 public:
  using frames = std::vector<byte_vector>;
  using ticket = std::uint64_t;  ///< numbers requests; never used twice
  struct handler {
    /// The reply's frames, none where nothing is to be said; nothing at all: flush() will have them.
    std::function<std::optional<frames>(ticket, const std::optional<curve_key>& who,
                                        std::span<const byte_span> request)>
        handle;
    /// Called after a request was put off; blocks until those that were by then can be answered. Null: none
    /// is.
    std::function<std::vector<std::pair<ticket, frames>>()> flush;
  };
  struct counters {
    std::uint64_t requests = 0, bytes_taken = 0, bytes_sent = 0, refused = 0;
  };

  /// What `how` calls outlives it. Errors: permission_denied, already_exists, io.
  static result<std::unique_ptr<request_router>> open(std::shared_ptr<zmq_context> context,
                                                      const request_router_options& options, handler how);
  ~request_router();
  request_router(const request_router&) = delete;
  request_router& operator=(const request_router&) = delete;

  const std::string& address() const { return address_; }
  counters count() const {
    return {requests_.load(), bytes_taken_.load(), bytes_sent_.load(), refused_.load()};
  }

 private:
  /// Whom an answer goes to.
  struct asker {
    std::string peer;
    zmq::message_t id;
  };
  struct answer {
    asker to;
    frames what;
  };

  request_router(std::shared_ptr<zmq_context> context, zmq::socket_t socket, listening listens,
                 wake_event wake, const request_router_options& options, handler how);
  void run();
  void go_round();
  void open_anew();
  bool take_one();
  bool receive(zmq::message_t& message);
  bool keep(waiting_request request);
  void handle_waiting();
  void flush_put_off();
  void answer_locked(ticket which, frames what);
  void send_answers();
  void send(answer& one);

  const std::shared_ptr<zmq_context> context_;
  std::optional<accepting> accepts_;  ///< with keys
  zmq::socket_t socket_;
  const std::string address_;
  const wake_event wake_;
  const request_router_options options_;
  const handler handler_;
  port_trouble trouble_;
  refused_peers refused_peers_;
  std::atomic<std::uint64_t> requests_{0}, bytes_taken_{0}, bytes_sent_{0}, refused_{0};
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;  ///< of the threads
  std::condition_variable may_go_on_;
  waiting_requests waiting_;
  std::map<ticket, asker> put_off_;  ///< with the one that is being handled
  std::deque<answer> answers_;
  ticket last_ticket_ = 0;
  bool wants_flush_ = false;
  std::thread port_thread_, handler_thread_, flush_thread_;
};

}  // namespace graphite
