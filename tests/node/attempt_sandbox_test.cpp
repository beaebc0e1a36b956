#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "node/attempt.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/linux/scratch_space.hpp"
#include "platform/worker/worker_pool.hpp"
#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/temporary_folder.hpp"
#include "transforms/command.hpp"

namespace graphite {
namespace {

using test::path_of;
using testing::HasSubstr;
using testing::Not;

/// A sandbox that runs nothing: says what a run came to, and notes what it was asked.
class fake_sandbox final : public process_runner {
 public:
  process_outcome next;                    ///< of every run
  std::vector<std::string> reads, hidden;  ///< of a run that tells
  std::function<void(const process_spec&)> on_run = [](const auto&) {};
  std::vector<process_spec> asked;

  result<process_outcome> run(const process_spec& spec, const cancel_token&) override {
    asked.push_back(spec);
    on_run(spec);
    auto out = next;
    if (!spec.tells_reads) return out;
    for (const auto& path : reads)
      out.reads.push_back(path.starts_with('/') ? path : spec.working_folder + "/" + path);
    out.hidden = hidden;
    return out;
  }
};

class attempt_sandbox_test : public testing::Test {
 protected:
  attempt_sandbox_test() {
    folder_.write("view/a/in.txt", "in");
    folder_.write("view/a/x.h", "header");
    view_ = *posix_file_reader::open_root(folder_ / "view");
    scratch_ = *disk_scratch_space::make(folder_ / "scratch");
    command_.argv = {"tool", "{in}", "{out}"};
    spec_.action = action_id{3};
    spec_.attempt = attempt_number{1};
    spec_.inputs = {
        {path_of("a/in.txt"), content_of(chunk_bytes(as_bytes(std::string_view("in")), hash_), hash_)}};
    spec_.tool_files = {"/opt/tool/lib.so"};
    sandbox_.next.exit_code = 1;
    sandbox_.next.sandbox = sandbox_tier::namespaces;
  }

  attempt_result run(attempt_options options = {}) {
    spec_.command = std::make_shared<const command_spec>(command_);
    options.view_folder = folder_ / "view";
    return attempt_runner({*view_, store_, hash_, sandbox_, *scratch_, transform_, workers_}, options)
        .run(spec_, cancel_);
  }

  test::temporary_folder folder_;
  openssl_hasher hash_;
  memory_chunk_store store_{hash_};
  fake_sandbox sandbox_;
  command_transform transform_;
  worker_pool workers_{{.program = "/nowhere", .environment = {}}};
  std::unique_ptr<posix_file_reader> view_;
  std::unique_ptr<disk_scratch_space> scratch_;
  command_spec command_;
  cancel_token cancel_;
  attempt_spec spec_{{},      {}, {}, {}, "rule", path_of("a/in.txt"), {}, {{"out.bin", false}}, nullptr,
                     nullptr, {}, {}, {}, {}};
};

TEST_F(attempt_sandbox_test, the_tool_is_shown_its_inputs_its_files_and_its_temporary_folder) {
  run();
  const auto& spec = sandbox_.asked.front();
  ASSERT_EQ(spec.inputs.size(), 1u);
  EXPECT_EQ(spec.inputs.front().path, "a/in.txt");
  EXPECT_EQ(spec.readable, spec_.tool_files);
  EXPECT_EQ(spec.temporary_folder, spec.environment.at("TMPDIR"));
  EXPECT_FALSE(spec.tells_reads);
}

TEST_F(attempt_sandbox_test, the_result_says_in_which_tier_it_was_made) {
  sandbox_.next.exit_code = 0;
  sandbox_.next.sandbox = sandbox_tier::landlock;
  sandbox_.on_run = [](const process_spec& spec) {
    std::ofstream(spec.working_folder + "/out.bin") << "made";
  };
  const auto result = run();
  EXPECT_EQ(result.status, attempt_status::succeeded) << result.message;
  EXPECT_EQ(result.sandbox, sandbox_tier::landlock);
  EXPECT_EQ(sandbox_.asked.size(), 1u);
}

TEST_F(attempt_sandbox_test, a_failed_command_is_run_once_more_and_names_what_it_missed) {
  sandbox_.reads = {"a/x.h", "a/in.txt", "nowhere.h", folder_ / "view/a/x.h"};
  const auto result = run();
  ASSERT_EQ(sandbox_.asked.size(), 2u);
  EXPECT_TRUE(sandbox_.asked.back().tells_reads);
  EXPECT_EQ(result.status, attempt_status::failed);
  EXPECT_THAT(result.message, HasSubstr("not among the rule's inputs: a/x.h (add \"a/*.h\" to inputs)"));
  EXPECT_THAT(result.message, Not(HasSubstr("nowhere.h")));
  EXPECT_THAT(result.message, Not(HasSubstr("in.txt (add")));
}

TEST_F(attempt_sandbox_test, what_lies_elsewhere_and_was_not_shown_is_named) {
  sandbox_.hidden = {"/home/me/.pyenv/libexec/pyenv"};
  EXPECT_THAT(run().message, HasSubstr("did not show it /home/me/.pyenv/libexec/pyenv (sandbox_read"));
}

TEST_F(attempt_sandbox_test, the_repeated_run_makes_nothing) {
  sandbox_.on_run = [](const process_spec& spec) {
    std::ofstream(spec.working_folder + "/out.bin") << "made";
  };
  sandbox_.reads = {"a/x.h"};
  const auto result = run();
  EXPECT_EQ(result.status, attempt_status::failed);
  EXPECT_TRUE(result.outputs.empty());
}

TEST_F(attempt_sandbox_test, nothing_is_repeated_where_nothing_is_hidden_or_the_reason_is_known) {
  const auto runs = [&](auto change) {
    sandbox_.asked.clear();
    const auto before = sandbox_.next;
    change(sandbox_.next);
    run();
    sandbox_.next = before;
    return sandbox_.asked.size();
  };
  EXPECT_EQ(runs([](process_outcome& next) { next.sandbox = sandbox_tier::limits; }), 1u);
  EXPECT_EQ(runs([](process_outcome& next) { next.timed_out = true; }), 1u);
  EXPECT_EQ(runs([](process_outcome& next) { next.over_limit = "more than 1 MiB of files"; }), 1u);
  EXPECT_EQ(runs([](process_outcome& next) { next.wall = seconds(11); }), 1u);
  EXPECT_EQ(runs([](process_outcome&) {}), 2u);
}

TEST_F(attempt_sandbox_test, what_was_too_much_is_told) {
  sandbox_.next.over_limit = "more than 16 MiB of files";
  EXPECT_THAT(run().message, HasSubstr("it used more than 16 MiB of files"));
}

}  // namespace
}  // namespace graphite
