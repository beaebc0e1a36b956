#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// Both programs are of one build: another one is refused. Grows with every change of frames and task_codec.
inline constexpr std::uint64_t worker_protocol = 4;
/// Of a worker, its first one included.
inline constexpr std::uint32_t worker_threads_max = 16;

/// One message between the pool, the server that forks workers, and a worker: a packet of this size.
///
/// Pool and worker share two pieces of memory: the *inbox*, which the worker can only read, and the *outbox*.
/// Frames tell where in them something lies.
struct worker_frame {
  enum class kind : std::uint32_t {
    start = 1,    ///< pool to server, with socket, inbox, outbox and the end of a status pipe: fork a worker;
                  ///< `offset` is worker_protocol, `size` how many threads it may have; `place`
                  ///< where each gets one of the server's processors: the worker's number, from 1
    started = 2,  ///< server to pool, with a pidfd; `offset` is the process id. Or refused: `size` is errno
    task = 3,     ///< pool to worker: an encoded task in the inbox
    want = 4,     ///< worker to pool: the path of a file it needs, in the outbox
    file = 5,     ///< pool to worker: its bytes, in the inbox
    no_file = 6,  ///< pool to worker: there is none; `offset` is the errc
    done = 7,     ///< worker to pool: an encoded answer in the outbox
    exited = 8,   ///< server to pool, on the worker's status pipe; `offset` is its wait status
  };
  kind what = kind::task;
  std::uint32_t place = 0;
  std::uint64_t offset = 0, size = 0;
};
static_assert(sizeof(worker_frame) == 24);

/// A pair of connected sockets that keep packets apart. Errors: io.
result<std::pair<owned_fd, owned_fd>> worker_socket_pair();

/// Sends a frame, with descriptors, and never waits: nobody has more than one unread. Errors: unavailable
/// (the other end is gone), busy (it does not read what it is sent), io.
result<void> send_frame(int socket, const worker_frame& frame, std::span<const int> descriptors = {});

/// What the server writes and the pool reads where no worker can: a pipe. Errors: io; unavailable (it is
/// closed).
result<std::pair<owned_fd, owned_fd>> status_pipe();
result<void> write_status(int pipe, int wait_status);
result<int> read_status(int pipe);

/// Waits for a frame; a packet of another size is refused. Errors: unavailable (the other end is gone),
/// corrupt, io.
struct received_frame {
  worker_frame frame;
  std::vector<owned_fd> descriptors;
};
result<received_frame> receive_frame(int socket);

}  // namespace graphite
