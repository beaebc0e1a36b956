#include "platform/numa/kernel_file.hpp"

#include <fcntl.h>

#include <cerrno>

#include "core/units.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

namespace {

constexpr std::size_t kernel_file_bytes_max = 16 * MiB;
constexpr std::size_t step_bytes = 4 * KiB;

}  // namespace

result<std::string> read_kernel_file(const std::string& path) {
  const owned_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  std::string out;
  while (out.size() <= kernel_file_bytes_max) {
    const auto before = out.size();
    out.resize(before + step_bytes);
    const auto n = ::read(fd.get(), out.data() + before, step_bytes);
    out.resize(before + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n < 0 && errno != EINTR) return fail_errno(errno, "read " + path);
    if (n == 0) return out;
  }
  return fail(errc::too_large, path + " has no end");
}

}  // namespace graphite
