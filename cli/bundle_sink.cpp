#include "cli/bundle_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "platform/linux/durable_file.hpp"

namespace graphite {
namespace {

constexpr duration look_period = seconds(1);
constexpr duration failed_period = seconds(30);

time_point now() { return std::chrono::steady_clock::now(); }

class stored_part final : public partial_content {
 public:
  stored_part(std::unique_ptr<content_writer> out, chunk_list list)
      : out_(std::move(out)), list_(std::move(list)) {}

  /// A later attempt finds what this one appends; this one finds what lies at `before` in `segment`, if
  /// anything does.
  void may_be_cut_off(const digest& content, std::shared_ptr<cut_off_contents> book, const extent& before,
                      owned_fd segment, std::function<void(const extent&)> discard) {
    content_ = content;
    before_ = before;
    segment_ = std::move(segment);
    discard_ = std::move(discard);
    book_ = std::move(book);
    if (const auto where = out_->keep_cut_off(true)) where_ = *where;
  }

  result<void> append(byte_span bytes) override {
    // Not before it has more than the attempt before.
    if (!noted_ && left_at_ != appended_) note();
    auto appended = out_->append(bytes);
    if (appended) appended_ += bytes.size();
    // Two attempts at once may be what does not fit: a later call finds the room of the other one.
    if (!appended && appended.error().code == errc::out_of_space && segment_) note();
    return appended;
  }
  result<void> read(std::uint64_t offset, std::span<std::byte> out) override {
    return out_->read(offset, out);
  }
  result<void> finish() override {
    GRAPHITE_TRY([[maybe_unused]] const auto stored, out_->commit(list_));
    if (book_) book_->forget(content_);
    give_back_before();
    return {};
  }
  void forget() override {
    (void)out_->keep_cut_off(false);
    if (book_) book_->forget(content_);
    give_back_before();
  }
  bool left_before(std::uint64_t offset, std::span<std::byte> out) override {
    if (!segment_ || offset > before_.length || out.size() > before_.length - offset) return false;
    left_at_ = offset;
    return read_fully(segment_.get(), out, before_.offset + offset, "a transfer that was cut off")
        .has_value();
  }

 private:
  /// From now on this is the attempt that a later one finds.
  void note() {
    if (!book_ || where_.length == 0) return;
    noted_ = true;
    book_->note(content_, where_);
    give_back_before();
  }
  void give_back_before() {
    if (segment_) discard_(before_);
    segment_ = {};
  }

  std::unique_ptr<content_writer> out_;
  chunk_list list_;
  digest content_;
  std::shared_ptr<cut_off_contents> book_;
  extent where_, before_;
  owned_fd segment_;
  std::function<void(const extent&)> discard_;
  std::uint64_t appended_ = 0;
  std::optional<std::uint64_t> left_at_;  ///< of the newest look at what was left
  bool noted_ = false;
};

/// The calling thread gives way to those that swap.
void be_nice() { ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 15); }

std::string segments_text(const std::set<segment_id>& segments) {
  std::string out;
  for (const auto id : segments) out += segment_file_name(id) + "\n";
  return out;
}

}  // namespace

bundle_sink::bundle_sink(bundle_sink_options options, const hasher& hash, log_sink& log)
    : options_(std::move(options)),
      hash_(hash),
      log_(log),
      scrub_at_(now() + options_.scrub_after),
      collect_above_bytes_(options_.dead_bytes_slack) {}

bundle_sink::~bundle_sink() {
  stopping_.store(true);
  job_.finish();
}

// ---- contents

bool bundle_sink::has(const content_ref& content) {
  const auto found = store_->find(content.id);
  if (!found || !*found || (*found)->ref != content || !(*found)->where) return false;
  fetched_.insert(content.id);
  return true;
}

// The chunk list of a small content follows from its bytes: they are one chunk, or none.
result<void> bundle_sink::put(const content_ref& content, byte_span bytes) {
  chunk_list list;
  if (!bytes.empty()) list.chunks.push_back({hash_.sha256(bytes), static_cast<std::uint32_t>(bytes.size())});
  GRAPHITE_TRY([[maybe_unused]] const auto stored, store_->put(bytes, list));
  fetched_.insert(content.id);
  return {};
}

result<std::unique_ptr<partial_content>> bundle_sink::begin(const content_ref& content,
                                                            const chunk_list& list) {
  GRAPHITE_TRY(auto out, store_->begin(content.size));
  fetched_.insert(content.id);
  auto part = std::make_unique<stored_part>(std::move(out), list);
  if (content.size < cut_off_contents::bytes_min) return part;
  const auto before = cut_off_->find(content.id).value_or(extent{});
  owned_fd segment;
  if (before.length == content.size)
    segment = owned_fd(::open(store_->segment_path(before.segment).c_str(), O_RDONLY | O_CLOEXEC));
  part->may_be_cut_off(content.id, cut_off_, before, std::move(segment), [this](const extent& where) {
    if (const auto done = store_->discard(where); !done)
      log_.debug("a transfer that was cut off stays until it is collected: {}", done.error().context);
  });
  return part;
}

