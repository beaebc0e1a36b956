#include <gtest/gtest.h>
#include <time.h>

#include "tests/bindings/opened_project.hpp"

// What graphite_build.h promises of every function, and of the options of a context.

namespace graphite::test {
namespace {

TEST(build_contract, a_null_argument_is_refused_everywhere) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  auto* const context = project.context;
  auto summary = empty_summary();
  bool stale = false;
  graphite_asset_state state;
  graphite_transform_config rule;
  graphite_build_statistics statistics{};
  std::uint64_t number = 0;
  const auto on_task = [](const graphite_rebuild_task*, void*) {};
  const auto on_line = [](const graphite_diagnostic*, void*) {};
  const std::vector<graphite_result> results{
      graphite_rebuild_open(project.folder.path().c_str(), nullptr, nullptr),
      graphite_asset_needs_rebuild(nullptr, "a.txt", &stale),
      graphite_asset_needs_rebuild(context, nullptr, &stale),
      graphite_asset_needs_rebuild(context, "a.txt", nullptr),
      graphite_asset_describe(nullptr, "a.txt", &state),
      graphite_asset_describe(context, nullptr, &state),
      graphite_asset_describe(context, "a.txt", nullptr),
      graphite_rebuild_queue(nullptr, on_task, nullptr, &number),
      graphite_get_transform_config(nullptr, "a.txt", &rule),
      graphite_get_transform_config(context, nullptr, &rule),
      graphite_get_transform_config(context, "a.txt", nullptr),
      graphite_hash_file(nullptr, &number, nullptr),
      graphite_hash_file("a.txt", nullptr, nullptr),
      graphite_get_file_mtime(nullptr, &number),
      graphite_get_file_mtime("a.txt", nullptr),
      graphite_process_rebuild_queue(nullptr, &summary),
      graphite_rebuild_build(nullptr, &summary),
      graphite_apply_transforms(nullptr, "a.txt", nullptr, &summary),
      graphite_apply_transforms(context, nullptr, nullptr, &summary),
      graphite_rebuild_diagnostics(nullptr, on_line, nullptr),
      graphite_rebuild_diagnostics(context, nullptr, nullptr),
      graphite_rebuild_watch(nullptr, nullptr),
      graphite_rebuild_unwatch(nullptr),
      graphite_rebuild_statistics(nullptr, &statistics),
      graphite_rebuild_statistics(context, nullptr),
  };
  for (std::size_t i = 0; i < results.size(); ++i)
    EXPECT_EQ(results[i], GRAPHITE_ERROR_INVALID_ARGUMENT) << "call " << i;
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_INVALID_ARGUMENT);
  // These do nothing.
  graphite_rebuild_config_init(nullptr);
  graphite_rebuild_watch_config_init(nullptr);
  graphite_rebuild_cancel(nullptr);
  graphite_asset_state_free(nullptr);
  graphite_transform_config_free(nullptr);
  EXPECT_EQ(graphite_rebuild_bundle(nullptr, nullptr, 0), 0u);
}

TEST(build_contract, a_structure_of_another_size_is_refused) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  graphite_rebuild_config config;
  graphite_rebuild_config_init(&config);
  config.size += 8;
  graphite_rebuild_context* none = project.context;
  EXPECT_EQ(graphite_rebuild_open("/nowhere", &config, &none), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(none, nullptr);
  graphite_rebuild_watch_config watch;
  graphite_rebuild_watch_config_init(&watch);
  watch.size += 8;
  EXPECT_EQ(graphite_rebuild_watch(project.context, &watch), GRAPHITE_ERROR_INVALID_ARGUMENT);
  graphite_build_statistics statistics{};
  EXPECT_EQ(graphite_rebuild_statistics(project.context, &statistics), GRAPHITE_ERROR_INVALID_ARGUMENT);
  graphite_rebuild_summary summary{};
  for (const auto build : {&graphite_rebuild_build, &graphite_process_rebuild_queue})
    EXPECT_EQ(build(project.context, &summary), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_apply_transforms(project.context, "a.txt", nullptr, &summary),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_TRUE(project.stale("a.out")) << "nothing was built";
}

TEST(build_contract, what_is_to_be_freed_is_all_zeros_after_an_error) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  graphite_asset_state state;
  EXPECT_EQ(graphite_asset_describe(project.context, "b.txt", &state), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_EQ(state.asset_path, nullptr);
  EXPECT_EQ(state.owner_, nullptr);
  graphite_asset_state_free(&state);
  graphite_transform_config rule;
  EXPECT_EQ(graphite_get_transform_config(project.context, "../a.txt", &rule),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(rule.rule, nullptr);
  EXPECT_EQ(rule.owner_, nullptr);
  graphite_transform_config_free(&rule);
}

TEST(build_contract, the_last_result_is_that_of_the_builder_too) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  EXPECT_EQ(project.apply("b.txt"), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_NOT_FOUND);
  graphite_transform_config rule;
  ASSERT_EQ(graphite_get_transform_config(project.context, "a.txt", &rule), GRAPHITE_SUCCESS);
  ++rule.key;
  EXPECT_EQ(project.apply("a.txt", &rule), GRAPHITE_ERROR_STALE_HANDLE);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_STALE_HANDLE) << "a code that only this interface has";
  graphite_transform_config_free(&rule);
}

