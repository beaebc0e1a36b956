/* The runtime library of GRAPHITE: what an engine links to read bundles that change while it runs.
 *
 * A bundle is one generation of a channel: a folder that `graphite dev` publishes or `graphite subscribe
 * --no-files` keeps, or a file that `graphite bundle export` wrote. It is opened once, mapped, and never
 * changes. An atomic bundle is a place where one bundle is replaced by the next while any number of threads
 * read: no reader waits for a swap and no swap for a reader.
 *
 *   graphite_bundle* first;
 *   graphite_atomic_bundle assets;
 *   if (graphite_bundle_open("game/.graphite/bundles/main", &first) != GRAPHITE_SUCCESS ||
 *       graphite_atomic_bundle_init(&assets, first) != GRAPHITE_SUCCESS) ...
 *
 *   // each frame, in any thread
 *   uint64_t version;
 *   const graphite_bundle* now = graphite_acquire_reader(&assets, &version);
 *   graphite_asset asset;
 *   graphite_part bytes;
 *   if (graphite_find(now, graphite_asset_id("hero.png", 8), &asset) == GRAPHITE_SUCCESS &&
 *       graphite_asset_part(now, &asset, 0, &bytes) == GRAPHITE_SUCCESS)
 *     draw(bytes.data, bytes.size);
 *   graphite_release_reader(&assets);
 *
 * Errors: functions that can fail return a graphite_result; graphite_last_error() has the text, for people.
 * Threads: every function may be called from any thread at any time unless it says otherwise.
 * C11 and C++11. Links nothing but this header and -lgraphite. */
#ifndef GRAPHITE_H
#define GRAPHITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAPHITE_VERSION_MAJOR 0
#define GRAPHITE_VERSION_MINOR 1
#define GRAPHITE_VERSION_PATCH 0

#if defined(__GNUC__)
#define GRAPHITE_API __attribute__((visibility("default")))
#else
#define GRAPHITE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- results */

typedef enum graphite_result {
  GRAPHITE_SUCCESS = 0,
  GRAPHITE_ERROR_INVALID_ARGUMENT = 1, /* the call itself is wrong: mend it, do not repeat it */
  GRAPHITE_ERROR_NOT_FOUND = 2,        /* no such file, asset or part */
  GRAPHITE_ERROR_ALREADY_EXISTS = 3,
  GRAPHITE_ERROR_CORRUPT = 4,      /* bytes that are not what they should be */
  GRAPHITE_ERROR_OUT_OF_SPACE = 5, /* the disk is full: stays readable, try again later */
  GRAPHITE_ERROR_IO = 6,
  GRAPHITE_ERROR_PERMISSION_DENIED = 7,
  GRAPHITE_ERROR_UNAVAILABLE = 8, /* the other side is away: try again later */
  GRAPHITE_ERROR_TIMED_OUT = 9,
  GRAPHITE_ERROR_CANCELLED = 10,
  GRAPHITE_ERROR_TOO_LARGE = 11,     /* over a limit that the text names */
  GRAPHITE_ERROR_STALE_EPOCH = 12,   /* of an earlier reign: refused */
  GRAPHITE_ERROR_NEWER_VERSION = 13, /* written by a newer program: upgrade */
  GRAPHITE_ERROR_BUSY = 14,
  GRAPHITE_ERROR_ACTION_FAILED = 15,
  GRAPHITE_ERROR_UNSUPPORTED = 16, /* this machine or build cannot do it */
  GRAPHITE_ERROR_OUT_OF_MEMORY = 17,
  GRAPHITE_ERROR_REMOVED = 18,      /* the handle's asset is gone: it may come back */
  GRAPHITE_ERROR_STALE_HANDLE = 19, /* its asset changed: open it anew */
  GRAPHITE_ERROR_NOT_READY = 20     /* not here yet, and asked for: try again later */
} graphite_result;

/* Stable lower-case name, such as "not_found"; never null. Static. */
GRAPHITE_API const char* graphite_result_name(graphite_result result);
/* What the last call of this thread that failed said; empty where none did. Valid until the next one fails.
 */
GRAPHITE_API const char* graphite_last_error(void);
/* Of that call, for functions that return a pointer; GRAPHITE_SUCCESS where none failed. */
GRAPHITE_API graphite_result graphite_last_result(void);
/* "0.1.0" of the library that is loaded; the macros are of the header that was compiled. Static. */
GRAPHITE_API const char* graphite_version(void);

/* ---- what the program may bring along; to be set before anything else is called */

