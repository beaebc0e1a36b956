#include "platform/rocksdb/rocks_store.hpp"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/transaction_log.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <thread>

#include "core/kill_point.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/linux/lock_holder.hpp"
#include "platform/rocksdb/rocks_env.hpp"

namespace graphite {

namespace {

/// Busy: RocksDB is still recovering from it.
bool is_no_space(const rocksdb::Status& status) {
  return status.subcode() == rocksdb::Status::kNoSpace || status.IsBusy();
}

error to_error(const rocksdb::Status& status, std::string_view what) {
  auto text = fmt::format("{}: {}", what, status.ToString());
  if (is_no_space(status)) return {errc::out_of_space, std::move(text)};
  if (status.IsCorruption()) return {errc::corrupt, std::move(text)};
  if (status.IsNotFound() || status.IsPathNotFound()) return {errc::not_found, std::move(text)};
  return {errc::io, std::move(text)};
}

[[noreturn]] void end_process(const error& why) {
  std::fprintf(stderr, "graphite: %s; ending, because nothing written from here on could be trusted\n",
               why.context.c_str());
  std::_Exit(70);
}

/// Tells once that a write or sync failed for another reason than space.
class failure_report final : public rocksdb::EventListener {
 public:
  explicit failure_report(std::function<void(const error&)> tell) : tell_(std::move(tell)) {
    if (!tell_) tell_ = end_process;
  }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    if (!is_no_space(*status)) failed(to_error(*status, "the metadata store cannot write"));
  }
  // RocksDB's own recovery looks for space every few seconds and refuses ours meanwhile; the next write
  // asking for it is sooner.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }
  void failed(const error& why) {
    if (!failed_.exchange(true)) tell_(why);
  }
  void refuse() { failed_.store(true); }
  bool has_failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  std::function<void(const error&)> tell_;
  std::atomic<bool> failed_{false};
};

rocksdb::ColumnFamilyOptions family_options(const rocks_options& options,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions out;
  out.write_buffer_size = options.memtable_bytes;
  out.compression = rocksdb::kNoCompression;  // rows are packed by their owners; a fast open matters more
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = cache;
  blocks.block_size = 8 << 10;
  blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return out;
}

rocksdb::DBOptions database_options(const rocks_options& options, rocksdb::Env* env,
                                    const std::shared_ptr<failure_report>& failures) {
  rocksdb::DBOptions out;
  out.env = env;
  out.create_if_missing = out.create_missing_column_families = !options.read_only;
  out.listeners = {failures};
  // A power cut may leave lazy rows torn anywhere behind the last sync, not only in the last record.
  // Point-in-time keeps everything up to there, which includes all that was synced; the "tolerate" mode
  // would refuse to open such a log.
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  out.max_total_wal_size = options.wal_bytes_max;
  // Fast open and close: the log is replayed into memory and stays the only copy until it is full.
  out.avoid_flush_during_recovery = out.avoid_flush_during_shutdown = true;
  out.skip_stats_update_on_db_open = out.skip_checking_sst_file_sizes_on_db_open = true;
  out.max_manifest_file_size = 1 << 20;
  out.max_background_jobs = 2;
  out.stats_dump_period_sec = out.stats_persist_period_sec = 0;
  out.keep_log_file_num = 2;
  out.max_log_file_size = 1 << 20;
  out.info_log_level = rocksdb::WARN_LEVEL;
  out.max_open_files = 256;
  out.max_file_opening_threads = 1;  // or an open starts 16 threads for each column family's few files
  return out;
}

constexpr std::string_view version_prefix = "graphite-metadata ";

std::string version_path(const std::string& folder) { return folder + "/VERSION"; }

result<void> check_version(const std::string& folder) {
  GRAPHITE_TRY(auto text, read_whole_file(version_path(folder), 256));
  std::uint32_t version = 0;
  const bool prefixed = text.starts_with(version_prefix) && text.ends_with('\n');
  const char* begin = prefixed ? text.data() + version_prefix.size() : nullptr;
  const char* end = prefixed ? text.data() + text.size() - 1 : nullptr;
  auto parsed = prefixed ? std::from_chars(begin, end, version) : std::from_chars_result{nullptr, {}};
  if (!prefixed || parsed.ec != std::errc{} || parsed.ptr != end || version == 0)
    return fail(errc::corrupt, version_path(folder) + " does not say a version: is this graphite's folder?");
  if (version > rocks_store::format_version)
    return fail(
        errc::newer_version,
        fmt::format("{} was written by a newer graphite (format {}, this one knows up to {}): use the "
                    "newer program, or name another state folder with --state",
                    folder, version, rocks_store::format_version));
  return {};
}

/// The version is written before anything else is, so a folder with a database always has one.
result<void> prepare_folder(const rocks_options& options) {
  std::error_code code;
  if (std::filesystem::exists(version_path(options.folder), code)) return check_version(options.folder);
  if (std::filesystem::exists(options.folder + "/CURRENT", code))
    return fail(errc::corrupt, options.folder + " holds a database but no VERSION file");
  if (options.read_only) return fail(errc::not_found, "no metadata store at " + options.folder);
  GRAPHITE_CHECK(make_folders(options.folder));
  return replace_file(version_path(options.folder),
                      as_bytes(fmt::format("{}{}\n", version_prefix, rocks_store::format_version)));
}

/// An open that failed because somebody has the lock, told so that the user can act.
error open_error(const rocksdb::Status& status, const std::string& folder) {
  const auto text = status.ToString();
  const auto lock = folder + "/LOCK";
  if (status.IsIOError() && text.find("LOCK") != std::string::npos &&
      text.find("ermission") == std::string::npos)
    return {errc::already_exists, fmt::format("{} is in use by {}", folder, describe_lock_holder(lock))};
  if (text.find("ermission denied") != std::string::npos) return {errc::permission_denied, text};
  return to_error(status, "open " + folder);
}

}  // namespace

