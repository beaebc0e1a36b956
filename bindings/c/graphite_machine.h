/* What GRAPHITE's runtime library knows of the machine: NUMA nodes, processors and their vector instructions;
 * included by graphite.h.
 *
 *   graphite_numa_topology machine;
 *   if (graphite_detect_numa_topology(&machine) != GRAPHITE_SUCCESS) ...
 *   for (uint32_t cpu = 0; cpu < machine.cpu_count; ++cpu)
 *     if (machine.cpu_to_node[cpu] != GRAPHITE_NO_NODE) ... // this program may use it
 *   graphite_free_numa_topology(&machine);
 *
 * What graphite.h says of errors, units and cost holds here, too. The functions of NUMA nodes load a library
 * from beside this one, libgraphite-machine, when the first of them is called, and need hwloc and libnuma:
 * where it cannot be loaded they return UNSUPPORTED, and memory comes from wherever the system likes.
 * Threads: every function may be called from any thread. */
#ifndef GRAPHITE_MACHINE_H
#define GRAPHITE_MACHINE_H

#include "graphite.h"

#if !defined(_WIN32)
#include <pthread.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- NUMA nodes */

#define GRAPHITE_NO_NODE UINT32_MAX

/* Numbers of nodes and processors are the system's and may have gaps: `node_count` and `cpu_count` are one
 * more than the largest that there is, whether it may be used here or not. */
typedef struct graphite_numa_topology {
  uint32_t node_count;
  uint32_t cpu_count;
  uint32_t* cpu_to_node; /* of each processor; GRAPHITE_NO_NODE: there is none, or it may not be used here */
  size_t* node_memory;   /* bytes of each node; 0: there is none, or it may not be used here */
  uint32_t* node_distance; /* node_count rows of node_count: 10 is a node to itself, more is farther; 0:
                              unknown */
  uint32_t usable_cpus;
  uint32_t package_count;
  double cpu_quota;   /* processors' worth of time that the program is granted; 0: unlimited */
  bool exclusive;     /* nobody else is scheduled on the usable processors */
  const char* reason; /* how that is known, or why not, for people */
  void* owner_;
} graphite_numa_topology;

/* What this program may use of the machine, now: processors go offline and cpusets are moved. A machine
 * without NUMA is one node. `*topology` is the caller's to free; all zeros on an error. Errors: UNSUPPORTED,
 * IO. Cost: some milliseconds. */
GRAPHITE_API graphite_result graphite_detect_numa_topology(graphite_numa_topology* topology);
/* Leaves all zeros. Null, or all zeros, does nothing. Cost: as free(). */
GRAPHITE_API void graphite_free_numa_topology(graphite_numa_topology* topology);

typedef enum graphite_numa_policy {
  GRAPHITE_NUMA_LOCAL = 0,     /* on the node of the thread that first touches a page: as the system does */
  GRAPHITE_NUMA_PREFER = 1,    /* on that one node while it has room, else on another */
  GRAPHITE_NUMA_BIND = 2,      /* on these nodes and no other: the program is ended where they are full */
  GRAPHITE_NUMA_INTERLEAVE = 3 /* page by page in turns */
} graphite_numa_policy;

/* `size` zeroed bytes, in whole pages, that are to lie on `preferred_node`. Where memory cannot be placed
 * (see graphite_numa_unavailable()), or there is no such node, it is memory all the same. The caller's to
 * give to graphite_numa_free() with the same size. Null on failure: graphite_last_result(). Errors:
 * INVALID_ARGUMENT (size 0), OUT_OF_MEMORY. Cost: three system calls; pages come when they are first touched.
 */
GRAPHITE_API void* graphite_numa_alloc(size_t size, uint32_t preferred_node);
/* Null does nothing. Cost: a system call, and O(pages). */
GRAPHITE_API void graphite_numa_free(void* memory, size_t size);
/* Where pages of [memory, memory + size), whole pages of the caller's, are to lie that are touched from now
 * on. `nodes` has `count` of them: none for LOCAL, one for PREFER. Errors: INVALID_ARGUMENT (no whole pages,
 * no such policy or node), UNSUPPORTED (refused here: all works as before). Cost: a system call. */
GRAPHITE_API graphite_result graphite_numa_place(void* memory, size_t size, graphite_numa_policy policy,
                                                 const uint32_t* nodes, size_t count);
/* Moves the pages there are to `node`; `*moved` (may be null) is how many bytes lie there afterwards. Errors:
 * as above. Cost: copies the pages. */
GRAPHITE_API graphite_result graphite_numa_move(void* memory, size_t size, uint32_t node, size_t* moved);
/* The node of each page of [memory, memory + size), `size` / graphite_page_size() of them, into `nodes`;
 * GRAPHITE_NO_NODE where it was never touched. Errors: as above. Cost: O(pages). */
GRAPHITE_API graphite_result graphite_numa_where(const void* memory, size_t size, uint32_t* nodes);
/* Why memory cannot be placed here, for people; empty where it can. Until this thread asks again or ends.
 * Cost: some system calls the first time, then a lock. */
GRAPHITE_API const char* graphite_numa_unavailable(void);

/* ---- threads */

#if !defined(_WIN32)
/* Lets `thread`, one of this program's, run on processor `cpu_id` only. Errors: INVALID_ARGUMENT (there is no
 * such processor, or it may not be used here; then the thread stays as it was), IO. Cost: system calls. */
GRAPHITE_API graphite_result graphite_set_thread_affinity(pthread_t thread, uint32_t cpu_id);
/* The same for `count` processors, at least one. Cost: system calls. */
GRAPHITE_API graphite_result graphite_set_thread_affinity_list(pthread_t thread, const uint32_t* cpu_ids,
                                                               size_t count);
#endif

/* ---- vector instructions */

/* What the processor has and the system lets be used: wide registers need its help. */
typedef struct graphite_simd_caps {
  bool sse2_available;
  bool sse4_available; /* SSE4.1 */
  bool avx_available;
  bool avx2_available;
  bool avx512_available; /* AVX-512F */
  bool neon_available;
  bool neon64_available;
} graphite_simd_caps;

/* Finds them out, if nobody has yet. Cost: microseconds, then none. */
GRAPHITE_API void graphite_detect_simd_capabilities(void);
/* What was found; detects first where nobody has. Static, never null. Cost: none. */
GRAPHITE_API const graphite_simd_caps* graphite_simd_capabilities(void);

#ifdef __cplusplus
}
#endif

#endif
