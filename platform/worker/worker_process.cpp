#include "platform/worker/worker_process.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/poll_wait.hpp"
#include "platform/linux/processor_time.hpp"
#include "platform/worker/worker_loop.hpp"
#include "platform/worker/worker_sandbox.hpp"

namespace graphite {

result<worker_process::prepared> worker_process::prepare() {
  prepared out;
  out.made.reset(new worker_process);
  auto& made = *out.made;
  GRAPHITE_TRY(auto ends, worker_socket_pair());
  made.socket_ = std::move(ends.first);
  out.socket = std::move(ends.second);
  GRAPHITE_TRY(auto status, status_pipe());
  made.status_ = std::move(status.first);
  out.status = std::move(status.second);
  made.wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!made.wake_) return fail_errno(errno, "cannot make a worker's event");
  GRAPHITE_TRY(made.inbox_, shared_window::make_growing("graphite-inbox", inbox_bytes));
  GRAPHITE_TRY(made.outbox_, shared_window::make_fixed("graphite-outbox", outbox_bytes));
  GRAPHITE_TRY(out.inbox, made.inbox_.read_only());
  out.outbox = made.outbox_.descriptor();
  return out;
}

worker_process::~worker_process() {
  if (handle_) kill();
}

void worker_process::started(pid_t pid, owned_fd handle, std::shared_ptr<const void> place) {
  pid_ = pid;
  place_ = std::move(place);
  handle_ = std::move(handle);
}

void worker_process::wake() const {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void worker_process::forget_wake() const {
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
}

result<worker_process::placed> worker_process::place(std::uint64_t bytes) {
  const auto room = inbox_.bytes().size() - placed_;
  if (bytes > room) return fail(errc::too_large, "the inputs have more than 4 GiB");
  GRAPHITE_CHECK(inbox_.make(placed_ + bytes));
  const auto offset = placed_;
  placed_ = std::min<std::uint64_t>(inbox_.bytes().size(), (placed_ + bytes + 63) / 64 * 64);
  return placed{inbox_.bytes().subspan(offset, bytes), offset};
}

result<byte_span> worker_process::in_outbox(std::uint64_t offset, std::uint64_t size) const {
  const auto all = outbox_.bytes();
  if (offset > all.size() || size > all.size() - offset)
    return fail(errc::corrupt, "a worker names memory that is none of its outbox");
  return byte_span(all.subspan(offset, size));
}

result<void> worker_process::limit_memory(std::uint64_t bytes) {
  if (bytes == memory_bytes_max_) return {};
  GRAPHITE_CHECK(limit_worker_memory(pid_, bytes));
  memory_bytes_max_ = bytes;
  return {};
}

duration worker_process::processor_time() const { return processor_time_of(pid_); }

void worker_process::kill() const { ::syscall(SYS_pidfd_send_signal, handle_.get(), SIGKILL, nullptr, 0); }

bool worker_process::is_dead() const { return readable_within(handle_.get(), milliseconds(0)); }

bool worker_process::has_ended() const {
  pollfd waits[2] = {{handle_.get(), POLLIN, 0}, {socket_.get(), POLLIN, 0}};
  return ::poll(waits, 2, 0) != 0;
}

bool worker_process::rest(std::uint64_t kept_bytes) {
  ++tasks_done_;
  placed_ = 0;
  forget_wake();
  return inbox_.shrink(kept_bytes).has_value() && outbox_.shrink(kept_bytes).has_value();
}

}  // namespace graphite
