#include "bindings/c/live_context.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "bundle/head_codec.hpp"
#include "platform/linux/durable_file.hpp"

namespace graphite::c_api {
namespace {

constexpr duration pin_report_period = seconds(1);
constexpr std::size_t record_bytes_max = 64 * KiB;
constexpr std::size_t arrived_max = 65'536;
constexpr std::size_t staging_bytes = 64 * KiB;  ///< where the caller has no buffer

time_point live_now() { return std::chrono::steady_clock::now(); }
std::uint64_t ns(duration length) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(length.count(), 0));
}

std::string text_of(const char* text) { return text ? text : ""; }

/// The first that is not held, newest first.
result<std::shared_ptr<generation>> open_earlier(const std::shared_ptr<const bundle_files>& files,
                                                 const crash_guard& guard) {
  GRAPHITE_TRY(const auto heads, files->earlier_heads());
  for (const auto& bytes : heads) {
    const auto head = decode_head(bytes, library_hasher());
    if (!head || guard.holds(head->value.root)) continue;
    if (auto opened = generation::open_at(bytes, files, library_hasher())) return opened;
  }
  return nullptr;
}

}  // namespace

live_config::live_config(const graphite_hot_reload_config& from)
    : raw(from),
      watch_directory(text_of(from.watch_directory)),
      bundle_path(text_of(from.bundle_path)),
      state_directory(text_of(from.state_directory)) {}

live_context::live_context(live_config config)
    : config_(std::move(config)),
      news_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      handles_(config_.raw.preserve_handle_state, library_memory()) {}

result<std::unique_ptr<live_context>> live_context::make(live_config config) {
  std::unique_ptr<live_context> out(new live_context(std::move(config)));
  if (!out->news_fd_) return fail_errno(errno, "an event descriptor");
  if (graphite_atomic_bundle_init(&out->bundle_, nullptr) != GRAPHITE_SUCCESS) throw std::bad_alloc();
  const auto& raw = out->config_.raw;
  out->live_.emplace(live_options{raw.atomic_reload, raw.swap_in_poll, raw.kept_generations},
                     point_in(out->bundle_),
                     [at = out.get()](const change_set& changes, std::uint64_t version) {
                       at->handles_.note(changes, version);
                     });
  out->load_record();
  return out;
}

live_context::~live_context() {
  {
    const std::lock_guard lock(state_);
    stopping_ = true;
  }
  changed_.notify_all();
  feed_.reset();
  {
    std::unique_lock lock(state_);
    if (guard_) guard_->end();
    if (guard_) keep_record(lock);
  }
  live_.reset();
  graphite_atomic_bundle_destroy(&bundle_);
}

// ---- the record of starts

std::string live_context::record_path() const {
  return config_.state_directory.empty() ? std::string() : config_.state_directory + "/starts";
}

void live_context::load_record() {
  const crash_guard::options options{seconds(config_.raw.crash_window_seconds), config_.raw.crashes_max};
  const auto path = record_path();
  if (path.empty()) {
    guard_.emplace(crash_guard::options{options.window, 0}, byte_span{});
    return;
  }
  const auto record = read_whole_file(path, record_bytes_max);
  if (!record && record.error().code != errc::not_found)
    library_log().warn("{}: {}; starts are counted anew", path, record.error().context);
  guard_.emplace(options, record ? as_bytes(*record) : byte_span{});
  for (const auto& held : guard_->newly_held())
    library_log().error("generation {}.{} is held: {} starts in a row ended within {} s of showing it",
                        held.epoch, held.sequence, options.crashes_max, config_.raw.crash_window_seconds);
}

void live_context::keep_record(std::unique_lock<std::mutex>& state) {
  if (record_path().empty() || !guard_->take_changed()) return;
  state.unlock();
  {
    const std::lock_guard one_writer(recording_);
    state.lock();
    const auto record = guard_->encode();
    state.unlock();
    // Not synced: it is to outlive the process, not the power.
    auto kept = make_folders(config_.state_directory);
    if (kept) kept = replace_file(record_path(), record, 0644, false);
    if (!kept) library_log().warn("starts cannot be counted: {}", kept.error().context);
  }
  state.lock();
}

// ---- offers