TEST(build_contract, the_bundles_folder_is_cut_off_where_the_buffer_is_short) {
  opened_project project(joining_project);
  const auto whole = project.bundle_folder();
  char buffer[5] = "....";
  EXPECT_EQ(graphite_rebuild_bundle(project.context, buffer, sizeof buffer), whole.size());
  EXPECT_EQ(std::string(buffer), whole.substr(0, 4));
  EXPECT_EQ(whole.front(), '/');
}

TEST(build_contract, the_state_lies_where_the_options_say) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  const temporary_folder state;
  project.close();
  std::filesystem::remove_all(project.folder / ".graphite");
  graphite_rebuild_config config;
  graphite_rebuild_config_init(&config);
  const std::string where = state / "of it";
  {
    const std::string copied = where;
    config.state_directory = copied.c_str();
    config.jobs = 1;
    config.scratch_on_disk = true;
    ASSERT_EQ(graphite_rebuild_open(project.folder.path().c_str(), &config, &project.context),
              GRAPHITE_SUCCESS)
        << last_error();
  }
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.bundle_folder().substr(0, where.size()), where);
  EXPECT_EQ(project.shown("a.out"), "A");
  EXPECT_FALSE(std::filesystem::exists(project.folder / ".graphite"));
  project.folder.write("graphite.toml", std::string(joining_project) + "# opened anew\n");
  project.folder.write("a.txt", "A2");
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "A2") << "the text given has long been freed";
}

bool can_be_shown(opened_project& project, const std::string& name, const std::string& text) {
  try {
    return project.shown(name) == text;
  } catch (const failure&) {
    return false;
  }
}

TEST(build_contract, lost_contents_are_logged_and_made_again) {
  const std::string large(200'000, 'x');
  opened_project project(joining_project, {{"a.txt", "A"}, {"x.inc", large}});
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  project.close();
  std::vector<std::filesystem::path> segments;  // in the store and, as links, in the bundle
  for (const auto& entry : std::filesystem::recursive_directory_iterator(project.folder / ".graphite"))
    if (entry.path().filename().string().starts_with("segment-")) segments.push_back(entry.path());
  EXPECT_FALSE(segments.empty());
  for (const auto& segment : segments) std::filesystem::remove(segment);
  std::vector<std::string> lines;  // of the callbacks' one thread; read when that has ended
  graphite_rebuild_config config;
  graphite_rebuild_config_init(&config);
  config.user_data = &lines;
  config.log_callback = [](graphite_log_level level, const char* text, void* to) {
    EXPECT_GE(level, GRAPHITE_LOG_WARNING);
    static_cast<std::vector<std::string>*>(to)->emplace_back(text);
  };
  ASSERT_EQ(graphite_rebuild_open(project.folder.path().c_str(), &config, &project.context), GRAPHITE_SUCCESS)
      << last_error();
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_TRUE(wait_until([&] { return can_be_shown(project, "a.out", "A" + large); })) << "repaired at rest";
  project.close();
  EXPECT_TRUE(std::ranges::any_of(
      lines, [](const std::string& line) { return line.find("lost") != std::string::npos; }));
}

struct timed {
  std::uint64_t edited_ns = 0, published_ns = 0;
};

std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

TEST(build_contract, a_generation_says_when_it_was_on_the_disk) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  project.close();
  timed times;
  graphite_rebuild_config config;
  graphite_rebuild_config_init(&config);
  config.user_data = &times;
  config.generation_callback = [](const graphite_rebuild_generation* now, void* to) {
    *static_cast<timed*>(to) = {now->edited_ns, now->published_ns};
  };
  ASSERT_EQ(graphite_rebuild_open(project.folder.path().c_str(), &config, &project.context), GRAPHITE_SUCCESS)
      << last_error();
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  const auto before = monotonic_ns();
  project.folder.write("a.txt", "A2");
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  const auto after = monotonic_ns();
  EXPECT_LE(before, times.published_ns);
  EXPECT_LE(times.edited_ns, times.published_ns);
  EXPECT_LE(times.published_ns, after);
}

}  // namespace
}  // namespace graphite::test
