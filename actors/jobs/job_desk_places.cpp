#include <fmt/format.h>

#include <algorithm>

#include "actors/jobs/job_desk.hpp"
#include "bundle/asset_list.hpp"

namespace graphite {

namespace {

task_class level_of(job_priority priority) {
  switch (priority) {
    case job_priority::high:
      return task_class::job_high;
    case job_priority::normal:
      return task_class::job;
    case job_priority::low:
      return task_class::job_low;
    case job_priority::background:
      break;
  }
  return task_class::background;
}

view_recipe recipe_of_job(const job_request& request) {
  if (const auto* project = std::get_if<project_job>(&request.what)) return project->project_file;
  return std::make_shared<const action_job>(std::get<action_job>(request.what));
}

build_request build_of(const job_request& request, const cancel_token& cancelled) {
  build_request out;
  out.cancel = cancelled;
  if (const auto* project = std::get_if<project_job>(&request.what)) {
    out.keep_going = project->keep_going;
    out.targets = project->targets;
  }
  return out;
}

std::vector<job_failure> failures_of(const build_summary& summary) {
  std::vector<job_failure> out;
  for (const auto& line : summary.diagnostics)
    if (line.severity == diagnostic_line::level::error && out.size() < job_limits::failures_max)
      out.push_back({line.path, line.text});
  return out;
}

/// The files that an action was asked for. Errors: not_found (it is not there, or in parts).
result<std::vector<job_output>> outputs_of(const action_job& action, const std::vector<asset_record>& shown) {
  std::vector<job_output> out;
  for (const auto& path : action.outputs) {
    const auto found = std::ranges::lower_bound(
        shown, path, {}, [](const asset_record& one) -> const std::string& { return one.path.str(); });
    if (found == shown.end() || found->path.str() != path)
      return fail(errc::not_found, fmt::format("the action made no {}", path));
    if (found->parts.size() != 1)
      return fail(errc::not_found, fmt::format("{} has several parts: an action's output is one file", path));
    out.push_back({path, found->parts.front().content});
  }
  return out;
}

}  // namespace

void job_desk_state::fill_places() {
  while (places.size() < with.how.building_max) {
    const auto next = queue.take();
    if (!next) return;
    const auto request = planned.extract(*next);
    begin(*next, request.mapped());
  }
}

/// The next snapshot of the view that was used last; a new view where it is in use, or there is none.
std::shared_ptr<snapshot_view> job_desk_state::take_view(const snapshot_view::spec& what) {
  const auto found =
      std::ranges::find_if(idle, [&](const idle_view& one) { return one.view->what() == what; });
  if (found == idle.end()) return std::make_shared<snapshot_view>(with.views, what);
  auto out = std::move(found->view);
  idle.erase(found);
  return out;
}

/// For the next snapshot of the same view. Of one view the newest is kept.
void job_desk_state::keep_view(job_id job, std::shared_ptr<snapshot_view> view) {
  if (view->what().name.empty()) return;  // an action's
  std::erase_if(idle, [&](const idle_view& one) { return one.view->what() == view->what(); });
  idle.push_front({job, std::move(view)});
  std::uint64_t sources = 0;
  auto from = idle.begin();
  for (std::size_t kept = 0; from != idle.end(); ++from, ++kept) {
    sources += from->view->sources();
    if (kept == with.how.idle_views_max || sources > with.how.idle_sources_max) break;
  }
  idle.erase(from, idle.end());
}

void job_desk_state::begin(job_id job, const std::shared_ptr<const job_request>& request) {
  const auto info = table->status(anybody(), job);
  GRAPHITE_INVARIANT(info.has_value());  // one that ends is taken out of the queue
  const auto* project = std::get_if<project_job>(&request->what);
  auto& at = places[job];
  at.view = take_view({info->tenant, project != nullptr ? project->view : "", level_of(request->priority)});
  feed(job, request);
}

void job_desk_state::feed(job_id job, const std::shared_ptr<const job_request>& request) {
  const auto at = places.find(job);
  if (at == places.end()) return;
  if (at->second.cancelled.cancelled()) return leave(job, false);
  block([call = caller(), job, request, view = at->second.view, cancelled = at->second.cancelled] {
    auto how = view->advance(tree_of(*request), recipe_of_job(*request), cancelled);
    call([job, request, how = std::move(how)](job_desk_state& state) { state.fed(job, request, how); });
  });
}

/// Whether it may go well later: nodes and stores dial in one by one, after a restart, too.
bool job_desk_state::feed_again(job_id job, const std::shared_ptr<const job_request>& request, errc why) {
  if (!passes_by_itself(why)) return false;
  auto& at = places.at(job);
  const auto now = with.views.clock->now();
  if (why != errc::busy) at.misfit.reset();
  if (why == errc::busy && !at.misfit) at.misfit = now;
  if (at.misfit && now - *at.misfit >= with.how.misfit_patience) return false;
  later(with.how.look_again, [job, request](job_desk_state& state) { state.feed(job, request); });
  return true;
}

void job_desk_state::fed(job_id job, const std::shared_ptr<const job_request>& request,
                         const result<void>& how) {
  auto& at = places.at(job);
  if (at.cancelled.cancelled()) return leave(job, how.has_value());
  if (!how && feed_again(job, request, how.error().code)) return;
  if (!how) {
    fail_job(job, how.error().context);
    return leave(job, false);
  }
  at.builds = true;
  table->began(job, time());
  view_listener listener;
  listener.on_diagnostic = [call = caller(), job](const diagnostic_line& line) {
    if (line.severity != diagnostic_line::level::error) return;
    call([job, line](job_desk_state& state) {
      state.table->action_failed(job, {line.path, line.text}, state.time());
    });
  };
  listener.on_said = [call = caller(), job](std::string path, std::string text) {
    call([job, path = std::move(path), text = std::move(text)](job_desk_state& state) {
      state.table->said(job, path, text, state.time());
    });
  };
  listener.on_trace = [call = caller(), job](std::shared_ptr<build_trace> over) {
    over->head.build = fmt::format("job {}", job.value);
    over->head.number = over->first_generation = job.value;
    call([over = std::move(over)](job_desk_state& state) { state.traces.add(over); });
  };
  at.view->build(build_of(*request, at.cancelled), std::move(listener),
                 [call = caller(), job, request](result<build_summary> done) {
                   call([job, request, done = std::move(done)](job_desk_state& state) {
                     state.built(job, request, done);
                   });
                 });
  if (!std::exchange(checking, true)) self->delayed_send(self, with.how.progress_every, atom::check_v);
}

void job_desk_state::built(job_id job, const std::shared_ptr<const job_request>& request,
                           const result<build_summary>& how) {
  const auto& at = places.at(job);
  if (at.cancelled.cancelled()) return leave(job, true);
  if (!how) {
    fail_job(job, how.error().context);
    return leave(job, false);
  }
  job_outcome out;
  out.progress = at.view->progress();
  out.progress.running = 0;
  if (how->failed == 0) return list_assets(job, request, std::move(out));
  out.state = job_state::failed;
  out.progress.failed = how->failed;
  out.failures = failures_of(*how);
  out.message = fmt::format("{} actions or assets failed: `graphite logs {}` has what their tools said",
                            how->failed, job.value);
  table->ended(job, std::move(out), time());
  leave(job, true);
}

/// What was made stays in the stores; the list of it is brought there.
void job_desk_state::list_assets(job_id job, const std::shared_ptr<const job_request>& request,
                                 job_outcome outcome) {
  block([call = caller(), job, request, view = places.at(job).view, stores = with.views.stores,
         outcome]() mutable {
    const auto shown = view->shown();
    if (const auto* action = std::get_if<action_job>(&request->what)) {
      auto outputs = outputs_of(*action, shown);
      if (!outputs)
        return call([job, why = outputs.error()](job_desk_state& state) {
          state.fail_job(job, why.context);
          state.leave(job, false);
        });
      outcome.outputs = std::move(*outputs);
    } else {
      const auto listing = stores->keep(encode_asset_list(shown));
      if (!listing)
        return call([job, why = listing.error()](job_desk_state& state) {
          state.fail_job(job, "the list of its assets could not be stored: " + why.context +
                                  ": submit it again, what was made is in the cache");
          state.leave(job, true);
        });
      outcome.listing = *listing;
      outcome.assets = shown.size();
      outcome.generation = to_hex(listing->id);
    }
    call([job, outcome = std::move(outcome)](job_desk_state& state) {
      if (outcome.listing.size > 0) state.places.at(job).view->set_listing(outcome.listing);
      state.table->ended(job, outcome, state.time());
      state.leave(job, true);
    });
  });
}

void job_desk_state::fail_job(job_id job, const std::string& why) {
  job_outcome out;
  out.state = job_state::failed;
  out.message = why;
  if (const auto at = places.find(job); at != places.end() && at->second.builds)
    out.progress = at->second.view->progress();
  out.progress.running = 0;
  table->ended(job, std::move(out), time());
}

/// Its place is free. A view that is not good is not gone on with.
void job_desk_state::leave(job_id job, bool view_is_good) {
  const auto at = places.extract(job);
  queue.leave(at.mapped().view->what().tenant);
  if (view_is_good) keep_view(job, at.mapped().view);
  fill_places();
}

void job_desk_state::stop(job_id job) {
  if (queue.drop(job)) planned.erase(job);
  const auto at = places.find(job);
  if (at == places.end()) return;
  at->second.cancelled.cancel();
  if (at->second.builds) at->second.view->cancel();
}

void job_desk_state::look_how_far() {
  bool some = false;
  for (const auto& [job, at] : places) {
    if (!at.builds) continue;
    some = true;
    if (!at.cancelled.cancelled()) table->progress(job, at.view->progress(), time());
  }
  if (some && !std::exchange(checking, true))
    self->delayed_send(self, with.how.progress_every, atom::check_v);
}

snapshot_view* job_desk_state::view_of(job_id job) {
  if (const auto at = places.find(job); at != places.end())
    return at->second.builds ? at->second.view.get() : nullptr;
  const auto kept = std::ranges::find(idle, job, &idle_view::last);
  return kept == idle.end() ? nullptr : kept->view.get();
}

}  // namespace graphite