result<live_context::offered> live_context::offer(byte_span head, std::shared_ptr<const bundle_files> files,
                                                  bool verified) {
  GRAPHITE_TRY(const auto decoded, decode_head(head, library_hasher()));
  bool held = false, empty = false;
  std::optional<crash_guard> guard;
  {
    const std::lock_guard lock(state_);
    held = guard_->holds(decoded.value.root);
    empty = !live_->current();
    if (held) guard.emplace(*guard_);
    if (held && !empty) ++counts_.refused;
  }
  if (!held) {
    staging_memory staging;
    const auto begun = live_now();
    GRAPHITE_TRY(auto opened, generation::open(std::move(files), library_hasher()));
    staging.opened_in = live_now() - begun;
    return offer(std::move(opened), verified, staging);
  }
  library_log().warn("generation {}.{} is passed over: programs that showed it crashed",
                     decoded.value.epoch.value, decoded.value.sequence.value);
  if (!empty) return offered::held;
  GRAPHITE_TRY(auto earlier, open_earlier(files, *guard));
  if (!earlier) return offered::held;
  library_log().warn("generation {}.{} is shown instead", earlier->what().epoch.value,
                     earlier->what().sequence.value);
  GRAPHITE_CHECK(offer(std::move(earlier), verified, {}));
  return offered::held;
}

result<live_context::offered> live_context::offer(std::shared_ptr<generation> next, bool verified,
                                                  const staging_memory& staging) {
  const std::lock_guard feeding(feeding_);
  const auto begun = live_now();
  std::shared_ptr<const generation> newest;
  {
    const std::lock_guard lock(state_);
    newest = live_->newest();
  }
  change_set changes(staging.lists);
  std::uint64_t bytes = 0;
  if (newest || staging.first_too) {
    if (newest && (verified || config_.raw.trust_folder)) {
      GRAPHITE_TRY(changes, changes_between(*newest, *next, staging.lists));
    } else {
      byte_vector instead(staging.contents.empty() ? staging_bytes : 0);
      GRAPHITE_TRY(const auto records,
                   next->verify_since(newest.get(), instead.empty() ? staging.contents : instead));
      for (const auto& record : records.upserts)
        for (const auto& part : record.parts) bytes += part.content.size;
      if (newest) changes = sort_changes(*newest, records, staging.lists);
    }
  }
  next->remember(newest.get(), changes.all());
  if (newest) note_unused(*newest, changes);
  {
    const std::lock_guard lock(state_);
    counts_.verified_bytes += bytes;
    counts_.stage_ns = ns(staging.opened_in + (live_now() - begun));
  }
  const auto shown = shown_ref::make(next, nullptr, library_memory());
  GRAPHITE_TRY(const auto how, show(shown, {newest.get(), &changes}, false));
  return how == live_bundle::carried::refused ? offered::refused : offered::taken;
}

/// With `feeding_` held.
result<live_bundle::carried> live_context::show(const shown_ref& next, live_bundle::known_changes known,
                                                bool going_back) {
  while (true) {
    std::unique_lock lock(state_);
    const auto bases = live_->bases();
    lock.unlock();
    GRAPHITE_TRY(auto plan, live_bundle::plan(next, bases, known, library_memory()));
    plan.going_back = going_back;
    lock.lock();
    const auto begun = live_now();
    // Before readers see it: a crash right after it must find its name.
    if (plan.shown == live_->bases().first) {
      guard_->activate(next->content()->what(), begun);
      keep_record(lock);
    }
    const auto how = live_->carry_out(std::move(plan), live_now());
    if (how == live_bundle::carried::again) continue;
    if (how == live_bundle::carried::refused) {
      ++counts_.refused;
      return how;
    }
    staged_at_ = live_now();
    counts_.swap_ns = ns(staged_at_ - begun);
    ++(going_back ? counts_.rollbacks : counts_.swaps);
    lock.unlock();
    news();
    try {
      collect();
    } catch (const std::bad_alloc&) {  // it is current; upkeep() frees what was
    }
    return how;
  }
}

/// What `changes` leave of `before` is of no use once that is no longer read. Its pages go now, before what
/// is new needs memory, and again after the last reader, who may have brought some back. With `feeding_`
/// held.
void live_context::note_unused(const generation& before, const change_set& changes) {
  std::vector<asset_id> ids;
  for (const auto* const some : {&changes.changed, &changes.removed})
    for (const auto id : *some) ids.push_back({id});
  auto places = before.places_of(ids);
  before.let_go(places);
  const std::lock_guard lock(state_);
  unused_.add(live_->version(), std::move(places));
}

