/* Bundles that follow their source by themselves; included by graphite.h.
 *
 * A context keeps an atomic bundle at the newest generation of a folder (graphite_hot_reload_init) or of a
 * channel (graphite_subscribe). A thread of its own fetches, verifies and stages the next generation while
 * the present one serves; then it becomes current by one store. What changed is told by graphite_poll(), in
 * the thread that calls it and within the time that it gives: an engine calls it once a frame.
 *
 *   graphite_hot_reload_config config;
 *   graphite_hot_reload_config_init(&config);
 *   config.watch_directory = "game/.graphite/bundles/main";
 *   config.asset_callback = reload_texture;
 *   graphite_hot_reload_context* live = graphite_hot_reload_init(&config);
 *   ...
 *   graphite_poll(live, 500000, NULL);  // each frame: at most half a millisecond
 *
 * What graphite.h says of threads, errors, units and cost holds here, too. Every function may also be called
 * from a callback; callbacks may not throw. In a child of fork() an inherited context stays as it was: pins,
 * handles and views go on, graphite_hot_reload_shutdown() and graphite_handle_close() do nothing, and what
 * needs its thread or locks says CANCELLED; a child whose parent has subscribed ends by _exit() or exec. */
#ifndef GRAPHITE_LIVE_H
#define GRAPHITE_LIVE_H

#include "graphite.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct graphite_hot_reload_context graphite_hot_reload_context;

/* ---- what changed */

/* Called once for each generation that is told; `old_bundle` is null at the first. Both as long as the call.
 */
typedef void (*graphite_reload_callback)(const graphite_bundle* old_bundle, const graphite_bundle* new_bundle,
                                         void* user_data);

/* Exactly what differs between two generations: ids, ascending. Where several generations came between two
 * polls they are told as one, so that an asset which changed and changed back is not in it. The first one is
 * told without lists: everything is new then. */
typedef struct graphite_changes {
  const graphite_bundle* old_bundle; /* null: there was none */
  const graphite_bundle* new_bundle;
  uint64_t old_version, new_version; /* as graphite_acquire_reader() gives them; 0: there was none */
  const uint64_t* added;
  const uint64_t* changed;
  const uint64_t* removed;
  size_t added_count, changed_count, removed_count;
} graphite_changes;
typedef void (*graphite_changes_callback)(const graphite_changes* changes, void* user_data);

typedef enum graphite_asset_event_type {
  GRAPHITE_ASSET_ADDED = 0,
  GRAPHITE_ASSET_CHANGED = 1,
  GRAPHITE_ASSET_REMOVED = 2,
  GRAPHITE_ASSET_ARRIVED = 3 /* on demand: all its bytes are here now */
} graphite_asset_event_type;
typedef struct graphite_asset_event {
  graphite_asset_event_type type;
  uint64_t id;
  const graphite_bundle* old_bundle; /* where the asset was; null: it was not */
  const graphite_bundle* new_bundle;
} graphite_asset_event;
typedef void (*graphite_asset_callback)(const graphite_asset_event* event, void* user_data);

/* ---- following */

