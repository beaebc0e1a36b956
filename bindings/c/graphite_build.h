/* The in-process builder of GRAPHITE: what an editor or a tool links to build a project's assets itself.
 *
 * A context is one project, opened: its dependency graph, its action cache, its bundle. It watches the
 * project's files, so it knows at any time what is stale; it builds when it is asked to, or, once
 * graphite_rebuild_watch() was called, as files change. What it builds lies in the project's bundle folder,
 * for graphite_bundle_open() and graphite_hot_reload_init(). The same project can be built by `graphite
 * build` and `graphite dev` at other times: they share everything.
 *
 *   graphite_rebuild_context* project;
 *   graphite_rebuild_summary built = {0};
 *   built.size = sizeof built;
 *   if (graphite_rebuild_open("game", NULL, &project) != GRAPHITE_SUCCESS ||
 *       graphite_process_rebuild_queue(project, &built) != GRAPHITE_SUCCESS)
 *     fprintf(stderr, "%s\n", graphite_last_error());
 *
 * Paths: an `asset_path` is a logical path of the project (relative to its root, UTF-8, with `/`) of a source
 *   or of an asset, or an absolute path of a file below the root. A source means what its rule makes of it.
 *   Other paths are those of the file system; relative ones start from the working folder.
 * Errors: functions return a graphite_result; graphite_last_error() of graphite.h has the text. Beside those
 *   that a function names, each may return INVALID_ARGUMENT for a null argument and OUT_OF_MEMORY; functions
 *   of a context may return those of graphite_rebuild_open(), too, because a changed project file or tool
 *   makes them open the project anew, BUSY where that changes again and again, and IO once something could
 *   not be synced to the disk (the context then does nothing any more: close it and open it again).
 * Threads: every function may be called from any thread, unless it says otherwise. Those that build wait for
 *   each other. The library has threads of its own, in which all signals are blocked but those of faults (in
 *   ZeroMQ's, of which there are some while the context serves, these too).
 * Memory and lists: what is to be freed says so and comes from the system's allocator, whatever
 *   graphite_set_allocator() says; graphite_set_log() does not reach the builder, its `log_callback` does. A
 *   list without members may be null.
 * Callbacks come in one thread of the context, one at a time, in order. They may call every function but
 *   graphite_rebuild_close(). Strings and structures that they get live as long as the call. What happened
 *   before a function that builds returns has been called back by then, unless a callback called it: so a
 *   callback must not wait for the thread that builds. None may throw.
 * The process: the library installs no signal handler, prints nothing and never exits; a broken invariant of
 *   its own ends the process by abort(). It forks: tools run as child processes in groups of their own, and
 *   one helper a context ends them should the program die. So SIGCHLD must not be ignored, and nobody may
 *   wait for children that are not his own (waitpid(-1)). Contexts do not survive fork(). The environment is
 *   read when the project is opened. The library stays loaded until the process ends.
 *
 * C11 and C++11. Needs this header, graphite.h, -lgraphite-build and -lgraphite. */
#ifndef GRAPHITE_BUILD_H
#define GRAPHITE_BUILD_H

#include "graphite.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what is told */

/* The specification has its tables, queue and threads in it; here it is opaque: they are a graph that follows
 * the files, a journal, and a pool. */
typedef struct graphite_rebuild_context graphite_rebuild_context;

/* The rule of graphite.toml that an asset is made by; docs/project-file.md says what its keys mean. */
typedef struct graphite_transform_config {
  const char* rule;             /* its name; empty: no rule, the file is copied */
  const char* transform;        /* "copy" or "command" */
  const char* const* arguments; /* of a command, with placeholders such as {in} */
  size_t argument_count;
  const char* const* inputs; /* globs: what it may read beside the file it is applied to */
  size_t input_count;
  const char* const* outputs; /* templates of what it makes */
  size_t output_count;
  const char* const* tools; /* names in [tools] */
  size_t tool_count;
  const char* depfile; /* empty: none */
  bool shell;          /* arguments[0] is a script for /bin/sh */
  bool publish;        /* false: what it makes is only an input of other rules */
  uint64_t timeout_ms, memory_bytes_max;
  const char* file; /* where the rule is written; empty: nowhere */
  uint32_t line;    /* from 1 */
  uint32_t reserved_;
  uint64_t key; /* of all of the above but the place: equal keys, equal rules */
  void* owner_; /* the library's */
} graphite_transform_config;

