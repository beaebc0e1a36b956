#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "kernels/simd_target.hpp"
#include "tests/worker/sources.hpp"

// The same input gives the same bytes, in whatever worker and company, with whatever instructions.

namespace graphite {
namespace {

using test::source_file;

std::vector<source_file> samples() {
  std::vector<source_file> out;
  for (const auto& format : test::all_formats())
    for (const auto& file : format.files) out.push_back(file);
  for (auto& file : test::larger_pictures()) out.push_back(std::move(file));
  out.push_back(test::larger_mesh());
  out.push_back(test::larger_sound());
  return out;
}

/// What is made of a file, or why nothing is.
std::string made_of(worker_pool& pool, const source_file& file) {
  const auto end = run_in(pool, file, {.memory_bytes = 512 * MiB});
  std::string out = end.mistake() + end.warnings;
  for (const auto& [path, parts] : end.made)
    for (const auto& part : parts) out += fmt::format("\n{} {}\n", path, part.size()) + part;
  return out;
}

std::vector<std::string> all_made(worker_pool& pool, const std::vector<source_file>& files) {
  std::vector<std::string> out;
  for (const auto& file : files) out.push_back(made_of(pool, file));
  return out;
}

void expect_same(const std::vector<std::string>& found, const std::vector<std::string>& first,
                 const std::vector<source_file>& files, const std::string& how) {
  ASSERT_EQ(found.size(), first.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_TRUE(found[i] == first[i]) << files[i].path << " (" << files[i].transform << ") differs " << how;
}

class determinism : public testing::Test {
 protected:
  const std::vector<source_file> files_ = samples();
  worker_pool pool_{test::real_workers()};
  const std::vector<std::string> first_ = all_made(pool_, files_);
};

TEST_F(determinism, every_sample_is_made) {
  for (std::size_t i = 0; i < files_.size(); ++i)
    EXPECT_TRUE(first_[i].find('\n') != std::string::npos) << files_[i].path << ": " << first_[i];
}

TEST_F(determinism, a_worker_makes_the_same_again) {
  expect_same(all_made(pool_, files_), first_, files_, "in the same worker");
  EXPECT_EQ(pool_.started(), 1u);
}

TEST_F(determinism, what_a_worker_did_before_does_not_matter) {
  const std::vector<source_file> backwards(files_.rbegin(), files_.rend());
  worker_pool pool(test::real_workers());
  auto made = all_made(pool, backwards);
  std::reverse(made.begin(), made.end());
  expect_same(made, first_, files_, "in another order");
}

TEST_F(determinism, a_fresh_worker_for_each_task_makes_the_same) {
  worker_pool pool(test::real_workers({}, 1));
  expect_same(all_made(pool, files_), first_, files_, "in fresh workers");
  EXPECT_EQ(pool.started(), files_.size());
}

TEST_F(determinism, two_and_four_tasks_at_once_make_the_same) {
  for (const std::size_t at_once : {2, 4}) {
    std::vector<std::vector<std::string>> made(at_once);
    std::vector<std::thread> threads;
    for (auto& mine : made) threads.emplace_back([&] { mine = all_made(pool_, files_); });
    for (auto& one : threads) one.join();
    for (const auto& mine : made) expect_same(mine, first_, files_, fmt::format("with {} at once", at_once));
  }
}

TEST_F(determinism, one_and_many_threads_make_the_same) {
  for (const std::uint32_t threads : {1, 3, 8}) {
    worker_pool pool(test::real_workers({}, 1024, threads));
    expect_same(all_made(pool, files_), first_, files_, fmt::format("with {} threads", threads));
  }
}

TEST_F(determinism, every_instruction_set_makes_the_same) {
  ASSERT_FALSE(simd_targets().empty());
  for (const auto target : simd_targets()) {
    worker_pool pool(test::real_workers({{"GRAPHITE_SIMD", std::string(target)}}));
    expect_same(all_made(pool, files_), first_, files_, "with " + std::string(target));
  }
}

TEST(graphite_simd, a_name_that_is_none_fails_every_task_and_says_so) {
  worker_pool pool(test::real_workers({{"GRAPHITE_SIMD", "mmx"}}));
  for (const auto& file : samples()) {
    const auto end = run_in(pool, file);
    EXPECT_EQ(end.mistake().find("unsupported: GRAPHITE_SIMD: no instruction set 'mmx'"), 0u)
        << end.mistake();
  }
}

}  // namespace
}  // namespace graphite
