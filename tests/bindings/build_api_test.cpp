#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "tests/bindings/opened_project.hpp"

namespace graphite::test {
namespace {

using names = std::vector<std::string>;

TEST(build_api, builds_a_project_and_nothing_the_second_time) {
  opened_project project(joining_project,
                         {{"a.txt", "A"}, {"b.txt", "B"}, {"x.inc", "+x"}, {"image.png", "P"}});
  ASSERT_EQ(project.opened, GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.built.ran, 2u);
  EXPECT_EQ(project.built.assets, 4u);
  EXPECT_TRUE(project.built.has_generation);
  EXPECT_EQ(project.shown("a.out"), "A+x");
  EXPECT_EQ(project.shown("image.png"), "P");
  EXPECT_EQ(project.shown("a.txt"), "(nothing)");
  const auto sequence = project.built.sequence;
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.built.ran, 0u);
  EXPECT_EQ(project.built.sequence, sequence);
  EXPECT_EQ(project.built.behind, 0u);
}

TEST(build_api, an_edit_is_stale_until_it_is_built) {
  opened_project project(joining_project, {{"a.txt", "A"}, {"b.txt", "B"}, {"image.png", "P"}});
  for (const auto* path : {"a.txt", "a.out", "image.png"}) EXPECT_TRUE(project.stale(path)) << path;
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  for (const auto* path : {"a.txt", "a.out", "b.out", "image.png"}) EXPECT_TRUE(project.fresh(path)) << path;
  project.folder.write("a.txt", "A2");
  EXPECT_TRUE(project.stale("a.txt"));
  EXPECT_TRUE(project.stale("a.out"));
  EXPECT_TRUE(project.stale(project.folder / "a.txt")) << "an absolute path";
  EXPECT_TRUE(project.fresh("b.out"));
  EXPECT_EQ(project.shown("a.out"), "A") << "asking builds nothing";
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.built.ran, 1u);
  EXPECT_TRUE(project.fresh("a.out"));
  EXPECT_EQ(project.shown("a.out"), "A2");
}

TEST(build_api, a_change_that_keeps_time_and_size_is_noticed_and_a_touch_is_none) {
  opened_project project(joining_project, {{"a.txt", "old"}});
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  const auto file = project.folder / "a.txt";
  struct stat before {};
  ASSERT_EQ(::stat(file.c_str(), &before), 0);
  const timespec times[2] = {before.st_atim, before.st_mtim};
  const auto change = [&] {
    project.folder.write("a.txt", "new");
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  };
  change();
  EXPECT_TRUE(project.stale("a.out"));
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "new");
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), nullptr, 0), 0);
  EXPECT_TRUE(project.fresh("a.out")) << "the same bytes";
  // Also while no context is there.
  project.folder.write("a.txt", "old");
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  ASSERT_TRUE(project.fresh("a.out"));
  project.close();
  change();
  ASSERT_EQ(project.open(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_TRUE(project.stale("a.out"));
}

TEST(build_api, a_changed_dependency_makes_its_dependants_stale) {
  opened_project project(joining_project, {{"a.txt", "A"}, {"x.inc", "+x"}, {"image.png", "P"}});
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  project.folder.write("x.inc", "+X");
  EXPECT_TRUE(project.stale("a.out"));
  EXPECT_TRUE(project.stale("a.txt"));
  EXPECT_TRUE(project.fresh("image.png"));
  EXPECT_EQ(project.queue(), (names{"a.txt", "x.inc"}));
  project.folder.write("y.inc", "+y");
  EXPECT_EQ(project.queue(), (names{"a.txt", "x.inc", "y.inc"}));
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "A+X+y");
  std::filesystem::remove(project.folder / "x.inc");
  EXPECT_TRUE(project.stale("a.out"));
  EXPECT_TRUE(project.stale("x.inc")) << "still shown";
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("x.inc"), "(nothing)");
  bool stale = false;
  EXPECT_EQ(graphite_asset_needs_rebuild(project.context, "x.inc", &stale), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_TRUE(stale) << "what nobody knows needs a rebuild";
}