typedef struct graphite_hot_reload_config {
  size_t size;                 /* of this structure; set by graphite_hot_reload_config_init() */
  const char* watch_directory; /* the bundle folder to follow; for graphite_subscribe() where to keep it */
  const char* bundle_path; /* or an exported file that is replaced by renames; relative to watch_directory */
  uint32_t
      debounce_ms; /* of a folder or file: a generation is taken up when none came for so long, and after ten
                      times as long at the latest; default 0. A channel's are taken up as they come */
  bool atomic_reload; /* default true. False: graphite_poll() makes the changed assets visible one by one,
                         each before its callback, and a reader may see new beside old ones meanwhile */
  bool preserve_handle_state; /* default true: handles follow their asset. False: a swap that changes or
                                 removes an asset makes its handles stale */
  graphite_reload_callback callback; /* the callbacks may be null; all get user_data */
  void* user_data;

  graphite_changes_callback changes_callback; /* after `callback` */
  graphite_asset_callback asset_callback;     /* then once for each asset */
  bool swap_in_poll;         /* default false: current as soon as it is staged. True: by graphite_poll() */
  bool trust_folder;         /* default false: what changed is read and checked before it becomes current */
  bool on_demand;            /* graphite_subscribe(): contents are fetched when they are first read */
  uint32_t kept_generations; /* for graphite_rollback(), the current one included: 1 to 64; default 2 */
  uint32_t held_pin_warning_ms;  /* a replaced generation that is held for longer is logged; default 10,000 */
  const char* state_directory;   /* where starts are counted, for the two below; null: watch_directory of
                                    graphite_subscribe(), else they are not */
  uint32_t crash_window_seconds; /* a process that ends within so long of a generation's becoming current,
                                    without graphite_hot_reload_shutdown(), counts as crashed by it; 10 */
  uint32_t crashes_max;          /* after so many in a row it is held: passed over; 0: never. Default 3 */
  const char*
      keys_directory;    /* graphite_subscribe(): this runtime's keys, as `graphite keys ticket` made them */
  const char* root_pins; /* graphite_subscribe(): a file root.pub with the roots that are believed; null:
                            those of keys_directory. With neither nothing has to be signed */
} graphite_hot_reload_config;

/* Fills in the size and the defaults above. Null does nothing. Cost: none. */
GRAPHITE_API void graphite_hot_reload_config_init(graphite_hot_reload_config* config);

/* Follows a folder or file; what is there already is current when it returns, and the callbacks of that first
 * generation come with the first poll. Nothing there yet is no error, and neither is what cannot be read: it
 * is logged, counted in `failed` and looked at again. The configuration is copied, `user_data` is the
 * caller's as long as the context. To be given up by graphite_hot_reload_shutdown(). Null on failure:
 * graphite_last_result() and graphite_last_error(). Errors: INVALID_ARGUMENT, IO. Cost: as
 * graphite_bundle_open(), a thread and a system watch. Blocks on the disk. */
GRAPHITE_API graphite_hot_reload_context* graphite_hot_reload_init(const graphite_hot_reload_config* config);
/* Follows `channel` (null: the only one that is served) of the publisher or relay at `address`, HOST:PORT,
 * and keeps it in config->watch_directory, which is made where it is missing and used by one process at a
 * time. What is kept there from before serves at once, also while the publisher is away; that the publisher
 * has no such channel is logged, and several to choose from are graphite_poll()'s to say. `*out` is the
 * caller's to shut down, null on an error. Errors: INVALID_ARGUMENT (also an address that is none, or a
 * folder that keeps another channel), ALREADY_EXISTS (another process uses the folder, or something else
 * writes it), UNSUPPORTED (libgraphite-subscribe is not there), NEWER_VERSION, CORRUPT (and it cannot be
 * mended), PERMISSION_DENIED, OUT_OF_SPACE, IO. Cost: opens a database and reads what was not synced, some
 * threads. Blocks on the disk, not on the network. */
GRAPHITE_API graphite_result graphite_subscribe(const char* address, const char* channel,
                                                const graphite_hot_reload_config* config,
                                                graphite_hot_reload_context** out);
/* Ends its thread and frees everything but what views and other references hold. As for
 * graphite_atomic_bundle_destroy() every reader must be gone, and no other thread may be in a call with this
 * context. In a callback of its own graphite_poll() it takes effect when that returns. Null does nothing.
 * Cost: blocks until its thread has ended what it stages, and gives up all generations. */
GRAPHITE_API void graphite_hot_reload_shutdown(graphite_hot_reload_context* context);

/* Where readers pin what is current: for graphite_acquire_reader() and the like, and not to be swapped or
 * destroyed by the caller. As long as the context. Cost: none. */
GRAPHITE_API const graphite_atomic_bundle* graphite_hot_reload_bundle(
    const graphite_hot_reload_context* context);

/* Calls back what changed since the last call, in this thread, until `budget_ns` are spent (0: one step; a
 * callback is not interrupted) or nothing is left; `*left` (may be null): how many asset callbacks are left.
 * One thread at a time. Errors: BUSY (another thread, or a callback, is in it), CANCELLED (a child of
 * fork()), and, from then on by each call, what made following end: INVALID_ARGUMENT (the publisher has
 * several channels and none was named), CORRUPT, PERMISSION_DENIED, OUT_OF_SPACE, IO; then what is current
 * stays so. Cost: none without news; else a lock for each callback, and a swap for each generation with
 * swap_in_poll. */
