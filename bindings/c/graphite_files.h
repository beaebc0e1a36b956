/* Files and file watching of GRAPHITE's runtime library; included by graphite.h.
 *
 * What graphite.h says of errors, units and cost holds here, too.
 * Threads: every function may be called from any thread; one object is used by one thread at a time unless
 * its comment says otherwise. A child of fork() has no watchers: destroying those of its parent does nothing.
 */
#ifndef GRAPHITE_FILES_H
#define GRAPHITE_FILES_H

#include "graphite.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- files: for what the program did not publish itself, and so may change or shrink at any time */

enum {
  GRAPHITE_FILE_READ = 1,
  GRAPHITE_FILE_WRITE = 2,
  GRAPHITE_FILE_CREATE = 4 /* with WRITE: made where it is missing; what is there stays */
};

typedef struct graphite_file {
  void* handle;          /* the library's */
  const char* path;      /* a copy, as long as the file is open */
  uint64_t size;         /* when it was opened */
  bool is_memory_mapped; /* by graphite_file_mmap() */
  void* mapped_memory;   /* where the bytes that were asked for begin */
  size_t mapped_size;
} graphite_file;

/* Links are followed; folders and other special files are refused. Never inherited by a child process.
 * Errors: INVALID_ARGUMENT (no or unknown flags, not a regular file), NOT_FOUND, PERMISSION_DENIED,
 * OUT_OF_SPACE (with CREATE), IO. On an error `*file` is all zeros; else it is the caller's to close. Cost:
 * some system calls and a copy of the path. Blocks on the disk. */
GRAPHITE_API graphite_result graphite_file_open(graphite_file* file, const char* path, uint32_t flags);
/* Unmaps what is mapped; `*file` is all zeros and closed in any case. Null or closed does nothing. Errors: IO
 * (what was written may be lost). Cost: system calls. */
GRAPHITE_API graphite_result graphite_file_close(graphite_file* file);
/* Reads up to `size` bytes from `offset`, any offset; `*bytes_read` (may be null) is how many there were,
 * also where it fails. Fewer without an error: the file ends where it did when it was opened, or later, or
 * never had what it states, as those of /sys. A file that has fewer bytes now than it had then, or than were
 * written by graphite_file_write() since, is CORRUPT where the missing ones are asked for, and what is there
 * is read all the same. Never a signal, whatever becomes of the file and wherever `buffer` points. May be
 * called from several threads at once. Errors: INVALID_ARGUMENT (also a buffer that is no memory to write
 * to), PERMISSION_DENIED (not opened to read), CORRUPT (cut short), IO. Cost: a system call or more, and a
 * copy of the bytes. Blocks on the disk. */
GRAPHITE_API graphite_result graphite_file_read(graphite_file* file, void* buffer, size_t size, size_t offset,
                                                size_t* bytes_read);
/* Writes `size` bytes at `offset`, beyond the end, too: what lies between reads as zeros and takes no room.
 * `*bytes_written` (may be null) is how many are written, also where it fails. `file->size` stays as it was.
 * May be called from several threads at once; where they write to one place, either's bytes may stay. Never a
 * signal (SIGXFSZ is TOO_LARGE). Errors: INVALID_ARGUMENT (also a buffer that is no memory to read),
 * PERMISSION_DENIED (not opened to write), OUT_OF_SPACE, TOO_LARGE (for this file system, or the limit of the
 * process), IO. Cost: some system calls, and a copy of the bytes. Blocks on the disk. */
GRAPHITE_API graphite_result graphite_file_write(graphite_file* file, const void* buffer, size_t size,
                                                 size_t offset, size_t* bytes_written);
/* Returns once what was written by calls that have returned outlasts a power cut. Where it fails what was
 * written since the last success may be lost, even if it still reads well; a later call would not find that
 * out, and so it fails until the file is closed: write it anew. The name of a file that was just made is the
 * folder's, and not synced: graphite_file_replace() does that. Errors: INVALID_ARGUMENT, PERMISSION_DENIED
 * (not opened to write), OUT_OF_SPACE, IO. Cost: waits for the disk: milliseconds and more. */