struct rocks_store::state {
  rocks_options options;
  log_sink& log;
  std::unique_ptr<rocksdb::Env> env;
  std::shared_ptr<failure_report> failures;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families{};
  std::mutex resuming{};
  std::atomic<bool> out_of_space{false};

  ~state() {
    if (db) shorten_log();
    for (auto* family : families) db->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    if (db) db->Close().PermitUncheckedError();
  }
  rocksdb::ColumnFamilyHandle* family(table where) const { return families[static_cast<std::size_t>(where)]; }

  result<void> open();
  void shorten_log();
  result<void> resume();
  result<void> failed(const rocksdb::Status& status);
  rocksdb::Status write(rocksdb::WriteBatch& batch, durability how);
};

rocksdb::Status rocks_store::state::write(rocksdb::WriteBatch& batch, durability how) {
  rocksdb::WriteOptions sync_or_not;
  sync_or_not.sync = how == durability::synced;
  GRAPHITE_KILL_POINT("rocksdb.before_write");
  auto status = db->Write(sync_or_not, &batch);
  GRAPHITE_KILL_POINT("rocksdb.after_write");
  return status;
}

result<void> rocks_store::state::open() {
  const auto cache = rocksdb::NewLRUCache(options.cache_bytes);
  const auto family = family_options(options, cache);
  // Index 0 is RocksDB's own default family, which stays empty.
  std::vector<rocksdb::ColumnFamilyDescriptor> names{{rocksdb::kDefaultColumnFamilyName, family}};
  for (int i = 0; i < table_count; ++i)
    names.emplace_back(std::string(to_string(static_cast<table>(i))), family);
  const auto database = database_options(options, env.get(), failures);
  rocksdb::DB* opened = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto status = options.read_only
                          ? rocksdb::DB::OpenForReadOnly(database, options.folder, names, &handles, &opened)
                          : rocksdb::DB::Open(database, options.folder, names, &handles, &opened);
  if (!status.ok()) return tl::unexpected(open_error(status, options.folder));
  db.reset(opened);
  db->DestroyColumnFamilyHandle(handles[0]).PermitUncheckedError();
  families.assign(handles.begin() + 1, handles.end());
  return {};
}

