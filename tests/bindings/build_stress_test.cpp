#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "tests/bindings/opened_project.hpp"

namespace graphite::test {
namespace {

/// One thread that does what a program might, in an order of its own.
class meddler {
 public:
  meddler(opened_project& project, unsigned number)
      : project_(project), random_(number), file_("f" + std::to_string(number) + ".txt") {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step(i);
    project_.folder.write(file_, "last of " + file_);
  }

 private:
  void step(int i) {
    auto summary = empty_summary();
    bool stale = false;
    const auto output = file_.substr(0, 2) + ".out";
    switch (random_() % 9) {
      case 0:
        return expect(graphite_process_rebuild_queue(project_.context, &summary));
      case 1:
        return expect(graphite_rebuild_build(project_.context, nullptr));
      case 2:
        return expect(graphite_apply_transforms(project_.context, file_.c_str(), nullptr, nullptr));
      case 3:
        return graphite_rebuild_cancel(project_.context);
      case 4:
        return expect(graphite_rebuild_watch(project_.context, nullptr));
      case 5:
        return expect(graphite_rebuild_unwatch(project_.context));
      case 6:
        return expect(graphite_asset_needs_rebuild(project_.context, output.c_str(), &stale));
      case 7:
        return project_.folder.write("graphite.toml",
                                     std::string(joining_project) + "# " + std::to_string(i));
      default:
        return project_.folder.write(file_, std::to_string(i));
    }
  }

  void expect(graphite_result how) {
    const bool good = how == GRAPHITE_SUCCESS || how == GRAPHITE_ERROR_CANCELLED ||
                      how == GRAPHITE_ERROR_ALREADY_EXISTS || how == GRAPHITE_ERROR_BUSY ||
                      how == GRAPHITE_ERROR_ACTION_FAILED || how == GRAPHITE_ERROR_INVALID_ARGUMENT ||
                      how == GRAPHITE_ERROR_NOT_FOUND;  // of a project file that is half written
    EXPECT_TRUE(good) << graphite_result_name(how) << ": " << last_error();
  }

  opened_project& project_;
  std::mt19937 random_;
  const std::string file_;
};

TEST(build_stress, threads_that_do_everything_at_once_leave_a_project_that_can_be_built) {
  std::vector<std::pair<std::string, std::string>> files{{"x.inc", "+"}};
  for (int i = 0; i < 4; ++i) files.emplace_back("f" + std::to_string(i) + ".txt", "first");
  opened_project project(joining_project, files);
  ASSERT_EQ(project.opened, GRAPHITE_SUCCESS) << last_error();
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < 4; ++number)
    threads.emplace_back([&project, number] { meddler(project, number).run(25); });
  for (auto& thread : threads) thread.join();
  project.folder.write("graphite.toml", joining_project);
  ASSERT_EQ(graphite_rebuild_unwatch(project.context), GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  for (int i = 0; i < 4; ++i) {
    const auto name = "f" + std::to_string(i);
    EXPECT_EQ(project.shown(name + ".out"), "last of " + name + ".txt+");
    EXPECT_TRUE(project.fresh(name + ".out"));
  }
}

}  // namespace
}  // namespace graphite::test
