#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "cli/attach.hpp"
#include "cli/build.hpp"
#include "cli/exit_codes.hpp"
#include "gateway/local_service.hpp"
#include "tests/cli/commands/cli_support.hpp"
#include "tests/support/fake_facade.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

class build_attached_test : public testing::Test {
 protected:
  build_attached_test() {
    std::ofstream(folder_ / "graphite.toml") << "[project]\nname = \"fake\"\n";
    options_.directory = folder_.path();
    options_.json = true;
  }

  void serve() {
    local_service_options options;
    options.state_folder = options_.state.empty() ? folder_.path() + "/.graphite" : options_.state;
    service_ = std::move(local_service::start(facade_, options, log_).value());
  }

  std::optional<int> build() {
    testing::internal::CaptureStdout();
    const auto code = build_attached(options_);
    out_.out = testing::internal::GetCapturedStdout();
    return code;
  }

  test::temporary_folder folder_;
  test::recording_log log_;
  test::fake_facade facade_;
  std::unique_ptr<local_service> service_;
  build_options options_;
  test::cli_run out_;
};

TEST_F(build_attached_test, without_a_service_it_leaves_the_build_to_the_caller) {
  EXPECT_EQ(build(), std::nullopt);
  EXPECT_EQ(out_.out, "");
}

TEST_F(build_attached_test, the_service_builds_and_the_last_object_tells_how_it_ended) {
  facade_.build_value.ran = 3;
  facade_.build_value.bundle = "/b";
  serve();
  options_.keep_going = true;
  EXPECT_EQ(build(), exit_ok);
  EXPECT_TRUE(facade_.last_build().keep_going);
  const auto last = out_.objects().back();
  EXPECT_EQ(last["event"], "build");
  EXPECT_EQ(last["ran"], 3);
  EXPECT_EQ(last["bundle"], "/b");
  EXPECT_TRUE(last["generation"].is_null());
}

TEST_F(build_attached_test, a_service_that_starts_again_is_waited_for) {
  const restart_mark mark(folder_.path());
  EXPECT_TRUE(is_restarting(folder_.path()));
  options_.state = folder_.path();
  std::jthread late([this] { serve(); });
  EXPECT_EQ(build(), exit_ok);
}

TEST_F(build_attached_test, one_that_died_while_it_started_again_is_not) {
  const auto child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  std::ofstream(folder_ / "restarting") << child;
  EXPECT_FALSE(is_restarting(folder_.path()));
  options_.state = folder_.path();
  EXPECT_EQ(build(), std::nullopt);
}

TEST_F(build_attached_test, a_failed_build_ends_with_1) {
  facade_.build_value.failed = 1;
  serve();
  EXPECT_EQ(build(), exit_failed);
}

TEST_F(build_attached_test, what_the_service_cannot_do_is_refused) {
  serve();
  options_.jobs = 4;
  EXPECT_EQ(build(), exit_usage);
  options_.jobs = 0;
  options_.scratch = "disk";
  EXPECT_EQ(build(), exit_usage);
  EXPECT_EQ(facade_.calls(), 0u);
}

}  // namespace
}  // namespace graphite