GRAPHITE_API graphite_result graphite_file_sync(graphite_file* file);
/* Replaces the file at `path`, or makes it, by one that holds exactly these bytes: written beside it under
 * another name, synced, renamed, the folder synced. Readers, and whoever comes after a power cut, find the
 * old file or the new one, whole. Who has the old one open keeps it. Links are followed and stay; the new
 * file has the old one's permissions. Any number of threads and processes may replace one path: the last
 * one's stays. A crash may leave ".graphite-" with 16 digits and ".tmp" in the folder. Errors:
 * INVALID_ARGUMENT (also what is there is no regular file), NOT_FOUND (no such folder), PERMISSION_DENIED,
 * OUT_OF_SPACE, TOO_LARGE, IO; then the old file stands, unless the text says that only a crash may bring it
 * back. Cost: two syncs, milliseconds and more. Blocks on the disk. */
GRAPHITE_API graphite_result graphite_file_replace(const char* path, const void* data, size_t size);
/* Maps `size` bytes from `offset` (any offset), read-only and shared, until close; one mapping a file.
 * `*mapped_ptr` is null on an error. What is mapped of a file that others cut short raises SIGBUS in whoever
 * reads there: for foreign files graphite_file_read() is the safe way. Errors: INVALID_ARGUMENT (nothing, or
 * beyond the end), ALREADY_EXISTS (mapped before), PERMISSION_DENIED, OUT_OF_MEMORY, IO. Cost: two system
 * calls, whatever the size; pages are read from the disk when they are first touched. */
GRAPHITE_API graphite_result graphite_file_mmap(graphite_file* file, size_t offset, size_t size,
                                                void** mapped_ptr);

typedef enum graphite_file_advice {
  GRAPHITE_ADVICE_NORMAL = 0,     /* as the system likes: takes back SEQUENTIAL and RANDOM */
  GRAPHITE_ADVICE_SEQUENTIAL = 1, /* in order: read further ahead */
  GRAPHITE_ADVICE_RANDOM = 2,     /* here and there: do not read ahead */
  GRAPHITE_ADVICE_WILL_NEED = 3,  /* soon: begin to read it into memory, and do not wait for that */
  GRAPHITE_ADVICE_DONT_NEED = 4   /* not again: its memory may be had (what is not on the disk yet stays) */
} graphite_file_advice;
/* Says how `size` bytes (0: all to the end) from `offset` will be read, of the file and of what is mapped of
 * it. Changes no result, only how long things take. SEQUENTIAL, RANDOM and NORMAL hold for reads of the whole
 * file, whatever the range. Errors: INVALID_ARGUMENT, IO. Cost: two system calls; WILL_NEED may wait where
 * the disk has much to do. */
GRAPHITE_API graphite_result graphite_file_advise(graphite_file* file, size_t offset, size_t size,
                                                  graphite_file_advice advice);
/* Brings `size` bytes from `offset` of the file, all of which are mapped, into memory: reading them at
 * `file->mapped_memory` then waits for no disk until the system needs their memory for something else. An
 * error where touching them would be a signal; the file may be cut short afterwards all the same. Errors:
 * INVALID_ARGUMENT (not mapped), CORRUPT (the file was cut short), IO (cannot be read), OUT_OF_MEMORY. Cost:
 * reads what is not in memory. Blocks on the disk. */
GRAPHITE_API graphite_result graphite_file_prefault(graphite_file* file, size_t offset, size_t size);

/* ---- watching */