GRAPHITE_API graphite_result graphite_poll(graphite_hot_reload_context* context, uint64_t budget_ns,
                                           size_t* left);
/* Waits until a version above `version` is current or, with swap_in_poll or without atomic_reload, staged.
 * Errors: TIMED_OUT, CANCELLED (shut down), and what made following end. Cost: a lock; blocks so long. */
GRAPHITE_API graphite_result graphite_wait(graphite_hot_reload_context* context, uint64_t version,
                                           uint64_t timeout_ns);
/* Readable (poll(2)) while graphite_poll() has something to tell. The context's: not to be read or closed.
 * Cost: none. */
GRAPHITE_API int graphite_hot_reload_descriptor(const graphite_hot_reload_context* context);

/* ---- handles: names of assets that stay, whatever is swapped */

typedef uint64_t graphite_handle; /* 0: none */

/* A part's bytes, held until graphite_view_release(), whatever becomes of asset, handle and context. */
typedef struct graphite_view {
  const void* data; /* null where size is 0 */
  uint64_t size;
  uint64_t version; /* that was current when it was read */
  void* owner_[2];
} graphite_view;

/* One more reference to the handle of the asset with this id; equal assets have equal handles. At most 2^24
 * assets have handles at once. They end with the context. Errors:
 * NOT_FOUND (no such asset now), TOO_LARGE, OUT_OF_MEMORY. Cost: a lock and a look-up. */
GRAPHITE_API graphite_result graphite_handle_open(graphite_hot_reload_context* context, uint64_t id,
                                                  graphite_handle* out);
/* Gives the reference up; views stay. A handle that is not open, or a null context, does nothing. Cost: a
 * lock.
 */
GRAPHITE_API void graphite_handle_close(graphite_hot_reload_context* context, graphite_handle handle);
/* The bytes of its asset as they are now; `*out` is the caller's to release, empty on an error. Does not
 * wait. Cost: a look-up and a counter that threads share; on demand a lock where they are not here. Errors:
 * REMOVED (the asset is gone; it works again once the asset is back), STALE_HANDLE (without
 * preserve_handle_state), INVALID_ARGUMENT (never opened, or closed), NOT_FOUND (no such part), NOT_READY (on
 * demand: not here yet, and asked for now), CORRUPT, IO. */
GRAPHITE_API graphite_result graphite_handle_read(graphite_hot_reload_context* context,
                                                  graphite_handle handle, uint32_t part, graphite_view* out);
/* The version with which its asset last changed, went or came, 0: not since the handle was opened; and its id
 * (both may be null). Errors: STALE_HANDLE (both are given), INVALID_ARGUMENT. Cost: none. */
GRAPHITE_API graphite_result graphite_handle_changed(graphite_hot_reload_context* context,
                                                     graphite_handle handle, uint64_t* version, uint64_t* id);
/* Once for each view, in any thread, also after its context; leaves an empty one. Null or empty does nothing.
 * Cost: a subtraction from that counter; the last owner of a segment unmaps it. */
GRAPHITE_API void graphite_view_release(graphite_view* view);

/* ---- going back */

typedef struct graphite_generation_info {
  uint64_t version; /* 0: was never current here */
  uint64_t epoch, sequence, assets;
  uint8_t root[32];
  bool current;
  bool held; /* its readers crashed: passed over */
} graphite_generation_info;
/* Fills at most `capacity` of `out` with the kept generations, the oldest first, then held ones; how many
 * there are. Cost: a lock, and O(those). */
GRAPHITE_API size_t graphite_hot_reload_generations(const graphite_hot_reload_context* context,
                                                    graphite_generation_info* out, size_t capacity);
/* Makes the generation that was current `steps` before this one current again, at the cost of a swap; it
 * stays until a generation newer than all that were seen comes, or graphite_resume(). Errors: NOT_FOUND (not
 * kept, or no steps), CORRUPT, IO. Cost: a swap, and O(changes); blocks while another generation is checked.
 */
