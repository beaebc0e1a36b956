#include <fmt/format.h>

#include "actors/jobs/job_desk.hpp"
#include "actors/logger_guard.hpp"

namespace graphite {

void job_desk_facade::use(job_desk_actor desk) {
  const std::lock_guard lock(mutex_);
  desk_ = std::move(desk);
}

void job_desk_facade::end() {
  const logger_guard forget;
  const std::lock_guard lock(mutex_);
  if (desk_) caf::anon_send_exit(desk_, caf::exit_reason::user_shutdown);
  desk_ = nullptr;
}

bool job_desk_facade::call(std::function<void(job_desk_state&)> what) {
  const logger_guard forget;
  const std::lock_guard lock(mutex_);
  if (!desk_) return false;
  caf::anon_send(desk_, atom::answer_v, std::make_shared<const job_call>(job_call{std::move(what)}));
  return true;
}

template <class T>
void job_desk_facade::ask(const reply<T>& done, std::function<void(job_desk_state&)> what) {
  if (!call(std::move(what))) done(fail(errc::unavailable, "the coordinator ends"));
}

void job_desk_facade::stores_came() {
  call([](job_desk_state& state) {
    const job_filter open{true, {}, job_limits::listed_max};
    for (const auto& one : state.table->list(job_desk_state::anybody(), open))
      if (one.state == job_state::waiting_for_blobs)
        (void)state.table->uploaded(job_desk_state::anybody(), one.id, state.time());
  });
}

void job_desk_facade::needed(reply<needed_contents> done) {
  ask(done, [done](job_desk_state& state) {
    auto out = state.table->needed();
    for (const auto& one : state.idle) {
      if (const auto root = one.view->root()) out.trees.push_back(*root);
      if (const auto& listing = one.view->listing()) out.listings.push_back(*listing);
    }
    done(std::move(out));
  });
}

void job_desk_facade::submit(job_caller who, job_request request, reply<job_accepted> done) {
  ask(done, [who = std::move(who), request = std::move(request), done](job_desk_state& state) {
    const auto taken = state.table->submit(who, request, state.time());
    if (!taken) return done(tl::unexpected<error>(taken.error()));
    if (!taken->saved) return state.submits[taken->job].push_back({taken->known, done});
    done(state.table->status(who, taken->job).map([&](const job_info& job) {
      return job_accepted{job, taken->known};
    }));
  });
}

namespace {

/// What a client has to upload, once the stores have been asked.
void tell_missing(job_desk_state& state, const job_caller& who, const missing_request& request,
                  missing_answer found, const reply<missing_answer>& done) {
  std::vector<content_ref> wanted;
  for (const auto place : found.missing) wanted.push_back(request.contents[place]);
  if (!request.contents.empty()) {
    const auto allowed = state.table->will_upload(who, request.job, wanted, state.time());
    if (!allowed) return done(tl::unexpected<error>(allowed.error()));
  }
  const auto info = state.table->status(who, request.job);
  if (!info) return done(tl::unexpected<error>(info.error()));
  if (const auto signed_well = state.with.views.stores->add_ticket(info->tenant, request.client, found);
      !signed_well)
    return done(tl::unexpected<error>(signed_well.error()));
  done(std::move(found));
}

}  // namespace

void job_desk_facade::missing(job_caller who, missing_request request, reply<missing_answer> done) {
  ask(done, [who = std::move(who), request = std::move(request), done](job_desk_state& state) {
    const auto info = state.table->status(who, request.job);
    if (!info) return done(tl::unexpected<error>(info.error()));
    if (is_over(info->state) && !request.contents.empty())
      return done(fail(errc::cancelled, fmt::format("job {} is over", request.job.value)));
    state.block([call = state.caller(), stores = state.with.views.stores, who, request, done] {
      auto found = stores->missing(request.contents);
      if (!found) return done(tl::unexpected<error>(found.error()));
      call([who, request, done, found = std::move(*found)](job_desk_state& then) {
        tell_missing(then, who, request, found, done);
      });
    });
  });
}

void job_desk_facade::uploaded(job_caller who, job_id job, reply<job_info> done) {
  ask(done, [who = std::move(who), job, done](job_desk_state& state) {
    const auto waits = state.table->uploaded(who, job, state.time());
    if (!waits) return done(tl::unexpected<error>(waits.error()));
    if (*waits) return state.looked[job].push_back(done);
    done(state.table->status(who, job));
  });
}

void job_desk_facade::cancel(job_caller who, job_id job, reply<job_info> done) {
  ask(done, [who = std::move(who), job, done](job_desk_state& state) {
    const auto over = state.table->cancel(who, job, state.time());
    if (!over) return done(tl::unexpected<error>(over.error()));
    if (!*over) return state.ended[job].push_back(done);
    done(state.table->status(who, job));
  });
}

void job_desk_facade::list(job_caller who, job_filter filter, reply<std::vector<job_info>> done) {
  ask(done,
      [who = std::move(who), filter, done](job_desk_state& state) { done(state.table->list(who, filter)); });
}

void job_desk_facade::status(job_caller who, job_id job, reply<job_info> done) {
  ask(done,
      [who = std::move(who), job, done](job_desk_state& state) { done(state.table->status(who, job)); });
}

void job_desk_facade::why(job_caller who, job_id job, std::string path, reply<why_answer> done) {
  ask(done, [who = std::move(who), job, path = std::move(path), done](job_desk_state& state) {
    if (const auto info = state.table->status(who, job); !info)
      return done(tl::unexpected<error>(info.error()));
    auto* const view = state.view_of(job);
    if (view == nullptr)
      return done(
          fail(errc::not_found, fmt::format("the files of job {} are not in memory, or not yet: it can be "
                                            "asked while it is built and until its view is used again",
                                            job.value)));
    view->why(path, done);
  });
}

void job_desk_facade::trace(job_caller who, job_id job, std::uint64_t after, reply<trace_page> done) {
  ask(done, [who = std::move(who), job, after, done](job_desk_state& state) {
    const auto info = state.table->status(who, job);
    if (!info) return done(tl::unexpected<error>(info.error()));
    auto page = state.traces.page(std::to_string(job.value), after);
    if (!page && page.error().code == errc::not_found && !is_over(info->state))
      return done(fail(errc::unavailable,
                       fmt::format("job {} goes on: its trace is there when it was built", job.value)));
    done(std::move(page));
  });
}

namespace {

/// Answers where there is something, or where it must.
template <class Batch>
bool tell_batch(const result<Batch>& batch, bool last, const reply<Batch>& done) {
  if (batch && !last && batch->items.empty() && !batch->summary && !batch->over) return false;
  done(batch);
  return true;
}

}  // namespace

void job_desk_facade::events(job_caller who, job_question what, reply<job_event_batch> done) {
  ask(done, [who = std::move(who), what, done](job_desk_state& state) {
    state.watch(what.job,
                {0, state.time().now + what.wait, [who, what, done](const job_table& table, bool last) {
                   return tell_batch(table.events(who, what.job, what.after), last, done);
                 }});
  });
}

void job_desk_facade::logs(job_caller who, job_question what, reply<job_log_batch> done) {
  ask(done, [who = std::move(who), what, done](job_desk_state& state) {
    state.watch(what.job,
                {0, state.time().now + what.wait, [who, what, done](const job_table& table, bool last) {
                   return tell_batch(table.logs(who, what.job, what.after), last, done);
                 }});
  });
}

}  // namespace graphite
