#pragma once

#include <caf/all.hpp>
#include <memory>
#include <vector>

#include "actors/cluster/control_frames.hpp"
#include "actors/cluster/node_messages.hpp"
#include "actors/cluster/view_call.hpp"
#include "actors/messages.hpp"

/// \file Every CAF registration of the project, so that a later CAF is a change in one place.
///
/// Messages between actors of one process are shared pointers to immutable values: they are never
/// serialized, so they need no type id. Between processes atoms and texts travel, which have theirs.

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::events_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::revision_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::attempt_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::attempt_result_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::publication_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::publish_outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::commit_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::fold_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::query_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::paths_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::survey_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::control_event_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::control_frame_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::dispatch_call_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::job_call_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::ended_run_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::view_call_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::view_settings_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(graphite::store_word_ptr)

CAF_BEGIN_TYPE_ID_BLOCK(graphite, first_custom_type_id)

// Verbs; ten characters at most.
CAF_ADD_ATOM(graphite, graphite::atom, watch, "watch")
CAF_ADD_ATOM(graphite, graphite::atom, notice, "notice")
CAF_ADD_ATOM(graphite, graphite::atom, wake, "wake")
CAF_ADD_ATOM(graphite, graphite::atom, sync, "sync")
CAF_ADD_ATOM(graphite, graphite::atom, revise, "revise")
CAF_ADD_ATOM(graphite, graphite::atom, answer, "answer")
CAF_ADD_ATOM(graphite, graphite::atom, attempt, "attempt")
CAF_ADD_ATOM(graphite, graphite::atom, cancel, "cancel")
CAF_ADD_ATOM(graphite, graphite::atom, finish, "finish")
CAF_ADD_ATOM(graphite, graphite::atom, publish, "publish")
CAF_ADD_ATOM(graphite, graphite::atom, commit, "commit")
CAF_ADD_ATOM(graphite, graphite::atom, persist, "persist")
CAF_ADD_ATOM(graphite, graphite::atom, fold, "fold")
CAF_ADD_ATOM(graphite, graphite::atom, rescan, "rescan")
CAF_ADD_ATOM(graphite, graphite::atom, rebase, "rebase")
CAF_ADD_ATOM(graphite, graphite::atom, rest, "rest")
CAF_ADD_ATOM(graphite, graphite::atom, check, "check")

// Between processes, too: see control_frames.hpp.
CAF_ADD_ATOM(graphite, graphite::atom, dial, "dial")
CAF_ADD_ATOM(graphite, graphite::atom, hello, "hello")
CAF_ADD_ATOM(graphite, graphite::atom, control, "control")
CAF_ADD_ATOM(graphite, graphite::atom, refuse, "refuse")

CAF_END_TYPE_ID_BLOCK(graphite)
