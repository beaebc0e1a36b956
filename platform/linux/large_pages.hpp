#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "core/error.hpp"
#include "platform/linux/memory_facts.hpp"

namespace graphite {

/// What memory is made of; what saves the processor more look-ups is larger.
enum class large_page_kind : std::uint8_t {
  normal,
  transparent,  ///< the kernel was asked for huge pages and gives them where it has them
  hugetlb       ///< of the kernel's pool: huge pages, all of them, from the beginning
};

struct large_page_options {
  std::size_t page_bytes = 0;  ///< of hugetlb, such as 1 GiB; 0: what the machine takes for huge
  large_page_kind best = large_page_kind::hugetlb;  ///< what is tried first: a pool may be somebody else's
  large_page_kind least = large_page_kind::normal;  ///< less than that is an error
  bool touched = false;                             ///< all pages are there when it returns; hugetlb: always
  /// Sees the memory before the first touch, to place it on a node. May not touch it, nor throw.
  std::function<void(std::span<std::byte>)> before_touch{};
  memory_fact_source facts{};
};

/// Memory in the largest pages that the machine gives, and what it gave and why.
///
/// Zeroed, private, writable, aligned to its page size. Movable; unmapped with its owner. Invariant: touching
/// it raises no signal. The kernel promises hugetlb pages when it maps them and may still refuse them when
/// they are touched, by SIGBUS: a limit of the cgroup, or a cpuset or memory policy that the pool has nothing
/// for. So they are touched here, by a call that returns an error (MADV_POPULATE_WRITE, Linux 5.14; older
/// kernels are given no hugetlb pages), and are the process's from then on. A child of fork() may read them;
/// writing copies a page, which ends the child with SIGBUS where the pool has none left.
class large_pages {
 public:
  /// At least `size` bytes: rounded up to whole pages of the kind. Errors: invalid_argument (no bytes; a page
  /// size that is none), unsupported (only less than `least` is to be had; the context says why). Throws
  /// bad_alloc where there is no memory of any kind. Reads some ten small files; hugetlb pages are zeroed,
  /// 0.1 to 0.3 s a GB.
  static result<large_pages> allocate(std::size_t size, const large_page_options& options = {});

  large_pages(large_pages&& other) noexcept { swap(other); }
  large_pages& operator=(large_pages&& other) noexcept {
    large_pages(std::move(other)).swap(*this);
    return *this;
  }
  ~large_pages();

  std::span<std::byte> bytes() const { return {begin_, size_}; }
  large_page_kind kind() const { return kind_; }
  std::size_t page_bytes() const { return page_bytes_; }
  /// Why the pages are no better, for people; empty where they are what was tried first.
  const std::string& reason() const { return reason_; }
  /// See huge_page_bytes_behind(): how many huge pages there really are is known once they were touched.
  std::optional<std::size_t> huge_bytes() const { return huge_page_bytes_behind(begin_, size_); }
  /// Its memory, which is the caller's to give to munmap() with the size that it has here.
  std::byte* release();

 private:
  large_pages() = default;
  void swap(large_pages& other) noexcept;

  std::byte* begin_ = nullptr;
  std::size_t size_ = 0;
  std::size_t page_bytes_ = 0;
  large_page_kind kind_ = large_page_kind::normal;
  std::string reason_;
};

}  // namespace graphite
