#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>

#include "tests/worker/sources.hpp"

// Files that are broken in every way that chance finds, and those that are known to harm decoders, given to
// real workers. GRAPHITE_TEST_FILES says how many of each format there are.

namespace graphite {
namespace {

using test::source_file;

std::uint64_t files_wanted() {
  const char* const given = std::getenv("GRAPHITE_TEST_FILES");
  return given == nullptr ? 200 : std::strtoull(given, nullptr, 10);
}

/// A stretch of `bytes`.
std::pair<std::size_t, std::size_t> stretch_of(const std::string& bytes, std::mt19937_64& random) {
  const auto at = random() % bytes.size();
  return {at, std::min<std::size_t>(1 + random() % 64, bytes.size() - at)};
}

std::string with_a_stretch_changed(std::string bytes, std::mt19937_64& random) {
  const auto [at, size] = stretch_of(bytes, random);
  switch (random() % 4) {
    case 0:
      for (auto i = at; i < at + size; ++i) bytes[i] = static_cast<char>(random());
      break;
    case 1:
      bytes.insert(random() % bytes.size(), bytes.substr(at, size));
      break;
    case 2:
      bytes.erase(at, size);
      break;
    default:  // numbers at the ends of their ranges
      for (auto i = at; i < std::min(at + 4, at + size); ++i) bytes[i] = random() % 2 == 0 ? '\xff' : '\0';
  }
  return bytes;
}

/// A quarter are cut, at each 64th in turn.
std::string broken(const std::string& bytes, std::uint64_t number, std::mt19937_64& random) {
  if (number % 4 == 0) return bytes.substr(0, bytes.size() * (number / 4 % 64) / 64);
  auto out = bytes;
  if (number % 4 == 1) {
    for (auto flips = random() % 2 == 0 ? 1 : 1 + random() % 8; flips > 0; --flips)
      out[random() % out.size()] ^= static_cast<char>(1u << random() % 8);
    return out;
  }
  for (auto times = random() % 2 == 0 ? 1 : 1 + random() % 3; times > 0 && !out.empty(); --times)
    out = with_a_stretch_changed(std::move(out), random);
  return out;
}

/// What became of the files of a format.
struct tally {
  std::uint64_t files = 0, accepted = 0, refused = 0, lost = 0, over_time = 0, over_memory = 0;
  std::uint64_t memory_bytes = 0;
  duration cpu{};
  std::string slowest;

  void print(const std::string& name) const {
    fmt::print(
        "{:8} files {:6} accepted {:6} refused {:6} lost {} over time {} over memory {}; "
        "at most {} MiB, {:.3f} s ({})\n",
        name, files, accepted, refused, lost, over_time, over_memory, memory_bytes / MiB,
        std::chrono::duration<double>(cpu).count(), slowest);
    std::fflush(stdout);
  }
};

constexpr test::worker_limits limits{};

/// Empty where a task ended as it must.
std::string what_is_wrong(const test::task_end& end) {
  constexpr std::size_t reason_bytes_max = 80 << 10;
  if (end.lost()) return "it took a worker with it";
  if (end.cpu > limits.timeout + seconds(2)) return "it took too long";
  if (!end.failure) return end.made.empty() ? "no outputs" : "";
  if (end.failure->context.find(' ') == std::string::npos) return "it gives no reason";
  return end.failure->context.size() > reason_bytes_max ? "its reason is a book" : "";
}

/// Counts how a task ended, and whether it ended as it must.
void judge(tally& all, const std::string& name, const source_file& file, const test::task_end& end) {
  const auto mistake = end.mistake();
  ++all.files;
  ++(end.failure ? all.refused : all.accepted);
  all.memory_bytes = std::max(all.memory_bytes, end.memory_bytes_peak);
  if (end.cpu > all.cpu) all.cpu = end.cpu, all.slowest = name;
  if (mistake.find("memory") != std::string::npos) ++all.over_memory;
  all.over_time += end.over_time();
  const auto why = what_is_wrong(end);
  if (why.empty()) return;
  all.lost += end.lost();
  const auto kept = testing::TempDir() + "graphite-broken-" + name + file.path.substr(file.path.rfind('.'));
  std::ofstream(kept, std::ios::binary) << file.bytes;
  ADD_FAILURE() << name << ": " << why << ": " << mistake.substr(0, 300) << "; the file is " << kept;
}

class broken_files : public testing::TestWithParam<std::size_t> {};

TEST_P(broken_files, cost_their_own_asset_alone) {
  const auto format = test::all_formats().at(GetParam());
  worker_pool pool(test::real_workers());
  tally all;
  for (std::uint64_t i = 0; i < files_wanted(); ++i) {
    std::mt19937_64 random(20240401 + i);
    // Each file of the format is cut in turn.
    auto file = format.files[i % format.files.size()];
    const auto number = i / format.files.size();
    file.bytes = broken(file.bytes, number, random);
    if (format.mend != nullptr && random() % 4 != 0) file.bytes = format.mend(std::move(file.bytes));
    judge(all, fmt::format("{}-{}", format.name, i), file, run_in(pool, file, limits));
    if (all.lost > 20) break;
  }
  all.print(format.name);
}

TEST_P(broken_files, are_accepted_while_they_are_whole) {
  const auto format = test::all_formats().at(GetParam());
  worker_pool pool(test::real_workers());
  for (const auto& file : format.files) {
    const auto end = run_in(pool, file, limits);
    EXPECT_EQ(end.mistake(), "") << file.path;
    EXPECT_FALSE(end.made.empty()) << file.path;
    if (format.mend != nullptr) {
      EXPECT_TRUE(format.mend(file.bytes) == file.bytes) << file.path;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(every, broken_files, testing::Range(std::size_t{0}, test::all_formats().size()),
                         [](const auto& info) { return test::all_formats().at(info.param).name; });

void expect_harmless(const std::vector<test::trap>& traps, const std::string& name) {
  worker_pool pool(test::real_workers());
  tally all;
  for (const auto& one : traps) {
    const auto end = run_in(pool, one.file, limits);
    judge(all, one.name, one.file, end);
    EXPECT_EQ(end.failure.has_value(), one.refused) << one.name << ": " << end.mistake();
  }
  all.print(name);
}

TEST(known_traps, of_pictures_are_harmless) { expect_harmless(test::picture_traps(), "pictures"); }
TEST(known_traps, of_meshes_are_harmless) { expect_harmless(test::mesh_traps(), "meshes"); }
TEST(known_traps, of_other_media_are_harmless) { expect_harmless(test::media_traps(), "media"); }

}  // namespace
}  // namespace graphite