/* One thing to rebuild: a rule to be applied to a file, or a file to be shown as it is now. The
 * specification's workers get it; here it says what is waiting or running. */
typedef struct graphite_rebuild_task {
  const char* asset_path; /* what the rule is applied to: a logical path */
  graphite_rebuild_context* context;
  const graphite_transform_config* transform_config;
  const char* reason; /* for people: "changed: a.h"; empty where it runs */
  bool failed;        /* it was tried and failed: `reason` says how */
} graphite_rebuild_task;
typedef void (*graphite_rebuild_task_callback)(const graphite_rebuild_task* task, void* user_data);

typedef enum graphite_rebuild_stage {
  GRAPHITE_REBUILD_READING = 0, /* `done` of `all` files that are new or changed; `task` is null */
  GRAPHITE_REBUILD_RUNNING = 1  /* `done` of `all` actions are up to date; `task` begins */
} graphite_rebuild_stage;
typedef struct graphite_rebuild_progress {
  graphite_rebuild_stage stage;
  uint64_t done, all;
  const char* path; /* that was read, or that `task` is applied to */
  const graphite_rebuild_task* task;
} graphite_rebuild_progress;
/* Of several that come faster than they are taken only the last is told. */
typedef void (*graphite_rebuild_progress_callback)(const graphite_rebuild_progress* progress,
                                                   void* user_data);

/* Something to tell people: what a tool said, a missing reference, a file that cannot be read. */
typedef struct graphite_diagnostic {
  graphite_log_level level;
  const char* path; /* the source or asset it is about; may be empty */
  const char* text; /* one or more lines */
} graphite_diagnostic;
typedef void (*graphite_diagnostic_callback)(const graphite_diagnostic* diagnostic, void* user_data);

/* A generation that was published: it is on the disk. */
typedef struct graphite_rebuild_generation {
  const char* channel;
  uint64_t epoch, sequence, assets;
  uint8_t root[32];
  const char* const* changed; /* new or changed assets, the first 1,000; and how many there are */
  size_t changed_listed;
  uint64_t changed_count;
  const char* const* removed; /* the same way */
  size_t removed_listed;
  uint64_t removed_count;
  uint64_t edited_ns;    /* CLOCK_MONOTONIC: the last save that is in it; 0: not known */
  uint64_t published_ns; /* the same clock: when it was on the disk */
} graphite_rebuild_generation;
typedef void (*graphite_generation_callback)(const graphite_rebuild_generation* generation, void* user_data);

/* ---- opening */

/* Whether the threads that build, and the processes that run built-in transforms, are bound to the processors
 * of their NUMA nodes. Threads of the program never are. */
typedef enum graphite_pin_mode {
  GRAPHITE_PIN_AUTO = 0, /* only where nobody else is scheduled on these processors */
  GRAPHITE_PIN_ALWAYS = 1,
  GRAPHITE_PIN_NEVER = 2
} graphite_pin_mode;

typedef struct graphite_rebuild_config {
  size_t size;                 /* of this structure; set by graphite_rebuild_config_init() */
  const char* state_directory; /* null: the project's own, ROOT/.graphite */
  uint32_t jobs;               /* tools at once; 0: what the project says, or one a core */
  bool scratch_on_disk;        /* default false: small tools work in a folder in memory where that can be */
  graphite_rebuild_progress_callback progress_callback; /* the callbacks may be null; all get user_data */
  graphite_diagnostic_callback diagnostic_callback;
  graphite_generation_callback generation_callback;
  graphite_log_callback log_callback; /* what is of interest to operators rather than to authors */
  graphite_log_level log_least;       /* default GRAPHITE_LOG_WARNING */
  void* user_data;
  graphite_pin_mode pin; /* default GRAPHITE_PIN_AUTO */
} graphite_rebuild_config;

