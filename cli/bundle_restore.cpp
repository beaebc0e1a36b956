#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "bundle/verify.hpp"
#include "cli/bundle_sink.hpp"
#include "platform/linux/clock.hpp"
#include "platform/linux/durable_file.hpp"

// Opening a state: what of it is believed, and what happens to the rest.

namespace graphite {
namespace {

namespace fs = std::filesystem;

bool fetchable(const error& why) { return why.code == errc::corrupt || why.code == errc::not_found; }

std::string generation_name(const head& of) {
  return fmt::format("{:016x}-{:016x}", of.epoch.value, of.sequence.value);
}

/// Moves `path` to `quarantine`/NAME, in place of what was there; what cannot be moved is removed.
void put_aside(const fs::path& path, const fs::path& quarantine) {
  std::error_code code;
  fs::create_directories(quarantine, code);
  fs::remove_all(quarantine / path.filename(), code);
  fs::rename(path, quarantine / path.filename(), code);
  if (code) fs::remove_all(path, code);
}

/// Keeps a walk to so many bytes and contents a second, in short sleeps.
class pace {
 public:
  pace(std::uint64_t bytes_per_second, const std::atomic<bool>& stop)
      : rate_(bytes_per_second), stop_(stop) {}
  void spend(std::uint64_t bytes) {
    if (rate_ == 0) return;
    spent_ += std::max(bytes, rate_ / contents_per_second);
    const auto due = begun_ + milliseconds(spent_ * 1000 / rate_);
    while (!stop_.load() && std::chrono::steady_clock::now() + slice < due)
      std::this_thread::sleep_for(slice);
  }

