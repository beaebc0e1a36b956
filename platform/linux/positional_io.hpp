#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/error.hpp"

namespace graphite {

/// \file Reads, writes and hints at a place of a file that anybody may change or cut short. All may be called
/// for one descriptor from several threads at once; none ends in a signal, whatever becomes of the file.

/// How far a read or write came, and what ended it: 0 where it is done or met the end of the file.
struct io_outcome {
  std::size_t bytes = 0;
  int failed_errno = 0;
};

/// pread() until `size` bytes are there, the file ends or something fails: EFAULT where `out` is not memory
/// that can be written to. Goes on after interruptions and short reads. Blocks.
io_outcome read_at(int fd, void* out, std::size_t size, std::uint64_t offset);
/// pwrite() until all is written or something fails: ENOSPC, EFAULT, EFBIG (also beyond RLIMIT_FSIZE, whose
/// SIGXFSZ is kept from the thread). Blocks.
io_outcome write_at(int fd, const void* from, std::size_t size, std::uint64_t offset);
/// fdatasync(), which is not interrupted. 0 or an errno. Blocks.
int sync_data(int fd);

enum class file_advice : std::uint8_t { normal, sequential, random, will_need, dont_need };

/// Tells the kernel how `size` bytes (0: all to the end) from `offset` will be read. Changes no result.
/// Errors: io.
result<void> advise_file(int fd, std::uint64_t offset, std::uint64_t size, file_advice advice);
/// The same of a mapping; `pages` need not begin or end on pages. Errors: io.
result<void> advise_mapping(std::span<const std::byte> pages, file_advice advice);

/// Where `bytes` of a mapping come from.
struct mapped_file_part {
  std::span<const std::byte> bytes;
  int fd = -1;
  std::uint64_t offset = 0;  ///< of the first byte in the file
};
/// Brings the part into memory and into the process's page tables: touching it waits for no disk until the
/// kernel takes pages back. A kernel before 5.14 reads it into memory only. Errors: corrupt (the file ends
/// before the part does), io. Throws bad_alloc. Blocks.
result<void> prefault(const mapped_file_part& part);

}  // namespace graphite
