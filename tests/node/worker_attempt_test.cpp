#include "node/worker_attempt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/part_list.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/worker/worker_pool.hpp"
#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;
using test::path_of;

/// Attempts of the transforms of tests/worker/test_worker.cpp.
class worker_attempt_test : public testing::Test {
 protected:
  worker_attempt_test() {
    fs::create_directories(view_folder_);
    view_ = *posix_file_reader::open_root(view_folder_);
    what_.memory_bytes_max = 64 * MiB;
  }

  content_ref content(std::string_view text) const {
    return content_of(chunk_bytes(as_bytes(text), hash_), hash_);
  }
  void input(const std::string& name, std::string_view text) {
    fs::create_directories(fs::path(view_folder_ + "/" + name).parent_path());
    std::ofstream(view_folder_ + "/" + name) << text;
    spec_.inputs.push_back({path_of(name), content(text), false, {}});
    std::ranges::sort(spec_.inputs, {}, &attempt_input::path);
  }
  attempt_result run(const std::string& transform, std::uint64_t hold_bytes_max = 0) {
    what_.name = transform;
    spec_.built_in = std::make_shared<const built_in_spec>(what_);
    return run_worker_attempt({*view_, store_, hash_, workers_}, spec_, hold_bytes_max, cancel_);
  }
  std::string stored(const content_ref& one) const {
    std::string out(one.size, ' ');
    EXPECT_TRUE(store_.read(one.id, 0, std::as_writable_bytes(std::span(out))));
    return out;
  }

  test::temporary_folder folder_;
  std::string view_folder_ = folder_ / "view";
  openssl_hasher hash_;
  memory_chunk_store store_{hash_};
  std::unique_ptr<posix_file_reader> view_;
  worker_pool workers_{{.program = GRAPHITE_TEST_WORKER, .environment = {}, .nice = 0}};
  built_in_spec what_;
  cancel_token cancel_;
  attempt_spec spec_{{},      {},      {}, {}, "rule", path_of("a/in.txt"), {}, {{"out/in.bin", false}},
                     nullptr, nullptr, {}, {}, {}};
};

TEST_F(worker_attempt_test, an_output_of_one_part_is_a_plain_content) {
  input("a/in.txt", "hello");
  const auto result = run("copy");
  ASSERT_EQ(result.status, attempt_status::succeeded) << result.message;
  ASSERT_EQ(result.outputs.size(), 1u);
  EXPECT_EQ(result.outputs[0].path, path_of("out/in.bin"));
  EXPECT_EQ(result.outputs[0].content, content("hello"));
  EXPECT_TRUE(result.outputs[0].parts.empty());
  EXPECT_EQ(stored(result.outputs[0].content), "hello");
  EXPECT_FALSE(result.discovered);
}

TEST_F(worker_attempt_test, parts_are_stored_one_by_one_and_named_together) {
  input("a/in.txt", "leftright");
  const auto result = run("halves");
  ASSERT_EQ(result.status, attempt_status::succeeded) << result.message;
  ASSERT_EQ(result.outputs.size(), 1u);
  const auto& output = result.outputs[0];
  EXPECT_EQ(output.parts, (std::vector{content("left"), content("right")}));
  EXPECT_EQ(output.content, content_of_parts(output.parts, hash_));
  EXPECT_EQ(output.content.size, 9u);
  EXPECT_NE(output.content, content("leftright"));
  EXPECT_EQ(stored(output.parts[1]), "right");
}

TEST_F(worker_attempt_test, a_generated_input_of_parts_is_read_as_a_whole) {
  const std::vector parts{content("left"), content("right")};
  for (const std::string_view text : {"left", "right"})
    ASSERT_TRUE(store_.put(as_bytes(text), chunk_bytes(as_bytes(text), hash_)));
  spec_.inputs.push_back({path_of("a/in.txt"), content_of_parts(parts, hash_), true, parts});
  const auto result = run("copy");
  ASSERT_EQ(result.status, attempt_status::succeeded) << result.message;
  EXPECT_EQ(result.outputs[0].content, content("leftright"));
}

TEST_F(worker_attempt_test, what_a_transform_asked_for_is_discovered) {
  what_.inputs = {"lib/*"};
  input("a/in.txt", "lib/x");
  input("lib/x", "contents");
  input("lib/y", "unused");
  const auto result = run("include");
  ASSERT_EQ(result.status, attempt_status::succeeded) << result.message;
  EXPECT_EQ(stored(result.outputs[0].content), "contents");
  EXPECT_EQ(result.discovered, std::vector{path_of("lib/x")});
}

