#include <filesystem>
#include <fstream>
#include <sstream>

#include "bench/child.hpp"
#include "bench/workloads.hpp"
#include "gateway/service_client.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_per_folder = 20;

std::string file_of(std::size_t i) {
  return "data/" + std::to_string(i / files_per_folder / 100) + "/" + std::to_string(i / files_per_folder) +
         "/" + std::to_string(i) + ".txt";
}

void make_tree(const std::string& root, std::size_t assets) {
  for (std::size_t i = 0; i < assets; ++i) {
    const auto path = root + "/" + file_of(i);
    if (i % files_per_folder == 0) fs::create_directories(fs::path(path).parent_path());
    write_file(path, "asset " + std::to_string(i));
  }
}

/// The same files for ninja: one edge each, outputs there and newer, no log needed (generator rules).
void make_manifest(const std::string& folder, const std::string& root, std::size_t assets) {
  std::ofstream out(folder + "/build.ninja");
  out << "rule c\n  command = cp $in $out\n  generator = 1\n";
  for (std::size_t i = 0; i < assets; ++i) {
    const auto name = file_of(i);
    if (i % files_per_folder == 0) fs::create_directories(fs::path(folder + "/out/" + name).parent_path());
    write_file(folder + "/out/" + name, "");
    out << "build out/" << name << ": c " << root << "/" << name << "\n";
  }
}

struct resident {
  double rpc_ms = 0, cli_ms = 0;
};

/// Medians over `rounds` of "nothing to do" asked of a running `dev`.
resident measure_resident(const bench_options& options, const std::string& work, const std::string& root,
                          int rounds) {
  std::vector<std::unique_ptr<child>> dev;
  const auto program = options.programs + "/graphite";
  dev.push_back(std::make_unique<child>(std::vector<std::string>{program, "dev", "-C", root, "--json"},
                                        work + "/dev.log"));
  wait_for_all(
      dev, [](std::size_t, const nlohmann::json& e) { return e.value("event", "") == "ready"; },
      "ready event", 900);
  auto client = service_client::connect({.state_folder = root + "/.graphite", .program = "bench"});
  if (!client) give_up("cannot attach: " + client.error().context);
  const auto ask = [&] {
    const double start = now_seconds();
    const auto summary = (*client)->build({});
    if (!summary) give_up("build: " + summary.error().context);
    if (summary->ran + summary->failed != 0) give_up("something ran although nothing had changed");
    return (now_seconds() - start) * 1000;
  };
  ask();  // the first waits for the first revision
  std::vector<double> rpc, cli;
  for (int i = 0; i < rounds * 20; ++i) rpc.push_back(ask());
  for (int i = 0; i < rounds; ++i)
    if (const auto t = time_command({program, "build", "-C", root, "--json"})) cli.push_back(*t * 1000);
  if (cli.empty()) give_up("graphite build failed");
  return {median(rpc), median(cli)};
}

/// How often `argv` asks the kernel about a file; nothing where strace is missing or may not trace.
std::optional<double> stat_calls(std::vector<std::string> argv, const std::string& work) {
  const auto path = work + "/strace.out";
  argv.insert(argv.begin(), {"strace", "-f", "-c", "-e", "trace=newfstatat,statx", "-o", path});
  if (!time_command(argv)) return std::nullopt;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    double share = 0, seconds = 0, each = 0, calls = 0;
    if (line.ends_with(" total") && words >> share >> seconds >> each >> calls) return calls;
  }
  return std::nullopt;
}

}  // namespace

report run_noop(const bench_options& options) {
  report out;
  const std::size_t assets = options.quick ? 2'000 : 110'000;
  const int rounds = options.quick ? 3 : 7;
  const auto work = temporary_folder("noop");
  const auto root = work + "/project";
  fs::create_directories(root);
  make_tree(root, assets);
  const auto program = options.programs + "/graphite";
  run_json({program, "init", root, "--json"}, work + "/init.log");
  run_json({program, "build", "-C", root, "--json"}, work + "/build.log");

  const auto ninja = options.peers ? first_line_of({"ninja", "--version"}) : std::string();
  if (!ninja.empty()) make_manifest(work, root, assets);
  std::vector<double> cold, theirs;
  for (int i = 0; i < rounds; ++i) {
    const auto ours = time_command({program, "build", "-C", root, "--json"});
    if (!ours) give_up("graphite build failed");
    cold.push_back(*ours * 1000);
    if (ninja.empty()) continue;
    if (const auto t = time_command({"ninja", "-C", work})) theirs.push_back(*t * 1000);
  }
  const auto small = measure_resident(options, work, root, rounds);
  out.figures.push_back({"resident_ms", small.rpc_ms, "ms", better::lower, 1.0, {}, {}});
  out.figures.push_back({"cli_ms", small.cli_ms, "ms", better::lower, 25.0, {}, {}});
  figure cold_figure{"cold_ms", median(cold), "ms", better::lower, {}, {}, {}};
  cold_figure.peer =
      ninja.empty() ? (options.peers ? "ninja is missing: scripts/setup --peers" : "") : "ninja " + ninja;
  if (!theirs.empty()) cold_figure.peer_value = median(theirs), cold_figure.goal = 0.5 * median(theirs);
  out.figures.push_back(cold_figure);
  if (options.peers) {
    const auto calls = stat_calls({program, "build", "-C", root, "--json"}, work);
    if (calls) out.figures.push_back({"cold_stats", *calls, "calls", better::lower, {}, {}, {}});
    if (!calls) out.notes.push_back("cold_stats left out: strace is missing (scripts/setup --peers)");
  }
  out.notes.push_back(
      std::to_string(assets) + " assets, " + std::to_string(files_per_folder) +
      " files a folder; resident: sync cookie included; cold: open the store, stat every file");
  if (!options.quick && options.assets_max < 1'100'000) out.notes.push_back("left out: 1,100,000 assets");
  if (!options.quick && options.assets_max >= 1'100'000) {
    make_tree(root, 1'100'000);
    run_json({program, "build", "-C", root, "--json"}, work + "/build.log");
    const auto large = measure_resident(options, work, root, 3);
    out.figures.push_back({"resident_1m_ms", large.rpc_ms, "ms", better::lower, 1.2 * small.rpc_ms, {}, {}});
  }
  fs::remove_all(work);
  return out;
}

}  // namespace graphite::bench
