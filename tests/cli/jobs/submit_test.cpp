#include "tests/cli/jobs/submit_fixture.hpp"

#include "cli/exit_codes.hpp"
#include "tests/support/run_program.hpp"

namespace graphite {
namespace {

using namespace test;

TEST_F(submissions, bring_a_project_into_the_stores_and_begin_the_job) {
  start_store("a");
  write("a.txt", "hello");
  write("empty", "");
  write("deep/er/large.bin", std::string(20'000'000, 'x') + "y");
  write("deep/er/other.bin", std::string(3'000'000, 'z'));
  const auto done = submit({"--priority", "low", "--view", "branch", "--label", "nightly", "--deadline", "2h",
                            "--target", "a.txt", "-k"});
  ASSERT_EQ(done.code, exit_ok) << done.err;
  const auto objects = done.objects();
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0]["event"], "submitted");
  EXPECT_EQ(objects[0]["known"], false);
  EXPECT_EQ(objects[0]["files"], 5);
  EXPECT_EQ(objects[1]["event"], "uploaded");
  const job_id id{objects[0]["job"].get<std::uint64_t>()};
  EXPECT_EQ(jobs_.table().status({"main", "", true}, id)->state, job_state::planning);
  const auto sent = request();
  EXPECT_EQ(sent.label, "nightly");
  EXPECT_EQ(sent.priority, job_priority::low);
  EXPECT_EQ(sent.deadline, milliseconds(7'200'000));
  const auto& what = std::get<project_job>(sent.what);
  EXPECT_EQ(what.view, "branch");
  EXPECT_EQ(what.targets, std::vector<std::string>{"a.txt"});
  EXPECT_TRUE(what.keep_going);
  EXPECT_EQ(files_.size(), 5u);
  byte_vector large(20'000'001);
  ASSERT_TRUE(running_.at("a").contents->read(files_.at("deep/er/large.bin").content.id, 0, large));
  EXPECT_EQ(as_text(large), std::string(20'000'000, 'x') + "y");
}

TEST_F(submissions, of_a_change_send_what_changed) {
  start_store("a");
  for (int i = 0; i < 300; ++i)
    write("d" + std::to_string(i % 7) + "/" + std::to_string(i), "text " + std::to_string(i));
  write("large.bin", std::string(5'000'000, 'x'));
  ASSERT_EQ(submit().code, exit_ok);
  const auto before = bytes_taken();
  asked_ = 0;
  write("d3/3", "another text");
  const auto done = submit();
  ASSERT_EQ(done.code, exit_ok) << done.err;
  EXPECT_EQ(done.objects().at(1)["contents"], 3) << "the file, its folder, the root";
  EXPECT_LT(bytes_taken() - before, 20'000u);
  EXPECT_LT(asked_, 80u);
  EXPECT_EQ(submit().objects().size(), 1u) << "nothing is missing: nothing is uploaded";
}

TEST_F(submissions, reach_stores_that_ask_for_the_jobs_ticket) {
  use_keys_everywhere();
  start_store("a");
  start_store("b");
  jobs_.stores.copies = 2;
  write("a.txt", "hello");
  write("large.bin", std::string(3'000'000, 'x'));
  const auto done = submit();
  ASSERT_EQ(done.code, exit_ok) << done.err;
  for (const auto& [path, state] : files_)
    for (const char* store : {"a", "b"})
      EXPECT_TRUE(*running_.at(store).contents->find(state.content.id)) << path << " in " << store;
}

TEST_F(submissions, with_one_key_are_one_job) {
  start_store("a");
  const auto first = submit({"--key", "pipeline 4711"});
  ASSERT_EQ(first.code, exit_ok) << first.err;
  const auto again = submit({"--key", "pipeline 4711"});
  ASSERT_EQ(again.code, exit_ok) << again.err;
  EXPECT_EQ(again.objects().size(), 1u) << "nothing is uploaded any more";
  EXPECT_EQ(again.objects()[0]["job"], first.objects()[0]["job"]);
  EXPECT_EQ(again.objects()[0]["known"], true);
  EXPECT_NE(submit().objects()[0]["job"], first.objects()[0]["job"]);
  write("more.txt", "more");
  const auto other = submit({"--key", "pipeline 4711"});
  EXPECT_EQ(other.code, exit_usage) << "the same key for another tree";
  EXPECT_EQ(other.objects().back()["code"], "already_exists");
}

TEST_F(submissions, wait_for_the_end_and_end_as_the_job_does) {
  start_store("a");
  std::thread planner([&] {
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() > 0; }));
    jobs_.ended(job_id{1}, job_state::failed);
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() > 0; }));
    jobs_.ended(job_id{2}, job_state::done);
  });
  const auto bad = submit({"--wait"});
  EXPECT_EQ(bad.code, exit_failed) << bad.err;
  EXPECT_EQ(bad.objects().back()["event"], "job");
  EXPECT_EQ(bad.objects().back()["state"], "failed");
  EXPECT_EQ(submit({"--wait"}).code, exit_ok);
  planner.join();
}

