#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "bindings/c/opened_file.hpp"
#include "platform/linux/positional_io.hpp"

using namespace graphite;
using namespace graphite::c_api;

namespace {

bool is_regular(const char* path) {
  struct ::stat found {};
  return ::stat(path, &found) == 0 && S_ISREG(found.st_mode);
}

int open_flags(uint32_t flags) {
  const bool read = (flags & GRAPHITE_FILE_READ) != 0, write = (flags & GRAPHITE_FILE_WRITE) != 0;
  const int access = read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY;
  return access | O_CLOEXEC | O_NOCTTY | ((flags & GRAPHITE_FILE_CREATE) != 0 ? O_CREAT : 0);
}

/// A descriptor, or -1 and errno. Does not wait for the other end of a pipe, but for the lease that somebody
/// has on a file.
int open_without_waiting(const char* path, int flags) {
  while (true) {
    int fd = ::open(path, flags | O_NONBLOCK, 0666);
    if (fd < 0 && errno == EWOULDBLOCK && is_regular(path)) fd = ::open(path, flags, 0666);
    if (fd >= 0 || errno != EINTR) return fd;
  }
}

graphite_result not_regular(const char* path) {
  return failed(errc::invalid_argument, quoted(path) + " is not a regular file");
}

graphite_result open_file(graphite_file& out, const char* path, uint32_t flags) {
  owned_fd fd(open_without_waiting(path, open_flags(flags)));
  if (!fd) {
    const int why = errno;
    // A folder that was to be written to; a socket, or a pipe that nobody reads.
    if (why == EISDIR || why == ENXIO) return not_regular(path);
    return failed_call(why, "cannot open " + quoted(path));
  }
  struct ::stat found {};
  if (::fstat(fd.get(), &found) != 0) return failed_call(errno, "cannot look at " + quoted(path));
  if (!S_ISREG(found.st_mode)) return not_regular(path);
  auto opened = std::make_unique<opened_file>();
  opened->path = path;
  opened->fd = std::move(fd);
  opened->readable = (flags & GRAPHITE_FILE_READ) != 0;
  opened->writable = (flags & GRAPHITE_FILE_WRITE) != 0;
  opened->known_size = static_cast<uint64_t>(found.st_size);
  out.path = opened->path.c_str();
  out.size = static_cast<uint64_t>(found.st_size);
  out.handle = opened.release();
  return GRAPHITE_SUCCESS;
}

graphite_result check_readable(const graphite_file& file) {
  if (behind(file).readable) return GRAPHITE_SUCCESS;
  return failed(errc::permission_denied, quoted(file.path) + " was not opened to be read");
}

graphite_result map_file(graphite_file& file, size_t offset, size_t size) {
  auto& opened = behind(file);
  struct ::stat found {};
  if (::fstat(opened.fd.get(), &found) != 0) return failed_call(errno, "cannot look at " + quoted(file.path));
  if (!is_range(offset, size) || offset + size > static_cast<uint64_t>(found.st_size))
    return failed(errc::invalid_argument, "what is to be mapped of " + quoted(file.path) +
                                              " lies beyond its end at " + std::to_string(found.st_size));
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto inside = offset % page;
  void* const mapping = ::mmap(nullptr, inside + size, PROT_READ, MAP_SHARED, opened.fd.get(),
                               static_cast<::off_t>(offset - inside));
  if (mapping == MAP_FAILED) return failed_call(errno, "cannot map " + quoted(file.path));
  opened.mapping = mapping;
  opened.mapping_bytes = inside + size;
  opened.mapped_from = offset;
  file.is_memory_mapped = true;
  file.mapped_memory = static_cast<char*>(mapping) + inside;
  file.mapped_size = size;
  return GRAPHITE_SUCCESS;
}

struct known_read : io_outcome {
  bool cut_short = false;  ///< it met an end before one that was known
};

known_read read_known(opened_file& opened, void* buffer, std::size_t size, std::size_t offset) {
  // Loaded first: what is written meanwhile is not missed.
  const auto known = opened.known_size.load(std::memory_order_relaxed);
  known_read out{read_at(opened.fd.get(), buffer, size, offset)};
  while (out.failed_errno == 0 && out.bytes < size && offset < known && offset + out.bytes < known) {
    struct ::stat now {};
    if (::fstat(opened.fd.get(), &now) == 0 && static_cast<std::uint64_t>(now.st_size) < known) {
      out.cut_short = true;
      return out;
    }
    // Cut and written again between the two calls, or one of /sys, which state more than they have.
    const auto more = read_at(opened.fd.get(), static_cast<char*>(buffer) + out.bytes, size - out.bytes,
                              offset + out.bytes);
    out.bytes += more.bytes;
    out.failed_errno = more.failed_errno;
    if (more.bytes == 0) break;
  }
  return out;
}

}  // namespace

