#include "coordinator/jobs/job_inputs.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "platform/crypto/sha256.hpp"
#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using test::path_of;

const openssl_hasher hash;

content_ref text_content(std::uint64_t version, std::uint64_t size = 10) {
  return {hash.sha256(std::as_bytes(std::span(&version, 1))), size};
}

/// What stores have, objects with their bytes.
struct shelves {
  std::map<content_ref, byte_vector> objects;
  std::set<content_ref> files;
  std::size_t fetched = 0, asked = 0;

  content_ref snapshot(const std::map<std::string, content_ref>& tree) {
    std::vector<snapshot_file> list;
    for (const auto& [name, content] : tree) list.push_back({path_of(name), content});
    return build_snapshot(
               std::move(list), hash,
               [this](const content_ref& name, byte_vector bytes) { objects[name] = std::move(bytes); })
        .value();
  }
  void have_files(const std::map<std::string, content_ref>& tree) {
    for (const auto& [name, content] : tree) files.insert(content);
  }

  /// Answers all that is asked, in an order that `random` shuffles.
  void serve(job_inputs& inputs, std::mt19937_64& random) {
    std::vector<content_ref> fetching;
    std::vector<std::vector<content_ref>> questions;
    while (!inputs.done()) {
      for (auto& one : inputs.to_fetch()) fetching.push_back(one);
      if (auto question = inputs.to_ask(); !question.empty()) questions.push_back(std::move(question));
      if (!questions.empty() && (fetching.empty() || random() % 2 == 0)) {
        std::vector<bool> there;
        for (const auto& one : questions.back()) there.push_back(files.contains(one));
        asked += there.size();
        inputs.answered(questions.back(), there);
        questions.pop_back();
        continue;
      }
      if (fetching.empty()) continue;
      std::swap(fetching[random() % fetching.size()], fetching.back());
      const auto object = objects.find(fetching.back());
      ++fetched;
      if (object == objects.end())
        inputs.absent(fetching.back());
      else
        ASSERT_TRUE(inputs.fetched(fetching.back(), object->second));
      fetching.pop_back();
    }
  }
  job_inputs look(std::optional<content_ref> before, const content_ref& root) {
    job_inputs_options options;
    options.fetches_max = 4;
    options.questions_max = 3;
    auto inputs = job_inputs::begin(before, root, hash, options).value();
    std::mt19937_64 random(5);
    serve(inputs, random);
    return inputs;
  }
};

std::map<std::string, content_ref> some_tree() {
  std::map<std::string, content_ref> out;
  for (std::uint64_t i = 0; i < 40; ++i)
    out["d" + std::to_string(i % 5) + "/e" + std::to_string(i % 3) + "/f" + std::to_string(i)] =
        text_content(i);
  return out;
}

TEST(job_inputs, of_a_snapshot_that_is_there_are_its_files) {
  shelves stores;
  const auto tree = some_tree();
  stores.have_files(tree);
  auto inputs = stores.look({}, stores.snapshot(tree));
  EXPECT_EQ(inputs.missing(), 0u);
  const auto files = inputs.take_changes();
  ASSERT_EQ(files.size(), tree.size());
  auto expected = tree.begin();
  for (const auto& one : files) {
    EXPECT_EQ(one.path.str(), expected->first);
    EXPECT_EQ(one.after->content, (expected++)->second);
  }
}

TEST(job_inputs, that_are_missing_are_counted_and_named) {
  shelves stores;
  const auto tree = some_tree();
  stores.have_files(tree);
  const auto root = stores.snapshot(tree);
  stores.files.erase(text_content(7));
  stores.files.erase(text_content(9));
  const auto inputs = stores.look({}, root);
  EXPECT_EQ(inputs.missing(), 2u);
  EXPECT_EQ(inputs.missing_bytes(), 20u);
  const std::set<content_ref> named(inputs.first_missing().begin(), inputs.first_missing().end());
  EXPECT_EQ(named, (std::set{text_content(7), text_content(9)}));
}

TEST(job_inputs, behind_a_missing_object_are_seen_once_it_has_come) {
  shelves stores;
  const auto root = stores.snapshot(some_tree());
  const auto objects = stores.objects;
  stores.objects.clear();
  auto first = stores.look({}, root);
  EXPECT_EQ(first.missing(), 1u);
  EXPECT_EQ(first.first_missing(), std::vector{root});
  stores.objects = objects;
  EXPECT_EQ(stores.look({}, root).missing(), 40u);
}

TEST(job_inputs, that_the_last_snapshot_has_are_not_looked_at) {
  shelves stores;
  auto tree = some_tree();
  stores.have_files(tree);
  const auto before = stores.snapshot(tree);
  tree["d1/e1/f1"] = text_content(1'000);
  tree.erase("d2/e2/f2");
  const auto after = stores.snapshot(tree);
  stores.fetched = stores.asked = 0;
  auto inputs = stores.look(before, after);
  EXPECT_EQ(inputs.missing(), 1u);
  EXPECT_LE(stores.fetched, 10u);
  EXPECT_EQ(stores.asked, 1u);
  stores.files.insert(text_content(1'000));
  auto again = stores.look(before, after);
  EXPECT_EQ(again.take_changes().size(), 2u);
}

TEST(job_inputs, of_one_content_are_asked_for_once_and_empty_files_never) {
  shelves stores;
  const std::map<std::string, content_ref> tree{
      {"a", text_content(1)}, {"b", text_content(1)}, {"c/d", text_content(1)}, {"e", text_content(2, 0)}};
  auto inputs = stores.look({}, stores.snapshot(tree));
  EXPECT_EQ(stores.asked, 1u);
  EXPECT_EQ(inputs.missing(), 1u);
}

TEST(job_inputs, equal_to_the_last_ones_cost_nothing) {
  shelves stores;
  const auto root = stores.snapshot(some_tree());
  auto inputs = stores.look(root, root);
  EXPECT_EQ(stores.fetched + stores.asked, 0u);
  EXPECT_TRUE(inputs.take_changes().empty());
}

TEST(job_inputs, that_are_no_snapshot_are_an_error) {
  shelves stores;
  const byte_vector noise(100, std::byte{7});
  const auto root = name_of_object(noise, hash);
  auto inputs = job_inputs::begin({}, root, hash).value();
  EXPECT_EQ(inputs.to_fetch(), std::vector{root});
  EXPECT_EQ(inputs.fetched(root, noise).error().code, errc::newer_version);
  EXPECT_EQ(job_inputs::begin({}, content_ref{}, hash).error().code, errc::corrupt);
}

TEST(job_inputs, of_random_trees_with_holes_are_found_missing_in_any_order_of_answers) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 50; ++round) {
    shelves stores;
    std::map<std::string, content_ref> tree;
    for (auto files = random() % 60; files > 0; --files)
      tree["d" + std::to_string(random() % 4) + "/f" + std::to_string(random() % 40)] =
          text_content(random() % 50);
    const auto root = stores.snapshot(tree);
    std::set<content_ref> missing;
    for (const auto& [name, content] : tree)
      if (random() % 4 == 0)
        missing.insert(content);
      else
        stores.files.insert(content);
    for (const auto& one : missing) stores.files.erase(one);
    auto inputs = job_inputs::begin({}, root, hash).value();
    stores.serve(inputs, random);
    EXPECT_EQ(inputs.missing(), missing.size());
  }
}

}  // namespace
}  // namespace graphite