std::optional<chunk_list> bundle_sink::list_of(const content_ref& content) {
  auto found = store_->find(content.id);
  if (!found || !*found) return std::nullopt;
  return std::move((*found)->chunks);
}

result<void> bundle_sink::read(const content_ref& content, std::uint64_t offset, std::span<std::byte> out) {
  return store_->read(content.id, offset, out);
}

std::optional<extent> bundle_sink::place_of(const content_ref& content) const {
  const auto found = store_->find(content.id);
  return found && *found && (*found)->ref == content ? (*found)->where : std::nullopt;
}

std::optional<extent> bundle_sink::find(const content_ref& content) {
  if (const auto known = places_.find(content.id); known != places_.end()) return known->second;
  if (const auto place = place_of(content)) return place;
  if (options_.contents_later) return std::nullopt;
  // An unchanged neighbour in a page that is written anew: its segment went lost meanwhile.
  damage_ = error{errc::corrupt, "content " + to_hex(content.id) + " is not in the segments any more"};
  return std::nullopt;
}

// ---- swaps

/// All that the generation shows anew must lie in a segment: readers map it there. Leaves the places in
/// places_.
result<void> bundle_sink::check_changed(const swap_plan& plan) {
  std::vector<std::pair<digest, const asset_record*>> wanted;
  for (const auto& record : plan.changes.upserts)
    for (const auto& part : record.parts)
      if (part.content.size > 0) wanted.emplace_back(part.content.id, &record);
  std::sort(wanted.begin(), wanted.end());  // as the rows lie: a million looked up at random take minutes
  // A collection moves contents: then the places that count are those of the moment of publishing.
  const bool may_move = job_.running();
  for (const auto& [id, record] : wanted) {
    GRAPHITE_TRY(const auto found, store_->find(id));
    if (options_.contents_later && (!found || !found->where)) continue;
    if (!found || !found->where)
      return fail(errc::corrupt, "a fetched content of " + record->path.str() + " is lost");
    if (!may_move) places_.emplace(id, *found->where);
  }
  return {};
}

/// After the flip: what is lost with the process is made up for by restore().
result<void> bundle_sink::keep_rows(const swap_plan& plan) {
  const byte_vector note = encode_note(plan);
  std::vector<row_write> rows{{table::meta, "subscriber/note", std::string(as_text(note))}};
  if (auto linked = folder_->segments(); linked != linked_) {
    rows.push_back({table::meta, "subscriber/segments", segments_text(linked)});
    linked_ = std::move(linked);
  }
  return rows_->write(rows, key_value_store::durability::lazy);
}

result<void> bundle_sink::swap(const swap_plan& plan) {
  staged_at_ = now();
  finish_upkeep(running_ == upkeep::rewrite);  // pages move: a swap beside it would point into files that go
  const index_tree* base = index_->tree(plan.base_root);
  GRAPHITE_INVARIANT(base);
  places_.clear();
  GRAPHITE_CHECK(check_changed(plan));
  // The tree that is shown with the changes made, and not the one that was fetched: its pages know their
  // places.
  GRAPHITE_TRY(const auto next, base->apply(plan.changes));
  if (next.root() != plan.now.root)
    return fail(errc::corrupt, "the changes do not give the generation's root");
  const auto where = [this](const content_ref& content) { return find(content); };
  extent behind;
  if (!plan.now.behind.is_zero())
    if (const auto known = store_->find(plan.now.behind); known && *known)
      behind = (*known)->where.value_or(extent{});
  GRAPHITE_TRY(auto shown, decode_head(plan.head_bytes, hash_));
  GRAPHITE_CHECK(folder_->publish(plan.now, next, behind, where, std::move(shown.signature)));
  swapped_at_ = now();
  index_->adopt(next);
  fetched_.clear();
  places_.clear();
  unsynced_ = true;
  if (const auto kept = keep_rows(plan); !kept)
    log_.warn("the new generation's note: {}", kept.error().context);
  return {};
}

// ---- syncs

std::function<result<void>()> bundle_sink::begin_sync() {
  unsynced_ = false;
  syncing_ = true;
  const auto newest = folder_->current();
  return [this, newest]() -> result<void> {
    GRAPHITE_CHECK(store_->sync());
    GRAPHITE_CHECK(folder_->sync());
    if (!newest) return {};
    const std::string name =
        fmt::format("{:016x}-{:016x}", newest->value.epoch.value, newest->value.sequence.value);
    return rows_->write({{table::meta, "subscriber/synced", name}}, key_value_store::durability::synced);
  };
}

result<void> bundle_sink::end_sync(const result<void>& outcome) {
  syncing_ = false;
  if (!outcome) unsynced_ = true;
  return outcome;
}

// ---- upkeep