graphite_result graphite_file_open(graphite_file* file, const char* path, uint32_t flags) {
  return guarded([&] {
    if (file == nullptr) return invalid("graphite_file_open: a null file");
    *file = {};
    if (path == nullptr) return invalid("graphite_file_open: a null path");
    constexpr uint32_t access = GRAPHITE_FILE_READ | GRAPHITE_FILE_WRITE,
                       known = access | GRAPHITE_FILE_CREATE;
    if ((flags & access) == 0 || (flags & ~known) != 0)
      return invalid("graphite_file_open: no or unknown flags");
    if ((flags & GRAPHITE_FILE_CREATE) != 0 && (flags & GRAPHITE_FILE_WRITE) == 0)
      return invalid("graphite_file_open: GRAPHITE_FILE_CREATE needs GRAPHITE_FILE_WRITE");
    return open_file(*file, path, flags);
  });
}

graphite_result graphite_file_close(graphite_file* file) {
  return guarded([&] {
    if (file == nullptr || file->handle == nullptr) return GRAPHITE_SUCCESS;
    const std::unique_ptr<opened_file> opened(&behind(*file));
    *file = {};
    if (opened->mapping != nullptr) ::munmap(opened->mapping, opened->mapping_bytes);
    // Closed it is in any case, also where the call was interrupted.
    if (::close(opened->fd.release()) == 0 || errno == EINTR) return GRAPHITE_SUCCESS;
    return failed(errc::io, errno_error(errno, "closing '" + opened->path + "'").context);
  });
}

graphite_result graphite_file_read(graphite_file* file, void* buffer, size_t size, size_t offset,
                                   size_t* bytes_read) {
  return guarded([&] {
    if (bytes_read != nullptr) *bytes_read = 0;
    if (file == nullptr || file->handle == nullptr) return invalid("graphite_file_read: no open file");
    if (buffer == nullptr && size != 0) return invalid("graphite_file_read: a null buffer");
    if (!is_range(offset, size)) return invalid("graphite_file_read: the range is larger than any file");
    if (const auto can = check_readable(*file); can != GRAPHITE_SUCCESS) return can;
    const auto done = read_known(behind(*file), buffer, size, offset);
    if (bytes_read != nullptr) *bytes_read = done.bytes;
    if (done.failed_errno == EFAULT)
      return invalid("graphite_file_read: the buffer is no memory to write to");
    if (done.failed_errno != 0) return failed_call(done.failed_errno, "reading " + quoted(file->path));
    if (!done.cut_short) return GRAPHITE_SUCCESS;
    return failed(errc::corrupt, quoted(file->path) + " was cut short: its bytes end at " +
                                     std::to_string(offset + done.bytes) + " now");
  });
}

graphite_result graphite_file_mmap(graphite_file* file, size_t offset, size_t size, void** mapped_ptr) {
  return guarded([&] {
    if (mapped_ptr == nullptr) return invalid("graphite_file_mmap: a null argument");
    *mapped_ptr = nullptr;
    if (file == nullptr || file->handle == nullptr) return invalid("graphite_file_mmap: no open file");
    if (size == 0) return invalid("graphite_file_mmap: nothing to map");
    if (const auto can = check_readable(*file); can != GRAPHITE_SUCCESS) return can;
    if (file->is_memory_mapped)
      return failed(errc::already_exists, quoted(file->path) + " is mapped already");
    const auto mapped = map_file(*file, offset, size);
    *mapped_ptr = file->mapped_memory;
    return mapped;
  });
}