 private:
  static constexpr std::uint64_t contents_per_second = 2000;
  static constexpr milliseconds slice{50};
  std::uint64_t rate_, spent_ = 0;
  const std::atomic<bool>& stop_;
  time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace

result<std::unique_ptr<bundle_sink>> bundle_sink::open(bundle_sink_options options, state_trust trust,
                                                       const hasher& hash, log_sink& log) {
  std::unique_ptr<bundle_sink> out(new bundle_sink(std::move(options), hash, log));
  GRAPHITE_CHECK(out->open_all(trust));
  return out;
}

result<void> bundle_sink::open_all(state_trust trust) {
  std::error_code code;
  if (fs::exists(fs::symlink_status(options_.folder + "/current", code)))
    return fail(errc::already_exists,
                options_.folder + " shows files: choose another folder, or leave out --no-files");
  // What a writer of its own keeps there would be taken for a damaged state, and removed.
  if (fs::exists(options_.folder + "/head", code) && !fs::exists(home(), code))
    return fail(errc::already_exists,
                options_.folder + " is a bundle that is not kept by subscribing: choose another folder");
  GRAPHITE_CHECK(make_folders(home()));
  GRAPHITE_CHECK(take_lock());
  auto opened = open_rows();
  if (opened) opened = open_store();
  if (!opened && fetchable(opened.error())) {
    log_.error("the index of the segments is damaged: {}; it is made again", opened.error().context);
    store_.reset();
    rows_.reset();
    put_aside(home() + "/db", home() + "/quarantine");
    GRAPHITE_CHECK(open_rows());
    opened = open_store();  // which reads the segments through
  }
  GRAPHITE_CHECK(opened);
  return restore(trust);
}

result<void> bundle_sink::take_lock() {
  lock_.reset(::open((home() + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_) return fail_errno(errno, "open the lock");
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(errc::already_exists,
                fmt::format("another process keeps {} up to date already", options_.folder));
  return {};
}

result<void> bundle_sink::open_rows() {
  rocks_options options;
  options.folder = home() + "/db";
  GRAPHITE_TRY(rows_, rocks_store::open(std::move(options), log_));
  cut_off_ = std::make_shared<cut_off_contents>(*rows_, log_);
  return {};
}

result<void> bundle_sink::open_store() {
  segment_store_options options;
  options.folder = home() + "/segments";
  options.segment_bytes = options_.segment_bytes;
  options.reserve_bytes_max = 0;  // a swap takes what it needs, and no more
  GRAPHITE_TRY(store_, segment_store::open(std::move(options), *rows_, hash_, log_));
  return {};
}

result<void> bundle_sink::open_folder() {
  bundle_folder_options options;
  options.folder = options_.folder;
  options.segments_folder = home() + "/segments";
  options.kept_generations = 2;
  options.rewrite_bytes_min = options_.rewrite_bytes_min;
  options.sync_later = true;
  GRAPHITE_TRY(folder_, bundle_folder::open(std::move(options), hash_, log_));
  return {};
}

std::string bundle_sink::row(const char* name) const {
  const auto found = rows_->get(table::meta, std::string("subscriber/") + name);
  return found && *found ? **found : std::string();
}

/// The head says what is shown, the note what was shown before of other lineages.
void bundle_sink::remember_memory(const head_file& shown) {
  memory_.active = shown.value;
  memory_.signature = shown.signature;
  const lineage_mark mine{shown.value.lineage, shown.value.epoch, shown.value.sequence};
  std::erase_if(memory_.marks, [&](const auto& mark) { return mark.lineage == mine.lineage; });
  memory_.marks.push_back(mine);
}

result<void> bundle_sink::restore(state_trust trust) {
  const std::string note = row("note");
  if (auto memory = decode_note(as_bytes(note), hash_)) memory_ = std::move(*memory);
  relink_segments();
  auto good = open_folder();
  if (!good && !fetchable(good.error())) return good;
  const auto shown = good ? folder_->current() : std::nullopt;
  if (good && !shown && memory_.active) good = fail(errc::not_found, "the file head is missing");
  if (good && shown) {
    remember_memory(*shown);
    // What was kept without contents is checked for those that are missing.
    const bool incomplete = !options_.contents_later && row("contents") == "later";
    good = incomplete ? check_all(0) : check_shown(*shown, trust);
    if (good && trust == state_trust::none) good = fail(errc::corrupt, "it could not be gone on from");
  }
  if (!good) GRAPHITE_CHECK(discard_generations(good.error()));
  const auto pages = std::make_shared<placed_pages>(folder_->pages());
  index_ = std::make_unique<tree_index>(hash_, pages);
  if (memory_.active) GRAPHITE_CHECK(index_->restore(shown->value.root, shown->root));
  unsynced_ = memory_.active && row("synced") != generation_name(*memory_.active);
  if (const std::string contents = options_.contents_later ? "later" : ""; row("contents") != contents)
    GRAPHITE_CHECK(
        rows_->write({{table::meta, "subscriber/contents", contents}}, key_value_store::durability::synced));
  const std::string boot = to_string(boot_id());
  if (row("boot") == boot) return {};
  return rows_->write({{table::meta, "subscriber/boot", boot}}, key_value_store::durability::lazy);
}

/// Pages are fetched again, and of the contents what the store does not have. Programs that have mapped the
/// generation go on with it.
result<void> bundle_sink::discard_generations(const error& why) {
  log_.warn("the generation in {} is not whole ({}); what is missing is fetched again", options_.folder,
            why.context);
  folder_.reset();
  memory_ = without_active(std::move(memory_));
  std::error_code code;
  std::vector<fs::path> bad;
  for (const auto& entry : fs::directory_iterator(options_.folder, code)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("head-") || name.starts_with("pages-") || name.starts_with("segment-") ||
        name == "head.tmp")
      bad.push_back(entry.path());
  }
  put_aside(options_.folder + "/head", home() + "/quarantine");
  for (const auto& path : bad) fs::remove(path, code);
  return open_folder();
}

/// Links that somebody removed; those of segments that are gone, too, are the store's to tell.
void bundle_sink::relink_segments() {
  const std::string names = row("segments");
  for (std::size_t at = 0; at < names.size();) {
    const auto end = names.find('\n', at);
    const std::string name = names.substr(at, end - at);
    at = end == std::string::npos ? names.size() : end + 1;
    std::error_code code;
    const fs::path link = fs::path(options_.folder) / name;
    if (name.starts_with("segment-") && !fs::exists(link, code))
      fs::create_hard_link(home() + "/segments/" + name, link, code);
  }
}

// ---- what is believed

result<void> bundle_sink::check_shown(const head_file& shown, state_trust trust) {
  if (trust != state_trust::usual || !store_->lost().empty()) return check_all(0);
  const std::string synced = row("synced");
  if (synced == generation_name(shown.value)) return {};
  for (const auto& one : folder_->generations())
    if (generation_name(one.value) == synced) return check_beyond(one);
  // Too many swaps ago. Only a machine that stopped can have lost any of them.
  if (row("boot") == to_string(boot_id())) return {};
  return check_all(0);
}

result<void> bundle_sink::check_beyond(const head_file& synced) {
  GRAPHITE_TRY(const auto before, index_tree::open(synced.value, synced.root, folder_->pages(), hash_));
  GRAPHITE_TRY(const auto after, folder_->tree());
  GRAPHITE_TRY(const auto changes, changes_between(before, after));
  for (const auto& record : changes.upserts)
    for (const auto& part : record.parts) GRAPHITE_CHECK(check_content(part.content));
  return {};
}

/// Every page and content; goes on behind a bad one, so that the store forgets all of them. Any thread.
/// `bytes_per_second` 0: as fast as it goes.
result<void> bundle_sink::check_all(std::uint64_t bytes_per_second) {
  GRAPHITE_TRY(const auto tree, folder_->tree());
  result<void> first;
  pace walk(bytes_per_second, stopping_);
  const auto walked =
      for_each_part(tree, [&](std::string_view, const std::vector<asset_part>& parts) -> result<void> {
        for (const auto& part : parts) {
          if (stopping_.load()) return fail(errc::cancelled, "stopped");
          if (auto good = check_content(part.content); !good && first) first = good;
          walk.spend(part.content.size);
        }
        return {};
      });
  GRAPHITE_CHECK(walked);
  return first;
}

result<void> bundle_sink::check_content(const content_ref& content) {
  if (content.size == 0) return {};
  if (const auto known = store_->find(content.id); options_.contents_later && known && !*known) return {};
  auto view = store_->map(content.id);
  if (view) {
    if (const auto good = verify_content(content, view->bytes, hash_)) return {};
    log_.error("content {} is damaged", to_hex(content.id));
    GRAPHITE_CHECK(store_->forget(content.id));
  }
  return fail(errc::corrupt, "content " + to_hex(content.id) + " is missing or damaged");
}

}  // namespace graphite
