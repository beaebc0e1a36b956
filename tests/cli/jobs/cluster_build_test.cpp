#include "cli/cluster_build.hpp"

#include "cli/exit_codes.hpp"
#include "tests/cli/jobs/submit_fixture.hpp"

namespace graphite {
namespace {

using namespace test;

constexpr int builds_here = 77;

/// `graphite build --coordinator`; a build on this machine is an exit code.
class cluster_builds : public submissions {
 protected:
  cluster_builds() {
    service_.reset();
    options_.network.tokens_at = "127.0.0.1:0";
    serve();
    at_ = service_->tokens_address();
  }
  cli_run build(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"build", "-C", project_.path(), "--coordinator", at_, "--token",
                               service_folder_.path() + "/token", "--json"});
    command_handlers handlers;
    handlers.build = [](const build_options& options) {
      return build_on_cluster(options).value_or(builds_here);
    };
    return run_cli(more, handlers);
  }
  std::string at_;
};

job_outcome outcome_of(job_state state) {
  job_outcome out;
  out.state = state;
  out.progress = {12, 7, 4, state == job_state::failed ? 1u : 0u, 0};
  if (state == job_state::failed) {
    out.message = "1 action failed";
    out.failures = {{"a.png", "no such colour"}};
  }
  return out;
}

TEST_F(cluster_builds, end_as_a_build_here_does) {
  start_store("a");
  write("a.txt", "hello");
  std::thread planner([&] {
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() > 0; }));
    jobs_.ended(job_id{1}, outcome_of(job_state::done));
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() > 0; }));
    jobs_.ended(job_id{2}, outcome_of(job_state::failed));
  });
  const auto good = build();
  EXPECT_EQ(good.code, exit_ok) << good.err;
  const auto last = good.objects().back();
  EXPECT_EQ(last["event"], "build");
  EXPECT_EQ(last["ran"], 7);
  EXPECT_EQ(last["cached"], 4);
  EXPECT_EQ(last["failed"], 0);
  EXPECT_EQ(last["job"], 1);
  write("a.txt", "other");
  const auto bad = build({"-k"});
  planner.join();
  EXPECT_EQ(bad.code, exit_failed) << bad.err;
  const auto failed = bad.objects().back();
  EXPECT_EQ(failed["failed"], 1);
  EXPECT_EQ(failed["diagnostics"][0]["path"], "a.png");
  EXPECT_EQ(failed["diagnostics"][1]["text"], "1 action failed");
  EXPECT_TRUE(std::get<project_job>(request().what).keep_going);
}

TEST_F(cluster_builds, without_a_coordinator_say_what_to_do_or_build_here) {
  service_.reset();
  std::ofstream(service_folder_.path() + "/token") << "graphite-start." << std::string(64, '0');
  std::filesystem::permissions(service_folder_.path() + "/token", std::filesystem::perms::owner_read);
  const auto away = build();
  EXPECT_EQ(away.code, exit_unavailable) << away.err;
  EXPECT_NE(away.err.find("--local-fallback"), std::string::npos) << away.err;
  EXPECT_EQ(away.objects().back()["code"], "unavailable");
  const auto here = build({"--local-fallback"});
  EXPECT_EQ(here.code, builds_here) << here.err;
  EXPECT_EQ(here.objects().back()["event"], "fallback");
  EXPECT_NE(here.err.find("this machine builds"), std::string::npos) << here.err;
}

TEST_F(cluster_builds, without_stores_are_as_without_a_coordinator) {
  EXPECT_EQ(build().code, exit_unavailable);
  EXPECT_EQ(build({"--local-fallback"}).code, builds_here);
  EXPECT_EQ(jobs_.table().open(), 0u) << "nothing is left there";
}

TEST_F(cluster_builds, that_fail_there_are_not_tried_here) {
  start_store("a");
  std::thread planner([&] {
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() > 0; }));
    jobs_.ended(job_id{1}, outcome_of(job_state::failed));
  });
  EXPECT_EQ(build({"--local-fallback"}).code, exit_failed);
  planner.join();
}

TEST_F(cluster_builds, refuse_options_that_a_cluster_cannot_follow) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"--dry-run"},
                                                                 {"--jobs", "3"},
                                                                 {"--scratch", "disk"},
                                                                 {"--pin", "on"},
                                                                 {"--sandbox", "off"},
                                                                 {"--at", "h:1"},
                                                                 {"--at", "h:1", "--local-fallback"}}) {
    const auto refused = build(words);
    EXPECT_EQ(refused.code, exit_usage) << words[0];
    EXPECT_NE(refused.err.find(words[0]), std::string::npos) << refused.err;
  }
  EXPECT_EQ(jobs_.calls(), 0u);
}

}  // namespace
}  // namespace graphite
