#include "cli/collector.hpp"

#include <charconv>
#include <optional>

#include "actors/generation_rows.hpp"
#include "cli/loss_repair.hpp"
#include "coordinator/action_key.hpp"

namespace graphite {

namespace {

constexpr std::string_view due_bytes_key = "collector/due_bytes";

std::uint64_t number_of(const result<std::optional<std::string>>& row, std::uint64_t otherwise) {
  std::uint64_t out = otherwise;
  if (row && *row) std::from_chars((*row)->data(), (*row)->data() + (*row)->size(), out);
  return out;
}

}  // namespace

collector::collector(ports with, collector_options options)
    : with_(std::move(with)),
      options_(options),
      due_bytes_(number_of(with_.rows.get(table::meta, due_bytes_key), options.grown_bytes_min)),
      thread_([this] { work(); }) {}

collector::~collector() { stop(); }

void collector::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool collector::is_due() const {
  return generations_ >= options_.generations || with_.contents.usage().file_bytes > due_bytes_;
}

void collector::at_rest() {
  const bool due = is_due();
  if (!must_repair() && !due) return;
  const std::lock_guard lock(mutex_);
  repair_wanted_ = must_repair();
  wake_.notify_all();
  if (!due || wanted_ || stopping_) return;
  generations_ = 0;
  with_.contents.begin_gc();
  wanted_ = true;
  wake_.notify_all();
}

void collector::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return wanted_ || repair_wanted_ || stopping_; });
    if (stopping_) return;
    repair_wanted_ = false;
    const bool round = wanted_;
    lock.unlock();
    repair();
    if (round) run_round();
    lock.lock();
    if (round) wanted_ = false;
    wake_.notify_all();
  }
}

void collector::wait() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return !wanted_ || stopping_; });
}

void collector::run_round() {
  const auto done = collect();
  with_.contents.end_gc();
  set_next(done ? done->live_bytes : 0);
  if (!done)
    with_.log.warn("collection: given up: {}", done.error().context);
  else if (done->freed_bytes > 0)
    with_.log.info("collection: freed {:.1f} MB", static_cast<double>(done->freed_bytes) / 1e6);
}

bool collector::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

/// Failed rounds count, too: the next one waits for as much growth.
void collector::set_next(std::uint64_t live_bytes) {
  due_bytes_ = with_.contents.usage().file_bytes + std::max(live_bytes, options_.grown_bytes_min);
  const row_write row{table::meta, std::string(due_bytes_key), std::to_string(due_bytes_.load())};
  if (const auto written = with_.rows.write({row}, key_value_store::durability::lazy); !written)
    with_.log.warn("collection: {}", written.error().context);
}

result<void> collector::mark_generations() {
  for (auto* archive : with_.archives) GRAPHITE_CHECK(mark_generations_of(*archive));
  return {};
}

/// The newest one as a whole, of the others what they show differently.
result<void> collector::mark_generations_of(bundle_archive& archive) {
  GRAPHITE_TRY(const auto kept, archive.kept());
  if (kept.empty()) return {};
  std::vector<digest> live;
  const auto mark = [&](const asset_record& record) {
    for (const auto& part : record.parts) live.push_back(part.content.id);
    return true;
  };
  const auto& newest = kept.back().tree;
  GRAPHITE_CHECK(newest.for_each([&](const located_asset& asset) { return mark(asset.record); }));
  for (const auto& generation : kept) {
    if (!generation.now.behind.is_zero()) live.push_back(generation.now.behind);
    GRAPHITE_CHECK(diff(newest, generation.tree, [&](const asset_record*, const asset_record* older) {
      return older == nullptr || mark(*older);
    }));
  }
  with_.contents.mark(live);
  return {};
}

/// Contents of generations that are not kept may go now: nobody is to ask for one any more.
result<void> collector::forget_generations() {
  std::vector<row_write> gone;
  for (auto* archive : with_.archives) {
    GRAPHITE_TRY(const auto kept, archive->kept());
    if (kept.empty()) continue;
    const auto& oldest = kept.front().now;
    const auto end = generation_key(oldest.channel, oldest.sequence.value);
    GRAPHITE_CHECK(with_.rows.scan(table::generations, generation_key_prefix(oldest.channel),
                                   [&](std::string_view key, std::string_view) {
                                     if (key >= end) return false;
                                     gone.push_back({table::generations, std::string(key), std::nullopt});
                                     return true;
                                   }));
  }
  if (gone.empty()) return {};
  return with_.rows.write(gone, key_value_store::durability::lazy);
}

result<void> collector::mark_cached() {
  return with_.rows.scan(table::action_cache, "", [&](std::string_view, std::string_view row) {
    const auto decoded = decode_cache_row(row);
    if (!decoded) return true;  // a damaged row is no result
    std::vector<digest> live;
    for (const auto& one : decoded->results)
      for (const auto& output : one.outputs) live.push_back(output.content.id);
    with_.contents.mark(live);
    return true;
  });
}

bool collector::pinned(segment_id segment) const {
  return std::any_of(with_.archives.begin(), with_.archives.end(),
                     [&](const bundle_archive* archive) { return archive->refers_to(segment); });
}

/// Looks at every segment that is left to look at.
result<collector::passed> collector::pass() {
  passed out;
  for (bool more = true; more && !stopping();) {
    GRAPHITE_TRY(const auto step, with_.contents.gc_step([this](segment_id id) { return pinned(id); }));
    out.freed_bytes += step.freed_bytes;
    out.live_bytes += step.live_bytes;
    more = step.more;
  }
  return out;
}

/// Where it pays; whether some were.
result<bool> collector::rewrite_pages() {
  const auto dead = with_.contents.gc_pinned();
  bool moved = false;
  for (auto* archive : with_.archives) {
    std::uint64_t bytes = 0;
    for (const auto& [segment, size] : dead)
      if (archive->refers_to(segment)) bytes += size;
    if (stopping() || !archive->wants_rewrite(bytes)) continue;
    GRAPHITE_CHECK(archive->rewrite());
    moved = true;
  }
  if (moved) with_.pages_moved();
  return moved;
}

/// Where something is still missing the next rest tries again: it may be on its way.
void collector::repair() {
  constexpr int tries_max = 8;
  if (!must_repair() || !with_.drain()) return;
  const auto losses = with_.contents.losses();
  const auto missing = repair_losses(with_.contents, with_.archives);
  const bool done = missing && missing->empty();
  if (done) with_.pages_moved();
  if (!done && ++tries_ < tries_max) return;
  tries_ = 0;
  repaired_ = losses;
  if (!missing) with_.log.error("lost contents: {}", missing.error().context);
  if (missing && !done) with_.log.error("the bytes of {} are lost and could not be made again", *missing);
}

result<collector::passed> collector::collect() {
  if (!with_.drain()) return fail(errc::busy, "the journal could not be folded");
  GRAPHITE_CHECK(with_.contents.end_segment(options_.segment_bytes_min));
  GRAPHITE_CHECK(mark_generations());
  GRAPHITE_CHECK(mark_cached());
  GRAPHITE_CHECK(forget_generations());
  passed out;
  for (int passes = 0; passes < options_.passes_max && !stopping(); ++passes) {
    GRAPHITE_TRY(const auto now, pass());
    out.freed_bytes += now.freed_bytes;
    if (passes == 0) out.live_bytes = now.live_bytes;
    GRAPHITE_TRY(const auto moved, rewrite_pages());
    if (!moved || !with_.contents.gc_again()) break;
  }
  return out;
}

}  // namespace graphite