TEST_F(worker_attempt_test, what_is_not_among_the_inputs_is_not_there) {
  what_.inputs = {"lib/*"};
  input("a/in.txt", "lib/x");
  fs::create_directories(view_folder_ + "/lib");
  std::ofstream(view_folder_ + "/lib/x") << "secret";
  const auto result = run("include");
  ASSERT_EQ(result.status, attempt_status::succeeded) << result.message;
  EXPECT_EQ(stored(result.outputs[0].content), "none");
  EXPECT_EQ(result.discovered, std::vector<logical_path>{});
}

TEST_F(worker_attempt_test, an_input_of_other_bytes_is_stale) {
  input("a/in.txt", "hello");
  for (const std::string text : {"hell", "hallo", "hello!", ""}) {
    std::ofstream(view_folder_ + "/a/in.txt") << text;
    EXPECT_EQ(run("copy").status, attempt_status::stale_input) << text;
  }
  fs::remove(view_folder_ + "/a/in.txt");
  EXPECT_EQ(run("copy").status, attempt_status::stale_input);
}

TEST_F(worker_attempt_test, a_refusal_names_the_input_and_the_reason) {
  input("a/in.txt", "hello");
  const auto result = run("refuse");
  EXPECT_EQ(result.status, attempt_status::failed);
  EXPECT_EQ(result.message, "a/in.txt: it is broken at byte 7");
}

TEST_F(worker_attempt_test, a_generated_input_that_the_store_has_lost_is_our_side_s_failure) {
  what_.inputs = {"lib/*"};
  input("a/in.txt", "lib/x");
  spec_.inputs.push_back({path_of("lib/x"), content("lost"), true, {}});
  const auto result = run("include");
  EXPECT_EQ(result.status, attempt_status::refused) << "it is not as if there were none";
  EXPECT_THAT(result.message, testing::HasSubstr("lib/x"));
}

TEST_F(worker_attempt_test, a_crash_names_the_input) {
  input("a/in.txt", "hello");
  const auto result = run("crash");
  EXPECT_EQ(result.status, attempt_status::failed);
  EXPECT_THAT(result.message, testing::StartsWith("a/in.txt: the worker crashed"));
}

TEST_F(worker_attempt_test, an_output_that_the_rule_does_not_declare_fails) {
  input("a/in.txt", "hello");
  const auto result = run("stray");
  EXPECT_EQ(result.status, attempt_status::failed);
  EXPECT_THAT(result.message, testing::HasSubstr("does not declare as an output: not/declared"));
  EXPECT_TRUE(result.outputs.empty());
  EXPECT_EQ(store_.options().puts, 0u) << "nothing of it is stored";
}

TEST_F(worker_attempt_test, an_output_that_is_made_twice_fails) {
  input("a/in.txt", "hello");
  const auto result = run("twice");
  EXPECT_EQ(result.status, attempt_status::failed);
  EXPECT_THAT(result.message, testing::HasSubstr("made twice: out/in.bin"));
}

TEST_F(worker_attempt_test, a_full_store_is_our_side_s_failure) {
  input("a/in.txt", "hello");
  store_.options().fail_puts = errc::out_of_space;
  EXPECT_EQ(run("copy").status, attempt_status::refused);
}

TEST_F(worker_attempt_test, small_parts_are_held_for_the_record) {
  input("a/in.txt", "leftright");
  ASSERT_EQ(run("halves", 32 * KiB).status, attempt_status::succeeded);
  EXPECT_EQ(store_.options().holds, 2u);
}

TEST_F(worker_attempt_test, a_worker_that_cannot_run_is_our_side_s_failure) {
  input("a/in.txt", "hello");
  worker_pool none({.program = "/nowhere/graphite-worker", .environment = {}});
  what_.name = "copy";
  spec_.built_in = std::make_shared<const built_in_spec>(what_);
  const auto result = run_worker_attempt({*view_, store_, hash_, none}, spec_, 0, cancel_);
  EXPECT_EQ(result.status, attempt_status::refused);
  EXPECT_THAT(result.message, testing::HasSubstr("/nowhere/graphite-worker"));
}

}  // namespace
}  // namespace graphite
