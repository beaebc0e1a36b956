#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace graphite::bench {

enum class better { lower, higher };

/// One measured figure, as docs say it: see the JSON of `graphite-bench`.
struct figure {
  std::string name;
  double value = 0;
  std::string unit;
  better direction = better::lower;
  std::optional<double> goal;
  std::string peer;  ///< name and version of what it is held against, or why it is missing
  std::optional<double> peer_value;
};

struct bench_options {
  bool json = false;                   ///< only the JSON object on standard output
  bool peers = false;                  ///< also run what it is held against, interleaved
  bool quick = false;                  ///< small sizes: shows that the workload works, its figures say little
  std::string only;                    ///< of a workload with several settings: just this one
  std::string programs;                ///< folder of the shipped programs
  std::uint64_t seed = 1;              ///< of a simulation: the first …
  std::uint64_t runs = 0;              ///< … of so many; 0: as many as the workload thinks right
  std::size_t assets_max = 1'100'000;  ///< larger settings are left out, and named as left out
};

/// What a workload hands back. `notes` are printed for people: sizes, settings, what is missing.
struct report {
  std::vector<figure> figures;
  std::vector<std::string> notes;
};

struct workload {
  std::string name;
  std::string measures;  ///< one line for --list
  std::function<report(const bench_options&)> run;
};

/// All workloads, by name.
const std::vector<workload>& workloads();

/// Middle value; of an even count the lower middle. `values` must not be empty.
double median(std::vector<double> values);
/// The value that `share` (0..1) of the samples do not exceed (nearest rank).
double percentile(std::vector<double> values, double share);

/// Seconds of CLOCK_MONOTONIC.
double now_seconds();
/// Processor time of this thread: for what only computes, beside others on the machine.
double cpu_seconds();
/// Resident set size of this process in bytes.
std::size_t resident_bytes();
/// Processor, cores, memory and kernel in one line.
std::string machine_line();
/// Runs `argv` to its end without a shell; seconds, or nothing where it failed to start or to succeed.
std::optional<double> time_command(const std::vector<std::string>& argv, const std::string& folder = {});
/// First line that `argv` prints, or empty where there is no such program.
std::string first_line_of(const std::vector<std::string>& argv);
/// A new empty folder below the temporary folder; removed by its owner.
std::string temporary_folder(const std::string& name);

/// One JSON object: workload, machine, figures.
std::string to_json(const std::string& workload_name, const report& made);
/// The same for people.
std::string to_table(const report& made);

}  // namespace graphite::bench
