/* Asynchronous I/O of GRAPHITE's runtime library; included by graphite.h.
 *
 *   graphite_async_io_context io;
 *   if (graphite_async_io_init(&io, NULL) != GRAPHITE_SUCCESS) ...
 *   graphite_async_io_read(&io, &file, buffer, size, offset, loaded, level, NULL);
 *   ...
 *   graphite_async_io_destroy(&io); // every callback has returned
 *
 * What graphite.h says of errors, units and cost holds here, too. These functions load a library from beside
 * this one, libgraphite-machine, when the first of them is called: where it cannot be loaded they return
 * UNSUPPORTED. */
#ifndef GRAPHITE_ASYNC_H
#define GRAPHITE_ASYNC_H

#include "graphite.h"

struct graphite_file; /* graphite_files.h */

#ifdef __cplusplus
extern "C" {
#endif

/* ---- with callbacks, from any thread */

typedef enum graphite_io_adapter {
  GRAPHITE_IO_BEST = 0,  /* io_uring where it may be used, else threads */
  GRAPHITE_IO_URING = 1, /* io_uring or nothing */
  GRAPHITE_IO_THREADS = 2
} graphite_io_adapter;

typedef struct graphite_async_io_config {
  size_t size; /* of this structure: graphite_async_io_config_init() sets it */
  graphite_io_adapter adapter;
  uint32_t queue_depth; /* operations under way at most, 1 to 4096; default 128 */
  uint32_t queued_max;  /* that wait besides, at least 1; default 4096 */
  uint32_t
      callback_threads; /* default 1; 0: the context's own thread calls back, and starts nothing meanwhile */
} graphite_async_io_config;
/* Fills in the size and the defaults. Null does nothing. Cost: none. */
GRAPHITE_API void graphite_async_io_config_init(graphite_async_io_config* config);

typedef struct graphite_async_io_context {
  void* handle; /* the library's */
} graphite_async_io_context;

typedef struct graphite_io_completion {
  graphite_result
      result;     /* SUCCESS, CANCELLED, OUT_OF_SPACE, PERMISSION_DENIED, TOO_LARGE (a limit on files),
                     INVALID_ARGUMENT (a direct read that is not aligned), BUSY (no room), IO */
  size_t bytes;   /* moved, also where it failed half-way. A read is short only where the file ended */
  uint64_t token; /* what submitting it gave */
} graphite_io_completion;
/* Called once for each operation, on a thread of the context; several at once where it has several, and where
 * more than 4,096 wait. It may start others, may not destroy the
 * context or drain it, and what it throws ends the process. `completion` lives as long as the call. */
typedef void (*graphite_io_callback)(const graphite_io_completion* completion, void* user_data);

/* `config` may be null: the defaults. The context is the caller's to destroy; all zeros on an error. A child
 * of fork() has no context: destroying its parent's there does nothing. Errors: INVALID_ARGUMENT, UNSUPPORTED
 * (as the text says), BUSY (no more threads to be had). Cost: starts threads. */
GRAPHITE_API graphite_result graphite_async_io_init(graphite_async_io_context* context,
                                                    const graphite_async_io_config* config);
/* Cancels what can be cancelled, and returns when every callback has. Leaves all zeros; null, or all zeros,
 * does nothing. Not from a callback. Cost: blocks. */
GRAPHITE_API void graphite_async_io_destroy(graphite_async_io_context* context);

/* Reads up to `size` bytes from `offset` of an open file into `buffer`; both stay until the callback.
 * `*token` (may be null) names the operation. Any number of threads. Errors, with which there is no callback:
 * INVALID_ARGUMENT, PERMISSION_DENIED (the file was not opened for that), BUSY (queued_max wait already),
 * CANCELLED (the context is of the process that forked), IO and others (the system does not let the context
 * wait for anything any more: it needs to be made anew). Cost: a lock, an allocation, at times a system call.
 */
GRAPHITE_API graphite_result graphite_async_io_read(graphite_async_io_context* context,
                                                    const struct graphite_file* file, void* buffer,
                                                    size_t size, uint64_t offset,
                                                    graphite_io_callback callback, void* user_data,
                                                    uint64_t* token);
/* Writes all of `buffer`. The rest, and the cost, as above. */
GRAPHITE_API graphite_result graphite_async_io_write(graphite_async_io_context* context,
                                                     const struct graphite_file* file, const void* buffer,
                                                     size_t size, uint64_t offset,
                                                     graphite_io_callback callback, void* user_data,
                                                     uint64_t* token);
/* Makes what was written before this call durable. The rest, and the cost, as above. */
GRAPHITE_API graphite_result graphite_async_io_sync(graphite_async_io_context* context,
                                                    const struct graphite_file* file,
                                                    graphite_io_callback callback, void* user_data,
                                                    uint64_t* token);
/* Asks to end an operation early: its callback comes all the same, with CANCELLED or as if nobody had asked.
 * Does nothing where it has ended. Cost: a lock, a system call. */
GRAPHITE_API void graphite_async_io_cancel(graphite_async_io_context* context, uint64_t token);
/* Returns when all that was submitted before has been called back. Not from a callback. Cost: blocks. */
GRAPHITE_API void graphite_async_io_drain(graphite_async_io_context* context);
/* Operations that have not been called back. Cost: a lock. */
GRAPHITE_API size_t graphite_async_io_active(const graphite_async_io_context* context);
/* "io_uring" or "threads", and in `*reason` (may be null) why not a better one, empty for the best. Both as
 * long as the context. Cost: none. */
GRAPHITE_API const char* graphite_async_io_adapter(const graphite_async_io_context* context,
                                                   const char** reason);

/* ---- io_uring itself, for one thread that both submits and waits
 *
 * The thread that first submits is the only one that may use the context from then on. */

typedef struct graphite_uring_context {
  void* handle; /* the library's */
  uint32_t queue_depth;
} graphite_uring_context;

/* What the caller calls a request: any address, given back with its completion. */
typedef struct graphite_stream_request graphite_stream_request;

typedef struct graphite_uring_completion {
  const graphite_stream_request* request;
  graphite_result result;
  size_t bytes;
} graphite_uring_completion;

/* With room for `queue_depth` operations, 1 to 4096. All zeros on an error. Errors: INVALID_ARGUMENT,
 * UNSUPPORTED (forbidden here, or not there: the text says why). Cost: system calls. */
GRAPHITE_API graphite_result graphite_uring_init(graphite_uring_context* context, uint32_t queue_depth);
/* Starts reading up to `size` bytes from `offset` of descriptor `fd` into `buffer`, which stays until
 * the completion. `request` may be null, and the same more than once. Errors: BUSY (queue_depth are under
 * way: wait for some), INVALID_ARGUMENT, IO. Cost: a system call. */
GRAPHITE_API graphite_result graphite_uring_read_async(graphite_uring_context* context,
                                                       const graphite_stream_request* request, int fd,
                                                       void* buffer, size_t size, int64_t offset);
/* Fills `completions` with up to `max` of those that ended, in any order: waits until `least` are there,
 * `timeout_ns` have passed, or nothing is under way. `*count` is how many. Errors: INVALID_ARGUMENT, IO,
 * PERMISSION_DENIED (a seccomp filter that was set since). Cost: a system call, unless they are there
 * already. */
GRAPHITE_API graphite_result graphite_uring_wait(graphite_uring_context* context,
                                                 graphite_uring_completion* completions, size_t max,
                                                 size_t least, uint64_t timeout_ns, size_t* count);
/* Operations whose completion nobody has got. Cost: none. */
GRAPHITE_API uint32_t graphite_uring_active(const graphite_uring_context* context);
/* Ends what is under way: nothing is written to anybody's buffer after it. Leaves all zeros; null, or all
 * zeros, does nothing. Cost: blocks. */
GRAPHITE_API void graphite_uring_destroy(graphite_uring_context* context);

#ifdef __cplusplus
}
#endif

#endif
