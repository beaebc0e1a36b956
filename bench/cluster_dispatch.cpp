#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "bench/child.hpp"
#include "bench/cluster_processes.hpp"
#include "bench/workloads.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

constexpr const char* gearmand = "/usr/sbin/gearmand";
constexpr const char* dask_scheduler = "/usr/bin/dask-scheduler";

/// What our coordinator with two nodes gives.
nlohmann::json run_once(const cluster_keys& keys, const std::string& programs, std::uint64_t count) {
  const auto program = programs + "/dispatch_program", log = keys.log();
  const auto state = keys.folder() + "/state";
  fs::create_directories(state);
  child coordinator({program, "coordinator", keys.of("main"), state, std::to_string(count), "4096"}, log);
  const auto port = std::to_string(wait_for(coordinator, "ready").at("port").get<int>());
  child first({program, "node", keys.of("node-1"), port}, log),
      second({program, "node", keys.of("node-2"), port}, log);
  auto out = wait_for(coordinator, "done", 300);
  if (out.at("committed") != out.at("submitted"))
    give_up(fmt::format("{} of {} results are in the action cache", out.at("committed").dump(),
                        out.at("submitted").dump()));
  coordinator.wait();
  fs::remove_all(state);
  return out;
}

std::uint16_t free_port() {
  const int one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t size = sizeof at;
  if (::bind(one, reinterpret_cast<::sockaddr*>(&at), size) != 0 ||
      ::getsockname(one, reinterpret_cast<::sockaddr*>(&at), &size) != 0)
    give_up("no free port");
  ::close(one);
  return ntohs(at.sin_port);
}

bool listens(std::uint16_t port) {
  const int one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool out = ::connect(one, reinterpret_cast<::sockaddr*>(&at), sizeof at) == 0;
  ::close(one);
  return out;
}

/// gearmand with two workers; `in_flight` tasks at a time, all of which end before the next.
double gearman_rate(const cluster_keys& keys, const std::string& programs, std::uint64_t count,
                    std::uint64_t in_flight) {
  const auto program = programs + "/gearman_peer", log = keys.folder() + "/gearman.log";
  const auto port = free_port();
  const auto at = std::to_string(port);
  const child server({gearmand, "--listen", "127.0.0.1", "--port", at, "--user", "root", "--log-file", log},
                     log);
  for (const double until = now_seconds() + 30; !listens(port); ::usleep(10'000))
    if (now_seconds() > until) give_up("gearmand does not listen: see " + log);
  const child first({program, "worker", at}, log), second({program, "worker", at}, log);
  return run_json({program, "client", at, std::to_string(count), std::to_string(in_flight)}, log)
      .at("actions_per_s");
}

/// Without the address behind it.
std::string gearmand_version() {
  const auto line = first_line_of({"/bin/sh", "-c", std::string(gearmand) + " --version | grep ."});
  return line.substr(0, line.find(" - "));
}

double dask_rate(const cluster_keys& keys, std::uint64_t count) {
  return run_json(
             {GRAPHITE_SOURCE_FOLDER "/bench/peers/dask_dispatch.py", std::to_string(count), keys.folder()},
             keys.folder() + "/dask.log")
      .at("actions_per_s");
}

}  // namespace

report run_dispatch(const bench_options& options) {
  report out;
  const bool has_gearman =
      ::access(gearmand, X_OK) == 0 && ::access((options.programs + "/gearman_peer").c_str(), X_OK) == 0;
  const bool has_dask = ::access(dask_scheduler, X_OK) == 0;
  const cluster_keys keys(options.programs, 2);
  std::map<std::string, std::vector<double>> values;
  std::vector<double> gearman, dask;
  for (int i = 0; i < (options.quick ? 1 : 5); ++i) {
    const auto one = run_once(keys, options.programs, options.quick ? 4'000 : 200'000);
    for (const auto* name : {"actions_per_s", "p50_ms", "p50_ms_half_load", "p99_ms_half_load"})
      values[name].push_back(one.at(name));
    if (options.peers && has_gearman) {
      // Its best of two: how many at a time suits it is not for us to say.
      const std::uint64_t count = options.quick ? 1'000 : 50'000;
      gearman.push_back(std::max(gearman_rate(keys, options.programs, count, 256),
                                 gearman_rate(keys, options.programs, count, 4'096)));
    }
    if (options.peers && has_dask) dask.push_back(dask_rate(keys, options.quick ? 200 : 10'000));
  }
  const double rate = median(values["actions_per_s"]);
  const double needed = std::max(
      50'000.0, std::max(dask.empty() ? 0 : 20 * median(dask), gearman.empty() ? 0 : median(gearman)));
  out.figures.push_back({"actions_per_s", rate, "1/s", better::higher, needed,
                         !options.peers ? ""
                         : has_gearman  ? gearmand_version()
                                        : "gearmand: not installed",
                         gearman.empty() ? std::nullopt : std::optional(median(gearman))});
  if (!dask.empty())
    out.figures.push_back({"over_dask", rate / median(dask), "x", better::higher, 20,
                           first_line_of({dask_scheduler, "--version"}), 1});
  out.figures.push_back({"p50_ms", median(values["p50_ms"]), "ms", better::lower, {}, {}, {}});
  out.figures.push_back(
      {"p50_ms_half_load", median(values["p50_ms_half_load"]), "ms", better::lower, {}, {}, {}});
  out.figures.push_back(
      {"p99_ms_half_load", median(values["p99_ms_half_load"]), "ms", better::lower, 5, {}, {}});
  if (options.peers && !has_gearman)
    out.notes.push_back("NOT MEASURED: gearmand (gearman-job-server, libgearman-dev) is not installed");
  if (options.peers && !has_dask)
    out.notes.push_back("NOT MEASURED: Dask distributed (python3-distributed) is not installed");
  out.notes.push_back(
      "a coordinator and two node processes over TLS with keys; each action has a key of its own, a 32-byte "
      "input and output, is committed to the action cache on disk and read again; who submits them is in the "
      "coordinator's process; 4,096 under way. gearmand and Dask keep nothing");
  return out;
}

}  // namespace graphite::bench
