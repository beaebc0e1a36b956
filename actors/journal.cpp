#include "actors/journal.hpp"

#include "core/kill_point.hpp"

namespace graphite {

outcome journal_state::write(const std::vector<row_write>& rows, bool sync_contents) {
  if (rows.empty() && !sync_contents) return {};  // asked only to know that what came before is written
  GRAPHITE_KILL_POINT("journal.before_contents_sync");
  auto done = sync_contents ? with.contents->sync() : result<void>{};
  GRAPHITE_KILL_POINT("journal.before_commit");
  if (done) done = with.rows->write(rows, key_value_store::durability::synced);
  GRAPHITE_KILL_POINT("journal.after_commit");
  if (done) return {};
  with.log->error("journal: {}", done.error().context);
  if (done.error().code != errc::out_of_space) with.on_fatal(done.error());
  return {std::make_shared<const error>(done.error())};
}

void journal_state::flush() {
  if (pending.empty()) return;
  std::vector<row_write> rows;
  bool sync_contents = false;
  for (const auto& one : pending) {
    rows.insert(rows.end(), one.request->rows.begin(), one.request->rows.end());
    sync_contents = sync_contents || one.request->sync_contents;
  }
  const auto how = write(rows, sync_contents);
  auto answered = std::move(pending);
  pending.clear();
  for (auto& one : answered) one.promise.deliver(how);
}

journal_actor::behavior_type journal(journal_actor::stateful_pointer<journal_state> self,
                                     journal_dependencies with) {
  self->state.with = std::move(with);
  return {
      [self](atom::commit, const commit_ptr& request) -> caf::result<outcome> {
        auto& state = self->state;
        auto promise = self->make_response_promise<outcome>();
        state.pending.push_back({request, promise});
        if (self->mailbox().empty() || state.pending.size() >= journal_state::batches_max) state.flush();
        return promise;
      },
      [self](atom::persist, const commit_ptr& request) {
        auto& state = self->state;
        state.flush();
        auto done = state.with.rows->write(request->rows, key_value_store::durability::lazy);
        if (!done) state.with.log->warn("journal: rows not written: {}", done.error().context);
      },
  };
}

fold_actor::behavior_type fold_worker(fold_actor::pointer) {
  return {
      [](atom::fold, const fold_ptr& request) -> outcome {
        GRAPHITE_KILL_POINT("fold.before_work");
        auto done = request->work();
        GRAPHITE_KILL_POINT("fold.after_work");
        if (done) return {};
        return {std::make_shared<const error>(done.error())};
      },
  };
}

}  // namespace graphite
