#pragma once

#include <functional>
#include <memory>

#include "core/ports/async_io.hpp"
#include "core/ports/memory_placement.hpp"
#include "core/ports/topology.hpp"

namespace graphite::c_api {

/// \file What libgraphite-machine has for libgraphite: all that needs hwloc, libnuma or liburing.

struct io_calls_options {
  enum class adapter { best, uring, threads } adapter = adapter::best;
  std::size_t depth = 128, queued_max = 4096, callback_threads = 1;
};

/// Asynchronous I/O with callbacks: platform/linux/io_service.hpp.
class io_calls {
 public:
  virtual ~io_calls() = default;
  virtual result<std::uint64_t> submit(const io_request& request,
                                       std::function<void(const io_completion&)> done,
                                       std::uint64_t* token) = 0;
  virtual void cancel(std::uint64_t token) = 0;
  virtual void drain() = 0;
  virtual std::size_t active() const = 0;
  virtual const async_io_facts& facts() const = 0;
};

struct machine_functions {
  result<machine_topology> (*read_topology)() = nullptr;
  memory_placement& (*placement)() = nullptr;  ///< as long as the process
  result<std::unique_ptr<io_calls>> (*open_io)(const io_calls_options& options) = nullptr;
  result<std::unique_ptr<async_io>> (*open_ring)(std::size_t depth) = nullptr;
};

/// Of the library beside this one, which is loaded by the first call. Errors: unsupported.
result<const machine_functions*> machine();

// The name changes whenever the structure above does, or one that its functions take or give.
#define GRAPHITE_MACHINE_FUNCTIONS graphite_machine_functions_2
using machine_functions_getter = const machine_functions*();

}  // namespace graphite::c_api
