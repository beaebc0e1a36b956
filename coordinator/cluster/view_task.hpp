#pragma once

#include <map>
#include <string>

#include "coordinator/cluster/dispatch_types.hpp"
#include "core/attempt.hpp"
#include "core/ports/hasher.hpp"

/// \file An attempt that a view's engine wants, as a task of the cluster, and how that ended, as the engine
/// hears it. Pure.

namespace graphite {

/// What it has in common with others of its rule. `tools`: of the view, by name, as they enter keys; those
/// that its command names are told. A built-in transform NAME is the tool "transform/NAME": a node needs the
/// same libraries. Errors: invalid_argument (a tool whose identity is not known).
result<control::recipe> recipe_of(const attempt_spec& spec, const std::map<std::string, digest>& tools);

/// How many of its rule's attempts run at once, in all views that have a rule of this name.
std::optional<rule_pool> pool_of(const attempt_spec& spec);

/// What its result depends on: the weak key, and each input with its content, since the weak key covers
/// only what is always read. The same for attempts of other views.
digest task_key(const attempt_spec& spec, const hasher& hash);

struct view_wish {
  job_index job = 0;
  task_class level = task_class::interactive;
  recipe_id recipe;
  time_point now{};
};
dispatch_task task_of(const attempt_spec& spec, const digest& key, const view_wish& wish);

/// Named as `spec` is. Tried too often is `refused`: later it may go well; but where contents of inputs were
/// nowhere to be had, `lost_input`. Poison is `failed`.
attempt_result result_of(const attempt_spec& spec, const dispatch_commands::done& how);

}  // namespace graphite