/// Frees generations and lets go of what they alone had: unmapping takes its time, so without a lock that
/// poll() takes.
void live_context::collect() {
  auto& point = point_in(bundle_);
  point.collect();
  auto oldest_read = point.version();
  for (const auto& held : point.held(live_now())) oldest_read = std::min(oldest_read, held.version);
  std::vector<extent> places;
  shown_ref current;
  {
    const std::lock_guard lock(state_);
    places = unused_.take(oldest_read);
    current = live_->current();
  }
  if (current) current->content()->let_go(places);
}

void live_context::news() {
  has_news_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(news_fd_.get(), &one, sizeof one);
  changed_.notify_all();
}

void live_context::arrived(std::span<const asset_id> ids, bool here) {
  {
    const std::lock_guard lock(state_);
    for (const auto id : ids) {
      if (here && arrived_.size() < arrived_max) arrived_.push_back(id.value);
      if (here)
        unavailable_.erase(id.value);
      else if (unavailable_.size() < arrived_max)
        unavailable_.insert(id.value);
    }
  }
  news();
}

void live_context::ended(error why) {
  library_log().error("following ended: {}", why.context);
  {
    const std::lock_guard lock(state_);
    ended_ = std::move(why);
  }
  news();
}

void live_context::note_failure(const error& why) {
  library_log().warn("the next generation could not be taken up: {}", why.context);
  const std::lock_guard lock(state_);
  ++counts_.failed;
}

time_point live_context::upkeep() {
  collect();
  const auto at = live_now();
  std::unique_lock lock(state_);
  guard_->tick(at);
  keep_record(lock);
  if (at >= next_pin_report_) {
    next_pin_report_ = at + pin_report_period;
    report_held_pins(at);
  }
  return std::min(next_pin_report_, guard_->settles_at());
}

void live_context::report_held_pins(time_point at) {
  const auto held = point_in(bundle_).held(at);
  std::set<std::pair<std::uint64_t, std::uint32_t>> still;
  for (const auto& one : held) {
    if (one.since_replaced < milliseconds(config_.raw.held_pin_warning_ms)) continue;
    const std::pair name(one.version, one.thread);
    still.insert(name);
    if (reported_pins_.contains(name)) continue;
    const auto waited = std::chrono::duration_cast<milliseconds>(one.since_replaced).count();
    if (one.thread != 0)
      library_log().warn("thread {} still reads version {}, which was replaced {} ms ago", one.thread,
                         one.version, waited);
    else
      library_log().warn("a pin still holds version {}, which was replaced {} ms ago", one.version, waited);
  }
  reported_pins_ = std::move(still);
}

// ---- handles

graphite_result live_context::open_handle(std::uint64_t id, std::uint64_t& out) {
  std::unique_lock lock(state_);
  const auto current = live_->current();
  mapped_asset there;
  if (!current || current->source_of({id}).find({id}, there) != lookup_result::found)
    return failed(GRAPHITE_ERROR_NOT_FOUND, "no such asset");
  const auto opened = handles_.open({id});
  if (!opened) return failed(opened.error());
  out = *opened;
  return GRAPHITE_SUCCESS;
}

void live_context::close_handle(std::uint64_t handle) {
  const std::lock_guard lock(state_);
  (void)handles_.close(handle);
}

// ---- going back

std::size_t live_context::generations(graphite_generation_info* out, std::size_t capacity) const {
  const std::lock_guard lock(state_);
  std::size_t count = 0;
  const auto add = [&](std::uint64_t version, std::uint64_t epoch, std::uint64_t sequence,
                       std::uint64_t assets, const digest& root, bool current, bool held) {
    if (count < capacity) {
      out[count] = {version, epoch, sequence, assets, {}, current, held};
      std::copy_n(reinterpret_cast<const std::uint8_t*>(root.bytes.data()), sizeof out->root,
                  out[count].root);
    }
    ++count;
  };
  for (const auto& [shown, version] : live_->kept()) {
    const head& what = shown->content()->what();
    add(version, what.epoch.value, what.sequence.value, what.assets, what.root, shown == live_->current(),
        false);
  }
  for (const auto& held : guard_->held()) add(0, held.epoch, held.sequence, 0, held.root, false, true);
  return count;
}

