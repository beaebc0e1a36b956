#include "gateway/service_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace graphite {

std::string service_socket_path(const std::string& state_folder) { return state_folder + "/sock"; }

namespace {

constexpr const char* lock_name = "sock.lock";

result<owned_fd> open_folder(const std::string& path) {
  owned_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return fail_errno(errno, path);
  return fd;
}

/// The address of `sock` below an open folder: by name where it fits, else through /proc.
result<sockaddr_un> address_of(const std::string& state_folder, int folder_fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = service_socket_path(state_folder);
  if (path.size() >= sizeof address.sun_path) path = fmt::format("/proc/self/fd/{}/sock", folder_fd);
  if (path.size() >= sizeof address.sun_path) return fail(errc::too_large, path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

result<owned_fd> private_folder(const std::string& path) {
  std::error_code code;
  std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, code);  // mkdir below says what is wrong
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(errno, path);
  GRAPHITE_TRY(owned_fd folder, open_folder(path));
  struct stat info {};
  if (::fstat(folder.get(), &info) != 0) return fail_errno(errno, path);
  if (info.st_uid != ::geteuid())
    return fail(errc::permission_denied, fmt::format("{} belongs to user {}, not to us", path, info.st_uid));
  if ((info.st_mode & 0777) != 0700 && ::fchmod(folder.get(), 0700) != 0) return fail_errno(errno, path);
  return folder;
}

std::string read_holder(int lock_fd) {
  char text[32] = {};
  const ssize_t size = ::pread(lock_fd, text, sizeof text - 1, 0);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string("unknown");
}

/// Of the whole file, belonging to the open file description: it goes with the last copy of the descriptor.
struct flock write_lock() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

result<owned_fd> take_lock(int folder_fd, const std::string& state_folder) {
  owned_fd lock(::openat(folder_fd, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.get() < 0) return fail_errno(errno, state_folder + "/" + lock_name);
  struct flock whole = write_lock();
  if (::fcntl(lock.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES) return fail_errno(errno, state_folder + "/" + lock_name);
    return fail(errc::already_exists,
                fmt::format("{} is served by process {} already", state_folder, read_holder(lock.get())));
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0)
    return fail_errno(errno, state_folder + "/" + lock_name);
  return lock;
}

result<owned_fd> bind_and_listen(const std::string& state_folder, int folder_fd, int backlog) {
  owned_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return fail_errno(errno, "socket");
  GRAPHITE_TRY(const sockaddr_un address, address_of(state_folder, folder_fd));
  // On Linux bind() makes the file with the socket inode's mode: it is never wider than 0600.
  if (::fchmod(fd.get(), 0600) != 0) return fail_errno(errno, "fchmod of a socket");
  // We hold the lock, so whatever lies there belongs to a process that is gone.
  if (::unlinkat(folder_fd, "sock", 0) != 0 && errno != ENOENT)
    return fail_errno(errno, service_socket_path(state_folder));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno(errno, service_socket_path(state_folder));
  if (::fchmodat(folder_fd, "sock", 0600, 0) != 0 || ::listen(fd.get(), backlog) != 0)
    return fail_errno(errno, service_socket_path(state_folder));
  return fd;
}

error connect_error(int code, const std::string& state_folder) {
  if (code == ENOENT || code == ECONNREFUSED || code == ENOTDIR)
    return {errc::unavailable, fmt::format("nobody serves {}", service_socket_path(state_folder))};
  if (code == EAGAIN)
    return {errc::busy, fmt::format("too many clients wait at {}", service_socket_path(state_folder))};
  return errno_error(code, service_socket_path(state_folder));
}

}  // namespace

result<service_listener> service_listener::open(const std::string& state_folder, int backlog) {
  GRAPHITE_TRY(owned_fd folder, private_folder(state_folder));
  GRAPHITE_TRY(owned_fd lock, take_lock(folder.get(), state_folder));
  GRAPHITE_TRY(owned_fd listener, bind_and_listen(state_folder, folder.get(), backlog));
  return service_listener(std::move(folder), std::move(lock), std::move(listener));
}

service_listener::~service_listener() {
  if (listener_.get() >= 0) ::unlinkat(folder_.get(), "sock", 0);
}

result<owned_fd> connect_service(const std::string& state_folder) {
  owned_fd folder(::open(state_folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return tl::unexpected(connect_error(errno, state_folder));
  GRAPHITE_TRY(const sockaddr_un address, address_of(state_folder, folder.get()));
  owned_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return fail_errno(errno, "socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return tl::unexpected(connect_error(errno, state_folder));
  return fd;
}

bool service_locked(const std::string& state_folder) {
  owned_fd lock(::open((state_folder + "/" + lock_name).c_str(), O_RDWR | O_CLOEXEC));
  if (lock.get() < 0) return false;
  struct flock whole = write_lock();  // asked only: taking it could turn a starting service away
  return ::fcntl(lock.get(), F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

}  // namespace graphite
