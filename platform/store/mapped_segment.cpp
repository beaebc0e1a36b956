#include "platform/store/mapped_segment.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/durable_file.hpp"

namespace graphite {

static result<std::uint64_t> size_of(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return fail_errno(errno, "stat " + path);
  return static_cast<std::uint64_t>(info.st_size);
}

result<std::shared_ptr<const mapped_segment>> mapped_segment::open(const std::string& path,
                                                                   std::uint64_t bytes) {
  // Not blocking: the name may be a pipe.
  owned_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail_errno(errno, "open " + path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno(errno, "stat " + path);
  if (!S_ISREG(info.st_mode)) return fail(errc::invalid_argument, path + " is not a regular file");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (bytes < size) bytes = size;
  if (bytes == 0) return fail(errc::corrupt, path + " is empty");
  void* base = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (base == MAP_FAILED) return fail_errno(errno, "map " + path);
  return std::shared_ptr<const mapped_segment>(new mapped_segment(
      path, std::move(fd), {info.st_dev, info.st_ino}, static_cast<const std::byte*>(base), bytes, size));
}

mapped_segment::~mapped_segment() { ::munmap(const_cast<std::byte*>(base_), bytes_); }

result<byte_span> mapped_segment::range(std::uint64_t offset, std::uint64_t length) const {
  const auto end = offset + length;
  if (end < offset) return fail(errc::corrupt, path_ + ": impossible range");
  if (end > known_bytes_.load(std::memory_order_relaxed) && grows_) {
    GRAPHITE_TRY(const auto size, size_of(fd_.get(), path_));
    known_bytes_.store(std::min(size, bytes_), std::memory_order_relaxed);
  }
  if (end > known_bytes_.load(std::memory_order_relaxed))
    return fail(errc::corrupt, fmt::format("{} ends before byte {}", path_, end));
  return byte_span(base_ + offset, length);
}

result<void> mapped_segment::read(std::uint64_t offset, std::span<std::byte> out) const {
  return read_fully(fd_.get(), out, offset, path_);
}

void mapped_segment::let_go(std::uint64_t offset, std::uint64_t length) const {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (offset > bytes_ || length > bytes_ - offset) return;
  const auto first = (offset + page - 1) / page * page;
  auto last = (offset + length) / page * page;
  // Behind the end of a large content begins a page of the next one; what is small and lies there comes back
  // at the cost of a page fault.
  if (first == offset && first < last) last = (offset + length + page - 1) / page * page;
  // Of a shared mapping of a file: what is read again comes from the file.
  if (first < last) ::madvise(const_cast<std::byte*>(base_) + first, last - first, MADV_DONTNEED);
}

result<byte_span> mapped_segment::all() const {
  if (!grows_) return byte_span(base_, bytes_);
  GRAPHITE_TRY(const auto size, size_of(fd_.get(), path_));
  known_bytes_.store(std::min(size, bytes_), std::memory_order_relaxed);
  return byte_span(base_, std::min(size, bytes_));
}

}  // namespace graphite