graphite_result live_context::roll_back(std::uint32_t steps) {
  const std::lock_guard feeding(feeding_);
  shown_ref target;
  {
    const std::lock_guard lock(state_);
    target = live_->kept_before(steps);
  }
  if (!target || steps == 0) return failed(GRAPHITE_ERROR_NOT_FOUND, "so many generations are not kept");
  const auto shown = show(target, {}, true);
  return shown ? GRAPHITE_SUCCESS : failed(shown.error());
}

graphite_result live_context::resume() {
  const std::lock_guard feeding(feeding_);
  shown_ref newest;
  {
    std::unique_lock lock(state_);
    newest = live_->newest_passed_over();
    guard_->lift_all();
    keep_record(lock);
  }
  if (feed_) feed_->look_again();
  if (!newest) return GRAPHITE_SUCCESS;
  const auto shown = show(newest, {}, true);
  return shown ? GRAPHITE_SUCCESS : failed(shown.error());
}

graphite_result live_context::want(std::span<const asset_id> ids) {
  const auto asked = feed_ ? feed_->want(ids) : fail(errc::unsupported, "nothing is followed");
  return asked ? GRAPHITE_SUCCESS : failed(asked.error());
}

/// Nothing: not all of its bytes are here.
std::optional<graphite_result> live_context::readable(asset_id id) const {
  std::shared_ptr<const generation> current;
  {
    const std::lock_guard lock(state_);
    if (!live_->current()) return std::nullopt;
    current = live_->current()->content();
  }
  mapped_asset asset;
  const auto found = current->find(id, asset);
  if (found == lookup_result::absent) return failed(GRAPHITE_ERROR_NOT_FOUND, "no such asset");
  if (found == lookup_result::corrupt) return failed(errc::corrupt, "an index page is damaged");
  for (unsigned i = 0; i < asset.parts; ++i) {
    mapped_part part;
    if (!mapped_index::part(asset, i, part)) return failed(errc::corrupt, "an index page is damaged");
    const auto bytes = current->bytes(part);
    if (!bytes && bytes.error().code == errc::not_found) return std::nullopt;
    if (!bytes) return failed(bytes.error());
  }
  return GRAPHITE_SUCCESS;
}

graphite_result live_context::wait_for(asset_id id, duration timeout) {
  const auto until = live_now() + timeout;
  {
    const std::lock_guard lock(state_);
    unavailable_.erase(id.value);  // it may be there again
  }
  while (true) {
    if (const auto outcome = readable(id)) return *outcome;
    if (const auto asked = want({&id, 1}); asked != GRAPHITE_SUCCESS) return asked;
    std::unique_lock lock(state_);
    if (stopping_) return failed(GRAPHITE_ERROR_CANCELLED, "the context is being shut down");
    if (ended_) return failed(*ended_);
    if (unavailable_.contains(id.value))
      return failed(errc::unavailable, "the publisher does not have the asset's bytes any more");
    if (live_now() >= until)
      return failed(GRAPHITE_ERROR_TIMED_OUT, "the asset's bytes did not come in time");
    // What came between the look and the lock is seen after a moment at the latest.
    (void)changed_.wait_until(lock, std::min(until, live_now() + milliseconds(50)));
  }
}

// ---- the end, and statistics

bool live_context::may_shut_down() {
  if (!polling_.load(std::memory_order_acquire)) return true;
  shutdown_asked_.store(true, std::memory_order_release);
  return false;
}

void live_context::statistics(graphite_statistics& out) const {
  const auto held = point_in(bundle_).held(live_now());
  const std::lock_guard lock(state_);
  const auto size = out.size;
  out = counts_;
  out.size = size;
  out.version = live_->version();
  if (live_->current()) {
    const head& what = live_->current()->content()->what();
    out.epoch = what.epoch.value;
    out.sequence = what.sequence.value;
    out.assets = what.assets;
  }
  out.reload_pending = live_->staged();
  out.connected = feed_ && feed_->connected();
  out.fetched_bytes = feed_ ? feed_->fetched_bytes() : 0;
  out.kept = live_->kept().size();
  std::set<std::uint64_t> alive;
  for (const auto& one : held) {
    alive.insert(one.version);
    out.longest_held_ns = std::max(out.longest_held_ns, ns(one.since_replaced));
  }
  out.replaced_alive = alive.size();
  out.handles = handles_.size();
  out.changes_left = live_->events_left() + arrived_.size();
  out.missing_parts = missing_.load(std::memory_order_relaxed);
}

}  // namespace graphite::c_api
