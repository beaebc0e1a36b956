#pragma once

#include <sys/types.h>

#include <atomic>
#include <limits>
#include <string>

#include "bindings/c/internal.hpp"
#include "platform/linux/owned_fd.hpp"

/// \file What the sources of files share. Of these files nothing is known: everything that is said about them
/// may be false by the next call.

namespace graphite::c_api {

/// Behind graphite_file::handle. Reads and writes may come from several threads at once.
struct opened_file {
  std::string path;
  owned_fd fd;
  bool readable = false, writable = false;
  std::atomic<std::uint64_t> known_size{0};  ///< it had so many bytes once: when opened, or written since
  std::atomic<int> sync_failed{0};           ///< errno of the first sync that failed
  void* mapping = nullptr;                   ///< from a page's beginning
  std::size_t mapping_bytes = 0;
  std::size_t mapped_from = 0;  ///< where graphite_file::mapped_memory is in the file
};

/// After a write of others' bytes, too: what the file has at least.
inline void know_size(opened_file& opened, std::uint64_t size) {
  auto known = opened.known_size.load(std::memory_order_relaxed);
  while (known < size && !opened.known_size.compare_exchange_weak(known, size, std::memory_order_relaxed)) {
  }
}

/// The first sync that failed, or this one, which then is it: the kernel tells of lost pages once and then
/// takes them for clean. 0 where none has.
inline int first_sync_failure(opened_file& opened, int refused) {
  int before = 0;
  if (refused == 0) return opened.sync_failed.load(std::memory_order_relaxed);
  return opened.sync_failed.compare_exchange_strong(before, refused, std::memory_order_relaxed) ? refused
                                                                                                : before;
}

inline opened_file& behind(const graphite_file& file) { return *static_cast<opened_file*>(file.handle); }

inline graphite_result failed_call(int errno_value, const std::string& what) {
  if (errno_value == ENOMEM) return out_of_memory();
  return failed(errno_error(errno_value, what));
}

inline std::string quoted(const char* path) { return "'" + std::string(path) + "'"; }

/// Whether bytes can lie there, in any file.
inline bool is_range(std::size_t offset, std::size_t size) {
  constexpr auto end_max = static_cast<std::size_t>(std::numeric_limits<::off_t>::max());
  return offset <= end_max && size <= end_max - offset;
}

}  // namespace graphite::c_api
