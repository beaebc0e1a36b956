#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "cli/exit_codes.hpp"
#include "cli/job_access.hpp"
#include "gateway/local_service.hpp"
#include "tests/cli/commands/cli_support.hpp"
#include "tests/coordinator/jobs/job_world.hpp"
#include "tests/support/fake_facade.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/table_jobs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using namespace test;

/// Commands about jobs, of a coordinator with a real table of them at its project's socket.
class job_commands_test : public testing::Test {
 protected:
  job_commands_test() {
    std::ofstream(folder_ / "graphite.toml") << "[project]\nname = \"p\"\n";
    std::filesystem::create_directory(state());
    options_.state_folder = state();
    options_.jobs = jobs_.services();
  }
  void serve() { service_ = std::move(local_service::start(facade_, options_, log_).value()); }
  std::string state() const { return folder_.path() + "/.graphite"; }

  cli_run run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-C", folder_.path()});
    return run_cli(arguments);
  }
  job_id submitted(const std::string& key, const std::string& label = "",
                   const std::string& tenant = "main") {
    auto request = project_request(key);
    request.label = label;
    job_id out;
    jobs_.submit({tenant, "ann", false}, request, [&](result<job_accepted> made) {
      ASSERT_TRUE(made) << made.error().context;
      out = made->job.id;
    });
    return out;
  }
  static std::string text(job_id id) { return std::to_string(id.value); }

  static job_table_options every_event() {
    job_table_options out;
    out.progress_interval = duration::zero();
    return out;
  }

  temporary_folder folder_;
  recording_log log_;
  fake_facade facade_;
  table_jobs jobs_{every_event()};
  local_service_options options_;
  std::unique_ptr<local_service> service_;
};

TEST_F(job_commands_test, jobs_are_listed_the_newest_first) {
  serve();
  EXPECT_EQ(run({"jobs"}).out, "no jobs\n");
  const auto one = submitted("one", "nightly\x1b[2J"), two = submitted("two");
  jobs_.looked(two, 0);
  jobs_.ended(two);
  const auto shown = run({"jobs"});
  EXPECT_EQ(shown.code, exit_ok) << shown.err;
  EXPECT_LT(shown.out.find("done"), shown.out.find("nightly"));
  EXPECT_EQ(shown.out.find('\x1b'), std::string::npos);
  const auto objects = run({"jobs", "--json"}).objects();
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0]["job"], two.value);
  EXPECT_EQ(objects[0]["state"], "done");
  EXPECT_EQ(objects[0]["over"], true);
  EXPECT_EQ(objects[1]["event"], "job");
  EXPECT_EQ(objects[1]["ended_unix_ns"], nullptr);
  EXPECT_EQ(run({"jobs", "--open", "--json"}).objects().size(), 1u);
  EXPECT_EQ(run({"jobs", "--before", text(two), "--json"}).objects().at(0)["job"], one.value);
  const auto page = run({"jobs", "--most", "1"});
  EXPECT_NE(page.err.find("graphite jobs --before " + text(two)), std::string::npos) << page.err;
}

TEST_F(job_commands_test, one_is_told_of_with_how_it_ended) {
  serve();
  const auto id = submitted("one", "nightly");
  jobs_.looked(id, 3);
  const auto waiting = run({"job", text(id)});
  EXPECT_EQ(waiting.code, exit_ok);
  EXPECT_NE(waiting.out.find("waits for 3 contents"), std::string::npos) << waiting.out;
  jobs_.looked(id, 0);
  job_outcome outcome;
  outcome.state = job_state::failed;
  outcome.message = "2 actions failed";
  outcome.progress = {10, 5, 3, 2, 0};
  outcome.failures = {{"a.png", "no such colour"}};
  jobs_.ended(id, outcome);
  const auto shown = run({"job", text(id)});
  EXPECT_EQ(shown.code, exit_ok) << "it could be told";
  for (const char* part :
       {"failed", "nightly", "a.png: error: no such colour", "and 1 more", "2 actions failed"})
    EXPECT_NE(shown.out.find(part), std::string::npos) << shown.out;
  const auto object = run({"job", text(id), "--json"}).objects().at(0);
  EXPECT_EQ(object["failures"][0]["path"], "a.png");
  EXPECT_EQ(object["failed"], 2);
  EXPECT_EQ(object["cached"], 3);
  EXPECT_EQ(object["message"], "2 actions failed");
}

TEST_F(job_commands_test, what_is_not_there_is_said) {
  serve();
  for (const char* command : {"job", "cancel", "logs"}) {
    const auto shown = run({command, "77"});
    EXPECT_EQ(shown.code, exit_usage) << command;
    EXPECT_NE(shown.err.find("77"), std::string::npos) << shown.err;
  }
  EXPECT_EQ(run({"why", "--job", "77", "a.png"}).code, exit_usage);
  EXPECT_EQ(run({"job", "seven"}).code, exit_usage);
  EXPECT_EQ(run({"job"}).code, exit_usage);
}

TEST_F(job_commands_test, of_a_coordinator_that_is_away_say_what_to_do) {
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"jobs"}, {"job", "1"}, {"cancel", "1"}, {"logs", "1"}, {"logs", "-f", "1"}}) {
    const auto shown = run(command);
    EXPECT_EQ(shown.code, exit_unavailable) << command[0] << shown.err;
    EXPECT_NE(shown.err.find("graphite coordinator"), std::string::npos) << shown.err;
  }
  const auto object = run({"jobs", "--json"}).objects().at(0);
  EXPECT_EQ(object["event"], "error");
  EXPECT_EQ(object["code"], "unavailable");
  EXPECT_EQ(object["exit_code"], 3);
}

