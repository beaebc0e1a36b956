#pragma once

#include "actors/type_ids.hpp"

/// \file Who can be told what. One line a message, with its errors; INTERNAL ones come from the actor's own
/// helpers only.

namespace graphite {

/// Turns file events of one root into closed revisions. One per root; detached, because it reads files.
using watcher_actor = caf::typed_actor<
    // Starts watching and sends the first, complete revision. Once.
    caf::reacts_to<atom::watch>,
    // Forwards the query to the graph once every write made before this message has been reported there:
    // for `build` once its revision is closed, too. Queries of the watcher itself are answered here.
    caf::reacts_to<atom::sync, query_ptr>,
    // Reads these sources again, whatever is known of them: their contents were lost.
    caf::reacts_to<atom::rescan, paths_ptr>,
    // INTERNAL: a batch from the kernel, in order.
    caf::reacts_to<atom::notice, events_ptr>,
    // INTERNAL: the project file or a tool may have changed; true: its writer is done.
    caf::reacts_to<atom::check, bool>,
    // INTERNAL: a deadline of the revision rules or the anti-entropy rescan.
    caf::reacts_to<atom::wake, std::uint64_t>>;

/// Looks at a watcher's whole tree. One per watcher; detached, because it reads folders for long.
using surveyor_actor = caf::typed_actor<
    // What differs from what is known. Errors (in the answer): those of the look.
    caf::replies_to<atom::rescan>::with<survey_ptr>>;

/// Owns one view's graph and decides what runs. One per view; detached, because it reads the action cache.
using graph_actor = caf::typed_actor<
    // Applies a closed revision.
    caf::reacts_to<atom::revise, revision_ptr>,
    // An attempt's end, from the rebuild actor that ran it.
    caf::reacts_to<atom::finish, attempt_result_ptr>,
    // A question; `build` is answered when nothing is left to do.
    caf::reacts_to<atom::answer, query_ptr>,
    // Who reads sources again. Once.
    caf::reacts_to<atom::watch, watcher_actor>,
    // Tells of its rest (on_rest) again, if it is at rest.
    caf::reacts_to<atom::rest>,
    // INTERNAL: a deadline of the engine.
    caf::reacts_to<atom::wake, std::uint64_t>,
    // INTERNAL: what the watcher says of a path it leaves out; an empty text takes it back.
    caf::reacts_to<atom::notice, std::string, std::string>>;

/// Runs attempts on the pool of one domain. One per domain; never blocks itself.
using rebuild_actor = caf::typed_actor<
    // Runs the attempt and tells the graph actor that asked. The graph keeps at most `jobs` in flight.
    caf::reacts_to<atom::attempt, attempt_ptr, graph_actor>,
    // Ends an attempt early; it still reports, as cancelled.
    caf::reacts_to<atom::cancel, std::uint32_t, std::uint32_t>,
    // INTERNAL: the attempt (action, number) has ended.
    caf::reacts_to<atom::finish, std::uint32_t, std::uint32_t>>;

/// Publishes the generations of one channel. One per channel; detached, because it reads contents and pages.
using channel_actor = caf::typed_actor<
    // Makes, commits and announces the next generation. Answers when it is on disk.
    // Errors (in the outcome): out_of_space, io.
    caf::replies_to<atom::publish, publication_ptr>::with<publish_outcome>,
    // Questions about generations.
    caf::reacts_to<atom::answer, query_ptr>,
    // Folds what the journal holds now; answers when nothing is left to fold.
    caf::replies_to<atom::fold>::with<outcome>,
    // The bundle folder's pages were written anew: goes on from them as soon as nothing is being committed.
    caf::reacts_to<atom::rebase>,
    // INTERNAL: time to fold, to beat, or to try again.
    caf::reacts_to<atom::wake, std::uint64_t>>;

/// Commits batches of rows, one sync for all that wait. One per process; detached, because it blocks.
using journal_actor = caf::typed_actor<
    // Answers when the batch is on disk. Errors (in the outcome): out_of_space, io.
    caf::replies_to<atom::commit, commit_ptr>::with<outcome>,
    // Writes without a sync and without an answer.
    caf::reacts_to<atom::persist, commit_ptr>>;

/// Folds journal records into segments, pages and heads, off the path. One per process; detached.
using fold_actor = caf::typed_actor<
    // Runs the work, answers when it is done.
    caf::replies_to<atom::fold, fold_ptr>::with<outcome>>;

}  // namespace graphite
