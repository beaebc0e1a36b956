#include "node/attempt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/linux/process_runner.hpp"
#include "platform/linux/scratch_space.hpp"
#include "platform/worker/worker_pool.hpp"
#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"
#include "transforms/command.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using test::path_of;

std::string noise(std::size_t size) {
  std::mt19937_64 random(7);
  std::string out(size, ' ');
  for (auto& c : out) c = static_cast<char>(random());
  return out;
}

/// Attempts over real files and processes; the chunk store is in memory.
class attempt_test : public testing::Test {
 protected:
  attempt_test() {
    fs::create_directory(view_folder_);
    view_ = *posix_file_reader::open_root(view_folder_);
    scratch_ = *disk_scratch_space::make(folder_ / "scratch");
    spec_.action = action_id{3};
    spec_.attempt = attempt_number{1};
    spec_.environment = {{"PATH", "/usr/bin:/bin"}};
  }
  ~attempt_test() override {
    for (const auto& left : fs::recursive_directory_iterator(folder_ / "scratch"))
      EXPECT_THAT(left.path().filename().string(), testing::AnyOf("0", "work", "tmp"));
  }

  content_ref content(std::string_view text) const {
    return content_of(chunk_bytes(as_bytes(text), hash_), hash_);
  }

  void input(const std::string& name, std::string_view text) {
    fs::create_directories(fs::path(view_folder_ + "/" + name).parent_path());
    std::ofstream(view_folder_ + "/" + name) << text;
    spec_.inputs.push_back({path_of(name), content(text), false});
  }
  void generated(const std::string& name, std::string_view text) {
    ASSERT_TRUE(store_.put(as_bytes(text), chunk_bytes(as_bytes(text), hash_)));
    spec_.inputs.push_back({path_of(name), content(text), true});
  }
  command_spec& command(std::vector<std::string> argv) {
    command_.argv = std::move(argv);
    return command_;
  }
  command_spec& script(std::string text) {
    command_.shell = true;
    return command({std::move(text)});
  }

  attempt_result run(attempt_options options = {}) {
    spec_.command = std::make_shared<const command_spec>(command_);
    options.nice = 0;
    return runner(options).run(spec_, cancel_);
  }
  attempt_runner runner(attempt_options options) {
    return attempt_runner({*view_, store_, hash_, processes_, *scratch_, transform_, workers_}, options);
  }
  std::string stored(const attempt_output& output) const {
    std::string out(output.content.size, ' ');
    EXPECT_TRUE(store_.read(output.content.id, 0, std::as_writable_bytes(std::span(out))));
    return out;
  }

  test::temporary_folder folder_;
  std::string view_folder_ = folder_ / "view";
  openssl_hasher hash_;
  memory_chunk_store store_{hash_};
  linux_process_runner processes_;
  command_transform transform_;
  worker_pool workers_{{.program = "/nowhere", .environment = {}}};  // commands need none
  std::unique_ptr<posix_file_reader> view_;
  std::unique_ptr<disk_scratch_space> scratch_;
  command_spec command_;
  cancel_token cancel_;
  attempt_spec spec_{{},      {},      {}, {}, "rule", path_of("a/in.txt"), {}, {{"out/in.bin", false}},
                     nullptr, nullptr, {}, {}, {}};
};

TEST_F(attempt_test, output_of_a_tool_is_stored_under_its_digest) {
  input("a/in.txt", "hello");
  command({"cp", "{in}", "{out}"});
  const auto result = run();
  EXPECT_EQ(result.status, attempt_status::succeeded) << result.message;
  EXPECT_EQ(result.action, action_id{3});
  ASSERT_EQ(result.outputs.size(), 1u);
  EXPECT_EQ(result.outputs[0].path, path_of("out/in.bin"));
  EXPECT_EQ(result.outputs[0].content, content("hello"));
  EXPECT_EQ(stored(result.outputs[0]), "hello");
  EXPECT_FALSE(result.discovered);
  EXPECT_GT(result.wall.count(), 0);
}

TEST_F(attempt_test, outputs_are_left_to_the_sync_of_who_publishes_them) {
  input("a/in.txt", "hello");
  command({"cp", "{in}", "{out}"});
  const auto result = run();
  EXPECT_EQ(store_.options().syncs, 0u);
  ASSERT_TRUE(store_.sync());
  store_.lose_unsynced();
  EXPECT_EQ(stored(result.outputs.at(0)), "hello");
}