/// Off the moments when swaps come, unless they always come.
bool bundle_sink::rewrite_is_due() {
  if (now() < look_at_) return false;
  look_at_ = now() + look_period;
  const bool due =
      folder_->current() && (folder_->wants_rewrite() || store_->usage().file_bytes > collect_above_bytes_);
  due_since_ = due ? std::min(due_since_, now()) : time_point::max();
  return due && (now() > swapped_at_ + options_.quiet || now() > due_since_ + options_.overdue);
}

/// Dead segments are freed in two steps: pages that point into them go with a rewrite, then they are
/// collected.
bool bundle_sink::tidy(bool idle) {
  finish_upkeep(false);
  if (job_.running() || damage_) return false;
  if (next_upkeep_ == upkeep::collect || (next_upkeep_ == upkeep::rewrite && idle))
    start(next_upkeep_);
  else if (idle && rewrite_is_due())
    start(upkeep::rewrite);
  else if (now() >= scrub_at_ && folder_->current())
    start(upkeep::scrub);
  return false;
}

void bundle_sink::start(upkeep what) {
  running_ = what;
  next_upkeep_ = what == upkeep::rewrite ? upkeep::collect : upkeep::none;
  if (what == upkeep::rewrite) return job_.start([this] { return rewrite(); }, [] {});
  if (what == upkeep::scrub) {
    scrub_at_ = time_point::max();
    return job_.start([this] { return be_nice(), check_all(options_.scrub_bytes_per_second); }, [] {});
  }
  // Here and not in the job: what is stored from now on stays.
  auto pinned = store_->pin({fetched_.begin(), fetched_.end()});
  store_->begin_gc();
  job_.start([this, pinned = std::move(pinned)] { return be_nice(), collect(); }, [] {});
}

result<void> bundle_sink::rewrite() {
  GRAPHITE_CHECK(store_->sync());  // seals full segments: others are not collected
  GRAPHITE_TRY(rewritten_, folder_->rewrite([this](const content_ref& content) -> std::optional<extent> {
    return place_of(content);
  }));
  return {};
}

void bundle_sink::finish_upkeep(bool wait) {
  if (running_ == upkeep::none) return;
  auto outcome = wait ? std::optional(job_.wait()) : job_.take();
  if (!outcome) return;
  const auto was = std::exchange(running_, upkeep::none);
  if (!*outcome) {
    log_.warn("upkeep: {}", outcome->error().context);
    next_upkeep_ = upkeep::none;
    look_at_ = now() + failed_period;
    const auto code = outcome->error().code;
    if (code == errc::corrupt || code == errc::not_found) damage_ = outcome->error();
    return;
  }
  if (was == upkeep::rewrite) {
    index_->adopt_only(*rewritten_);
    rewritten_.reset();
  }
  if (was != upkeep::collect) return;
  if (moved_) next_upkeep_ = upkeep::rewrite;  // then nothing points into the segment that was copied out
  collect_above_bytes_ = std::max(store_->usage().file_bytes + options_.dead_bytes_slack / 2,
                                  2 * live_bytes_ + options_.dead_bytes_slack);
}

result<void> bundle_sink::mark_generation(const head_file& generation, std::uint64_t& live_bytes) {
  GRAPHITE_TRY(const auto tree, index_tree::open(generation.value, generation.root, folder_->pages(), hash_));
  std::vector<digest> batch;
  GRAPHITE_CHECK(
      for_each_part(tree, [&](std::string_view, const std::vector<asset_part>& parts) -> result<void> {
        if (stopping_.load()) return fail(errc::cancelled, "stopped");
        for (const auto& part : parts) {
          batch.push_back(part.content.id);
          live_bytes += part.content.size;
        }
        if (batch.size() < 4096) return {};
        store_->mark(batch);
        batch.clear();
        return {};
      }));
  store_->mark(batch);
  if (!generation.value.behind.is_zero()) store_->mark(std::array{generation.value.behind});
  return {};
}

/// Beside the swaps: what they store or find meanwhile stays.
result<void> bundle_sink::collect() {
  live_bytes_ = 0;
  moved_ = false;
  for (const auto& generation : folder_->generations()) {
    std::uint64_t bytes = 0;
    GRAPHITE_CHECK(mark_generation(generation, bytes));
    live_bytes_ = std::max(live_bytes_, bytes);
  }
  for (bool more = true; more && !stopping_.load();) {
    GRAPHITE_TRY(const auto step, store_->gc_step([this](segment_id id) { return folder_->refers_to(id); }));
    if (!step.moved.empty()) moved_ = true;
    more = step.more;
  }
  store_->end_gc();
  return {};
}

result<void> bundle_sink::collect_now() {
  finish_upkeep(true);
  // Twice: a segment that the first round copies out goes with the second.
  for (const auto what : {upkeep::rewrite, upkeep::collect, upkeep::rewrite, upkeep::collect}) {
    start(what);
    finish_upkeep(true);
    if (damage_) return tl::unexpected(*damage_);
  }
  next_upkeep_ = upkeep::none;
  return {};
}

}  // namespace graphite
