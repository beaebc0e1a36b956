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
 * What holds for every function here and in graphite_async.h, graphite_files.h, graphite_live.h,
 * graphite_machine.h, graphite_memory.h and graphite_platform.h, unless it says otherwise:
 *
 * - Threads: it may be called from any thread at any time, but for signal handlers.
 * - Ownership: what a caller gives in stays his, and is not looked at after the call.
 * - Errors: those that can fail return a graphite_result; graphite_last_error() has the text, for people.
 *   Beside those that it names each may return INVALID_ARGUMENT for a null argument, OUT_OF_MEMORY, and IO
 *   where the system refuses it something else. What returns no result takes no null but where it says so,
 *   and ends the process for want of memory.
 * - Units: sizes and offsets are bytes, times are nanoseconds or as a name's end says; paths end with a zero
 *   and are those of the file system.
 * - Cost: "none" is at most some hundred nanoseconds, without lock, allocation or system call. "A lock" is
 *   held for moments, by whoever swaps or brings a generation. "Blocks" waits for disk or threads.
 *
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
  GRAPHITE_ERROR_NOT_READY = 20,    /* not here yet, and asked for: try again later */

  /* Further names of the same results, of files, memory, threads and I/O. Where a function can say more
   * exactly what is wrong, such as NOT_FOUND when a file is opened, it does. */
  GRAPHITE_ERROR_FILE_OPEN = GRAPHITE_ERROR_IO,
  GRAPHITE_ERROR_FILE_SIZE = GRAPHITE_ERROR_IO,
  GRAPHITE_ERROR_IO_SUBMIT = GRAPHITE_ERROR_IO,
  GRAPHITE_ERROR_IO_INIT = GRAPHITE_ERROR_UNSUPPORTED,
  GRAPHITE_ERROR_NOT_SUPPORTED = GRAPHITE_ERROR_UNSUPPORTED,
  GRAPHITE_ERROR_QUEUE_FULL = GRAPHITE_ERROR_BUSY,
  GRAPHITE_ERROR_ALLOCATION = GRAPHITE_ERROR_OUT_OF_MEMORY,
  GRAPHITE_ERROR_AFFINITY = GRAPHITE_ERROR_INVALID_ARGUMENT
} graphite_result;

/* Stable lower-case name, such as "not_found"; never null. Static. Cost: none. */
GRAPHITE_API const char* graphite_result_name(graphite_result result);
/* What the last call of this thread that failed said; empty where none did. The library's: valid until the
 * next one fails or the thread ends. Left as it was by graphite_find() where there is no such asset. Cost:
 * none.
 */
GRAPHITE_API const char* graphite_last_error(void);
/* Of that call, for functions that return a pointer; GRAPHITE_SUCCESS where none failed. Cost: none. */
GRAPHITE_API graphite_result graphite_last_result(void);
/* "0.1.0" of the library that is loaded; the macros are of the header that was compiled. Static. Cost: none.
 */
GRAPHITE_API const char* graphite_version(void);

/* ---- what the program may bring along; to be set before anything else is called */

typedef enum graphite_log_level {
  GRAPHITE_LOG_DEBUG = 0,
  GRAPHITE_LOG_INFO = 1,
  GRAPHITE_LOG_WARNING = 2,
  GRAPHITE_LOG_ERROR = 3
} graphite_log_level;
typedef void (*graphite_log_callback)(graphite_log_level level, const char* text, void* user_data);
/* Gets what the library has to say from `least` on, in any of its threads, several at once; null (as at
 * first): nobody does. It may not call the library back but for graphite_result_name() and the like; what it
 * throws is dropped. `text` lives as long as the call, `user_data` is the caller's until another call of this
 * function returns: it waits until the callback before is not called any more. Cost: that wait; what nobody
 * hears costs one load. */
GRAPHITE_API void graphite_set_log(graphite_log_callback callback, graphite_log_level least, void* user_data);

