#include "platform/worker/frames.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace graphite {

namespace {

constexpr std::size_t descriptors_max = 4;

/// Room for the control message of `descriptors_max` descriptors.
union control_space {
  cmsghdr aligned;
  char bytes[CMSG_SPACE(descriptors_max * sizeof(int))];
};

tl::unexpected<error> socket_failed(int code, const char* what) {
  if (code == EPIPE || code == ECONNRESET) return fail(errc::unavailable, "the worker is gone");
  if (code == EAGAIN || code == EWOULDBLOCK)
    return fail(errc::busy, "the worker does not read what it is sent");
  return fail_errno(code, what);
}

void take_descriptors(msghdr& message, std::vector<owned_fd>& into) {
  for (auto* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(one) + i * sizeof fd, sizeof fd);
      into.emplace_back(fd);
    }
  }
}

}  // namespace

result<std::pair<owned_fd, owned_fd>> worker_socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno(errno, "cannot make the sockets of a worker");
  return std::pair(owned_fd(ends[0]), owned_fd(ends[1]));
}

result<std::pair<owned_fd, owned_fd>> status_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "cannot make the status pipe of a worker");
  return std::pair(owned_fd(ends[0]), owned_fd(ends[1]));
}

result<void> write_status(int pipe, int wait_status) {
  // Less than a pipe holds, and the only thing ever written to it: it never waits.
  const worker_frame frame{worker_frame::kind::exited, 0, static_cast<std::uint64_t>(wait_status), 0};
  if (::write(pipe, &frame, sizeof frame) != sizeof frame)
    return fail_errno(errno, "cannot tell how a worker ended");
  return {};
}

result<int> read_status(int pipe) {
  worker_frame frame;
  ssize_t count = -1;
  while ((count = ::read(pipe, &frame, sizeof frame)) < 0)
    if (errno != EINTR) return fail_errno(errno, "cannot read how a worker ended");
  if (count != sizeof frame) return fail(errc::unavailable, "the server of the workers is gone");
  return static_cast<int>(frame.offset);
}

result<void> send_frame(int socket, const worker_frame& frame, std::span<const int> descriptors) {
  GRAPHITE_INVARIANT(descriptors.size() <= descriptors_max);
  auto copy = frame;
  iovec bytes{&copy, sizeof copy};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  control_space control{};
  if (!descriptors.empty()) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  while (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    if (errno != EINTR) return socket_failed(errno, "cannot send to a worker");
  return {};
}

result<received_frame> receive_frame(int socket) {
  received_frame out;
  iovec bytes{&out.frame, sizeof out.frame};
  msghdr message{};
  control_space control{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t count = -1;
  while ((count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0)
    if (errno != EINTR) return socket_failed(errno, "cannot receive from a worker");
  if (count == 0) return fail(errc::unavailable, "the worker is gone");
  take_descriptors(message, out.descriptors);
  if (count != sizeof out.frame || (message.msg_flags & MSG_TRUNC) != 0)
    return fail(errc::corrupt, "a worker sent a packet of another size");
  return out;
}

}  // namespace graphite