typedef enum graphite_log_level {
  GRAPHITE_LOG_DEBUG = 0,
  GRAPHITE_LOG_INFO = 1,
  GRAPHITE_LOG_WARNING = 2,
  GRAPHITE_LOG_ERROR = 3
} graphite_log_level;
typedef void (*graphite_log_callback)(graphite_log_level level, const char* text, void* user_data);
/* Gets what the library has to say, from any of its threads, several at once; null (as at first): nobody
 * does. It may not call the library back but for graphite_result_name() and the like. */
GRAPHITE_API void graphite_set_log(graphite_log_callback callback, graphite_log_level least, void* user_data);

/* Memory for what grows with a program's assets: bundles, handles and lists of changes. Mapped files, look-up
 * tables (whole pages from the system) and small bookkeeping do not come from here. `allocate` gives null for
 * want of memory. Thread-safe both. */
typedef struct graphite_allocator {
  void* (*allocate)(size_t size, size_t alignment, void* user_data);
  void (*release)(void* memory, size_t size, size_t alignment, void* user_data);
  void* user_data;
} graphite_allocator;
/* Null: back to the system's. Errors: BUSY (something is allocated), INVALID_ARGUMENT. */
GRAPHITE_API graphite_result graphite_set_allocator(const graphite_allocator* allocator);

/* ---- bundles */

/* One generation, opened. Immutable. Counted: whoever holds one gives it up by graphite_bundle_close(). */
typedef struct graphite_bundle graphite_bundle;

typedef struct graphite_bundle_info {
  const char* channel;      /* as long as the bundle */
  uint64_t epoch, sequence; /* of its head: later generations of one lineage have larger ones */
  uint64_t assets;
  uint8_t lineage[16];
  uint8_t root[32]; /* digest of the whole index: equal roots, equal assets */
} graphite_bundle_info;

/* Opens the newest generation in a bundle folder, or an exported file. `*out` has one reference, the
 * caller's. Cost: maps head, index and segments, whatever the number of assets.
 * Blocks on the disk. What lies in the files is believed, as whoever wrote them has verified it. Errors:
 * NOT_FOUND, INVALID_ARGUMENT (neither a folder nor a regular file), CORRUPT, NEWER_VERSION, UNSUPPORTED,
 * PERMISSION_DENIED, IO. */
GRAPHITE_API graphite_result graphite_bundle_open(const char* path, graphite_bundle** out);
/* Reads what `bundle` has and `before` (may be null: nothing) has not, and checks every byte of it against
 * its digest; for bundles from where rot or strangers may have been. Cost: O(what differs). Blocks. Errors:
 * CORRUPT, NOT_FOUND, IO. */
GRAPHITE_API graphite_result graphite_bundle_verify(const graphite_bundle* bundle,
                                                    const graphite_bundle* before);
/* Gives up the caller's reference. Readers that have it stay safe. Null does nothing. */
GRAPHITE_API void graphite_bundle_close(graphite_bundle* bundle);
/* The same under the name of the specification: freed once nobody reads it any more. */
GRAPHITE_API void graphite_schedule_cleanup(graphite_bundle* bundle);
/* One more reference for the caller; `bundle` again. */
GRAPHITE_API graphite_bundle* graphite_bundle_retain(const graphite_bundle* bundle);
GRAPHITE_API void graphite_bundle_describe(const graphite_bundle* bundle, graphite_bundle_info* out);
/* The ids of all assets, ascending: fills at most `capacity` of `out`; `*count` is how many there are. Cost:
 * O(assets), for programs that show or load everything. Blocks on the disk. Errors: INVALID_ARGUMENT,
 * CORRUPT, IO. */
GRAPHITE_API graphite_result graphite_bundle_assets(const graphite_bundle* bundle, uint64_t* out,
                                                    size_t capacity, size_t* count);

/* ---- assets */

/* An asset of one bundle; valid as long as that is held or pinned. Members that end in _ are the library's.
 */
typedef struct graphite_asset {
  uint64_t id;
  const char* path; /* UTF-8, not terminated */
  size_t path_length;
  uint32_t part_count;      /* 1 to 64 */
  uint32_t reference_count; /* assets it needs at run time */
  const void* body_;
  size_t body_length_;
  const void* extents_;
  size_t extents_length_;
  const void* generation_;
} graphite_asset;

/* A part's bytes where they are mapped, read-only. Large ones begin on a page of 4 KiB. */
typedef struct graphite_part {
  const void* data; /* null where size is 0 */
  uint64_t size;
} graphite_part;

/* The id of a logical path (relative, with `/`), whether or not there is such an asset: XXH3-64 of its bytes.
 */
GRAPHITE_API uint64_t graphite_asset_id(const char* path, size_t length);
/* Cost: some hundred nanoseconds at 10^6 assets, without lock, allocation or system call (pages of the index
 * that nobody read yet are read from disk). Errors: NOT_FOUND, CORRUPT. */
