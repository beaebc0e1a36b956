#pragma once

#include <string>

#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

/// \file The place where a resident service is met: `STATE/sock`, guarded by the lock file `STATE/sock.lock`.

namespace graphite {

/// `STATE/sock`.
std::string service_socket_path(const std::string& state_folder);

/// A listening socket with what keeps others from taking its place.
///
/// Held for the life of the service: while `lock` is open, no other process can listen in this state
/// folder. The destructor removes the socket file before the lock goes.
class service_listener {
 public:
  /// Makes the folder (mode 0700; an existing one of ours is narrowed to it), takes the lock, replaces a
  /// dead process's socket and listens with mode 0600. A path too long for a socket address is bound
  /// through /proc/self/fd. `backlog` bounds connections not yet accepted.
  /// Errors: already_exists (served by another process; the context has its id), permission_denied, io.
  static result<service_listener> open(const std::string& state_folder, int backlog);

  service_listener(service_listener&&) = default;
  service_listener& operator=(service_listener&&) = delete;
  ~service_listener();

  int fd() const { return listener_.get(); }

 private:
  service_listener(owned_fd folder, owned_fd lock, owned_fd listener)
      : folder_(std::move(folder)), lock_(std::move(lock)), listener_(std::move(listener)) {}

  owned_fd folder_, lock_, listener_;
};

/// Connects to the service of `state_folder`. Never waits: a full backlog is `busy`.
/// Errors: unavailable (nobody serves there), permission_denied, busy, io.
result<owned_fd> connect_service(const std::string& state_folder);

/// Whether a process holds the service lock of `state_folder`. False where there is no such folder.
bool service_locked(const std::string& state_folder);

}  // namespace graphite