/* Fills in the size and the defaults. Null does nothing. Cost: none. */
GRAPHITE_API void graphite_rebuild_config_init(graphite_rebuild_config* config);

/* Opens the project whose graphite.toml lies in `project_directory` or above it, and locks its state folder
 * while the context lives. `config` is copied; null: the defaults. The first look at the files goes on after
 * it returned, and whoever asks something waits for it; callbacks may come before it returns. `*out` is the
 * caller's to close, and user_data his as long as that. Cost: blocks; what the graph's rows are to read (1 to
 * 2 s for 10^6 sources), a system watch for each folder, and some threads. Errors: NOT_FOUND (no project),
 * INVALID_ARGUMENT (mistakes in its file: the text has all of them with their lines; an unknown size or pin),
 * UNSUPPORTED (graphite-worker, which runs built-in transforms, is not there or is of another version),
 * ALREADY_EXISTS (somebody, maybe this process, has the state open; the text says who), NEWER_VERSION,
 * CORRUPT, PERMISSION_DENIED, OUT_OF_SPACE, IO. On an error `*out` is null. */
GRAPHITE_API graphite_result graphite_rebuild_open(const char* project_directory,
                                                   const graphite_rebuild_config* config,
                                                   graphite_rebuild_context** out);
/* Cancels what is being built, waits for its end, and frees the context; no callback comes afterwards. No
 * other thread may be in a function of the context, or call one later. Null does nothing. Errors: BUSY
 * (called from one of its callbacks: nothing was done). Cost: blocks until tools and callbacks that run have
 * ended, and on the disk. */
GRAPHITE_API graphite_result graphite_rebuild_close(graphite_rebuild_context* context);

/* ---- what is stale */

/* What is known of a source or asset. The first six members are the specification's. */
typedef struct graphite_asset_state {
  const char* asset_path;
  uint64_t content_hash;      /* the first 8 bytes of `digest`, little-endian; 0: never made */
  uint64_t modification_time; /* of the file, or of the one it is made from: ns since 1970, not st_mtime's
                                 whole seconds. Only told: contents decide */
  const char** dependencies;  /* what it is directly made of or refers to, ascending; at most 65,536 */
  size_t dependency_count;
  bool needs_rebuild;
  bool failed; /* it, or what is made of it, failed when it was last tried: `message` says how */
  uint64_t dependencies_left_out;
  uint64_t size;      /* in bytes */
  uint8_t digest[32]; /* of the content, as in a bundle */
  const char* kind;   /* "source" (an input), "copy", "generated", "missing" (still shown, to be removed) */
  const char* rule;   /* that makes or takes it; empty: none */
  const char* state;  /* for people: "up to date", "failed", "held back: ..." */
  const char* message;
  void* owner_; /* the library's */
} graphite_asset_state;

/* Whether a build would do something for the asset: run a rule for it or for something it is made of, take
 * its result out of the cache, or show it otherwise than it is shown. `*needs_rebuild` is true on every
 * error, as it is for the specification's unknown assets. Its sample walks the dependencies without memo or
 * guard and takes a newer st_mtime for a change; this asks the graph: every write that was closed before the
 * call counts, also one that leaves time and size as they were, a touched file with the same bytes does not,
 * and a cycle is an error at once. Cost: writes already made are awaited (a millisecond; deletions and new
 * files up to `debounce_ms`), then a look-up. Errors: NOT_FOUND (with the nearest known name), ACTION_FAILED
 * (it cannot even be tried: a cycle of rules, two producers of one name). */
GRAPHITE_API graphite_result graphite_asset_needs_rebuild(graphite_rebuild_context* context,
                                                          const char* asset_path, bool* needs_rebuild);
/* Waits as above. `*out` is to be freed, and stays valid after the context; on an error it is all zeros.
 * Cost: its direct dependencies. Errors: NOT_FOUND. */
GRAPHITE_API graphite_result graphite_asset_describe(graphite_rebuild_context* context,
                                                     const char* asset_path, graphite_asset_state* out);
/* Leaves zeros. Null or freed does nothing. Needs no context. Cost: that of free(). */
GRAPHITE_API void graphite_asset_state_free(graphite_asset_state* state);

