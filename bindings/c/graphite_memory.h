/* Memory of GRAPHITE's runtime library: aligned, and in pages as large as the machine gives them; included by
 * graphite.h.
 *
 *   graphite_large_pages cache;
 *   if (graphite_map_large_pages((size_t)1 << 30, NULL, &cache) != GRAPHITE_SUCCESS) ...
 *   if (cache.kind != GRAPHITE_PAGES_HUGETLB) puts(cache.reason);
 *   graphite_unmap_large_pages(&cache);
 *
 * What graphite.h says of errors, units and cost holds here, too. Memory from here comes from the system and
 * not from what graphite_set_allocator() was given.
 * Threads: every function may be called from any thread, and memory be given up by another thread than the
 * one that asked for it. */
#ifndef GRAPHITE_MEMORY_H
#define GRAPHITE_MEMORY_H

#include "graphite.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- aligned */

/* `size` bytes that begin on a multiple of `alignment`, which is a power of two, also one below that of a
 * pointer. With size 0 it is an address of its own that may not be read. Not zeroed. The caller's to give to
 * graphite_aligned_free() and to nothing else. Null on failure: graphite_last_result(),
 * graphite_last_error(). Errors: INVALID_ARGUMENT, OUT_OF_MEMORY. Cost: as malloc(). */
GRAPHITE_API void* graphite_aligned_alloc(size_t size, size_t alignment);
/* Null does nothing. Cost: as free(). */
GRAPHITE_API void graphite_aligned_free(void* memory);

/* ---- large pages
 *
 * A processor finds memory by a table of its pages, of which it knows some thousand by heart. With pages of
 * 2 MiB these cover gigabytes, with those of 4 KiB some megabytes. What a machine gives differs: huge pages
 * may be reserved or not, switched off, taken by others, or forbidden. Memory there is in any case, and it
 * reads and writes the same. */

typedef enum graphite_page_kind {
  GRAPHITE_PAGES_NORMAL = 0,
  GRAPHITE_PAGES_TRANSPARENT = 1, /* the system was asked for huge pages, and gives them where it has them */
  GRAPHITE_PAGES_HUGETLB = 2      /* huge pages that were reserved, all of them, already touched */
} graphite_page_kind;

/* Large pages by the name of the specification: graphite_map_large_pages() without options or answers.
 * `*ptr` is zeroed, writable memory of at least `size` bytes, aligned to a page of what was given; null on an
 * error, never MAP_FAILED. The caller's to give to graphite_free_large_pages() with the same size. Errors:
 * INVALID_ARGUMENT (size 0), OUT_OF_MEMORY. Cost: as there. */
GRAPHITE_API graphite_result graphite_alloc_large_pages(void** ptr, size_t size);
/* Gives back what graphite_alloc_large_pages() gave for this size. Null does nothing. Errors:
 * INVALID_ARGUMENT (an address or a size that it cannot have given). Cost: a system call, and O(pages). */
GRAPHITE_API graphite_result graphite_free_large_pages(void* ptr, size_t size);

typedef struct graphite_large_pages_options {
  size_t size;      /* of this structure: graphite_large_pages_options_init() sets it */
  size_t page_size; /* of reserved pages, such as 1 GiB; 0 (default): what this machine takes for huge */
  graphite_page_kind best;  /* what is tried first; default HUGETLB. Reserved pages may be meant for others */
  graphite_page_kind least; /* with less it is an error; default NORMAL */
  bool touched;             /* all of it is in memory when the call returns; default false */
} graphite_large_pages_options;
/* Fills in the size and the defaults. Null does nothing. Cost: none. */
GRAPHITE_API void graphite_large_pages_options_init(graphite_large_pages_options* options);

typedef struct graphite_large_pages {
  void* memory;
  size_t size;             /* what was asked for, in whole pages: all of it is the caller's */
  size_t page_size;        /* that it is aligned to */
  graphite_page_kind kind; /* what was really given */
  const char* reason;      /* why it is no better, for people; empty where it is what was tried first. As long
                              as the pages */
  void* owner_;
} graphite_large_pages;

/* At least `size` bytes, zeroed and writable: in reserved huge pages, else asked to be huge, else normal.
 * `options` (copied; may be null: the defaults) may forbid some of that. `*out` is the caller's to unmap, all
 * zeros on an error. Touching the memory raises no signal: reserved pages may be refused at the first touch
 * (a limit of the cgroup, a cpuset, a memory policy), so all are touched here, and where that fails the next
 * best is given. A child of fork() may read them; its first write to one copies it, and ends the child where
 * no huge page is left. Errors: INVALID_ARGUMENT (size 0, an unknown structure or kind, no page size),
 * UNSUPPORTED (only less than `least` is to be had: the text says why), OUT_OF_MEMORY. Cost: reads some ten
 * small files of /sys, some system calls; reserved pages, and with `touched` all others, are zeroed: tenths
 * of a second a GB. */
GRAPHITE_API graphite_result graphite_map_large_pages(size_t size,
                                                      const graphite_large_pages_options* options,
                                                      graphite_large_pages* out);
/* Leaves all zeros. Null, or all zeros, does nothing. Cost: a system call, and O(pages). */
GRAPHITE_API void graphite_unmap_large_pages(graphite_large_pages* pages);
/* `*bytes` is how much of it lies in huge pages now: of TRANSPARENT ones only what was touched, and only
 * where the system had a huge page. Errors: INVALID_ARGUMENT, UNSUPPORTED (/proc does not tell). Cost: the
 * system goes through all mappings of the process: milliseconds and more. */
GRAPHITE_API graphite_result graphite_large_pages_backed(const graphite_large_pages* pages, size_t* bytes);

#ifdef __cplusplus
}
#endif

#endif