GRAPHITE_API graphite_result graphite_rollback(graphite_hot_reload_context* context, uint32_t steps);
/* Ends a rollback and lifts every hold: the newest generation becomes current, one that was held a little
 * after the call. Errors: CORRUPT, IO. Cost: as for a rollback. */
GRAPHITE_API graphite_result graphite_resume(graphite_hot_reload_context* context);

/* ---- on demand */

/* Asks for the bytes of these assets; does not wait. GRAPHITE_ASSET_ARRIVED tells of each that was not here.
 * At most 65,536 are asked for at once. Errors: TOO_LARGE (the first ones are asked for), UNSUPPORTED (not on
 * demand). Cost: a lock for each. */
GRAPHITE_API graphite_result graphite_fetch(graphite_hot_reload_context* context, const uint64_t* ids,
                                            size_t count);
/* Waits until the asset's bytes are here: for whoever asks to wait. Errors: TIMED_OUT, NOT_FOUND, CANCELLED,
 * UNAVAILABLE (the publisher has them no more), those of graphite_fetch() where they are not here, CORRUPT,
 * IO, and what made following end. Cost: a look-up where they are here; else blocks so long. */
GRAPHITE_API graphite_result graphite_fetch_wait(graphite_hot_reload_context* context, uint64_t id,
                                                 uint64_t timeout_ns);

/* ---- reloading by hand */

/* Memory that reloads use instead of allocating. The caller's; one reload uses it at a time. */
typedef struct graphite_reload_buffers {
  void* staging_buffer; /* contents are read here to be checked: of any size, 64 KiB and more is fast */
  size_t staging_size;
  void* copy_buffer; /* for lists of changed ids: 32 bytes an asset */
  size_t copy_size;
  uint32_t buffer_in_use; /* changed atomically; 0 at first */
} graphite_reload_buffers;
/* Makes the bundle at `new_bundle_path` (a folder or an exported file) current, as if it had come by itself.
 * Its contents are checked through the buffers by plain reads: a file that is cut short meanwhile is an error
 * and no signal. Buffers that are in use, missing (all may be null) or too small are replaced by allocation.
 * Errors: those of graphite_bundle_open(), CORRUPT (a content is not what its digest says), STALE_EPOCH (not
 * newer than what was current, or of another channel), OUT_OF_MEMORY. Cost: reads and hashes what changed.
 * Blocks on the disk, and while another generation is checked. */
GRAPHITE_API graphite_result graphite_optimized_reload(graphite_hot_reload_context* context,
                                                       const char* new_bundle_path,
                                                       graphite_reload_buffers* buffers);

/* ---- statistics */

typedef struct graphite_statistics {
  size_t size;                                /* of this structure: to be set by the caller */
  uint64_t version, epoch, sequence, assets;  /* of what is current */
  bool reload_pending;                        /* staged, and not current yet */
  bool connected;                             /* to the publisher; a folder: true */
  uint64_t swaps, rollbacks, refused, failed; /* swaps: staged ones, too. Refused: older, replayed, of another
                                                 channel or held */
  uint64_t verified_bytes, fetched_bytes; /* contents that were checked here; contents, lists of chunks and
                                             pages that came from the publisher */
  uint64_t stage_ns, swap_ns;    /* of the last generation: opening and checking it; from staged to current */
  uint64_t kept, replaced_alive; /* generations for rollback; replaced ones that somebody holds */
  uint64_t longest_held_ns;      /* since when the oldest of them was replaced */
  uint64_t handles, changes_left; /* open; asset callbacks that graphite_poll() has left */
  uint64_t missing_parts;         /* on demand: reads by handles of what was not here */
} graphite_statistics;
/* Errors: INVALID_ARGUMENT (an unknown size). Cost: locks, and a look at a slot for each thread that reads.
 */
GRAPHITE_API graphite_result graphite_hot_reload_statistics(const graphite_hot_reload_context* context,
                                                            graphite_statistics* out);

#ifdef __cplusplus
}
#endif

#endif
