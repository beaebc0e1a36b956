#include "platform/linux/open_async_io.hpp"

#include <fmt/format.h>

#include "platform/linux/pooled_io.hpp"
#include "platform/linux/uring_io.hpp"

namespace graphite {

result<io_adapter> parse_io_adapter(std::string_view text) {
  if (text == "auto") return io_adapter::best;
  if (text == "io_uring") return io_adapter::uring;
  if (text == "threads") return io_adapter::threads;
  return fail(errc::invalid_argument, fmt::format("'{}' is none of auto, io_uring, threads", text));
}

result<std::unique_ptr<async_io>> open_async_io(thread_pool& pool, const async_io_options& options) {
  return open_async_io([&]() -> result<thread_pool*> { return &pool; }, options);
}

result<std::unique_ptr<async_io>> open_async_io(const std::function<result<thread_pool*>()>& pool,
                                                const async_io_options& options) {
  std::string reason = "threads were asked for";
  if (options.adapter != io_adapter::threads) {
    auto ring = uring_io::make({.depth = options.depth, .plain = false, .answers = options.answers});
    if (ring) return std::unique_ptr<async_io>(std::move(*ring));
    if (options.adapter == io_adapter::uring || ring.error().code != errc::unsupported)
      return tl::unexpected(ring.error());
    reason = ring.error().context;
  }
  if (options.depth == 0 || options.depth > uring_io::depth_max)
    return fail(errc::invalid_argument,
                fmt::format("a depth of {}, not 1 to {}", options.depth, uring_io::depth_max));
  GRAPHITE_TRY(thread_pool* const made, pool());
  return std::unique_ptr<async_io>(std::make_unique<pooled_io>(
      *made, pooled_io_options{.depth = options.depth, .reason = reason, .answers = options.answers}));
}

}  // namespace graphite