/// Writes tables out where the log has grown so long that the next open would be slow: many bytes, or many
/// files, of which every open leaves one.
void rocks_store::state::shorten_log() {
  if (options.read_only) return;
  constexpr std::uint64_t log_bytes_kept = 1 << 20;
  constexpr std::size_t log_files_kept = 8;
  rocksdb::VectorLogPtr logs;
  if (!db->GetSortedWalFiles(logs).ok()) return;
  std::uint64_t bytes = 0, live = 0;
  for (const auto& one : logs) {
    if (one->Type() != rocksdb::kAliveLogFile) continue;
    bytes += one->SizeFileBytes();
    ++live;
  }
  if (bytes <= log_bytes_kept && live <= log_files_kept) return;
  rocksdb::FlushOptions how;
  how.wait = false;  // RocksDB's own waiting may never end on a full disk
  how.allow_write_stall = true;
  if (!db->Flush(how, families).ok()) return;
  const auto busy = [&](const std::string& property) {
    std::uint64_t sum = 0, value = 0;
    for (auto* family : families)
      if (db->GetIntProperty(family, property, &value)) sum += value;
    return sum > 0;
  };
  constexpr int waits_max = 300;  // a close that cannot finish this leaves a longer log, that is all
  for (int i = 0; i < waits_max; ++i) {
    if (!busy(rocksdb::DB::Properties::kMemTableFlushPending) &&
        !busy(rocksdb::DB::Properties::kNumRunningFlushes))
      return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// After a write ran out of space RocksDB refuses all others until it is told to go on.
result<void> rocks_store::state::resume() {
  std::lock_guard lock(resuming);
  if (!out_of_space.load()) return {};
  if (const auto status = db->Resume(); !status.ok()) return failed(status);
  out_of_space.store(false);
  log.info("the metadata store at {} has space again", options.folder);
  return {};
}

result<void> rocks_store::state::failed(const rocksdb::Status& status) {
  auto why = to_error(status, "write to " + options.folder);
  if (is_no_space(status)) {
    if (!out_of_space.exchange(true)) log.warn("{}", why.context);
  } else {
    failures->failed(why);
  }
  return tl::unexpected(std::move(why));
}

rocks_store::rocks_store(std::unique_ptr<state> state) : state_(std::move(state)) {}
rocks_store::~rocks_store() = default;

result<std::unique_ptr<rocks_store>> rocks_store::open(rocks_options options, log_sink& log) {
  GRAPHITE_CHECK(prepare_folder(options));
  auto env = make_rocks_env(options.fault);
  auto failures = std::make_shared<failure_report>(options.on_failed_sync);
  auto opened = std::unique_ptr<state>(new state{std::move(options), log, std::move(env), failures, nullptr});
  GRAPHITE_CHECK(opened->open());
  return std::unique_ptr<rocks_store>(new rocks_store(std::move(opened)));
}

void rocks_store::refuse_writes() { state_->failures->refuse(); }

result<std::optional<std::string>> rocks_store::get(table where, std::string_view key) const {
  std::string value;
  const auto status = state_->db->Get(rocksdb::ReadOptions(), state_->family(where), key, &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return tl::unexpected(to_error(status, "read"));
  return std::optional(std::move(value));
}

result<void> rocks_store::write(const std::vector<row_write>& rows, durability how) {
  if (state_->options.read_only)
    return fail(errc::permission_denied, "the metadata store is open for reading");
  if (state_->failures->has_failed()) return fail(errc::io, "the metadata store failed before");
  rocksdb::WriteBatch batch;
  for (const auto& row : rows) {
    if (row.value && row.value->size() > value_bytes_max)
      return fail(errc::too_large,
                  fmt::format("a row of {} bytes for {}", row.value->size(), to_string(row.where)));
    const auto status = row.value ? batch.Put(state_->family(row.where), row.key, *row.value)
                                  : batch.Delete(state_->family(row.where), row.key);
    if (!status.ok()) return tl::unexpected(to_error(status, "batch"));
  }
  if (state_->out_of_space.load(std::memory_order_relaxed)) GRAPHITE_CHECK(state_->resume());
  auto status = state_->write(batch, how);
  if (is_no_space(status)) {
    // It may be the echo of an earlier failure in the background, and there is room by now.
    (void)state_->failed(status);
    GRAPHITE_CHECK(state_->resume());
    status = state_->write(batch, how);
  }
  if (!status.ok()) return state_->failed(status);
  return {};
}

result<void> rocks_store::scan(table where, std::string_view prefix,
                               const std::function<bool(std::string_view, std::string_view)>& visit) const {
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  std::unique_ptr<rocksdb::Iterator> at(state_->db->NewIterator(options, state_->family(where)));
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next())
    if (!visit(at->key().ToStringView(), at->value().ToStringView())) return {};
  if (!at->status().ok()) return tl::unexpected(to_error(at->status(), "scan"));
  return {};
}

}  // namespace graphite