typedef enum graphite_fs_event_type {
  GRAPHITE_FS_CREATED = 0,
  GRAPHITE_FS_MODIFIED = 1, /* closed after writing, or its attributes changed; debounced: also written to */
  GRAPHITE_FS_DELETED = 2,
  GRAPHITE_FS_MOVED = 3, /* also where the old place is not known: then old_path is null. It may have replaced
                            a file, and its contents may have changed as well */
  GRAPHITE_FS_FOLDER = 4,  /* look at everything below the path anew: it went, was moved, or came while nobody
                              could watch. Files of a new folder are told one by one, empty folders are not */
  GRAPHITE_FS_OVERFLOW = 5 /* events were lost: look at the whole tree anew; the path is empty */
} graphite_fs_event_type;

typedef struct graphite_fs_event {
  graphite_fs_event_type type;
  const char* path;     /* relative to what is watched, with `/`; names as the file system has them, which
                           is UTF-8 unless somebody made it otherwise; as long as the callback */
  const char* old_path; /* of a move inside the tree; else null */
  uint64_t timestamp;   /* when it was read from the system: ns, CLOCK_MONOTONIC */
} graphite_fs_event;

typedef void (*graphite_fs_callback)(const graphite_fs_event* event, void* user_data);
typedef struct graphite_fs_watcher graphite_fs_watcher;

/* Watches the folder `path`. The callback is called in the watcher's own thread, one event at a time; it may
 * not destroy the watcher. Paths are the truth and types are hints: of several events on one path the last
 * state counts. At most 65,536 events wait for a slow callback; beyond, one OVERFLOW takes their place. Where
 * watches run out, or on a network file system, the tree is looked over each second. Nothing is written to
 * the tree. `user_data` is the caller's until the watcher is destroyed, which is the caller's to do. Null on
 * failure: graphite_last_result(), graphite_last_error(). Errors: INVALID_ARGUMENT, NOT_FOUND,
 * PERMISSION_DENIED, IO. Cost: goes through the tree's folders, a system watch for each, and some threads.
 * Blocks on the disk. */
GRAPHITE_API graphite_fs_watcher* graphite_fs_watcher_create(const char* path, bool recursive,
                                                             graphite_fs_callback callback, void* user_data);
/* Waits for a callback that runs; none comes afterwards. In its own callback it does nothing, and the log
 * says so. Null does nothing. Cost: that wait, and the end of its threads. */
GRAPHITE_API void graphite_fs_watcher_destroy(graphite_fs_watcher* watcher);

typedef struct graphite_debounce_config {
  uint32_t debounce_ms;  /* a path is told when nothing happened to it for so long */
  uint32_t max_delay_ms; /* but at the latest so long after its first event; 0: no limit */
  bool coalesce_events;  /* several events on one path become one with what they come to; else each is told */
  const char** ignore_patterns; /* lines as in .gitignore, such as "*.tmp"; ends with null; may be null. At
                                   most 4,096 of 1,024 bytes. Folders that are ignored are not watched */
} graphite_debounce_config;
typedef struct graphite_debounced_watcher graphite_debounced_watcher;

/* As graphite_fs_watcher_create(), with events held back as `config` (copied) says. Paths are told in the
 * order in which they became quiet; those that a move joins, together. What happens while a callback runs is
 * held, at most 65,536 paths (events, where each is told), beyond which one OVERFLOW takes their place.
 * Coalescing: created and changed is CREATED, deleted and created again MODIFIED; a created path that is
 * deleted while it is held is not told; a file that came by several moves is MOVED once, and MOVED without
 * old_path if it was created meanwhile, as editors do that write a new file and rename it over the old one.
 * Errors: as there, and INVALID_ARGUMENT for patterns that are too many, too long or of several lines. Cost:
 * the same, and what is held back.
 */
GRAPHITE_API graphite_debounced_watcher* graphite_debounced_watcher_create(
    const char* path, bool recursive, const graphite_debounce_config* config, graphite_fs_callback callback,
    void* user_data);
/* As graphite_fs_watcher_destroy(). What is held back is dropped. Null does nothing. Cost: the same. */
GRAPHITE_API void graphite_debounced_watcher_destroy(graphite_debounced_watcher* watcher);

#ifdef __cplusplus
}
#endif

#endif
