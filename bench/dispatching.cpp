#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/child.hpp"
#include "bench/worker_client.hpp"
#include "bench/workloads.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

std::vector<pid_t> children_of(pid_t parent) {
  const auto id = std::to_string(parent);
  std::ifstream in("/proc/" + id + "/task/" + id + "/children");
  std::vector<pid_t> out;
  for (pid_t one = 0; in >> one;) out.push_back(one);
  return out;
}

bool runs(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  return text.find(") R ") != std::string::npos;
}

/// Ends the workers: they are the children of our only child.
void kill_workers() {
  for (const auto server : children_of(::getpid()))
    for (const auto worker : children_of(server)) ::kill(worker, SIGKILL);
}

bool any_worker_runs() {
  for (const auto server : children_of(::getpid()))
    for (const auto worker : children_of(server))
      if (runs(worker)) return true;
  return false;
}

/// Seconds from when a worker dies in the middle of its work until `next`, in another one, is done.
double recovery_from_death_at_work(worker_client& worker, const std::function<double()>& next) {
  memory_files files;
  auto& text = files.files["long.json"] = "[0";
  while (text.size() < 32 * MiB) text += ",1";
  text += ']';
  double killed = 0;
  std::atomic<bool> over = false;
  std::thread kills([&] {
    while (!any_worker_runs())
      if (over) return;
    killed = now_seconds();
    kill_workers();
  });
  const auto ran = worker.run_once("text", "long.json", files);
  over = true;
  kills.join();
  if (ran) give_up("a worker at work was not killed");
  next();
  return now_seconds() - killed;
}

}  // namespace

report run_worker_dispatch(const bench_options& options) {
  report out;
  worker_client worker(options.programs);
  memory_files files;
  files.files["a.json"] = "1";
  const auto once = [&] {
    const auto start = now_seconds();
    worker.run("text", "a.json", files);
    return now_seconds() - start;
  };
  for (int i = 0; i < 100; ++i) once();
  std::vector<double> dispatch, recovery;
  for (int i = 0; i < (options.quick ? 100 : 5'000); ++i) dispatch.push_back(1e6 * once());
  for (int i = 0; i < (options.quick ? 3 : 200); ++i) {
    kill_workers();
    recovery.push_back(1e3 * once());
    once();
  }
  std::vector<double> at_work;
  for (int i = 0; i < (options.quick ? 3 : 50); ++i)
    at_work.push_back(1e3 * recovery_from_death_at_work(worker, once));
  out.figures.push_back({"p50_us", median(dispatch), "us", better::lower, 100, {}, {}});
  out.figures.push_back({"p99_us", percentile(dispatch, 0.99), "us", better::lower, {}, {}, {}});
  out.figures.push_back({"crash_recovery_ms", median(recovery), "ms", better::lower, 50, {}, {}});
  out.figures.push_back(
      {"crash_recovery_p99_ms", percentile(recovery, 0.99), "ms", better::lower, {}, {}, {}});
  out.figures.push_back({"death_at_work_ms", median(at_work), "ms", better::lower, 50, {}, {}});
  out.notes.push_back(
      "a text of one byte through the shipped worker, input and output included; recovery: the next "
      "task after all workers were killed; death at work: from a kill amid a task to the end of the next "
      "one");
  return out;
}

report run_supertux_cold(const bench_options& options) {
  report out;
  const char* data = std::getenv("GRAPHITE_SUPERTUX_DATA");
  if (data == nullptr || !fs::is_directory(data)) {
    out.notes.push_back(
        "NOT MEASURED: GRAPHITE_SUPERTUX_DATA must name usr/share/games/supertux2 of the unpacked "
        "package supertux-data");
    return out;
  }
  const auto work = temporary_folder("supertux");
  const auto root = work + "/project";
  fs::copy(data, root, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const fs::path example = GRAPHITE_SOURCE_FOLDER "/examples/supertux";
  fs::copy(example, root, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  std::vector<double> seconds, over, cpu;
  for (int i = 0; i < (options.quick ? 1 : 5); ++i) {
    fs::remove_all(root + "/.graphite");
    const double start = now_seconds();
    const auto end =
        run_json({options.programs + "/graphite", "build", "-C", root, "--json"}, work + "/build.log");
    seconds.push_back(now_seconds() - start);
    cpu.push_back(end.value("action_cpu_seconds", 0.0));
    over.push_back(seconds.back() / (cpu.back() / 2));
    if (i == 0)
      out.notes.push_back(std::to_string(end.value("ran", 0)) + " actions for " +
                          std::to_string(end.value("assets", 0)) + " assets");
  }
  out.figures.push_back({"seconds_2", median(seconds), "s", better::lower, {}, {}, {}});
  out.figures.push_back({"action_cpu_s", median(cpu), "s", better::lower, {}, {}, {}});
  out.figures.push_back({"over_cpu_bound", median(over), "x", better::lower, 1.1, {}, {}});
  out.notes.push_back("from nothing: the state folder is removed before each build; medians");
  fs::remove_all(work);
  return out;
}

}  // namespace graphite::bench
