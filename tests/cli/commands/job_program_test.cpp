#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/job_waiting.hpp"
#include "gateway/local_service.hpp"
#include "tests/coordinator/jobs/job_world.hpp"
#include "tests/support/fake_facade.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/table_jobs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using namespace test;

/// The real program, whose standard error is kept.
class spawned_program {
 public:
  explicit spawned_program(std::vector<std::string> words) {
    EXPECT_EQ(::pipe(ends_), 0);
    ::posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends_[1], STDERR_FILENO);
    ::posix_spawn_file_actions_addclose(&actions, ends_[0]);
    words.insert(words.begin(), GRAPHITE_PROGRAM);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&pid_, GRAPHITE_PROGRAM, &actions, nullptr, argv.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends_[1]);
  }
  ~spawned_program() { ::close(ends_[0]); }
  void signal(int which) const { ::kill(pid_, which); }
  /// What it said until its end.
  std::string finish() {
    std::string said;
    char buffer[256];
    for (ssize_t n; (n = ::read(ends_[0], buffer, sizeof buffer)) > 0;)
      said.append(buffer, static_cast<std::size_t>(n));
    EXPECT_EQ(::waitpid(pid_, &status_, 0), pid_);
    return said;
  }
  int status() const { return status_; }

 private:
  int ends_[2] = {-1, -1};
  pid_t pid_ = 0;
  int status_ = 0;
};

void give_up_by(int signal) {
  temporary_folder folder;
  recording_log log;
  fake_facade facade;
  table_jobs jobs;
  local_service_options options;
  options.state_folder = folder.path();
  options.jobs = jobs.services();
  const auto service = std::move(local_service::start(facade, options, log).value());
  job_id id;
  jobs.submit({"main", "ann", false}, project_request("k"), [&](auto made) { id = made->job.id; });
  jobs.looked(id, 0);
  spawned_program waits({"job", std::to_string(id.value), "--wait", "--state", folder.path()});
  EXPECT_TRUE(jobs.wait_until([&] { return jobs.waiting() > 0; }));
  waits.signal(signal);
  const auto said = waits.finish();
  EXPECT_TRUE(WIFSIGNALED(waits.status()) && WTERMSIG(waits.status()) == signal) << waits.status();
  EXPECT_EQ(said, goes_on_text(id) + "\n");
  EXPECT_NE(said.find("graphite cancel " + std::to_string(id.value)), std::string::npos);
  jobs.end_waits();
  EXPECT_EQ(jobs.table().open(), 1u);
}

TEST(job_program, a_wait_that_is_given_up_asks_nothing_of_the_job_and_says_how_to_go_on) {
  for (const int signal : {SIGINT, SIGTERM}) give_up_by(signal);
}

}  // namespace
}  // namespace graphite