/* Calls back everything that a build would do, in this thread, each after what it needs; `*count` (may be
 * null): how many there are, of which at most 65,536 are told. `callback` may be null. Waits as above. Cost:
 * what is stale, and its inputs. */
GRAPHITE_API graphite_result graphite_rebuild_queue(graphite_rebuild_context* context,
                                                    graphite_rebuild_task_callback callback, void* user_data,
                                                    uint64_t* count);

/* The rule for an asset; for a path that nobody knows yet, the one that would take it. `*out` is to be freed,
 * and stays valid after the context; on an error it is all zeros. Unlike the specification's it needs the
 * context: rules are a project's. Waits as above. Cost: a look-up. Errors: INVALID_ARGUMENT (not a logical
 * path). */
GRAPHITE_API graphite_result graphite_get_transform_config(graphite_rebuild_context* context,
                                                           const char* asset_path,
                                                           graphite_transform_config* out);
/* Leaves zeros. Null or freed does nothing. Needs no context. Cost: that of free(). */
GRAPHITE_API void graphite_transform_config_free(graphite_transform_config* config);

/* The content hash of a file, as graphite_asset_state has it; `digest` may be null. Cost: reads the whole
 * file in pieces of a megabyte, and hashes it; blocks. Needs no context. The specification's returns the
 * hash, and could not say why there is none; so with the next one. Errors: NOT_FOUND, INVALID_ARGUMENT (not a
 * regular file), PERMISSION_DENIED, IO. */
GRAPHITE_API graphite_result graphite_hash_file(const char* path, uint64_t* content_hash, uint8_t digest[32]);
/* When a file was last written: ns since 1970. Needs no context. Cost: a system call. Errors: NOT_FOUND,
 * PERMISSION_DENIED, IO. */
GRAPHITE_API graphite_result graphite_get_file_mtime(const char* path, uint64_t* mtime_ns);

/* ---- building */

/* How a build ended. */
typedef struct graphite_rebuild_summary {
  size_t size;              /* of this structure: to be set by the caller */
  bool has_generation;      /* something has been published, now or before: */
  uint64_t epoch, sequence; /* the newest of the first channel */
  uint8_t root[32];
  uint64_t assets;
  uint64_t ran;                       /* tools that ended well since the last build */
  uint64_t cached;                    /* results that were found in the action cache since then */
  uint64_t failed;                    /* rules and assets that stand failed */
  uint64_t behind;                    /* assets that are not shown as their sources are */
  uint64_t changed_sources;           /* since the last build */
  uint64_t elapsed_ns, action_cpu_ns; /* of this call: until it returned; of all tools */
} graphite_rebuild_summary;

/* Builds everything that is stale, and nothing else: each rule after what it needs, as many at once as
 * `jobs`. An asset is shown as soon as it and all that hangs together with it are whole; what fails holds
 * back only that, and is tried again by the next build. Blocks until nothing is left to do. While the context
 * watches this waits until all that was saved before the call is built. `summary` may be null. Cost: what is
 * stale, whatever the number of assets. Errors: ACTION_FAILED (something failed or is held back: `summary`
 * says how much, the text has the first), CANCELLED, OUT_OF_SPACE, and those above; INVALID_ARGUMENT (an
 * unknown size of `summary`). */
GRAPHITE_API graphite_result graphite_process_rebuild_queue(graphite_rebuild_context* context,
                                                            graphite_rebuild_summary* summary);
/* One build, all or nothing, as `graphite build` does it: one generation at the end, none where something
 * failed, after which nothing new is started. While the context watches it is as above. Errors and cost: as
 * above. */
GRAPHITE_API graphite_result graphite_rebuild_build(graphite_rebuild_context* context,
                                                    graphite_rebuild_summary* summary);
/* Makes one asset and what it needs, and shows it with what has to be shown with it; everything else stays
 * stale. `transform_config` (may be null) is what the caller takes for the asset's rule: where the project
 * says something else by now nothing is done, for a result that no rule explains could never be made again.
 * Unlike the specification's it needs the context. While the context watches it is as above. Cost: what of it
 * is stale; blocks. Errors: NOT_FOUND, STALE_HANDLE (the rule is another one), and those above, of this asset
 * only. */
