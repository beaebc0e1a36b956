#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "bench/harness.hpp"
#include "cli/simd_choice.hpp"

using namespace graphite::bench;

namespace {

void list() {
  for (const auto& one : workloads()) std::printf("%-14s %s\n", one.name.c_str(), one.measures.c_str());
}

int run(const std::string& name, const bench_options& options) {
  for (const auto& one : workloads()) {
    if (one.name != name) continue;
    if (!options.json)
      std::printf("workload %s: %s\nmachine %s\n", name.c_str(), one.measures.c_str(),
                  machine_line().c_str());
    const auto made = one.run(options);
    if (made.figures.empty() && !options.only.empty()) {
      std::fprintf(stderr, "graphite-bench: %s has no setting '%s'; --help names them\n", name.c_str(),
                   options.only.c_str());
      return 2;
    }
    if (!options.json) std::printf("%s", to_table(made).c_str());
    std::printf("%s\n", to_json(name, made).c_str());
    return 0;
  }
  std::fprintf(stderr, "graphite-bench: no workload '%s'; --list names them\n", name.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures GRAPHITE, beside its peers where asked. Example: graphite-bench noop --peers"};
  bench_options options;
  std::string name;
  bool show_list = false;
  app.add_option("workload", name, "which one; see --list");
  app.add_flag("--list", show_list, "name the workloads with what each measures");
  app.add_flag("--json", options.json, "print the JSON object only");
  app.add_flag("--peers", options.peers, "also run the programs it is held against, interleaved");
  app.add_flag("--quick", options.quick, "small sizes: shows that it works, the figures say little");
  app.add_option("--only", options.only,
                 "run one setting of edit-to-swap (1, 64, 64_64k, 16_1k, 16_100k, 16_1m) or swap-memory "
                 "(folder, subscriber)");
  app.add_option("--assets-max", options.assets_max, "leave out settings with more assets than this");
  app.add_option("--seed", options.seed, "of sim: the first seed");
  app.add_option("--runs", options.runs, "of sim: so many seeds from there on");
  app.add_option("--programs", options.programs, "folder of the shipped programs (default: beside this one)");
  CLI11_PARSE(app, argc, argv);
  if (const auto simd = graphite::choose_simd_target(); !simd) {
    std::fprintf(stderr, "graphite-bench: %s\n", simd.error().context.c_str());
    return 2;
  }
  if (options.programs.empty())
    options.programs = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  if (show_list || name.empty()) return list(), show_list ? 0 : 2;
  return run(name, options);
}
