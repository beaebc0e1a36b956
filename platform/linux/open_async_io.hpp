#pragma once

#include <functional>
#include <memory>

#include "core/ports/async_io.hpp"
#include "core/ports/thread_pool.hpp"
#include "platform/linux/io_checks.hpp"

namespace graphite {

enum class io_adapter { best, uring, threads };

/// "auto", "io_uring", "threads". Errors: invalid_argument.
result<io_adapter> parse_io_adapter(std::string_view text);

struct async_io_options {
  io_adapter adapter = io_adapter::best;
  std::size_t depth = 128;  ///< operations under way at most; 1 … 4096
  io_answer_filter answers{};
};

/// The best adapter that works here, tried out; its facts() say why not a better one. `pool` outlives it, and
/// has at least one thread that is not kept busy for long: it is used only where io_uring is not. Errors:
/// unsupported (io_uring was asked for and is refused), invalid_argument.
result<std::unique_ptr<async_io>> open_async_io(thread_pool& pool, const async_io_options& options = {});
/// The same with a pool that is made only where it is needed. Errors: those of making it, too.
result<std::unique_ptr<async_io>> open_async_io(const std::function<result<thread_pool*>()>& pool,
                                                const async_io_options& options);

}  // namespace graphite
