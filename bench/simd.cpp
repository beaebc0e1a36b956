#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <span>

#include "bench/child.hpp"
#include "bench/kernel_cases.hpp"
#include "bench/workloads.hpp"
#include "core/units.hpp"
#include "kernels/gear_scan.hpp"
#include "kernels/simd_target.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

constexpr double goal_gear_gb_per_s = 2.5, goal_gear_ratio = 1.3;
constexpr double goal_ratio = 3, goal_share = 0.7;

/// Of this thread: what others do meanwhile does not count.
double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double gb_per_s(double bytes, const std::function<void()>& work) {
  const double start = processor_seconds();
  work();
  return bytes / 1e9 / (processor_seconds() - start);
}

void cut_all(byte_span bytes, std::size_t (*cut)(byte_span)) {
  while (!bytes.empty()) bytes = bytes.subspan(cut(bytes));
}

/// The largest library of this machine: what a bundle of programs would hold. At most `bytes_max` of it.
std::vector<std::uint8_t> real_bytes(std::size_t bytes_max, std::string& name) {
  std::uintmax_t largest = 0;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator("/usr/lib/x86_64-linux-gnu", code))
    if (entry.is_regular_file(code) && entry.file_size(code) > largest) {
      largest = entry.file_size(code);
      name = entry.path().string();
    }
  std::vector<std::uint8_t> out(std::min<std::uintmax_t>(largest, bytes_max));
  std::ifstream(name, std::ios::binary)
      .read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  return out;
}

/// Rates of both ways, in turn.
struct gear_rates {
  std::vector<double> pairs, single;

  void measure(const std::vector<std::uint8_t>& content) {
    const auto bytes = std::as_bytes(std::span(content));
    const auto size = static_cast<double>(bytes.size());
    pairs.push_back(gb_per_s(size, [&] { cut_all(bytes, gear_cut); }));
    single.push_back(gb_per_s(size, [&] { cut_all(bytes, gear_cut_scalar); }));
  }
  double ratio() const { return median(pairs) / median(single); }
};

void measure_gear(const std::vector<std::uint8_t>& random, std::size_t bytes_max, int rounds, report& out) {
  std::string name;
  const auto real = real_bytes(bytes_max, name);
  gear_rates on_random, on_real;
  for (int round = 0; round < rounds; ++round) {
    on_random.measure(random);
    if (!real.empty()) on_real.measure(real);
  }
  out.figures.push_back(
      {"gear_scan_gb_per_s", median(on_random.pairs), "GB/s", better::higher, goal_gear_gb_per_s, "", {}});
  out.figures.push_back(
      {"gear_scan_x_one_byte", on_random.ratio(), "x", better::higher, goal_gear_ratio, "", {}});
  if (real.empty()) return;
  out.figures.push_back({"gear_scan_binary_gb_per_s",
                         median(on_real.pairs),
                         "GB/s",
                         better::higher,
                         goal_gear_gb_per_s,
                         "",
                         {}});
  out.figures.push_back(
      {"gear_scan_binary_x_one_byte", on_real.ratio(), "x", better::higher, goal_gear_ratio, "", {}});
  out.notes.push_back(
      fmt::format("gear scan: the binary is {}, {} MB; of each chunk the first 16 KiB are skipped", name,
                  real.size() / 1'000'000));
}

/// What one thread reads at chosen, by what the C library has for it: through one range or through two at
/// once.
double read_bandwidth(const kernel_data& data, const std::vector<std::uint8_t>& zeros) {
  const auto size = zeros.size();
  const auto one = gb_per_s(static_cast<double>(size), [&] {
    if (std::memchr(zeros.data(), 1, size) != nullptr) give_up("there is a 1 among zeros");
  });
  const auto two = gb_per_s(2 * static_cast<double>(size), [&] {
    if (std::memcmp(data.bytes().data(), data.copy().data(), size) != 0) give_up("a copy is none");
  });
  return std::max(one, two);
}

using rates = std::map<std::string, std::vector<double>, std::less<>>;

/// One figure a kernel and kind, of the instructions that programs choose here; all of them in a note.
void report_kernel(const kernel_case& one, const rates& by_target, double bandwidth, report& out) {
  const auto plain = median(by_target.at("scalar"));
  const auto share = [&](double rate) { return rate * one.moved_bytes / one.input_bytes / bandwidth; };
  std::string note = one.name + ":";
  double chosen = 0;
  for (const auto name : simd_targets()) {
    const auto rate = median(by_target.find(name)->second);
    note += fmt::format(" {} {:.2f} GB/s ({:.2f} x", name, rate, rate / plain);
    note += one.moved_bytes > 0 ? fmt::format(", {:.0f} % of bandwidth)", 100 * share(rate)) : ")";
    if (name != "scalar") chosen = rate;
  }
  out.notes.push_back(note);
  if (chosen == 0) return;
  out.figures.push_back({one.name + "_gb_per_s", chosen, "GB/s", better::higher, {}, "", {}});
  out.figures.push_back({one.name + "_x_scalar", chosen / plain, "x", better::higher, goal_ratio, "", {}});
  if (one.moved_bytes > 0)
    out.figures.push_back(
        {one.name + "_of_bandwidth", share(chosen), "", better::higher, goal_share, "", {}});
}

}  // namespace

report run_simd(const bench_options& options) {
  report out;
  const int rounds = options.quick ? 1 : 9;
  kernel_data data(options.quick ? 4 * MiB : 128 * MiB);
  measure_gear(data.bytes(), data.bytes().size(), rounds, out);
  const std::vector<std::uint8_t> zeros(data.bytes().size());
  const auto cases = kernel_cases(data);
  std::vector<double> reads;
  std::vector<rates> all(cases.size());
  for (int round = 0; round < rounds; ++round) {
    reads.push_back(read_bandwidth(data, zeros));
    for (std::size_t i = 0; i < cases.size(); ++i)
      for (const auto name : simd_targets()) {
        if (auto forced = force_simd_target(name); !forced) give_up(forced.error().context);
        all[i][std::string(name)].push_back(gb_per_s(cases[i].input_bytes, cases[i].run));
      }
  }
  release_simd_target();
  const auto bandwidth = median(reads);
  out.figures.push_back({"read_bandwidth_gb_per_s", bandwidth, "GB/s", better::higher, {}, "", {}});
  for (std::size_t i = 0; i < cases.size(); ++i) report_kernel(cases[i], all[i], bandwidth, out);
  out.notes.push_back(fmt::format(
      "per second of one thread's processor time, {} rounds in turn, medians; bandwidth: the faster of "
      "memchr through {} MiB and memcmp of two such ranges, of the C library; a kernel reaches its goal "
      "by 3 x scalar or by 70 % of bandwidth",
      rounds, zeros.size() / MiB));
  return out;
}

}  // namespace graphite::bench
