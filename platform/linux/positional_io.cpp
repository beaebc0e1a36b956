#include "platform/linux/positional_io.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>
#include <new>

namespace graphite {

namespace {

constexpr std::size_t read_piece_bytes = std::size_t{1} << 18;

/// Keeps SIGXFSZ from the calling thread while it lives, and takes back one that came meanwhile.
class file_size_shield {
 public:
  file_size_shield() {
    ::sigemptyset(&only_);
    ::sigaddset(&only_, SIGXFSZ);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGXFSZ) == 1;
    ::pthread_sigmask(SIG_BLOCK, &only_, &before_);
  }
  ~file_size_shield() {
    const struct ::timespec at_once {};
    if (raised && !was_pending_)
      while (::sigtimedwait(&only_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  file_size_shield(const file_size_shield&) = delete;
  file_size_shield& operator=(const file_size_shield&) = delete;

  bool raised = false;  ///< by a call that failed with EFBIG

 private:
  sigset_t only_, before_;
  bool was_pending_ = false;  ///< blocked and pending before: not ours to take
};

int advice_of_file(file_advice advice) {
  switch (advice) {
    case file_advice::sequential:
      return POSIX_FADV_SEQUENTIAL;
    case file_advice::random:
      return POSIX_FADV_RANDOM;
    case file_advice::will_need:
      return POSIX_FADV_WILLNEED;
    case file_advice::dont_need:
      return POSIX_FADV_DONTNEED;
    case file_advice::normal:
      break;
  }
  return POSIX_FADV_NORMAL;
}

int advice_of_mapping(file_advice advice) {
  switch (advice) {
    case file_advice::sequential:
      return MADV_SEQUENTIAL;
    case file_advice::random:
      return MADV_RANDOM;
    case file_advice::will_need:
      return MADV_WILLNEED;
    case file_advice::dont_need:
      return MADV_DONTNEED;
    case file_advice::normal:
      break;
  }
  return MADV_NORMAL;
}

struct page_range {
  void* begin;
  std::size_t size;
};

page_range pages_of(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto inside = reinterpret_cast<std::uintptr_t>(bytes.data()) % page;
  const auto whole = (inside + bytes.size() + page - 1) / page * page;
  return {const_cast<std::byte*>(bytes.data()) - inside, whole};
}

/// Reads the part and drops it: its pages are in memory then.
result<void> read_through(const mapped_file_part& part) {
  const std::unique_ptr<std::byte[]> piece(new std::byte[read_piece_bytes]);
  ::posix_fadvise(part.fd, static_cast<::off_t>(part.offset), static_cast<::off_t>(part.bytes.size()),
                  POSIX_FADV_WILLNEED);
  for (std::size_t at = 0; at < part.bytes.size();) {
    const auto size = std::min(read_piece_bytes, part.bytes.size() - at);
    const auto got = read_at(part.fd, piece.get(), size, part.offset + at);
    if (got.failed_errno != 0) return fail_errno(got.failed_errno, "reading what is mapped");
    if (got.bytes < size) return {};  // the caller finds where it ends
    at += size;
  }
  return {};
}

/// A page that ends with the file is there to its end: only the file's size tells what of it is the file's.
result<void> check_length(const mapped_file_part& part) {
  struct ::stat now {};
  if (::fstat(part.fd, &now) != 0) return fail_errno(errno, "looking at what is mapped");
  const auto length = static_cast<std::uint64_t>(now.st_size);
  if (part.offset + part.bytes.size() <= length) return {};
  return fail(errc::corrupt,
              fmt::format("the file was cut short: it ends at {} now, before what is mapped does", length));
}

}  // namespace

io_outcome read_at(int fd, void* out, std::size_t size, std::uint64_t offset) {
  io_outcome done;
  while (done.bytes < size) {
    const auto got = ::pread(fd, static_cast<char*>(out) + done.bytes, size - done.bytes,
                             static_cast<::off_t>(offset + done.bytes));
    if (got == 0) break;
    if (got > 0) {
      done.bytes += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      done.failed_errno = errno;
      break;
    }
  }
  return done;
}

io_outcome write_at(int fd, const void* from, std::size_t size, std::uint64_t offset) {
  io_outcome done;
  file_size_shield shield;
  while (done.bytes < size) {
    const auto put = ::pwrite(fd, static_cast<const char*>(from) + done.bytes, size - done.bytes,
                              static_cast<::off_t>(offset + done.bytes));
    if (put > 0) {
      done.bytes += static_cast<std::size_t>(put);
    } else if (put == 0 || errno != EINTR) {
      done.failed_errno = put == 0 ? EIO : errno;
      shield.raised = done.failed_errno == EFBIG;
      break;
    }
  }
  return done;
}

int sync_data(int fd) {
  while (::fdatasync(fd) != 0)
    if (errno != EINTR) return errno;
  return 0;
}

result<void> advise_file(int fd, std::uint64_t offset, std::uint64_t size, file_advice advice) {
  const int refused =
      ::posix_fadvise(fd, static_cast<::off_t>(offset), static_cast<::off_t>(size), advice_of_file(advice));
  if (refused != 0) return fail_errno(refused, "advising");
  return {};
}

result<void> advise_mapping(std::span<const std::byte> pages, file_advice advice) {
  const auto whole = pages_of(pages);
  if (::madvise(whole.begin, whole.size, advice_of_mapping(advice)) != 0)
    return fail_errno(errno, "advising a mapping");
  return {};
}

result<void> prefault(const mapped_file_part& part) {
  const auto whole = pages_of(part.bytes);
  int refused = 0;
  while (::madvise(whole.begin, whole.size, MADV_POPULATE_READ) != 0) {
    refused = errno;
    if (refused != EINTR && refused != EAGAIN) break;
    refused = 0;
  }
  if (refused == EINVAL || refused == ENOSYS) {
    GRAPHITE_CHECK(read_through(part));
    refused = 0;
  }
  if (refused == ENOMEM) throw std::bad_alloc();
  GRAPHITE_CHECK(check_length(part));
  // What would have been a signal: a page that cannot be read.
  if (refused != 0)
    return fail_errno(refused == EFAULT ? EIO : refused, "bringing what is mapped into memory");
  return {};
}

}  // namespace graphite
