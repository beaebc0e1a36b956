#include <unistd.h>

#include <filesystem>
#include <random>

#include "bench/child.hpp"
#include "bench/cluster_processes.hpp"
#include "bench/workloads.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

/// Actions that mostly wait, each for 10 to 200 ms: the same in every run.
void write_waiting_project(const std::string& folder, int count) {
  write_command_project(folder, "t/*.txt", "read time < {in}; sleep $time; cp {in} {out}");
  fs::create_directories(folder + "/t");
  std::mt19937 random(7);
  for (int i = 0; i < count; ++i)
    write_file(fmt::format("{}/t/{}.txt", folder, i),
               fmt::format("{:.3f}\n{}\n", 0.010 + 0.190 * static_cast<double>(random() % 1'000) / 999, i));
}

/// Seconds from a job's acceptance to its end, on a fresh cluster of so many nodes.
double seconds_on(const bench_options& options, const std::string& project, int nodes) {
  cluster_processes cluster(options.programs, nodes);
  const auto job = cluster.submit(project);
  if (job.at("state") != "done" || job.at("cached") != 0) give_up("a job did not end well: " + job.dump());
  return (job.at("ended_unix_ns").get<double>() - job.at("accepted_unix_ns").get<double>()) / 1e9;
}

/// Medians by nodes; the settings take turns.
std::map<int, double> medians_on(const bench_options& options, const std::string& project,
                                 const std::vector<int>& nodes, int rounds) {
  std::map<int, std::vector<double>> taken;
  for (int i = 0; i < rounds; ++i)
    for (const auto count : nodes) taken[count].push_back(seconds_on(options, project, count));
  std::map<int, double> out;
  for (const auto& [count, seconds] : taken) out[count] = median(seconds);
  return out;
}

}  // namespace

report run_scale_out(const bench_options& options) {
  report out;
  const auto folder = temporary_folder("scale-out");
  write_waiting_project(folder + "/waiting", options.quick ? 40 : 400);
  const std::vector<int> nodes = options.quick ? std::vector{1, 2} : std::vector{1, 2, 4, 8};
  const auto seconds = medians_on(options, folder + "/waiting", nodes, options.quick ? 1 : 5);
  double worst = 0;
  for (const auto count : nodes) {
    out.figures.push_back(
        {fmt::format("seconds_{}", count), seconds.at(count), "s", better::lower, {}, {}, {}});
    if (count > 1) worst = std::max(worst, seconds.at(count) / seconds.at(count / 2));
  }
  out.figures.push_back({"worst_doubling", worst, "x", better::lower, 0.6, {}, {}});
  out.notes.push_back(
      "commands that wait 10 to 200 ms (105 in the middle), each node two at a time; from the acceptance of "
      "the job "
      "to its end, on a cluster that has built nothing");
  const char* data = std::getenv("GRAPHITE_SUPERTUX_DATA");
  if (data != nullptr && fs::is_directory(data)) {
    const auto root = folder + "/supertux";
    fs::copy(data, root, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    fs::copy(GRAPHITE_SOURCE_FOLDER "/examples/supertux", root,
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    const std::vector<int> few = options.quick ? std::vector{1} : std::vector{1, 2, 4};
    const auto taken = medians_on(options, root, few, options.quick ? 1 : 5);
    double slower = 0;
    for (const auto count : few) {
      out.figures.push_back(
          {fmt::format("supertux_seconds_{}", count), taken.at(count), "s", better::lower, {}, {}, {}});
      if (count > 1) slower = std::max(slower, taken.at(count) / taken.at(count / 2));
    }
    out.figures.push_back({"supertux_worst_doubling", slower, "x", better::lower, 1.05, {}, {}});
  } else {
    out.notes.push_back(
        "NOT MEASURED: the example: GRAPHITE_SUPERTUX_DATA must name usr/share/games/supertux2 of the "
        "unpacked "
        "package supertux-data");
  }
  fs::remove_all(folder);
  return out;
}

}  // namespace graphite::bench
