// libgraphite-machine: loaded by libgraphite when a function of NUMA nodes or asynchronous I/O is called.
#include "bindings/c/machine_functions.hpp"
#include "bindings/c/served_calls.hpp"
#include "platform/linux/uring_io.hpp"
#include "platform/numa/hwloc_topology.hpp"
#include "platform/numa/placement.hpp"

namespace graphite::c_api {

namespace {

io_adapter adapter_of(const io_calls_options& options) {
  switch (options.adapter) {
    case io_calls_options::adapter::uring:
      return io_adapter::uring;
    case io_calls_options::adapter::threads:
      return io_adapter::threads;
    default:
      return io_adapter::best;
  }
}

result<std::unique_ptr<io_calls>> open_io(const io_calls_options& options) {
  io_service_options wanted;
  wanted.io = {.adapter = adapter_of(options), .depth = options.depth};
  wanted.queued_max = options.queued_max;
  wanted.callback_threads = options.callback_threads;
  wanted.name = "graphite-io";
  GRAPHITE_TRY(auto service, io_service::make(std::move(wanted)));
  return std::unique_ptr<io_calls>(std::make_unique<served_calls>(std::move(service)));
}

result<std::unique_ptr<async_io>> open_ring(std::size_t depth) {
  GRAPHITE_TRY(auto ring, uring_io::make({.depth = depth}));
  return std::unique_ptr<async_io>(std::move(ring));
}

memory_placement& placement() {
  static numa_placement one;
  return one;
}

}  // namespace

}  // namespace graphite::c_api

extern "C" __attribute__((visibility("default"))) const graphite::c_api::machine_functions*
GRAPHITE_MACHINE_FUNCTIONS() {
  using namespace graphite::c_api;
  static const machine_functions all{
      .read_topology = [] { return graphite::hwloc_topology().read(); },
      .placement = &placement,
      .open_io = &open_io,
      .open_ring = &open_ring,
  };
  return &all;
}