TEST_F(attempt_test, small_outputs_may_wait_for_the_journal) {
  input("a/in.txt", "hello");
  command({"cp", "{in}", "{out}"});
  attempt_options options;
  options.hold_bytes_max = 4;
  EXPECT_EQ(run(options).status, attempt_status::succeeded);
  EXPECT_EQ(store_.options().holds, 0u);
  options.hold_bytes_max = 5;
  EXPECT_EQ(run(options).status, attempt_status::succeeded);
  EXPECT_EQ(store_.options().holds, 1u);
}

TEST_F(attempt_test, tool_sees_exactly_the_inputs) {
  input("a/in.txt", "1");
  input("b/c/d.txt", "2");
  generated("gen/e.txt", "3");
  std::ofstream(view_folder_ + "/undeclared") << "4";
  script("all=$(find . -type f | sort); (echo \"$all\"; cat b/c/d.txt gen/e.txt) > {out}");
  EXPECT_EQ(stored(run().outputs.at(0)), "./a/in.txt\n./b/c/d.txt\n./gen/e.txt\n23");
}

TEST_F(attempt_test, inputs_of_every_size_come_through_unchanged) {
  for (const std::size_t size : {0u, 1u, 65'536u, 65'537u, 1u << 20, (9u << 20) + 13}) {
    SCOPED_TRACE(size);
    spec_.inputs.clear();
    const auto text = noise(size);
    input("a/in.txt", text);
    generated("gen/in.txt", text);
    spec_.outputs = {{"out/1"}, {"out/2"}};
    command_.shell = false;
    script("cp {in} {out1} && cp gen/in.txt {out2}");
    const auto result = run();
    ASSERT_EQ(result.status, attempt_status::succeeded) << result.message;
    EXPECT_EQ(result.outputs[0].content, content(text));
    EXPECT_EQ(result.outputs[1].content, content(text));
  }
}

