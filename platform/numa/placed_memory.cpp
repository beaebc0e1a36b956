#include "platform/numa/placed_memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <utility>

namespace graphite {

result<anonymous_pages> anonymous_pages::make(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (bytes == 0) return fail(errc::invalid_argument, "no memory is wanted");
  if (bytes > std::numeric_limits<std::size_t>::max() / 2)
    return fail(errc::too_large, fmt::format("{} bytes of memory", bytes));
  bytes = (bytes + page - 1) / page * page;
  void* const start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED)
    return fail(errc::out_of_space, errno_error(errno, fmt::format("{} bytes of memory", bytes)).context);
  return anonymous_pages({static_cast<std::byte*>(start), bytes});
}

anonymous_pages::anonymous_pages(anonymous_pages&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})) {}

anonymous_pages& anonymous_pages::operator=(anonymous_pages&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

anonymous_pages::~anonymous_pages() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

result<placed_memory> placed_memory::make(std::size_t bytes, const placement_policy& policy,
                                          memory_placement& placement) {
  GRAPHITE_TRY(auto pages, anonymous_pages::make(bytes));
  placed_memory out(std::move(pages), policy);
  const auto applied = placement.apply(out.bytes(), policy);
  if (applied) return out;
  if (applied.error().code != errc::unsupported) return tl::unexpected(applied.error());
  out.policy_ = {};
  out.refused_ = applied.error().context;
  return out;
}

}  // namespace graphite