GRAPHITE_API graphite_result graphite_find(const graphite_bundle* bundle, uint64_t id, graphite_asset* out);
/* `index` from 0. The first read of a segment maps it; later ones cost nanoseconds.
 * Errors: NOT_FOUND (no such part, or its bytes are not here: the writer
 * collected their segment before it was first read), CORRUPT, IO. */
GRAPHITE_API graphite_result graphite_asset_part(const graphite_bundle* bundle, const graphite_asset* asset,
                                                 uint32_t index, graphite_part* out);
/* `index` below reference_count; 0 otherwise. */
GRAPHITE_API uint64_t graphite_asset_reference(const graphite_asset* asset, uint32_t index);

/* ---- swapping under readers */

/* Where a bundle is replaced by the next. Must not move while it is in use. Members are the library's; they
 * are here for the inline functions of graphite.hpp. The specification's reader-writer lock is not there: a
 * lock that is held for a frame would make the swap wait for the slowest reader, and all others for the swap.
 */
typedef struct graphite_atomic_bundle {
  uint64_t number_; /* of this start and place, never used again; 0: not initialised */
  const void* current_;
  uint32_t readers_fence_;
  uint32_t reserved_;
  void* point_;
} graphite_atomic_bundle;

/* `first` may be null: readers then get null until the first swap. Takes the caller's reference over,
 * unless it says INVALID_ARGUMENT. Errors: INVALID_ARGUMENT, OUT_OF_MEMORY. */
GRAPHITE_API graphite_result graphite_atomic_bundle_init(graphite_atomic_bundle* bundle,
                                                         graphite_bundle* first);
/* No thread may read from it any more, and every graphite_pin must have been given up. */
GRAPHITE_API void graphite_atomic_bundle_destroy(graphite_atomic_bundle* bundle);

/* What is current, which stays whole until release; null: nothing yet. `*version_out` (may be null) is its
 * number in this place, from 1; it never falls. Pins nest in a thread: an inner one gets what the outer one
 * has. To be released by the same thread; graphite_reader_pin() is for what moves between threads. A thread
 * that ends with a pin gives it up. Cost: two stores and a load of the thread's own cache line; the first
 * call of a thread takes a lock and some memory, for want of which the process ends. After fork() the child
 * may read, and what it inherited stays mapped. */
GRAPHITE_API const graphite_bundle* graphite_acquire_reader(const graphite_atomic_bundle* bundle,
                                                            uint64_t* version_out);
GRAPHITE_API void graphite_release_reader(const graphite_atomic_bundle* bundle);

/* A pin that may be given up in any thread: for fibers, jobs and frames in flight. */
typedef struct graphite_pin {
  const graphite_bundle* bundle;
  uint64_t version;
  void* value_;
} graphite_pin;
/* Errors: NOT_FOUND (nothing is current yet). Cost: an acquire and one shared counter. */
GRAPHITE_API graphite_result graphite_reader_pin(const graphite_atomic_bundle* bundle, graphite_pin* out);
/* Once for each pin. Null or empty does nothing. */
GRAPHITE_API void graphite_reader_unpin(graphite_pin* pin);

/* Makes `next` current and takes the caller's reference over. Readers that began before go on with what they
 * have; it is freed when the last of them lets it go, whatever other generations do. Waits for no reader;
 * writers wait for each other. Errors: INVALID_ARGUMENT (the reference then stays the caller's),
 * OUT_OF_MEMORY. */
GRAPHITE_API graphite_result graphite_atomic_swap_bundle(graphite_atomic_bundle* bundle,
                                                         graphite_bundle* next);
/* Frees what was replaced and is not read any more; how many are left. Swaps do the same; to be called now
 * and then where those are rare. */
GRAPHITE_API size_t graphite_atomic_bundle_collect(graphite_atomic_bundle* bundle);

/* Who still holds a generation that was replaced. */
typedef struct graphite_held {
  uint64_t version;
  uint32_t thread; /* the kernel's number; 0: a token of graphite_reader_pin() */
  uint32_t reserved;
  uint64_t since_replaced_ns;
} graphite_held;
/* Fills at most `capacity` of `out`; how many there are. */
GRAPHITE_API size_t graphite_atomic_bundle_held(const graphite_atomic_bundle* bundle, graphite_held* out,
                                                size_t capacity);

/* ---- for graphite.hpp and graphite_build.h */

/* What graphite_last_error() and graphite_last_result() of this thread say from now on. */
GRAPHITE_API void graphite_set_last_error_(graphite_result result, const char* text);

/* The calling thread's slot in the place `number_`; registers it. Null where memory is out. */
GRAPHITE_API void* graphite_reader_slot_(const graphite_atomic_bundle* bundle);

#ifdef __cplusplus
}
#endif

#include "graphite_files.h"
#include "graphite_live.h"

#endif