TEST_F(attempt_test, changed_or_vanished_source_is_stale) {
  for (const std::size_t size : {5u, 200'000u}) {
    spec_.inputs.clear();
    input("a/in.txt", noise(size));
    command({"cp", "{in}", "{out}"});
    const auto file = view_folder_ + "/a/in.txt";
    std::ofstream(file) << std::string(size, 'x');  // same length, other bytes
    EXPECT_EQ(run().status, attempt_status::stale_input);
    std::ofstream(file) << noise(size) << "grown";
    EXPECT_EQ(run().status, attempt_status::stale_input);
    std::ofstream(file) << "";
    EXPECT_EQ(run().status, attempt_status::stale_input);
    fs::remove(file);
    EXPECT_EQ(run().status, attempt_status::stale_input);
  }
}

TEST_F(attempt_test, lost_or_corrupt_stored_input_is_refused) {
  generated("a/in.txt", "hello");
  command({"cp", "{in}", "{out}"});
  store_.options().corrupt.insert(content("hello").id);
  EXPECT_EQ(run().status, attempt_status::refused);
  store_.remove(content("hello").id);
  EXPECT_EQ(run().status, attempt_status::refused);
}

TEST_F(attempt_test, tool_failure_is_told_with_its_last_words) {
  input("a/in.txt", "x");
  script("echo working; echo 'no such colour' >&2; exit 4");
  const auto result = run();
  EXPECT_EQ(result.status, attempt_status::failed);
  EXPECT_EQ(result.message, "a/in.txt: the shell command ended with status 4\nno such colour\n");
  EXPECT_EQ(result.log, "working\nno such colour\n");
  EXPECT_THAT(result.outputs, IsEmpty());
}

TEST_F(attempt_test, missing_program_is_the_rules_failure) {
  input("a/in.txt", "x");
  command({"no-such-converter", "{in}"});
  const auto result = run();
  EXPECT_EQ(result.status, attempt_status::failed);
  EXPECT_THAT(result.message, HasSubstr("'no-such-converter' not found"));
  command({"{nonsense}"});
  EXPECT_EQ(run().status, attempt_status::failed);
}

TEST_F(attempt_test, timeout_is_a_failure_with_its_name) {
  input("a/in.txt", "x");
  command({"sleep", "1000"}).timeout = milliseconds(50);
  const auto result = run();
  EXPECT_EQ(result.status, attempt_status::failed);
  EXPECT_THAT(result.message, HasSubstr("timeout"));
}

TEST_F(attempt_test, missing_and_undeclared_outputs_are_named) {
  input("a/in.txt", "x");
  script("echo y > out/other.bin");
  const auto missing = run();
  EXPECT_EQ(missing.status, attempt_status::failed);
  EXPECT_THAT(missing.message, HasSubstr("did not make out/in.bin; it made out/other.bin"));
  script("echo y > {out}; echo z > 'extra file'");
  const auto extra = run();
  EXPECT_EQ(extra.status, attempt_status::failed);
  EXPECT_THAT(extra.message, HasSubstr("extra file"));
}

TEST_F(attempt_test, links_and_special_files_are_no_outputs) {
  input("a/in.txt", "x");
  for (const auto* text : {"ln -s /etc/passwd {out}", "mkfifo {out}", "ln -s ../a/in.txt {out}"}) {
    script(text);
    const auto result = run();
    EXPECT_EQ(result.status, attempt_status::failed) << text;
    EXPECT_THAT(result.message, HasSubstr("plain files"));
  }
}

TEST_F(attempt_test, wildcard_outputs_are_what_the_run_made) {
  input("a/in.txt", "x");
  spec_.outputs = {{"out/**/*.p", true}};
  script("mkdir -p {out}/deep; echo 1 > {out}/b.p; echo 2 > {out}/deep/a.p");
  const auto result = run();
  ASSERT_EQ(result.status, attempt_status::succeeded) << result.message;
  ASSERT_EQ(result.outputs.size(), 2u);
  EXPECT_EQ(result.outputs[0].path, path_of("out/b.p"));
  EXPECT_EQ(result.outputs[1].path, path_of("out/deep/a.p"));
}

TEST_F(attempt_test, depfile_tells_what_was_read) {
  input("a/in.txt", "x");
  input("inc/b.h", "1");
  input("inc/c.h", "2");
  script("cp {in} {out}; echo \"{out}: {in} $PWD/inc/c.h /usr/include/stdio.h\" > {depfile}").depfile =
      "{stem}.d";
  const auto result = run();
  ASSERT_EQ(result.status, attempt_status::succeeded) << result.message;
  EXPECT_EQ(*result.discovered, std::vector{path_of("inc/c.h")});
  EXPECT_EQ(result.outputs.size(), 1u);
}

TEST_F(attempt_test, reading_a_file_of_the_project_that_is_no_input_fails_the_attempt) {
  input("a.c", "A");
  input("inc/b.h", "B");
  input("l[1]/x.h", "X");
  spec_.inputs.pop_back();  // there, but not among the rule's inputs
  spec_.main_input = path_of("a.c");
  attempt_options options;
  options.view_folder = view_folder_;
  const auto reads = [&](const std::string& what) {
    script("cp {in} {out}; echo '{out}: {in} " + what + "' > {depfile}").depfile = "d";
    return run(options);
  };
  const auto by_absolute_path = reads(view_folder_ + "/l[1]/x.h");
  EXPECT_EQ(by_absolute_path.status, attempt_status::failed);
  EXPECT_THAT(by_absolute_path.message, HasSubstr("l[1]/x.h (add \"l\\[1\\]/*.h\" to inputs)"));
  EXPECT_EQ(reads("l[1]/x.h").status, attempt_status::failed);
  const auto fine = reads(view_folder_ + "/inc/b.h /usr/include/stdio.h own.tmp");
  EXPECT_EQ(fine.status, attempt_status::succeeded) << fine.message;
  EXPECT_THAT(*fine.discovered, ElementsAre(path_of("inc/b.h")));
}

TEST_F(attempt_test, bad_depfiles_fail_the_attempt) {
  input("a/in.txt", "x");
  script("cp {in} {out}").depfile = "d";
  EXPECT_THAT(run().message, HasSubstr("depfile d cannot be read"));
  script("cp {in} {out}; echo gibberish > d");
  EXPECT_THAT(run().message, HasSubstr("colon"));
  script("cp {in} {out}; ln -s /etc/passwd d");
  EXPECT_EQ(run().status, attempt_status::failed);
  attempt_options options;
  options.depfile_bytes_max = 3;
  script("cp {in} {out}; echo 'o: a' > d");
  EXPECT_THAT(run(options).message, HasSubstr("more than 3 bytes"));
}

TEST_F(attempt_test, full_store_is_refused_and_recovers) {
  input("a/in.txt", "hello");
  command({"cp", "{in}", "{out}"});
  store_.options().bytes_max = 3;
  const auto result = run();
  EXPECT_EQ(result.status, attempt_status::refused);
  EXPECT_THAT(result.message, HasSubstr("out/in.bin"));
  store_.options().bytes_max = 100;
  EXPECT_EQ(run().status, attempt_status::succeeded);
}

TEST_F(attempt_test, cancel_ends_a_running_tool) {
  input("a/in.txt", "x");
  const auto started = folder_ / "started";
  script("echo > " + started + "; sleep 1000");
  std::thread canceller([&] {
    EXPECT_TRUE(test::wait_until([&] { return fs::exists(started); }));
    cancel_.cancel();
  });
  EXPECT_EQ(run().status, attempt_status::cancelled);
  canceller.join();
  EXPECT_EQ(run().status, attempt_status::cancelled);
}

TEST_F(attempt_test, too_many_files_fail_the_attempt) {
  input("a/in.txt", "x");
  script("touch 1 2 3 4 5");
  attempt_options options;
  options.entries_max = 4;
  EXPECT_THAT(run(options).message, HasSubstr("more than 4 files"));
}

/// Folders that say they are small, in the place of a tmpfs.
class small_scratch final : public scratch_space {
 public:
  explicit small_scratch(const std::string& root)
      : small_(
            *disk_scratch_space::make(root + "/small", {.file_bytes_max = 100'000, .free_bytes_low = low})),
        roomy_(*disk_scratch_space::make(root + "/roomy")) {}
  result<std::unique_ptr<scratch_folder>> create(const scratch_need& need) override {
    asked.push_back(need);
    return (need.roomy ? roomy_ : small_)->create(need);
  }
  static inline std::uint64_t low = 0;
  std::vector<scratch_need> asked;

 private:
  std::unique_ptr<disk_scratch_space> small_, roomy_;
};

class small_scratch_test : public attempt_test {
 protected:
  /// How often a folder was asked for to run the attempt.
  std::size_t tries(const attempt_result& how) const {
    EXPECT_EQ(how.status, attempt_status::succeeded) << how.message;
    return small_.asked.size();
  }
  attempt_result run_small() {
    spec_.command = std::make_shared<const command_spec>(command_);
    return runner_.run(spec_, cancel_);
  }
  void TearDown() override { small_scratch::low = 0; }

  small_scratch small_{folder_ / "tiers"};
  attempt_runner runner_{{*view_, store_, hash_, processes_, small_, transform_, workers_}, {.nice = 0}};
};

TEST_F(small_scratch_test, an_attempt_that_fits_runs_once_and_tells_what_it_will_place) {
  input("a/in.txt", "hello");
  input("b", "you");
  command({"cp", "{in}", "{out}"});
  EXPECT_EQ(tries(run_small()), 1u);
  EXPECT_EQ(small_.asked[0].input_bytes, 8u);
  EXPECT_FALSE(small_.asked[0].roomy);
}

TEST_F(small_scratch_test, a_file_too_large_for_it_is_made_again_in_a_roomy_one_and_so_is_the_next) {
  input("a/in.txt", "hello");
  script("head -c 200000 /dev/zero > {out}");
  const auto done = run_small();
  EXPECT_EQ(tries(done), 2u);
  EXPECT_TRUE(small_.asked[1].roomy);
  EXPECT_EQ(done.outputs[0].content.size, 200'000u);
  EXPECT_EQ(tries(run_small()), 3u);
  EXPECT_TRUE(small_.asked[2].roomy);
  spec_.rule = "another";
  script("cp {in} {out}");
  EXPECT_EQ(tries(run_small()), 4u);
  EXPECT_FALSE(small_.asked[3].roomy);
}

TEST_F(small_scratch_test, a_tool_that_ignores_the_failed_write_does_not_get_a_cut_file_stored) {
  input("a/in.txt", "hello");
  script("trap '' XFSZ; head -c 200000 /dev/zero > {out}; true");
  const auto done = run_small();
  EXPECT_EQ(tries(done), 2u);
  EXPECT_EQ(done.outputs[0].content.size, 200'000u);
}

TEST_F(small_scratch_test, when_space_ran_out_a_failure_and_a_success_say_nothing) {
  small_scratch::low = std::uint64_t{1} << 60;
  small_scratch full(folder_ / "full");
  attempt_runner runner({*view_, store_, hash_, processes_, full, transform_, workers_}, {.nice = 0});
  input("a/in.txt", "hello");
  script("case $PWD in */small/*) exit 1;; esac; cp {in} {out}");
  spec_.command = std::make_shared<const command_spec>(command_);
  EXPECT_EQ(runner.run(spec_, cancel_).status, attempt_status::succeeded);
  EXPECT_EQ(full.asked.size(), 2u);
}

TEST_F(small_scratch_test, what_the_tool_says_about_space_counts_and_other_failures_do_not) {
  input("a/in.txt", "hello");
  script("case $PWD in */small/*) echo 'cp: No space left on device' >&2; exit 1;; esac; cp {in} {out}");
  EXPECT_EQ(tries(run_small()), 2u);
  spec_.rule = "another";
  script("exit 1");
  EXPECT_EQ(run_small().status, attempt_status::failed);
  EXPECT_EQ(small_.asked.size(), 3u);
}

}  // namespace
}  // namespace graphite
