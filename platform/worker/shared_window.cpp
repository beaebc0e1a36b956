#include "platform/worker/shared_window.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace graphite {

namespace {

constexpr std::uint64_t page_bytes = 4096;

std::uint64_t whole_pages(std::uint64_t bytes) { return (bytes + page_bytes - 1) / page_bytes * page_bytes; }

}  // namespace

shared_window::shared_window(shared_window&& other) noexcept { *this = std::move(other); }

shared_window& shared_window::operator=(shared_window&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  std::swap(made_, other.made_);
  std::swap(growing_, other.growing_);
  return *this;
}

shared_window::~shared_window() {
  if (base_ != nullptr) ::munmap(base_, size_);
}

result<void> shared_window::map(access how) {
  const int protection = how == access::read ? PROT_READ : PROT_READ | PROT_WRITE;
  auto* const at = ::mmap(nullptr, size_, protection, MAP_SHARED | MAP_NORESERVE, memory_.get(), 0);
  if (at == MAP_FAILED) return fail_errno(errno, "cannot map a worker's memory");
  base_ = static_cast<std::byte*>(at);
  return {};
}

result<shared_window> shared_window::make_growing(const char* name, std::uint64_t bytes) {
  shared_window out;
  out.memory_.reset(::memfd_create(name, MFD_CLOEXEC));
  if (!out.memory_) return fail_errno(errno, "cannot make memory for a worker");
  out.size_ = whole_pages(bytes);
  out.growing_ = true;
  GRAPHITE_CHECK(out.map(access::write));
  return out;
}

result<shared_window> shared_window::make_fixed(const char* name, std::uint64_t bytes) {
  shared_window out;
  out.memory_.reset(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!out.memory_) return fail_errno(errno, "cannot make memory for a worker");
  out.size_ = out.made_ = whole_pages(bytes);
  if (::ftruncate(out.memory_.get(), static_cast<off_t>(out.size_)) != 0 ||
      ::fcntl(out.memory_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return fail_errno(errno, "cannot fix the size of a worker's memory");
  GRAPHITE_CHECK(out.map(access::read));
  return out;
}

result<shared_window> shared_window::open(owned_fd memory, std::uint64_t bytes, access how) {
  shared_window out;
  out.memory_ = std::move(memory);
  out.size_ = out.made_ = whole_pages(bytes);
  GRAPHITE_CHECK(out.map(how));
  return out;
}

result<owned_fd> shared_window::read_only() const {
  const auto name = fmt::format("/proc/self/fd/{}", memory_.get());
  owned_fd out(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!out) return fail_errno(errno, "cannot open a worker's memory to be read");
  return out;
}

result<void> shared_window::make(std::uint64_t bytes) {
  if (bytes <= made_) return {};
  if (bytes > size_) return fail(errc::too_large, fmt::format("more than {} MiB", size_ / MiB));
  // In steps, so that many small files do not cost a call each.
  const auto wanted = std::min(size_, std::max(whole_pages(bytes), made_ + made_ / 2));
  if (::ftruncate(memory_.get(), static_cast<off_t>(wanted)) != 0)
    return fail_errno(errno, "cannot enlarge a worker's memory");
  made_ = wanted;
  return {};
}

result<void> shared_window::shrink(std::uint64_t keep) {
  keep = whole_pages(keep);
  if (growing_) {
    if (made_ <= keep) return {};
    if (::ftruncate(memory_.get(), static_cast<off_t>(keep)) != 0)
      return fail_errno(errno, "cannot give a worker's memory back");
    made_ = keep;
    return {};
  }
  if (keep < size_ && ::fallocate(memory_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                  static_cast<off_t>(keep), static_cast<off_t>(size_ - keep)) != 0)
    return fail_errno(errno, "cannot give a worker's memory back");
  return {};
}

}  // namespace graphite
