#include "cli/collector.hpp"

#include "coordinator/action_key.hpp"

namespace graphite {

collector::collector(ports with, collector_options options)
    : with_(std::move(with)), options_(options), thread_([this] { work(); }) {}

collector::~collector() { stop(); }

void collector::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void collector::at_rest() {
  if (generations_ < options_.generations) return;
  const std::lock_guard lock(mutex_);
  if (wanted_) return;
  generations_ = 0;
  with_.contents.begin_gc();
  wanted_ = true;
  wake_.notify_all();
}

void collector::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return wanted_ || stopping_; });
    if (stopping_) return;
    lock.unlock();
    const auto freed = collect();
    if (!freed)
      with_.log.warn("collection: given up: {}", freed.error().context);
    else if (*freed > 0)
      with_.log.info("collection: freed {:.1f} MB", static_cast<double>(*freed) / 1e6);
    lock.lock();
    wanted_ = false;
  }
}

result<void> collector::mark_generations() {
  std::vector<digest> live;
  for (auto* archive : with_.archives) {
    GRAPHITE_TRY(const auto kept, archive->kept());
    for (const auto& generation : kept) {
      if (!generation.now.behind.is_zero()) live.push_back(generation.now.behind);
      GRAPHITE_CHECK(generation.tree.for_each([&](const located_asset& asset) {
        for (const auto& part : asset.record.parts) live.push_back(part.content.id);
        return true;
      }));
      with_.contents.mark(live);
      live.clear();
    }
  }
  return {};
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

result<std::uint64_t> collector::collect() {
  if (!with_.drain()) return fail(errc::busy, "the journal could not be folded");
  GRAPHITE_CHECK(mark_generations());
  GRAPHITE_CHECK(mark_cached());
  const auto pinned = [this](segment_id segment) {
    return std::any_of(with_.archives.begin(), with_.archives.end(),
                       [&](const bundle_archive* archive) { return archive->refers_to(segment); });
  };
  std::uint64_t freed = 0;
  for (bool more = true; more;) {
    GRAPHITE_TRY(const auto step, with_.contents.gc_step(pinned));
    freed += step.freed_bytes;
    more = step.more;
    const std::lock_guard lock(mutex_);
    if (stopping_) break;
  }
  return freed;
}

}  // namespace graphite
