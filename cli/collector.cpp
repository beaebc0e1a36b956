#include "cli/collector.hpp"

#include <charconv>
#include <optional>

#include "actors/generation_rows.hpp"
#include "cli/cache_sweep.hpp"
#include "cli/live_contents.hpp"
#include "cli/loss_repair.hpp"
#include "platform/linux/thread_name.hpp"

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
      thread_([this] {
        name_thread("collector");
        work();
      }) {}

collector::~collector() { stop(); }

void collector::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (const auto never = std::exchange(asked_, std::nullopt))
    never->done(fail(errc::unavailable, "the service ended before it could collect"));
}

void collector::ask(gc_request request, reply<gc_report> done) {
  {
    std::unique_lock lock(mutex_);
    if (stopping_ || asked_) {
      const bool busy = !stopping_;
      lock.unlock();
      return done(busy ? fail(errc::busy, "a collection was asked for already")
                       : fail(errc::unavailable, "the service ends"));
    }
    asked_ = {request, std::move(done)};
  }
  with_.look_for_rest();
}

bool collector::is_due() const {
  const std::uint64_t enough = options_.generations + assets_ / options_.assets_a_generation;
  return generations_ >= enough || with_.contents.usage().file_bytes > due_bytes_;
}

void collector::at_rest(const std::function<std::vector<digest>()>& held) {
  const bool due = is_due();
  const std::lock_guard lock(mutex_);
  if (!must_repair() && !due && !asked_) return;
  repair_wanted_ = must_repair();
  wake_.notify_all();
  if (!(due || asked_) || wanted_ || stopping_) return;
  asked_runs_ = asked_.has_value();
  if (!asked_runs_ || !asked_->request.dry_run) generations_ = 0;
  if (asked_runs_)
    with_.contents.begin_gc(options_.asked_copy_below_percent);
  else
    with_.contents.begin_gc();
  held_ = held();
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
    if (!round || !asked_ || asked_runs_) continue;
    lock.unlock();
    with_.look_for_rest();  // asked for while another round ran
    lock.lock();
  }
}

void collector::wait() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return !wanted_ || stopping_; });
}

void collector::run_round() {
  const auto started = with_.clock.now();
  std::optional<asked> by;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(asked_runs_, false)) by = std::exchange(asked_, std::nullopt);
  }
  auto done = collect(by ? std::optional(by->request) : std::nullopt);
  with_.contents.end_gc();
  shown_ = {};
  if (!by || !by->request.dry_run) set_next(done ? done->live_bytes : 0);
  if (!done)
    with_.log.warn("collection: given up: {}", done.error().context);
  else if (done->report.freed_bytes + done->report.results_dropped > 0)
    with_.log.info("collection: freed {:.1f} MB, dropped {} of {} results",
                   static_cast<double>(done->report.freed_bytes) / 1e6, done->report.results_dropped,
                   done->report.results);
  if (!by) return;
  if (!done) return by->done(tl::unexpected(done.error()));
  done->report.segment_bytes = with_.contents.usage().file_bytes;
  done->report.seconds = std::chrono::duration<double>(with_.clock.now() - started).count();
  by->done(done->report);
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

void collector::mark(std::span<const digest> live) {
  for (const auto& content : live) shown_.mark(content);
  with_.contents.mark(live);
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

result<void> collector::sweep_cache(const std::optional<gc_request>& asked, gc_report& report) {
  cache_sweep_options how;
  how.bounds = options_.cache;
  how.now_unix_ms = static_cast<std::uint64_t>(with_.clock.unix_ns() / 1'000'000);
  if (asked) how.bounds.bytes_max = asked->cache_bytes.value_or(how.bounds.bytes_max);
  how.dry_run = asked && asked->dry_run;
  cache_sweep sweep({with_.rows, [this](const digest& content) { return shown_.contains(content); },
                     [this](std::span<const digest> live) { with_.contents.mark(live); },
                     [this] { return stopping(); },
                     [&](int step) {
                       if (asked)
                         with_.progress(static_cast<std::uint64_t>(step), cache_sweep::steps, "results");
                     }});
  GRAPHITE_TRY(const auto done, sweep.run(how));
  report.results = done.results;
  report.results_dropped = done.results_dropped;
  report.cache_bytes = done.bytes;
  report.cache_bytes_dropped = done.bytes_dropped;
  return {};
}

bool collector::pinned(segment_id segment) const {
  return std::any_of(with_.archives.begin(), with_.archives.end(),
                     [&](const kept_archive* archive) { return archive->refers_to(segment); });
}

/// Looks at every segment that is left to look at.
result<collector::passed> collector::pass(bool asked) {
  passed out;
  std::uint64_t looked_at = 0;
  for (bool more = true; more && !stopping();) {
    GRAPHITE_TRY(const auto step, with_.contents.gc_step([this](segment_id id) { return pinned(id); }));
    out.freed_bytes += step.freed_bytes;
    out.live_bytes += step.live_bytes;
    out.segments += step.unlinked.size();
    more = step.more;
    ++looked_at;
    if (asked) with_.progress(looked_at, std::max(looked_at, with_.contents.usage().segments), "segments");
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

result<collector::round> collector::collect(const std::optional<gc_request>& asked) {
  round out;
  if (!with_.drain()) return fail(errc::busy, "the journal could not be folded");
  const bool dry_run = asked && asked->dry_run;
  if (!dry_run) GRAPHITE_CHECK(with_.contents.end_segment(asked ? 1 : options_.segment_bytes_min));
  mark(std::exchange(held_, {}));
  const auto take = [this](std::span<const digest> live) { mark(live); };
  for (auto* archive : with_.archives) GRAPHITE_CHECK(mark_generations(*archive, take));
  GRAPHITE_CHECK(mark_results(with_.rows, take, [this] { return stopping(); }));
  GRAPHITE_CHECK(sweep_cache(asked, out.report));
  if (dry_run) return out;
  GRAPHITE_CHECK(forget_generations());
  GRAPHITE_CHECK(free_segments(asked.has_value(), out));
  return out;
}

result<void> collector::free_segments(bool asked, round& out) {
  const int passes_max = asked ? options_.asked_passes_max : options_.passes_max;
  for (int passes = 0; passes < passes_max && !stopping(); ++passes) {
    GRAPHITE_TRY(const auto now, pass(asked));
    out.report.freed_bytes += now.freed_bytes;
    out.report.segments_removed += now.segments;
    if (passes == 0) out.live_bytes = now.live_bytes;
    GRAPHITE_TRY(const auto moved, rewrite_pages());
    if (!moved || !with_.contents.gc_again()) break;
  }
  return {};
}

}  // namespace graphite