TEST(build_api, the_queue_is_what_is_built) {
  std::vector<std::pair<std::string, std::string>> files{{"x.inc", "+x"}};
  for (int i = 0; i < 12; ++i) files.emplace_back("f" + std::to_string(i) + ".txt", std::to_string(i));
  opened_project project(joining_project, files);
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_TRUE(project.queue().empty());
  project.folder.write("f3.txt", "three");
  project.folder.write("f7.txt", "seven");
  EXPECT_EQ(project.queue(), (names{"f3.txt", "f7.txt"}));
  std::uint64_t count = 0;
  ASSERT_EQ(graphite_rebuild_queue(project.context, nullptr, nullptr, &count), GRAPHITE_SUCCESS);
  EXPECT_EQ(count, 2u);
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.built.ran, 2u);
  EXPECT_EQ(project.built.changed_sources, 2u);
  EXPECT_EQ(project.shown("f7.out"), "seven+x");
  // What was built before comes out of the cache.
  project.folder.write("f3.txt", "3");
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.built.ran, 0u);
  EXPECT_EQ(project.built.cached, 1u);
  EXPECT_EQ(project.shown("f3.out"), "3+x");
}

constexpr const char* cyclic_project = R"([[rule]]
name = "one"
match = ["*.a"]
outputs = ["{stem}.x"]
[rule.command]
argv = ["cat", "{in}"]
inputs = ["*.y"]
[[rule]]
name = "two"
match = ["*.b"]
outputs = ["{stem}.y"]
[rule.command]
argv = ["cat", "{in}"]
inputs = ["*.x"]
)";

TEST(build_api, a_cycle_is_an_error_and_no_hang) {
  opened_project project(cyclic_project, {{"m.a", "A"}, {"m.b", "B"}, {"image.png", "P"}});
  bool stale = false;
  EXPECT_EQ(graphite_asset_needs_rebuild(project.context, "m.x", &stale), GRAPHITE_ERROR_ACTION_FAILED);
  EXPECT_TRUE(stale);
  EXPECT_TRUE(said_last("cycle of build edges")) << last_error();
  EXPECT_EQ(project.build(), GRAPHITE_ERROR_ACTION_FAILED);
  EXPECT_TRUE(said_last("cycle of build edges")) << last_error();
  EXPECT_EQ(project.process(), GRAPHITE_ERROR_ACTION_FAILED);
  EXPECT_EQ(project.built.failed, 2u);
  EXPECT_EQ(project.shown("image.png"), "P");
  EXPECT_EQ(project.apply("m.a"), GRAPHITE_ERROR_ACTION_FAILED);
}

constexpr const char* failing_project = R"([[rule]]
name = "check"
match = ["*.txt"]
outputs = ["{stem}.out"]
[rule.command]
argv = ["if grep -q bad \"$1\"; then echo \"$1 is bad\" >&2; exit 3; fi; cat \"$1\" > \"$2\"", "{in}", "{out}"]
shell = true
)";

TEST(build_api, a_failing_tool_is_told_and_holds_back_as_much_as_was_asked_for) {
  opened_project project(failing_project, {{"a.txt", "A"}, {"b.txt", "B"}});
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  project.folder.write("a.txt", "A2");
  project.folder.write("b.txt", "bad");
  EXPECT_EQ(project.build(), GRAPHITE_ERROR_ACTION_FAILED);
  EXPECT_TRUE(said_last("b.txt is bad")) << last_error();
  EXPECT_TRUE(project.heard.said("b.txt is bad"));
  EXPECT_EQ(project.built.failed, 1u);
  EXPECT_EQ(project.shown("a.out"), "A") << "all or nothing";
  std::size_t errors = 0;
  const auto count = [](const graphite_diagnostic* line, void* into) {
    if (line->level == GRAPHITE_LOG_ERROR && std::string(line->text).find("status 3") != std::string::npos)
      ++*static_cast<std::size_t*>(into);
  };
  ASSERT_EQ(graphite_rebuild_diagnostics(project.context, count, &errors), GRAPHITE_SUCCESS);
  EXPECT_GE(errors, 1u);
  EXPECT_EQ(project.process(), GRAPHITE_ERROR_ACTION_FAILED);
  EXPECT_EQ(project.shown("a.out"), "A2");
  EXPECT_EQ(project.shown("b.out"), "B");
  graphite_asset_state state;
  ASSERT_EQ(graphite_asset_describe(project.context, "b.out", &state), GRAPHITE_SUCCESS);
  EXPECT_TRUE(state.needs_rebuild && state.failed);
  EXPECT_NE(std::string(state.message).find("b.txt is bad"), std::string::npos);
  graphite_asset_state_free(&state);
  project.folder.write("b.txt", "good");
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("b.out"), "good");
}

