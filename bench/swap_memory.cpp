#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "bench/child.hpp"
#include "bench/growing_bundle.hpp"
#include "bench/workloads.hpp"
#include "bench/writer_process.hpp"
#include "bindings/c/graphite.hpp"

namespace graphite::bench {
namespace {

/// What a program that follows a bundle costs, in bytes.
struct cost {
  double resident = 0;   ///< its share of what is mapped, memory of its own included
  double anonymous = 0;  ///< of these its own
  double disk = 0;       ///< blocks of the bundle's files
  double all() const { return resident + disk; }
};

cost cost_now(const std::string& folder) {
  cost out;
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string word; rollup >> word;) {
    double kilobytes = 0;
    if (word == "Pss:" && rollup >> kilobytes) out.resident = kilobytes * 1024;
    if (word == "Anonymous:" && rollup >> kilobytes) out.anonymous = kilobytes * 1024;
  }
  for (const auto& one : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat info {};
    if (::lstat(one.path().c_str(), &info) == 0) out.disk += static_cast<double>(info.st_blocks) * 512;
  }
  return out;
}

/// Looks again and again and keeps the highest.
class peak_meter {
 public:
  explicit peak_meter(const std::string& folder)
      : thread_([this, folder] {
          while (!done_.load()) {
            const auto now = cost_now(folder);
            const std::lock_guard lock(mutex_);
            ++looks_;
            if (now.all() > peak_.all()) peak_ = now;
            changed_.notify_all();
          }
        }) {}
  ~peak_meter() {
    done_.store(true);
    thread_.join();
  }
  void wait_for_looks(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    const auto until = looks_ + count;
    changed_.wait(lock, [&] { return looks_ >= until; });
  }
  std::pair<cost, std::uint64_t> peak() {
    const std::lock_guard lock(mutex_);
    return {peak_, looks_};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  cost peak_;
  std::uint64_t looks_ = 0;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

/// Reads every byte of every asset.
std::uint64_t read_all(const followed_bundle& live, std::size_t assets) {
  std::uint64_t sum = 0;
  const pinned now(live.place());
  for (std::size_t i = 0; i < assets; ++i) {
    const auto asset = find(now.get(), growing_bundle::name(i));
    if (!asset) give_up("an asset was not found");
    for (const char byte : part(now.get(), *asset)) sum += static_cast<unsigned char>(byte);
  }
  return sum;
}

}  // namespace

report run_swap_memory(const bench_options& options) {
  writer_process::sizes how{options.quick ? 200u : 2'400u, 100'000, options.quick ? 2u : 24u};
  const auto changed = static_cast<double>(how.changed_each_time * how.bytes_each);
  const auto work = temporary_folder("swap-memory"), other = temporary_folder("swap-memory-other");
  report out;
  {
    writer_process writer(work, other, how);
    follow_options follow;
    follow.folder = work;
    followed_bundle live(std::move(follow));
    std::vector<double> over, anonymous, resident, disk, looks;
    for (int round = 0; round < (options.quick ? 2 : 7); ++round) {
      volatile std::uint64_t sum = read_all(live, how.assets);
      const auto old = cost_now(work);
      {
        peak_meter meter(work);
        writer.change(writer_process::which::followed);
        while (live.poll() > 0 || live.statistics().sequence != writer.sequence())
          live.wait(live.statistics().version, 1'000'000);
        meter.wait_for_looks(2);  // one look takes longer than a swap: it must not see half of each
        sum = read_all(live, how.assets);
        meter.wait_for_looks(2);
        const auto [peak, count] = meter.peak();
        over.push_back((peak.all() - old.all()) / changed);
        anonymous.push_back((peak.anonymous - old.anonymous) / 1024);
        resident.push_back((peak.resident - old.resident) / changed);
        disk.push_back((peak.disk - old.disk) / changed);
        looks.push_back(static_cast<double>(count));
      }
      (void)sum;
    }
    out.figures = {
        {"over_old_x_changed", median(over), "x", better::lower, 1.1, {}, {}},
        {"over_old_x_changed_worst", percentile(over, 1), "x", better::lower, {}, {}, {}},
        {"of_this_resident", median(resident), "x", better::lower, {}, {}, {}},
        {"of_this_disk", median(disk), "x", better::lower, {}, {}, {}},
        {"anonymous_added_kib", median(anonymous), "KiB", better::lower, {}, {}, {}},
        {"looks_each_swap", median(looks), "", better::higher, {}, {}, {}},
    };
    out.notes.push_back(std::to_string(how.assets) + " assets of 100,000 bytes, all read before and after; " +
                        std::to_string(how.changed_each_time) +
                        " change in each swap; PSS (its own memory included) and blocks of the bundle's "
                        "files at their highest sum; nothing is compacted");
  }
  std::filesystem::remove_all(work);
  std::filesystem::remove_all(other);
  return out;
}

}  // namespace graphite::bench
