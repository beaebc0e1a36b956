#include <malloc.h>
#include <signal.h>

#include <cmath>
#include <filesystem>
#include <functional>

#include "bench/child.hpp"
#include "bench/growing_bundle.hpp"
#include "bench/peak_meter.hpp"
#include "bench/workloads.hpp"
#include "bench/writer_process.hpp"
#include "bindings/c/graphite.hpp"

namespace graphite::bench {
namespace {

namespace fs = std::filesystem;

/// Reads every byte of every asset.
std::uint64_t read_all(const followed_bundle& live, const std::function<std::string(std::size_t)>& name,
                       std::size_t assets) {
  std::uint64_t sum = 0;
  const pinned now(live.place());
  for (std::size_t i = 0; i < assets; ++i) {
    const auto asset = find(now.get(), name(i));
    if (!asset) give_up("an asset was not found");
    for (const char byte : part(now.get(), *asset)) sum += static_cast<unsigned char>(byte);
  }
  return sum;
}

/// One program that follows: what is read in it, and how it comes to its next generation.
struct follower {
  std::string folder;
  std::function<void()> read;
  std::function<void()> change;  ///< returns when what has changed is current
  std::function<std::uint64_t()> sequence;
};

/// Of each swap, over what was there before.
struct costs {
  std::vector<double> all, resident, disk, ahead, anonymous, looks, generations;
  double meter_error =
      0;  ///< the most by which a difference of memory at rest was not that of walked_bytes()
};

costs measure_swaps(const follower& program, double changed, int rounds) {
  costs out;
  for (int round = 0; round < rounds; ++round) {
    program.read();
    peak_meter meter(program.folder);
    const auto old = meter.first();
    const auto walked = walked_bytes();
    const auto before = program.sequence();
    program.change();
    out.generations.push_back(static_cast<double>(program.sequence() - before));
    program.read();
    meter.wait_for_looks(2);
    const auto peak = meter.peak();
    out.all.push_back((peak.all() - old.all()) / changed);
    out.resident.push_back((peak.resident - old.resident) / changed);
    out.disk.push_back((peak.disk - old.disk) / changed);
    out.ahead.push_back((peak.ahead - old.ahead) / changed);
    out.anonymous.push_back((peak.anonymous - old.anonymous) / 1024);
    out.looks.push_back(static_cast<double>(meter.looks()));
    const auto by_counters = meter.newest().resident - old.resident;
    out.meter_error = std::max(out.meter_error, std::abs(walked_bytes() - walked - by_counters));
  }
  return out;
}

void add_figures(report& out, const std::string& prefix, const costs& found) {
  const auto add = [&](const char* name, double value, const char* unit, std::optional<double> goal = {}) {
    out.figures.push_back({prefix + name, value, unit, better::lower, goal, {}, {}});
  };
  add("over_old_x_changed", median(found.all), "x", 1.1);
  add("over_old_x_changed_worst", percentile(found.all, 1), "x");
  add("of_this_resident", median(found.resident), "x");
  add("of_this_disk", median(found.disk), "x");
  add("of_this_disk_worst", percentile(found.disk, 1), "x");
  add("of_this_reserved_ahead_worst", percentile(found.ahead, 1), "x");
  add("anonymous_added_kib", median(found.anonymous), "KiB");
  add("generations_each_time", median(found.generations), "");
  add("meter_error_kib", found.meter_error / 1024, "KiB");
  out.figures.push_back({prefix + "looks_each_swap", median(found.looks), "", better::higher, {}, {}, {}});
}

/// A bundle that another process on this machine keeps.
costs of_a_folder(const writer_process::sizes& how, double changed, int rounds) {
  const auto work = temporary_folder("swap-memory"), other = temporary_folder("swap-memory-other");
  costs out;
  {
    writer_process writer(work, other, how);
    follow_options follow;
    follow.folder = work;
    followed_bundle live(std::move(follow));
    volatile std::uint64_t sum = 0;
    out = measure_swaps({work, [&] { sum = read_all(live, growing_bundle::name, how.assets); },
                         [&] {
                           writer.change(writer_process::which::followed);
                           while (live.poll() > 0 || live.statistics().sequence != writer.sequence())
                             live.wait(live.statistics().version, 1'000'000);
                         },
                         [&] { return live.statistics().sequence; }},
                        changed, rounds);
  }
  fs::remove_all(work);
  fs::remove_all(other);
  return out;
}

/// A project whose assets change together: `graphite dev` stands still while they are written.
class publishing_project {
 public:
  publishing_project(const bench_options& options, const std::string& work, const writer_process::sizes& how)
      : root_(work + "/project"), how_(how) {
    fs::create_directories(root_);
    for (std::size_t i = 0; i < how.assets; ++i) write(i);
    const auto program = options.programs + "/graphite";
    run_json({program, "init", root_, "--json"}, work + "/init.log");
    dev_.push_back(std::make_unique<child>(std::vector<std::string>{program, "dev", "-C", root_, "--json"},
                                           work + "/dev.log"));
    wait_for_all(
        dev_,
        [&](std::size_t, const nlohmann::json& event) {
          if (event.value("event", "") == "ready") heads_ = event["heads"];
          return !heads_.empty();
        },
        "ready event", 600);
  }
  static std::string name(std::size_t i) { return growing_bundle::name(i); }
  const std::string& heads() const { return heads_; }
  void change() {
    ::kill(dev_[0]->pid(), SIGSTOP);
    for (std::size_t i = 0; i < how_.changed_each_time; ++i) write(next_++ % how_.assets);
    ::kill(dev_[0]->pid(), SIGCONT);
  }

