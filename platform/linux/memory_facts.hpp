#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace graphite {

/// Where facts of memory are read: of this machine, or of a folder that stands in for its root.
struct memory_fact_source {
  std::string root{};                     ///< before /sys and /proc; empty: theirs
  long (*system_value)(int) = ::sysconf;  ///< asked before the files
};

/// The kernel's pool of huge pages of one size (hugetlb), in pages, as it was when it was read.
struct huge_page_pool {
  std::size_t page_bytes = 0;
  std::uint64_t total = 0;       ///< nr_hugepages, surplus ones included
  std::uint64_t free = 0;        ///< of those, `reserved` ones included
  std::uint64_t reserved = 0;    ///< promised to mappings that have not touched them
  std::uint64_t surplus = 0;     ///< beyond what was set aside
  std::uint64_t overcommit = 0;  ///< so many surplus ones at most are made on demand

  /// How many a new mapping may count on.
  std::uint64_t available() const;
};

/// When anonymous memory gets huge pages without a pool.
enum class transparent_mode : std::uint8_t {
  absent,   ///< the kernel was built without them, or does not tell
  never,    ///< switched off for the machine
  madvise,  ///< where a program asks for them
  always
};

struct memory_facts {
  std::size_t page_bytes = 0;
  std::size_t cache_line_bytes = 0;
  std::size_t huge_page_bytes = 0;      ///< what hugetlb takes for one by default; 0: it is not there
  std::vector<huge_page_pool> pools{};  ///< ascending by size
  transparent_mode transparent = transparent_mode::absent;  ///< for pages of transparent_bytes
  std::string transparent_file{};                           ///< which file said so; empty: none
  std::size_t transparent_bytes = 0;                        ///< of a transparent huge page; 0: absent

  /// Null where the kernel has no such size.
  const huge_page_pool* pool_of(std::size_t page_bytes) const;
};

/// Bytes of a line of the first data cache: the C library's answer, else /sys', else the guess of
/// `core/platform_facts.hpp`. A power of two. Some small files at most.
std::size_t cache_line_bytes(const memory_fact_source& source = {});
/// All of them. What cannot be read is absent or zero: none of it is worth an error. Some ten small files.
memory_facts read_memory_facts(const memory_fact_source& source = {});

/// How much of [begin, begin + size) lies in huge pages now, of either sort, as /proc/self/smaps has it; none
/// where it cannot be read. Goes through all mappings of the process: milliseconds and more. What shares a
/// mapping with the range may be counted for it, up to `size`.
std::optional<std::size_t> huge_page_bytes_behind(const void* begin, std::size_t size,
                                                  const memory_fact_source& source = {});

}  // namespace graphite
