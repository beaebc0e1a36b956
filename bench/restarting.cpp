#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "bench/cluster_processes.hpp"
#include "bench/workloads.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

constexpr int at_once = 32;  ///< of each of the two nodes

/// Each action says in a file that it begins, waits for half a second, copies, and says in another that it
/// ends.
void write_project(const std::string& folder, const std::string& begun, const std::string& ended, int count) {
  write_command_project(
      folder, "t/**/*.txt",
      fmt::format("echo {{in}} >> {}; sleep 0.5; cp {{in}} {{out}}; echo {{in}} >> {}", begun, ended));
  for (int i = 0; i < count; ++i) {
    const auto sub = fmt::format("{}/t/{}", folder, i / 1'000);
    if (i % 1'000 == 0) fs::create_directories(sub);
    write_file(fmt::format("{}/{}.txt", sub, i), std::to_string(i));
  }
}

/// How often each name was said.
std::map<std::string, int> read_names(const std::string& path) {
  std::map<std::string, int> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) ++out[line];
  return out;
}

/// What was begun when the coordinator was killed, and how it went on.
struct restart {
  double answers_s = 0, ready_s = 0, repeated_pct = 0;
};

class restarting {
 public:
  restarting(const bench_options& options, int count)
      : cluster_(options.programs, 2, {}, {"--jobs", std::to_string(at_once), "--sandbox", "off"}),
        count_(count) {
    write_project(project_, begun_, ended_, count);
    job_ = cluster_.submit(project_, false).at("job");
    until("the job's actions to be planned and to run", [&] { return is_at_work(); });
    const auto first = read_names(begun_).size();
    until("some of them to end", [&] { return read_names(begun_).size() > first + 64; });
  }
  restart once() {
    cluster_.kill_coordinator();
    const auto ended = read_names(ended_), begun = read_names(begun_);
    std::vector<std::string> ran;
    for (const auto& [name, times] : begun)
      if (!ended.contains(name)) ran.push_back(name);
    if (ran.empty()) give_up("nothing ran when the coordinator was killed");
    const double begin = now_seconds();
    cluster_.start_coordinator();
    restart out;
    out.answers_s = now_seconds() - begin;
    until("the job to go on", [&] { return is_at_work(); });
    out.ready_s = now_seconds() - begin;
    until("what ran to be long over",
          [&] { return read_names(begun_).size() > begun.size() + 10 * 2 * at_once; });
    auto after = read_names(begun_);
    const auto again =
        std::ranges::count_if(ran, [&](const auto& name) { return after[name] > begun.at(name); });
    out.repeated_pct = 100.0 * static_cast<double>(again) / static_cast<double>(ran.size());
    return out;
  }

 private:
  bool is_at_work() {
    const auto job = cluster_.ask({"job", std::to_string(job_)});
    if (job.at("state") == "failed") give_up("the job has failed: " + job.dump());
    return job.at("state") == "building" && job.at("actions") == count_ && job.at("running") > 0 &&
           !cluster_.ask({"status"}).at("cluster").at("in_grace");
  }
  void until(const std::string& what, const std::function<bool()>& holds) {
    for (const double last = now_seconds() + 600; !holds(); ::usleep(10'000))
      if (now_seconds() > last) give_up("waited too long for " + what + ": see " + cluster_.log());
  }

  struct scratch {
    std::string folder = temporary_folder("restart");
    ~scratch() { fs::remove_all(folder); }
  };
  const scratch scratch_;  ///< ends after who works in it
  const std::string project_ = scratch_.folder + "/project", begun_ = scratch_.folder + "/begun",
                    ended_ = scratch_.folder + "/ended";
  cluster_processes cluster_;
  const int count_;
  std::uint64_t job_ = 0;
};

}  // namespace

report run_restart(const bench_options& options) {
  report out;
  restarting all(options, options.quick ? 2'000 : 100'000);
  std::vector<double> answers, ready, repeated;
  for (int i = 0; i < (options.quick ? 1 : 5); ++i) {
    const auto one = all.once();
    answers.push_back(one.answers_s);
    ready.push_back(one.ready_s);
    repeated.push_back(one.repeated_pct);
  }
  out.figures.push_back({"answers_s", median(answers), "s", better::lower, {}, {}, {}});
  out.figures.push_back({"ready_s", median(ready), "s", better::lower, 3, {}, {}});
  out.figures.push_back({"repeated_pct", median(repeated), "%", better::lower, 5, {}, {}});
  out.notes.push_back(
      "kill -9 of a coordinator amid a job of 100,000 actions (2,000 with --quick) on two nodes, 32 at a "
      "time each; from its next "
      "start to "
      "where it answers, and to where the job is planned whole again and its actions run; of the 64 that ran "
      "at the "
      "kill, those that ran again");
  return out;
}

}  // namespace graphite::bench