 private:
  void write(std::size_t i) {
    const fs::path path = root_ + "/" + name(i);
    fs::create_directories(path.parent_path());
    write_file(path, random_bytes(how_.bytes_each, ++seed_));
  }

  const std::string root_;
  const writer_process::sizes how_;
  std::uint64_t seed_ = 0;
  std::size_t next_ = 0;
  std::string heads_;
  std::vector<std::unique_ptr<child>> dev_;
};

/// In a program's life before: the rows of its contents are no cost of the swaps that are measured.
void keep_first_generation(const std::string& heads, const std::string& folder, std::size_t assets) {
  follow_options follow;
  follow.folder = folder;
  followed_bundle live(heads, "", std::move(follow));
  while (live.statistics().assets != assets) live.wait(live.statistics().version, 100'000'000);
}

/// A bundle that the program itself fetches from a channel and keeps.
costs of_a_subscriber(const bench_options& options, const writer_process::sizes& how, double changed,
                      int rounds) {
  const auto work = temporary_folder("swap-memory-subscriber");
  costs out;
  {
    publishing_project project(options, work, how);
    const auto folder = work + "/kept";
    keep_first_generation(project.heads(), folder, how.assets);
    follow_options follow;
    follow.folder = folder;
    std::size_t told = 0;
    follow.on_generation = [&](const graphite_changes& changes) { told += changes.changed_count; };
    followed_bundle live(project.heads(), "", std::move(follow));
    const auto poll_until = [&](const auto& reached) {
      while (live.poll() > 0 || !reached()) live.wait(live.statistics().version, 1'000'000);
    };
    poll_until([&] { return live.statistics().connected; });
    volatile std::uint64_t sum = 0;
    out = measure_swaps({folder, [&] { sum = read_all(live, project.name, how.assets); },
                         [&] {
                           const auto all = told + how.changed_each_time;
                           project.change();
                           poll_until([&] { return told >= all; });
                         },
                         [&] { return live.statistics().sequence; }},
                        changed, rounds);
  }
  fs::remove_all(work);
  return out;
}

}  // namespace

report run_swap_memory(const bench_options& options) {
  const writer_process::sizes how{options.quick ? 200u : 2'400u, 100'000, options.quick ? 2u : 24u};
  const auto changed = static_cast<double>(how.changed_each_time * how.bytes_each);
  const int rounds = options.quick ? 2 : 7;
  const auto chosen = [&](const char* name) { return options.only.empty() || options.only == name; };
  report out;
  // First, because it forks.
  if (chosen("folder")) add_figures(out, "", of_a_folder(how, changed, rounds));
  ::malloc_trim(0);  // what is free already would not show where it is used again
  if (chosen("subscriber"))
    add_figures(out, "subscriber_", of_a_subscriber(options, how, changed, 2 * rounds));
  out.notes.push_back(std::to_string(how.assets) + " assets of 100,000 bytes, all read before and after; " +
                      std::to_string(how.changed_each_time) +
                      " change in each swap; memory (counters of the kernel) and blocks of all of the "
                      "folder's files at their highest sum; nothing is compacted");
  out.notes.push_back(
      "the meter looks all the time, from a thread of its own; it does not see a file that comes and goes "
      "between two looks, and memory that is not mapped (page cache, sockets); meter_error: the most by "
      "which "
      "its differences of memory at rest were not those of a walk through all pages; nobody else maps the "
      "folder, so that they are those of PSS, too");
  return out;
}

}  // namespace graphite::bench