GRAPHITE_API graphite_result graphite_apply_transforms(graphite_rebuild_context* context,
                                                       const char* asset_path,
                                                       const graphite_transform_config* transform_config,
                                                       graphite_rebuild_summary* summary);
/* Makes the function that builds now in another thread return CANCELLED, once its tools have been ended;
 * while the context watches only its waiting ends. What was made stays in the cache, what was shown stays
 * shown. Null does nothing, and nothing is done where nothing builds. Cost: a lock; it waits for nothing. */
GRAPHITE_API void graphite_rebuild_cancel(graphite_rebuild_context* context);
/* Calls back what the last finished build had to say, in this thread: the first 100. Cost: copies of them; it
 * waits for nothing. */
GRAPHITE_API graphite_result graphite_rebuild_diagnostics(graphite_rebuild_context* context,
                                                          graphite_diagnostic_callback callback,
                                                          void* user_data);

/* ---- watching */

typedef struct graphite_rebuild_watch_config {
  size_t size; /* of this structure; set by graphite_rebuild_watch_config_init() */
  bool serve;  /* default false. True: `graphite subscribe` and graphite_subscribe() can follow, on this
                  machine only */
  uint16_t heads_port, chunks_port; /* 0, as by default: 7402 and 7403, or any where these are taken */
} graphite_rebuild_watch_config;
/* Fills in the size and the defaults. Null does nothing. Cost: none. */
GRAPHITE_API void graphite_rebuild_watch_config_init(graphite_rebuild_watch_config* config);

/* From now on builds as files change, as `graphite dev` does, until graphite_rebuild_unwatch() or close: the
 * callbacks tell of each generation. A changed project file or tool begins with the new rules by itself; one
 * with mistakes is told, and the project goes on as it was. `config` is copied; null: the defaults. Returns
 * once it watches and serves. Cost: blocks; opens the project anew. Errors: ALREADY_EXISTS (it watches
 * already, or a port is taken), those of graphite_rebuild_open(); then it does not watch. */
GRAPHITE_API graphite_result graphite_rebuild_watch(graphite_rebuild_context* context,
                                                    const graphite_rebuild_watch_config* config);
/* Builds only when asked again. Tools that run are ended; subscribers keep what they have. Does nothing where
 * it does not watch. Cost: blocks; opens the project anew. Errors: those of graphite_rebuild_open(). */
GRAPHITE_API graphite_result graphite_rebuild_unwatch(graphite_rebuild_context* context);

/* ---- statistics */

typedef struct graphite_build_statistics {
  size_t size;   /* of this structure: to be set by the caller */
  bool watching; /* graphite_rebuild_watch() is in force */
  bool polling;  /* the files are looked over again and again, because the system cannot tell of changes */
  uint64_t sources, assets, actions; /* in the project */
  uint64_t stale, running, failed;   /* of the actions */
  uint64_t behind;                   /* as in graphite_rebuild_summary */
  uint64_t watched_folders, subscribers;
  uint64_t builds, ran, cached, generations; /* of this context so far */
  uint64_t reopened; /* how often a changed project file or tool, or watching, opened the project anew */
  uint64_t callbacks_dropped;                 /* what was not called back, because 10,000 waited already */
  char heads_address[64], chunks_address[64]; /* HOST:PORT; empty where nothing is served */
} graphite_build_statistics;
/* As files are known to be now: waits until the writes before the call are noticed (a millisecond), not for
 * what follows from them. Cost: what runs. Errors: INVALID_ARGUMENT (an unknown size). */
GRAPHITE_API graphite_result graphite_rebuild_statistics(graphite_rebuild_context* context,
                                                         graphite_build_statistics* out);
/* The absolute folder of the first channel's bundle, for graphite_bundle_open() and
 * graphite_hot_reload_init(): copied to `buffer` with its terminating zero where `capacity` allows, else cut
 * off. Its length, 0 for a null context. Cost: a lock and a copy. */
GRAPHITE_API size_t graphite_rebuild_bundle(graphite_rebuild_context* context, char* buffer, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
