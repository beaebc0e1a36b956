#include "platform/linux/posix_file_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "platform/linux/beneath.hpp"

namespace graphite {

namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t margin_least_ns = 10'000'000;

std::int64_t to_ns(const struct ::timespec& t) { return t.tv_sec * ns_per_s + t.tv_nsec; }

/// How much older than the check a time stamp must be: two ticks of the clock that makes them.
std::int64_t trust_margin_ns() {
  static const std::int64_t margin = [] {
    struct ::timespec tick {};
    ::clock_getres(CLOCK_REALTIME_COARSE, &tick);
    return std::max(2 * to_ns(tick), margin_least_ns);
  }();
  return margin;
}

file_kind kind_of(::mode_t mode) {
  if (S_ISREG(mode)) return file_kind::regular;
  if (S_ISDIR(mode)) return file_kind::folder;
  return S_ISLNK(mode) ? file_kind::link : file_kind::special;
}

result<file_info> info_of(int fd, std::string_view what) {
  const auto checked = coarse_now_ns();
  struct ::stat raw {};
  if (::fstat(fd, &raw) != 0) return fail_errno(errno, what);
  return make_file_info(raw, checked);
}

class posix_open_file final : public open_file {
 public:
  posix_open_file(owned_fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  result<file_info> info() const override { return info_of(fd_.get(), name_); }

  result<std::size_t> read(std::span<std::byte> out) override {
    while (true) {
      const auto got = ::read(fd_.get(), out.data(), out.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return fail_errno(errno, "reading '" + name_ + "'");
    }
  }

 private:
  owned_fd fd_;
  std::string name_;
};

}  // namespace

std::int64_t coarse_now_ns() {
  struct ::timespec now {};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return to_ns(now);
}

file_info make_file_info(const struct ::stat& raw, std::int64_t checked_ns) {
  file_info out;
  out.kind = kind_of(raw.st_mode);
  auto& s = out.signature;
  s.device = raw.st_dev;
  s.inode = raw.st_ino;
  s.size = static_cast<std::uint64_t>(raw.st_size);
  s.mtime_ns = to_ns(raw.st_mtim);
  s.ctime_ns = to_ns(raw.st_ctim);
  s.trusted = std::max(s.mtime_ns, s.ctime_ns) + trust_margin_ns() <= checked_ns;
  return out;
}

result<std::unique_ptr<posix_file_reader>> posix_file_reader::open_root(const std::string& root) {
  GRAPHITE_TRY(auto fd, open_root_folder(root));
  return std::unique_ptr<posix_file_reader>(new posix_file_reader(std::move(fd)));
}

result<file_info> posix_file_reader::info(const logical_path& path) const {
  GRAPHITE_TRY(const auto fd, open_beneath(root_.get(), path.str(), O_PATH));
  return info_of(fd.get(), "'" + path.str() + "'");
}

result<std::unique_ptr<open_file>> posix_file_reader::open(const logical_path& path) const {
  // O_NONBLOCK: a FIFO opens at once and is then refused; regular files do not care.
  GRAPHITE_TRY(auto fd, open_beneath(root_.get(), path.str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
  GRAPHITE_TRY(const auto now, info_of(fd.get(), "'" + path.str() + "'"));
  if (now.kind != file_kind::regular)
    return fail(errc::invalid_argument, "'" + path.str() + "' is not a regular file");
  return std::make_unique<posix_open_file>(std::move(fd), path.str());
}

bool posix_file_reader::open_for_writing(const logical_path& path) const {
  const auto found = info(path);
  if (!found || found->kind != file_kind::regular) return false;
  const auto fd = open_beneath(root_.get(), path.str(), O_RDONLY | O_NONBLOCK);
  if (!fd) return false;
  // A lease that is broken signals its holder, by default with SIGIO, which would end this process.
  ::fcntl(fd->get(), F_SETSIG, SIGURG);
  if (::fcntl(fd->get(), F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  ::fcntl(fd->get(), F_SETLEASE, F_UNLCK);
  return false;
}

}  // namespace graphite