/* Memory for what grows with a program's assets: bundles, handles and lists of changes. Mapped files, look-up
 * tables (whole pages from the system) and small bookkeeping do not come from here. `allocate` gives null for
 * want of memory; `alignment` is a power of two; `release` gets the size and alignment that were asked for.
 * Thread-safe both; they may not throw or call the library. */
typedef struct graphite_allocator {
  void* (*allocate)(size_t size, size_t alignment, void* user_data);
  void (*release)(void* memory, size_t size, size_t alignment, void* user_data);
  void* user_data;
} graphite_allocator;
/* Null: back to the system's. Copied; its functions and user_data are used until another call of this
 * function succeeds. Errors: BUSY (something is allocated), INVALID_ARGUMENT (one of the two is missing).
 * Cost: a lock. */
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
/* Gives up the caller's reference. Readers that have it stay safe. Null does nothing. Cost: an atomic
 * subtraction; the last reference unmaps the files, which takes longer the more of them were read. */
GRAPHITE_API void graphite_bundle_close(graphite_bundle* bundle);
/* The same under the name of the specification: freed once nobody reads it any more, with the last reference:
 * where a place had it, by the swap or graphite_atomic_bundle_collect() that finds no reader. Cost: the same.
 */
GRAPHITE_API void graphite_schedule_cleanup(graphite_bundle* bundle);
/* One more reference for the caller, also to what is only pinned; `bundle` again. Null does nothing. Cost: an
 * atomic addition. */
GRAPHITE_API graphite_bundle* graphite_bundle_retain(const graphite_bundle* bundle);
/* `*out` is the caller's, but for its channel. Cost: none. */
GRAPHITE_API void graphite_bundle_describe(const graphite_bundle* bundle, graphite_bundle_info* out);
/* The ids of all assets, ascending: fills at most `capacity` of `out`; `*count` is how many there are. Cost:
 * O(assets), and 8 bytes for each while it runs, for programs that show or load everything. Blocks on the
 * disk. Errors: CORRUPT, IO. */
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
 * Null only with length 0. Cost: O(length), nanoseconds. */
GRAPHITE_API uint64_t graphite_asset_id(const char* path, size_t length);
/* Cost: about a hundred nanoseconds at 10^6 assets once it was found before, else a microsecond; without
 * lock, allocation or system call (pages of the index that nobody read yet are read from disk). Errors:
 * NOT_FOUND, without a text; CORRUPT. */
GRAPHITE_API graphite_result graphite_find(const graphite_bundle* bundle, uint64_t id, graphite_asset* out);
/* Where the bytes of a part are, `index` from 0; as long as `bundle` is held or pinned, of which `asset` must
 * be. Cost: none; a segment that came after its generation is mapped by its first read; on demand a shared
 * lock for what came after its generation. Errors: NOT_FOUND (no such part, or its bytes are not here: the
 * writer collected their segment before it was mapped), NOT_READY (on demand: not here yet, and asked for
 * now), CORRUPT, IO. */
GRAPHITE_API graphite_result graphite_asset_part(const graphite_bundle* bundle, const graphite_asset* asset,
                                                 uint32_t index, graphite_part* out);
/* The id of an asset that it needs; `index` below reference_count, 0 otherwise. Cost: none. */
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
 * unless it says INVALID_ARGUMENT. No other thread may use the place before it returns. Errors:
 * INVALID_ARGUMENT, OUT_OF_MEMORY. Cost: some memory, and system calls of some microseconds. */
GRAPHITE_API graphite_result graphite_atomic_bundle_init(graphite_atomic_bundle* bundle,
                                                         graphite_bundle* first);
/* No thread may read from it any more, and every graphite_pin must have been given up. Null, or all zeros,
 * does nothing. Cost: gives up what is current and what was not freed yet. */
GRAPHITE_API void graphite_atomic_bundle_destroy(graphite_atomic_bundle* bundle);

