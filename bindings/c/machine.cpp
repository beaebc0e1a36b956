#include "bindings/c/machine_functions.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <mutex>

#include "bindings/c/internal.hpp"
#include "bindings/c/numa_tables.hpp"
#include "bindings/c/sibling_library.hpp"
#include "kernels/simd_capabilities.hpp"
#include "platform/linux/cpu_set.hpp"

using namespace graphite;
using namespace graphite::c_api;

#define GRAPHITE_TEXT_(name) #name
#define GRAPHITE_TEXT(name) GRAPHITE_TEXT_(name)

result<const machine_functions*> graphite::c_api::machine() {
  // Tried again where it failed: somebody may have put the library there.
  static std::mutex mutex;
  static const machine_functions* loaded = nullptr;
  const std::lock_guard lock(mutex);
  if (loaded == nullptr) {
    GRAPHITE_TRY(void* const found,
                 load_sibling("graphite-machine", GRAPHITE_TEXT(GRAPHITE_MACHINE_FUNCTIONS),
                              "this machine's NUMA nodes and asynchronous I/O"));
    loaded = reinterpret_cast<machine_functions_getter*>(found)();
  }
  return loaded;
}

namespace {

size_t whole_pages(size_t size) {
  const auto page = graphite_page_size();
  return size > SIZE_MAX - page ? 0 : (size + page - 1) / page * page;
}

result<placement_policy> policy_of(graphite_numa_policy policy, const uint32_t* nodes, size_t count) {
  placement_policy out;
  switch (policy) {
    case GRAPHITE_NUMA_LOCAL:
      out.how = placement_policy::kind::local;
      break;
    case GRAPHITE_NUMA_PREFER:
      out.how = placement_policy::kind::prefer;
      break;
    case GRAPHITE_NUMA_BIND:
      out.how = placement_policy::kind::bind;
      break;
    case GRAPHITE_NUMA_INTERLEAVE:
      out.how = placement_policy::kind::interleave;
      break;
    default:
      return fail(errc::invalid_argument, "graphite_numa_place: no such policy");
  }
  if (count > 0 && nodes == nullptr) return fail(errc::invalid_argument, "graphite_numa_place: null nodes");
  out.nodes.assign(nodes, nodes + count);
  return out;
}

std::span<std::byte> bytes_at(void* memory, size_t size) { return {static_cast<std::byte*>(memory), size}; }

/// Errors: unsupported where the library cannot be loaded.
result<memory_placement*> placement() {
  GRAPHITE_TRY(const auto* const functions, machine());
  return &functions->placement();
}

}  // namespace

graphite_result graphite_detect_numa_topology(graphite_numa_topology* topology) {
  return guarded([&] {
    if (topology == nullptr) return invalid("graphite_detect_numa_topology: a null topology");
    *topology = {};
    const auto functions = machine();
    if (!functions) return failed(functions.error());
    const auto read = (*functions)->read_topology();
    if (!read) return failed(read.error());
    if (read->nodes.empty()) return failed(errc::unsupported, "the system tells of no NUMA node");
    fill_numa_topology(*topology, *read);
    return GRAPHITE_SUCCESS;
  });
}

void graphite_free_numa_topology(graphite_numa_topology* topology) {
  if (topology != nullptr) clear_numa_topology(*topology);
}

void* graphite_numa_alloc(size_t size, uint32_t preferred_node) {
  void* out = nullptr;
  guarded([&] {
    const auto whole = whole_pages(size);
    if (size == 0) return invalid("graphite_numa_alloc: a size of 0");
    void* const mapped =
        whole == 0 ? MAP_FAILED
                   : ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return out_of_memory();
    out = mapped;
    // Where it lies is a matter of speed: it is memory in any case.
    if (const auto placing = placement())
      (void)(*placing)->apply(bytes_at(mapped, whole),
                              {.how = placement_policy::kind::prefer, .nodes = {preferred_node}});
    return GRAPHITE_SUCCESS;
  });
  return out;
}

void graphite_numa_free(void* memory, size_t size) {
  if (memory != nullptr) ::munmap(memory, whole_pages(size));
}

graphite_result graphite_numa_place(void* memory, size_t size, graphite_numa_policy policy,
                                    const uint32_t* nodes, size_t count) {
  return guarded([&] {
    if (memory == nullptr) return invalid("graphite_numa_place: null memory");
    const auto wanted = policy_of(policy, nodes, count);
    if (!wanted) return failed(wanted.error());
    const auto placing = placement();
    if (!placing) return failed(placing.error());
    const auto done = (*placing)->apply(bytes_at(memory, size), *wanted);
    return done ? GRAPHITE_SUCCESS : failed(done.error());
  });
}

graphite_result graphite_numa_move(void* memory, size_t size, uint32_t node, size_t* moved) {
  return guarded([&] {
    if (moved != nullptr) *moved = 0;
    if (memory == nullptr) return invalid("graphite_numa_move: null memory");
    const auto placing = placement();
    if (!placing) return failed(placing.error());
    const auto pages = (*placing)->move(bytes_at(memory, size), node);
    if (!pages) return failed(pages.error());
    if (moved != nullptr) *moved = *pages * graphite_page_size();
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_numa_where(const void* memory, size_t size, uint32_t* nodes) {
  return guarded([&] {
    if (memory == nullptr || nodes == nullptr) return invalid("graphite_numa_where: a null argument");
    const auto placing = placement();
    if (!placing) return failed(placing.error());
    const auto found = (*placing)->where({static_cast<const std::byte*>(memory), size});
    if (!found) return failed(found.error());
    std::transform(found->begin(), found->end(), nodes,
                   [](const auto& node) { return node ? *node : GRAPHITE_NO_NODE; });
    return GRAPHITE_SUCCESS;
  });
}

const char* graphite_numa_unavailable(void) {
  thread_local std::string why;
  const auto asked = guarded([&] {
    const auto placing = placement();
    why = placing ? (*placing)->reason() : placing.error().context;
    return GRAPHITE_SUCCESS;
  });
  return asked == GRAPHITE_SUCCESS ? why.c_str() : "no memory to say why";
}

graphite_result graphite_set_thread_affinity_list(pthread_t thread, const uint32_t* cpu_ids, size_t count) {
  return guarded([&] {
    if (cpu_ids == nullptr || count == 0) return invalid("graphite_set_thread_affinity_list: no processors");
    std::vector<int> cpus;
    for (size_t i = 0; i < count; ++i)
      cpus.push_back(static_cast<int>(std::min<uint32_t>(cpu_ids[i], std::numeric_limits<int>::max())));
    const auto bound = bind_thread(thread, cpus);
    return bound ? GRAPHITE_SUCCESS : failed(bound.error());
  });
}

graphite_result graphite_set_thread_affinity(pthread_t thread, uint32_t cpu_id) {
  return graphite_set_thread_affinity_list(thread, &cpu_id, 1);
}

const graphite_simd_caps* graphite_simd_capabilities(void) {
  static const graphite_simd_caps caps = [] {
    const auto found = detect_simd_capabilities();
    return graphite_simd_caps{found.sse2,   found.sse4, found.avx,   found.avx2,
                              found.avx512, found.neon, found.neon64};
  }();
  return &caps;
}

void graphite_detect_simd_capabilities(void) { (void)graphite_simd_capabilities(); }