TEST_F(job_commands_test, of_a_service_without_jobs_say_so) {
  options_.jobs = {};
  serve();
  const auto shown = run({"jobs"});
  EXPECT_EQ(shown.code, exit_usage);
  EXPECT_NE(shown.err.find("jobs"), std::string::npos) << shown.err;
}

TEST_F(job_commands_test, cancel_ends_each_and_tells_of_those_that_were_over) {
  serve();
  const auto one = submitted("one"), two = submitted("two");
  jobs_.looked(two, 0);
  jobs_.ended(two);
  const auto shown = run({"cancel", text(one), text(two), "99"});
  EXPECT_EQ(shown.code, exit_usage) << "of the one that is not there";
  EXPECT_NE(shown.out.find("job " + text(one) + " cancelled"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("was over: done"), std::string::npos) << shown.out;
  const auto again = run({"cancel", text(one), "--json"}).objects().at(0);
  EXPECT_EQ(again["state"], "cancelled");
}

TEST_F(job_commands_test, logs_show_who_says_what) {
  serve();
  const auto id = submitted("one");
  jobs_.said(id, "a.png", "hello\n");
  jobs_.said(id, "a.png", "again\x1b[31m\n");
  jobs_.said(id, "b.png", "other\n");
  const auto shown = run({"logs", text(id)});
  EXPECT_EQ(shown.code, exit_ok) << shown.err;
  EXPECT_EQ(shown.out, "==> a.png <==\nhello\nagain?[31m\n==> b.png <==\nother\n");
  EXPECT_EQ(run({"logs", text(id), "--path", "b.png"}).out, "==> b.png <==\nother\n");
  const auto objects = run({"logs", text(id), "--json"}).objects();
  ASSERT_EQ(objects.size(), 3u);
  EXPECT_EQ(objects[0]["text"], "hello\n");
  const auto second = std::to_string(objects[1]["number"].get<std::uint64_t>());
  EXPECT_EQ(run({"logs", text(id), "--after", second, "--json"}).objects().at(0)["text"], "other\n");
}

TEST_F(job_commands_test, logs_are_followed_to_the_end_of_the_job) {
  serve();
  const auto id = submitted("one");
  jobs_.looked(id, 0);
  jobs_.said(id, "a.png", "first\n");
  std::thread planner([&] {
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() > 0; }));
    jobs_.said(id, "a.png", "second\n");
    jobs_.ended(id);
  });
  const auto shown = run({"logs", "-f", text(id)});
  planner.join();
  EXPECT_EQ(shown.code, exit_ok) << shown.err;
  EXPECT_EQ(shown.out, "==> a.png <==\nfirst\nsecond\n");
}

TEST_F(job_commands_test, waiting_tells_each_event_and_ends_as_the_job_does) {
  serve();
  const auto id = submitted("one");
  jobs_.looked(id, 0);
  std::thread planner([&] {
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() > 0; }));
    jobs_.progress(id, {10, 4, 1, 1, 2});
    jobs_.failed(id, {"a.png", "no"});
    jobs_.ended(id, job_state::failed);
  });
  const auto shown = run({"job", text(id), "--wait", "--json"});
  planner.join();
  EXPECT_EQ(shown.code, exit_failed) << shown.err;
  const auto objects = shown.objects();
  std::vector<std::string> events;
  for (const auto& one : objects) events.push_back(one["event"]);
  EXPECT_NE(std::find(events.begin(), events.end(), "progress"), events.end());
  EXPECT_NE(std::find(events.begin(), events.end(), "failure"), events.end());
  EXPECT_EQ(events.front(), "state");
  EXPECT_EQ(events.back(), "job");
  EXPECT_EQ(objects.back()["state"], "failed");
  EXPECT_EQ(run({"job", text(id), "--wait"}).code, exit_failed) << "of one that is over";
}

TEST_F(job_commands_test, why_is_asked_of_a_jobs_view) {
  serve();
  const auto id = submitted("one");
  const auto shown = run({"why", "--job", text(id), "a.png"});
  EXPECT_EQ(shown.code, exit_ok) << shown.err;
  EXPECT_NE(shown.out.find("made up"), std::string::npos) << shown.out;
}

TEST(coordinator_address, has_the_port_of_its_clients_where_none_is_named) {
  temporary_folder folder;
  remote_options options;
  EXPECT_EQ(with_clients_port(options), "");
  options.at = "farm";
  EXPECT_EQ(with_clients_port(options), "farm:7400");
  options.at = "farm:9";
  EXPECT_EQ(with_clients_port(options), "farm:9");
  options.at = "[::1]";
  EXPECT_EQ(with_clients_port(options), "[::1]:7400");
  options.at = "[::1]:9";
  EXPECT_EQ(with_clients_port(options), "[::1]:9");
  options.at = "farm";
  options.token_file = "/token";
  EXPECT_EQ(with_clients_port(options), "farm:7405");
  options.keys = folder.path();
  EXPECT_EQ(with_clients_port(options), "farm:7405");
  std::ofstream(folder.path() + "/client.crt") << "x";
  EXPECT_EQ(with_clients_port(options), "farm:7400");
}

}  // namespace
}  // namespace graphite