/* What is current, which stays whole until release; null: nothing yet. `*version_out` (may be null) is its
 * number in this place, from 1; it never falls. Pins nest in a thread: an inner one gets what the outer one
 * has. To be released by the same thread; graphite_reader_pin() is for what moves between threads. A thread
 * that ends with a pin gives it up. Cost: two stores and a load of the thread's own cache line (why that is
 * enough is said in graphite.hpp, beside class pinned); the first call of a thread in a place takes a lock
 * and some memory, and one after a call for another place looks for this one among all that the thread reads.
 * After fork() the child may read, and what it inherited stays mapped. */
GRAPHITE_API const graphite_bundle* graphite_acquire_reader(const graphite_atomic_bundle* bundle,
                                                            uint64_t* version_out);
/* Once for each acquire, in its thread. What it lets go is freed by the next swap or collect. Cost: one
 * store.
 */
GRAPHITE_API void graphite_release_reader(const graphite_atomic_bundle* bundle);

/* A pin that may be given up in any thread: for fibers, jobs and frames in flight. */
typedef struct graphite_pin {
  const graphite_bundle* bundle;
  uint64_t version;
  void* value_;
} graphite_pin;
/* `*out` is the caller's to give up, and may be copied if only one copy is. Errors: NOT_FOUND (nothing is
 * current yet; `*out` is empty). Cost: an acquire and an addition to a counter that threads share. */
GRAPHITE_API graphite_result graphite_reader_pin(const graphite_atomic_bundle* bundle, graphite_pin* out);
/* Once for each pin; leaves an empty one. Null or empty does nothing. What it lets go is freed by the next
 * swap or collect. Cost: a subtraction from that counter. */
GRAPHITE_API void graphite_reader_unpin(graphite_pin* pin);

/* Makes `next` current and takes the caller's reference over. Readers that began before go on with what they
 * have; it is freed when the last of them lets it go, whatever other generations do. Waits for no reader;
 * writers wait for each other. Errors: INVALID_ARGUMENT (the reference then stays the caller's),
 * OUT_OF_MEMORY (it is given up, and what was current stays). Cost: one store makes it current; then a
 * barrier of some microseconds, a look at a slot for each thread that reads, and unmapping what nobody reads.
 */
GRAPHITE_API graphite_result graphite_atomic_swap_bundle(graphite_atomic_bundle* bundle,
                                                         graphite_bundle* next);
/* Frees what was replaced and is not read any more; how many are left. Swaps do the same; to be called now
 * and then where those are rare. Cost: a lock where nothing was replaced, else as for a swap. */
GRAPHITE_API size_t graphite_atomic_bundle_collect(graphite_atomic_bundle* bundle);

/* Who still holds a generation that was replaced. */
typedef struct graphite_held {
  uint64_t version;
  uint32_t thread; /* the kernel's number; 0: a token of graphite_reader_pin() */
  uint32_t reserved;
  uint64_t since_replaced_ns;
} graphite_held;
/* Fills at most `capacity` of `out`; how many there are. Cost: a lock, and O(slots) for each that was
 * replaced and not freed. */
GRAPHITE_API size_t graphite_atomic_bundle_held(const graphite_atomic_bundle* bundle, graphite_held* out,
                                                size_t capacity);

/* ---- for graphite.hpp and graphite_build.h */

/* What graphite_last_error() and graphite_last_result() of this thread say from now on; null: no text. Cost:
 * a copy of the text. */
GRAPHITE_API void graphite_set_last_error_(graphite_result result, const char* text);

/* The calling thread's slot in the place `number_`, as long as both; registers it. Null where memory is out.
 * Cost: a look-up among the places that the thread reads; the first time a lock and some memory. */
GRAPHITE_API void* graphite_reader_slot_(const graphite_atomic_bundle* bundle);

#ifdef __cplusplus
}
#endif

#include "graphite_platform.h"

#include "graphite_async.h"
#include "graphite_files.h"
#include "graphite_live.h"
#include "graphite_machine.h"
#include "graphite_memory.h"

#endif