TEST(build_api, one_asset_is_made_alone) {
  opened_project project(joining_project, {{"a.txt", "A"}, {"b.txt", "B"}, {"image.png", "P"}});
  ASSERT_EQ(project.apply("a.out"), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.built.ran, 1u);
  EXPECT_EQ(project.shown("a.out"), "A");
  EXPECT_EQ(project.shown("image.png"), "(nothing)");
  EXPECT_TRUE(project.fresh("a.out"));
  EXPECT_TRUE(project.stale("b.out"));
  graphite_transform_config rule;
  ASSERT_EQ(graphite_get_transform_config(project.context, "b.txt", &rule), GRAPHITE_SUCCESS);
  ASSERT_EQ(project.apply("b.txt", &rule), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("b.out"), "B");
  ++rule.key;
  EXPECT_EQ(project.apply("b.txt", &rule), GRAPHITE_ERROR_STALE_HANDLE);
  graphite_transform_config_free(&rule);
  EXPECT_EQ(project.apply("c.txt"), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_TRUE(said_last("did you mean")) << last_error();
}

TEST(build_api, an_asset_is_described_as_its_file_is) {
  opened_project project(joining_project, {{"a.txt", "A"}, {"x.inc", std::string(200'000, 'x')}});
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  graphite_asset_state state;
  ASSERT_EQ(graphite_asset_describe(project.context, "x.inc", &state), GRAPHITE_SUCCESS) << last_error();
  EXPECT_STREQ(state.asset_path, "x.inc");
  EXPECT_STREQ(state.kind, "copy");
  EXPECT_STREQ(state.rule, "");
  EXPECT_EQ(state.size, 200'000u);
  std::uint64_t hash = 0, time = 0;
  std::uint8_t digest[32];
  ASSERT_EQ(graphite_hash_file((project.folder / "x.inc").c_str(), &hash, digest), GRAPHITE_SUCCESS);
  ASSERT_EQ(graphite_get_file_mtime((project.folder / "x.inc").c_str(), &time), GRAPHITE_SUCCESS);
  EXPECT_EQ(state.content_hash, hash);
  EXPECT_TRUE(std::equal(digest, digest + 32, state.digest));
  EXPECT_EQ(state.modification_time, time);
  graphite_asset_state_free(&state);
  graphite_asset_state_free(&state);
  ASSERT_EQ(graphite_asset_describe(project.context, "a.out", &state), GRAPHITE_SUCCESS) << last_error();
  project.close();
  EXPECT_STREQ(state.kind, "generated") << "it outlives the context";
  EXPECT_STREQ(state.rule, "join");
  EXPECT_STREQ(state.state, "up to date");
  EXPECT_EQ((names{state.dependencies, state.dependencies + state.dependency_count}),
            (names{"a.txt", "x.inc"}));
  graphite_asset_state_free(&state);
  EXPECT_EQ(graphite_hash_file("/nowhere", &hash, nullptr), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_EQ(graphite_hash_file("/", &hash, nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_get_file_mtime("/nowhere", &time), GRAPHITE_ERROR_NOT_FOUND);
}

TEST(build_api, the_rule_of_an_asset_is_that_of_the_project_file) {
  opened_project project(joining_project, {{"a.txt", "A"}, {"image.png", "P"}});
  graphite_transform_config made, taken, coming, copied;
  ASSERT_EQ(graphite_get_transform_config(project.context, "a.out", &made), GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(graphite_get_transform_config(project.context, "a.txt", &taken), GRAPHITE_SUCCESS);
  ASSERT_EQ(graphite_get_transform_config(project.context, "new.txt", &coming), GRAPHITE_SUCCESS);
  ASSERT_EQ(graphite_get_transform_config(project.context, "image.png", &copied), GRAPHITE_SUCCESS);
  EXPECT_STREQ(made.rule, "join");
  EXPECT_STREQ(made.transform, "command");
  EXPECT_EQ((names{made.inputs, made.inputs + made.input_count}), names{"*.inc"});
  EXPECT_EQ((names{made.outputs, made.outputs + made.output_count}), names{"{stem}.out"});
  EXPECT_EQ(made.argument_count, 3u);
  EXPECT_TRUE(made.shell && made.publish);
  EXPECT_EQ(made.timeout_ms, 120'000u);
  EXPECT_EQ(made.file, project.folder / "graphite.toml");
  EXPECT_EQ(made.line, 1u);
  EXPECT_EQ(made.key, taken.key);
  EXPECT_EQ(made.key, coming.key);
  EXPECT_STREQ(copied.transform, "copy");
  EXPECT_STREQ(copied.rule, "");
  EXPECT_NE(copied.key, made.key);
  for (auto* one : {&made, &taken, &coming, &copied}) graphite_transform_config_free(one);
}

TEST(build_api, a_cancelled_build_ends_its_tools_and_can_be_asked_for_again) {
  const slow_tool tool;
  opened_project project(tool.config(), {{"a.txt", "A"}});
  graphite_rebuild_cancel(project.context);  // nothing runs
  for (const auto build : {&graphite_rebuild_build, &graphite_process_rebuild_queue}) {
    auto result = GRAPHITE_SUCCESS;
    std::thread builder([&] { result = build(project.context, nullptr); });
    EXPECT_TRUE(tool.started());
    graphite_rebuild_cancel(project.context);
    builder.join();
    EXPECT_EQ(result, GRAPHITE_ERROR_CANCELLED);
    EXPECT_TRUE(tool.is_gone());
    EXPECT_TRUE(project.stale("a.out"));
    std::filesystem::remove(tool.signs / "started");
  }
  std::filesystem::remove(tool.signs / "wait");
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "A");
}

TEST(build_api, builds_of_several_threads_wait_for_each_other) {
  opened_project project(joining_project, {{"a.txt", "A"}, {"b.txt", "B"}});
  std::vector<graphite_rebuild_summary> built(4, empty_summary());
  std::vector<std::thread> threads;
  for (auto& one : built)
    threads.emplace_back([&] { EXPECT_EQ(graphite_rebuild_build(project.context, &one), GRAPHITE_SUCCESS); });
  for (auto& thread : threads) thread.join();
  std::uint64_t ran = 0;
  for (const auto& one : built) ran += one.ran;
  EXPECT_EQ(ran, 2u);
}

TEST(build_api, a_context_belongs_to_no_thread) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  for (int i = 0; i < 3; ++i) {
    std::thread([&] { EXPECT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error(); }).join();
    project.close();
    std::thread([&] { ASSERT_EQ(project.open(), GRAPHITE_SUCCESS) << last_error(); }).join();
    std::thread([&] {
      ASSERT_EQ(graphite_rebuild_watch(project.context, nullptr), GRAPHITE_SUCCESS) << last_error();
    }).join();
  }
}

TEST(build_api, a_project_is_opened_and_closed_again_and_again) {
  opened_project project(joining_project, {{"a.txt", "0"}});
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  for (int i = 1; i <= 20; ++i) {
    project.close();
    ASSERT_EQ(project.open(), GRAPHITE_SUCCESS) << i << last_error();
    if (i % 5 != 0) continue;
    EXPECT_TRUE(project.fresh("a.out")) << i;
    project.folder.write("a.txt", std::to_string(i));
    ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << i << last_error();
    EXPECT_EQ(project.built.ran, 1u);
    EXPECT_EQ(project.shown("a.out"), std::to_string(i));
  }
}

TEST(build_api, two_projects_live_side_by_side_and_one_has_one_context) {
  opened_project first(joining_project, {{"a.txt", "A"}}), second(joining_project, {{"a.txt", "B"}});
  ASSERT_EQ(first.build(), GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(second.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(first.shown("a.out"), "A");
  EXPECT_EQ(second.shown("a.out"), "B");
  graphite_rebuild_context* again = nullptr;
  EXPECT_EQ(first.open(&again), GRAPHITE_ERROR_ALREADY_EXISTS);
  EXPECT_EQ(again, nullptr);
  EXPECT_TRUE(said_last("this process")) << last_error();
  EXPECT_TRUE(first.fresh("a.out")) << "the lock holds";
  EXPECT_EQ(first.open(&again), GRAPHITE_ERROR_ALREADY_EXISTS);
}

TEST(build_api, wrong_calls_are_told) {
  graphite_rebuild_context* none = nullptr;
  EXPECT_EQ(graphite_rebuild_open(nullptr, nullptr, &none), GRAPHITE_ERROR_INVALID_ARGUMENT);
  const temporary_folder empty;
  EXPECT_EQ(graphite_rebuild_open(empty.path().c_str(), nullptr, &none), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_TRUE(said_last("graphite init")) << last_error();
  empty.write("graphite.toml", "[[rule]]\nmach = 1\n");
  EXPECT_EQ(graphite_rebuild_open(empty.path().c_str(), nullptr, &none), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_TRUE(said_last("graphite.toml:2:1")) << last_error();
  EXPECT_EQ(graphite_rebuild_close(nullptr), GRAPHITE_SUCCESS);
  opened_project project(joining_project, {{"a.txt", "A"}});
  bool stale = false;
  EXPECT_EQ(graphite_asset_needs_rebuild(project.context, nullptr, &stale), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_asset_needs_rebuild(project.context, "/etc/passwd", &stale),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_asset_needs_rebuild(project.context, "../x", &stale), GRAPHITE_ERROR_INVALID_ARGUMENT);
  graphite_rebuild_summary odd{};
  EXPECT_EQ(graphite_rebuild_build(project.context, &odd), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_rebuild_build(project.context, nullptr), GRAPHITE_SUCCESS) << last_error();
}

}  // namespace
}  // namespace graphite::test
