#include "actors/channel.hpp"

#include "actors/channel_queries.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/head_codec.hpp"
#include "core/kill_point.hpp"
#include "relay/announcer.hpp"
#include "schemas/codec/announcement.hpp"

namespace graphite {

using self_pointer = channel_actor::stateful_pointer<channel_actor_state>;

namespace {

void commit_next(self_pointer self);
void drain(self_pointer self);

announced_times announced(const stage_times& t, time_point published) {
  return {t.edited, t.noticed, t.hashed, t.invalidated, t.scheduled, t.built, published};
}

/// A generation on its way to the disk.
struct in_commit {
  planned_generation plan;
  announcement message;
  bool folded_first = false;
};

result<announcement> announcement_of(const channel_actor_state& state, const planned_generation& plan,
                                     const publication& what) {
  const auto& core = *state.core;
  announcer_input input;
  input.now = plan.now;
  input.base_root = core.tree().root();
  if (core.newest()) input.base_epoch = core.newest()->epoch, input.base_sequence = core.newest()->sequence;
  input.changes = &plan.changes;
  input.times = announced(what.times, {});
  input.clock = state.with.boot;
  input.trace = what.trace;
  input.signer = state.with.signer;
  announcer_source source;
  source.list = [&](const content_ref& content) -> std::optional<chunk_list> {
    const auto found = state.with.contents->find(content.id);
    if (!found || !*found) return std::nullopt;
    return (*found)->chunks;
  };
  source.bytes = [&](const content_ref& content) -> std::optional<byte_vector> {
    byte_vector bytes(content.size);
    if (!state.with.contents->read(content.id, 0, bytes)) return std::nullopt;
    return bytes;
  };
  return make_announcement(input, source, *state.with.hash);
}

/// True where a journal record alone can bring the generation back: every content that is only held rides in
/// it.
bool fits_a_record(const channel_actor_state& state, const announcement& message,
                   const planned_generation& plan) {
  if (!message.complete || plan.changes.upserts.size() > channel_actor_state::journalled_changes_max)
    return false;
  std::set<digest> riding;
  for (const auto& chunk : message.chunks) riding.insert(chunk.id);
  for (const auto& record : plan.changes.upserts)
    for (const auto& part : record.parts) {
      const auto found = state.with.contents->find(part.content.id);
      if (!found || !*found) return false;
      if (!(*found)->where && part.content.size > 0 && !riding.contains(part.only_chunk)) return false;
    }
  return true;
}

bool has_stored_contents(const channel_actor_state& state, const asset_changes& changes) {
  for (const auto& record : changes.upserts)
    for (const auto& part : record.parts) {
      const auto found = state.with.contents->find(part.content.id);
      if (found && *found && (*found)->where) return true;
    }
  return false;
}

/// Stores the side object; zero where nothing is behind.
result<content_ref> store_behind(channel_actor_state& state, const behind_list& behind) {
  if (behind.count == 0) return content_ref{};
  const auto bytes = encode_behind(behind);
  const auto chunks = chunk_bytes(bytes, *state.with.hash);
  GRAPHITE_TRY(const auto stored, state.with.contents->put(bytes, chunks));
  return stored.ref;
}

channel_core::chunks_of chunks_from(const chunk_store& contents) {
  return [&contents](const content_ref& content) -> result<std::optional<chunk_list>> {
    GRAPHITE_TRY(auto found, contents.find(content.id));
    if (!found) return std::nullopt;
    return std::move(found->chunks);
  };
}

/// The publication that is shown once the front is; nothing where others before it were missed.
std::optional<std::string> followed_after(const channel_actor_state& state) {
  const auto& what = *state.queue.front().what;
  if (what.id.empty() || !(state.follows || what.complete)) return state.follows;
  return what.id;
}

/// The front's rows, and the one that says what is shown once they are committed; `now` absent: no generation
/// at all yet.
std::vector<row_write> rows_of_front(const channel_actor_state& state, const std::optional<head>& now) {
  auto rows = state.queue.front().what->rows;
  const auto& spec = state.core->spec();
  if (const auto follows = followed_after(state); now && follows && !follows->empty())
    rows.push_back({table::meta, channel_row_key(spec.name), channel_row(spec, *now, *follows)});
  return rows;
}

void answer_front(channel_actor_state& state, const std::shared_ptr<const error>& failure) {
  auto& front = state.queue.front();
  if (front.answered) return;
  front.answered = true;
  const auto& newest = state.core->newest();
  front.answer(publish_outcome{failure, newest ? std::make_shared<const head>(*newest) : nullptr});
}

/// Lets go of pages that have moved. Only between two generations: one that is planned has them still.
void rebase(channel_actor_state& state) {
  if (state.busy || !std::exchange(state.moved, false)) return;
  const auto rebased = [&]() -> result<void> {
    GRAPHITE_TRY(const auto onto, state.with.newest_tree());
    return onto ? state.core->rebase(*onto) : result<void>();
  }();
  if (!rebased)
    return state.with.log->warn("channel {}: removed pages stay in memory: {}", state.core->spec().name,
                                rebased.error().context);
  if (state.with.published != nullptr) state.with.published->rebase(state.core->tree());
}

void finish_front(self_pointer self) {
  auto& state = self->state;
  answer_front(state, nullptr);
  state.follows = followed_after(state);
  state.queue.pop_front();
  state.busy = false;
  rebase(state);
  if (!state.drained.empty()) drain(self);
  commit_next(self);
}

/// Plans the front of the queue anew.
void start_over(self_pointer self) {
  self->state.busy = self->state.bulk = false;
  commit_next(self);
}

void retry_later(self_pointer self, const error& failure, std::function<void()> again) {
  self->state.again = std::move(again);
  self->state.with.log->error("channel {}: not published: {}; trying again", self->state.core->spec().name,
                              failure.context);
  answer_front(self->state, std::make_shared<const error>(failure));
  self->delayed_send(self, channel_actor_state::retry_after, atom::wake_v, channel_actor_state::wake_retry);
}

void schedule_fold(self_pointer self) {
  auto& state = self->state;
  if (state.fold_scheduled || state.folding) return;
  state.fold_scheduled = true;
  self->delayed_send(self, channel_actor_state::fold_after, atom::wake_v, channel_actor_state::wake_fold);
}

/// What the chunk port and the heartbeat tell.
void show(channel_actor_state& state) {
  if (state.with.published == nullptr) return;
  const auto shown = state.with.published->publish(*state.core->newest(), state.core->tree());
  if (!shown)
    state.with.log->error("channel {}: nobody is told of its newest generation: {}", state.core->spec().name,
                          shown.error().context);
}

void announce(self_pointer self, in_commit& done) {
  auto& state = self->state;
  auto& with = state.with;
  auto times = state.queue.front().what->times;
  times.published = with.clock->now();
  done.message.times.published = times.published;
  GRAPHITE_KILL_POINT("channel.before_announce");
  const auto changes = std::move(done.plan.changes);
  state.core->committed(std::move(done.plan));
  const auto& now = *state.core->newest();
  show(state);
  if (with.publisher != nullptr) with.publisher->announce(now.channel, encode(done.message));
  GRAPHITE_KILL_POINT("channel.after_announce");
  with.on_generation(now, changes, times);
}

/// The generation is on disk.
void announce_committed(self_pointer self, in_commit& plan) {
  auto& state = self->state;
  announce(self, plan);
  if (plan.folded_first) {
    // Its rows erased the records of all before it.
    std::erase_if(state.unfolded,
                  [&](std::uint64_t one) { return one < state.core->newest()->sequence.value; });
    state.bulk = false;
    return;
  }
  state.unfolded.push_back(state.core->newest()->sequence.value);
  schedule_fold(self);
}

void send_rows(self_pointer self, const commit_ptr& request, const std::shared_ptr<in_commit>& plan) {
  self->request(self->state.with.journal, caf::infinite, atom::commit_v, request)
      .then([self, request, plan](const outcome& how) {
        // What is in the bundle folder already must not be planned again: only its rows are missing.
        const bool rows_alone = plan && plan->folded_first;
        if (how.failure && rows_alone)
          return retry_later(self, *how.failure, [self, request, plan] { send_rows(self, request, plan); });
        if (how.failure) return retry_later(self, *how.failure, [self] { start_over(self); });
        if (plan) announce_committed(self, *plan);
        finish_front(self);
      });
}

void commit_rows(self_pointer self, std::vector<row_write> rows, bool sync_contents,
                 const std::shared_ptr<in_commit>& plan) {
  send_rows(self, std::make_shared<const commit_request>(commit_request{std::move(rows), sync_contents}),
            plan);
}

row_write generation_row_of(const head& now, page_location where, const hasher& hash) {
  return {table::generations, generation_key(now.channel, now.sequence.value),
          encode_generation_row({now, where}, hash)};
}

/// Large changes: contents, pages and head are on disk before the rows.
void commit_bulk(self_pointer self, const std::shared_ptr<in_commit>& plan) {
  auto where = std::make_shared<page_location>();
  auto work = [contents = self->state.with.contents, write = self->state.with.write_generation, plan,
               where]() -> result<void> {
    GRAPHITE_CHECK(contents->fold());
    GRAPHITE_CHECK(contents->sync());
    GRAPHITE_TRY(*where, write(plan->plan.tree, plan->plan.now));
    return {};
  };
  plan->folded_first = true;
  self->state.bulk = true;
  auto request = std::make_shared<const fold_request>(fold_request{std::move(work)});
  self->request(self->state.with.folder, caf::infinite, atom::fold_v, fold_ptr(std::move(request)))
      .then([self, plan, where](const outcome& how) {
        if (how.failure) return retry_later(self, *how.failure, [self] { start_over(self); });
        const auto& now = plan->plan.now;
        auto rows = rows_of_front(self->state, now);
        rows.push_back(generation_row_of(now, *where, *self->state.with.hash));
        for (const auto one : self->state.unfolded)
          rows.push_back({table::journal, generation_key(now.channel, one), std::nullopt});
        commit_rows(self, std::move(rows), false, plan);
      });
}

/// The channel shows the front already.
void commit_without_generation(self_pointer self) {
  auto& state = self->state;
  const auto& what = *state.queue.front().what;
  auto rows = rows_of_front(state, state.core->newest());
  if (!what.rows.empty())
    return commit_rows(self, std::move(rows), has_stored_contents(state, what.changes), nullptr);
  // Where a power cut takes the row, the next start compares all: it may come late.
  if (!rows.empty())
    self->send(state.with.journal, atom::persist_v,
               std::make_shared<const commit_request>(commit_request{std::move(rows), false}));
  finish_front(self);
}

result<std::optional<planned_generation>> plan_front(const channel_actor_state& state,
                                                     const content_ref& behind) {
  const auto& front = state.queue.front();
  const auto now = state.with.clock->unix_ns();
  if (front.rollback_to) return state.core->plan_rollback(*front.rollback_to, now);
  return state.core->plan(*front.what, behind, chunks_from(*state.with.contents), now);
}

void commit_next(self_pointer self) {
  auto& state = self->state;
  if (state.busy || state.queue.empty()) return;
  state.busy = true;
  const auto& what = *state.queue.front().what;
  const auto behind = store_behind(state, what.behind);
  if (!behind) return retry_later(self, behind.error(), [self] { start_over(self); });
  auto planned = plan_front(state, *behind);
  if (!planned) return retry_later(self, planned.error(), [self] { start_over(self); });
  if (!*planned) return commit_without_generation(self);
  auto plan = std::make_shared<in_commit>(in_commit{std::move(**planned), {}, false});
  auto message = announcement_of(state, plan->plan, what);
  if (!message) return retry_later(self, message.error(), [self] { start_over(self); });
  plan->message = std::move(*message);
  if (!fits_a_record(state, plan->message, plan->plan)) return commit_bulk(self, plan);
  auto rows = rows_of_front(state, plan->plan.now);
  const auto record = encode(plan->message);
  rows.push_back({table::journal, generation_key(plan->plan.now.channel, plan->plan.now.sequence.value),
                  std::string(as_text(record))});
  // Rows speak for what other channels show, too.
  const auto& spoken_for = what.rows.empty() ? plan->plan.changes : what.changes;
  const bool sync = has_stored_contents(state, spoken_for) || behind->size > 0;
  commit_rows(self, std::move(rows), sync, plan);
}

/// Answers those who wait for an empty journal.
void answer_drained(channel_actor_state& state, const outcome& how) {
  const auto oldest = std::min_element(state.unfolded.begin(), state.unfolded.end());
  std::erase_if(state.drained, [&](auto& one) {
    const auto newest = state.core->newest() ? state.core->newest()->sequence.value : 0;
    const bool committed = newest >= one.up_to || !state.busy;
    const bool folded = committed && (oldest == state.unfolded.end() || *oldest > one.up_to);
    if (!folded && !how.failure) return false;
    one.promise.deliver(how);
    return true;
  });
}

/// Moves what the journal holds into the bundle folder.
void fold(self_pointer self) {
  auto& state = self->state;
  state.fold_scheduled = false;
  if (state.folding || state.bulk || state.unfolded.empty()) return;
  state.folding = true;
  const auto up_to = state.core->newest()->sequence.value;
  auto where = std::make_shared<page_location>();
  auto work = [contents = state.with.contents, write = state.with.write_generation, tree = state.core->tree(),
               now = *state.core->newest(), where]() -> result<void> {
    GRAPHITE_CHECK(contents->fold());
    GRAPHITE_TRY(*where, write(tree, now));
    return {};
  };
  const auto now = *state.core->newest();
  self->request(state.with.folder, caf::infinite, atom::fold_v,
                std::make_shared<const fold_request>(fold_request{std::move(work)}))
      .then([self, now, up_to, where](const outcome& how) {
        auto& after = self->state;
        after.folding = false;
        if (how.failure) {
          after.with.log->error("channel {}: not folded: {}", now.channel, how.failure->context);
          answer_drained(after, how);
          return schedule_fold(self);
        }
        commit_request rows;
        rows.rows.push_back(generation_row_of(now, *where, *after.with.hash));
        for (const auto sequence : after.unfolded)
          if (sequence <= up_to)
            rows.rows.push_back({table::journal, generation_key(now.channel, sequence), std::nullopt});
        std::erase_if(after.unfolded, [&](std::uint64_t sequence) { return sequence <= up_to; });
        self->send(after.with.journal, atom::persist_v,
                   std::make_shared<const commit_request>(std::move(rows)));
        answer_drained(after, how);
        if (!after.unfolded.empty()) drain(self);
      });
}

/// Folds at once where somebody waits for it, otherwise soon.
void drain(self_pointer self) {
  if (self->state.drained.empty()) return schedule_fold(self);
  answer_drained(self->state, {});
  fold(self);
}

void beat(self_pointer self) {
  auto& with = self->state.with;
  auto message = with.published->beat(with.clock->unix_ns());
  if (message)
    with.publisher->beat(std::move(*message));
  else
    with.log->error("no heartbeat: {}", message.error().context);
  self->delayed_send(self, heartbeat::period, atom::wake_v, channel_actor_state::wake_beat);
}

void wake(self_pointer self, std::uint64_t why) {
  auto& state = self->state;
  if (why == channel_actor_state::wake_fold) fold(self);
  if (why == channel_actor_state::wake_beat) beat(self);
  if (why == channel_actor_state::wake_retry && state.again) std::exchange(state.again, nullptr)();
}

}  // namespace

void enqueue(self_pointer self, channel_actor_state::waiting next) {
  self->state.queue.push_back(std::move(next));
  commit_next(self);
}

channel_actor::behavior_type channel(self_pointer self, channel_dependencies with, restored_channel from) {
  auto& state = self->state;
  state.with = std::move(with);
  state.core.emplace(std::move(*from.core));
  state.unfolded = std::move(from.unfolded);
  state.follows = std::move(from.follows);
  if (state.core->newest()) show(state);
  if (!state.unfolded.empty()) schedule_fold(self);
  if (state.with.beats && state.with.publisher != nullptr) beat(self);
  return {
      [self](atom::publish, const publication_ptr& what) -> caf::result<publish_outcome> {
        auto promise = self->make_response_promise<publish_outcome>();
        enqueue(self, {what, std::nullopt,
                       [promise](const publish_outcome& how) mutable { promise.deliver(how); }, false});
        return promise;
      },
      [self](atom::answer, const query_ptr& asked) {
        std::visit([&](const auto& what) { answer_query(self, *asked, what); }, asked->what);
      },
      [self](atom::fold) -> caf::result<outcome> {
        auto promise = self->make_response_promise<outcome>();
        auto& state = self->state;
        // What is being committed counts as there already.
        const auto newest = state.core->newest() ? state.core->newest()->sequence.value : 0;
        state.drained.push_back({newest + (state.busy ? 1 : 0), promise});
        drain(self);
        return promise;
      },
      [self](atom::rebase) {
        self->state.moved = true;
        rebase(self->state);
      },
      [self](atom::wake, std::uint64_t why) { wake(self, why); },
  };
}

}  // namespace graphite