TEST_F(submissions, without_stores_are_given_up_and_taken_back) {
  const auto done = submit();
  EXPECT_EQ(done.code, exit_unavailable);
  EXPECT_NE(done.err.find("no store"), std::string::npos) << done.err;
  EXPECT_NE(done.err.find("job 1 is cancelled"), std::string::npos) << done.err;
  const auto kept = submit({"--key", "k"});
  EXPECT_EQ(kept.code, exit_unavailable);
  EXPECT_NE(kept.err.find("submit it again with the same --key"), std::string::npos) << kept.err;
  start_store("a");
  const auto again = submit({"--key", "k"});
  EXPECT_EQ(again.code, exit_ok) << again.err;
  EXPECT_EQ(again.objects()[0]["known"], true);
}

TEST_F(submissions, that_others_end_meanwhile_say_so) {
  start_store("a");
  jobs_.on_missing = [this](const missing_request& asked, missing_answer&) {
    jobs_.table().cancel({"main", "", true}, asked.job, {clock_.now(), clock_.unix_ns()});
  };
  const auto done = submit({"--wait"});
  EXPECT_EQ(done.code, exit_failed) << done.err;
  EXPECT_EQ(done.objects().back()["state"], "cancelled");
}

TEST_F(submissions, of_what_is_no_project_tell_nothing_to_the_coordinator) {
  std::filesystem::remove(project_.path() + "/graphite.toml");
  EXPECT_EQ(submit().code, exit_usage);
  write("graphite.toml", "[project\n");
  EXPECT_EQ(submit().code, exit_usage);
  EXPECT_EQ(jobs_.calls(), 0u);
  write("graphite.toml", "[project]\nname = \"p\"\n");
  EXPECT_EQ(submit({"--deadline", "soon"}).code, exit_usage);
  EXPECT_EQ(submit({"--deadline", "999 h"}).code, exit_usage);
  EXPECT_EQ(submit({"--priority", "urgent"}).code, exit_usage);
  EXPECT_EQ(submit({"--view", "../other"}).code, exit_usage);
  EXPECT_EQ(submit({"--target", "/etc/passwd"}).code, exit_usage);
  EXPECT_EQ(jobs_.calls(), 0u);
}

/// The same, of a project in a git repository with two commits and changes that are in none.
class revisions_submitted : public submissions {
 protected:
  void git(const std::string& words) {
    const auto done =
        run_program("git -C " + project_.path() +
                    " -c user.name=n -c user.email=e@x -c init.defaultBranch=main " + words + " 2>&1");
    ASSERT_EQ(done.code, 0) << done.text;
  }
  std::string text_of(const std::string& path) {
    byte_vector bytes(files_.at(path).content.size);
    EXPECT_TRUE(running_.at("a").contents->read(files_.at(path).content.id, 0, bytes));
    return std::string(as_text(bytes));
  }
};

TEST_F(revisions_submitted, are_what_the_commit_holds_and_the_working_tree_stays_as_it_is) {
  start_store("a");
  write("a.txt", "first");
  write(".gitignore", "*.log\n");
  write("run.sh", "#!/bin/sh\n");
  std::filesystem::permissions(project_.path() + "/run.sh", std::filesystem::perms::owner_all);
  git("init -q");
  git("add -A");
  git("commit -q -m one");
  git("tag v1");
  write("a.txt", "second");
  git("commit -q -a -m two");
  write("a.txt", "not committed");
  write("new.txt", "not committed");
  const auto done = submit({"--rev", "v1"});
  ASSERT_EQ(done.code, exit_ok) << done.err;
  EXPECT_EQ(files_.size(), 3u);
  EXPECT_EQ(text_of("a.txt"), "first");
  EXPECT_TRUE(files_.at("run.sh").executable);
  EXPECT_EQ(done.objects()[0]["commit"].get<std::string>().size(), 40u);
  EXPECT_EQ(request().label, "p at " + done.objects()[0]["commit"].get<std::string>().substr(0, 12));
  ASSERT_EQ(submit({"--rev", "HEAD"}).code, exit_ok);
  EXPECT_EQ(text_of("a.txt"), "second");
  EXPECT_EQ(run_program("cat " + project_.path() + "/a.txt").text, "not committed");
  EXPECT_FALSE(std::filesystem::exists(project_.path() + "/.graphite"));
  EXPECT_EQ(submit({"--rev", "v9"}).code, exit_usage);
}

}  // namespace
}  // namespace graphite
