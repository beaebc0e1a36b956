#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include "tests/bindings/opened_project.hpp"

// Watching, changed project files, callbacks, and what the library does to its process.

namespace graphite::test {
namespace {

TEST(build_watch, an_edit_becomes_a_generation_until_watching_ends) {
  opened_project project(joining_project, {{"a.txt", "A"}, {"image.png", "P"}});
  ASSERT_EQ(graphite_rebuild_watch(project.context, nullptr), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(graphite_rebuild_watch(project.context, nullptr), GRAPHITE_ERROR_ALREADY_EXISTS);
  EXPECT_TRUE(wait_until([&] { return project.heard.changed("a.out"); })) << "what was stale before";
  project.folder.write("image.png", "P2");
  EXPECT_TRUE(wait_until([&] {
    const auto all = project.heard.generations();
    return !all.empty() && all.back().changed == std::vector<std::string>{"image.png"};
  }));
  project.folder.write("a.txt", "A2");
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "A2");
  EXPECT_TRUE(project.fresh("a.out"));
  EXPECT_TRUE(project.statistics().watching);
  ASSERT_EQ(graphite_rebuild_unwatch(project.context), GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(graphite_rebuild_unwatch(project.context), GRAPHITE_SUCCESS) << "nothing to end";
  EXPECT_FALSE(project.statistics().watching);
  const auto before = project.heard.generations().size();
  project.folder.write("a.txt", "A3");
  EXPECT_TRUE(project.stale("a.out"));
  EXPECT_EQ(project.heard.generations().size(), before) << "only when asked";
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "A3");
  std::filesystem::remove(project.folder / "image.png");
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.heard.generations().back().removed, std::vector<std::string>{"image.png"});
}

TEST(build_watch, it_serves_on_ports_of_this_machine) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  graphite_rebuild_watch_config how;
  graphite_rebuild_watch_config_init(&how);
  how.serve = true;
  ASSERT_EQ(graphite_rebuild_watch(project.context, &how), GRAPHITE_SUCCESS) << last_error();
  const auto now = project.statistics();
  EXPECT_EQ(std::string(now.heads_address).substr(0, 10), "127.0.0.1:");
  EXPECT_NE(std::string(now.chunks_address), now.heads_address);
  EXPECT_EQ(now.subscribers, 0u);
  opened_project other(joining_project, {{"a.txt", "A"}});
  how.heads_port = static_cast<std::uint16_t>(std::stoi(std::string(now.heads_address).substr(10)));
  EXPECT_EQ(graphite_rebuild_watch(other.context, &how), GRAPHITE_ERROR_ALREADY_EXISTS) << last_error();
  EXPECT_FALSE(other.statistics().watching);
  EXPECT_EQ(other.build(), GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(graphite_rebuild_unwatch(project.context), GRAPHITE_SUCCESS);
  EXPECT_STREQ(project.statistics().heads_address, "");
}

constexpr const char* shouting_project = R"([[rule]]
name = "shout"
match = ["*.txt"]
outputs = ["{stem}.out"]
[rule.command]
argv = ["tr a-z A-Z < \"$1\" > \"$2\"", "{in}", "{out}"]
shell = true
)";

TEST(build_watch, while_watching_a_changed_project_file_is_taken_up) {
  opened_project project(joining_project, {{"a.txt", "word"}});
  ASSERT_EQ(graphite_rebuild_watch(project.context, nullptr), GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "word");
  project.folder.write("graphite.toml", "[[rule]]\nmach = 1\n");
  EXPECT_TRUE(wait_until([&] { return project.heard.said("the project goes on as it was"); }));
  EXPECT_TRUE(project.heard.said("graphite.toml:2:1"));
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  project.folder.write("graphite.toml", shouting_project);
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "WORD");
  EXPECT_TRUE(project.statistics().watching);
}

TEST(build_watch, on_demand_a_changed_project_file_counts_from_the_next_call_on) {
  opened_project project(joining_project, {{"a.txt", "word"}});
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  graphite_transform_config before;
  ASSERT_EQ(graphite_get_transform_config(project.context, "a.txt", &before), GRAPHITE_SUCCESS);
  project.folder.write("graphite.toml", shouting_project);
  EXPECT_TRUE(project.stale("a.out"));
  EXPECT_EQ(project.apply("a.txt", &before), GRAPHITE_ERROR_STALE_HANDLE);
  graphite_transform_config_free(&before);
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "WORD");
  EXPECT_GE(project.statistics().reopened, 1u);
  project.folder.write("graphite.toml", "[[rule]]\nmach = 1\n");
  EXPECT_EQ(project.build(), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_TRUE(said_last("did you mean 'match'?")) << last_error();
  EXPECT_EQ(project.process(), GRAPHITE_ERROR_INVALID_ARGUMENT);
  project.folder.write("graphite.toml", joining_project);
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "word");
}

// Its tool changes itself, and tells by a file beside the project.
constexpr const char* tool_project = R"([project]
sandbox = "off"
[[rule]]
name = "tool"
match = ["*.txt"]
outputs = ["{stem}.out"]
[rule.command]
argv = ["{tool:tool}", "{in}", "{out}"]
tools = ["tool"]
[tools.tool]
paths = ["bin/tool.sh"]
)";

TEST(build_watch, a_changed_tool_makes_what_it_made_stale) {
  opened_project project(tool_project, {{"a.txt", "word"}});
  ASSERT_EQ(project.opened, GRAPHITE_SUCCESS) << last_error();
  const auto write_tool = [&](const std::string& text) {
    project.folder.write("bin/tool.new", "#!/bin/sh\n" + text);
    std::filesystem::permissions(project.folder / "bin/tool.new", std::filesystem::perms::all);
    std::filesystem::rename(project.folder / "bin/tool.new", project.folder / "bin/tool.sh");
  };
  write_tool("cat \"$1\" > \"$2\"\n");
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "word");
  EXPECT_TRUE(project.fresh("a.out"));
  write_tool("tr a-z A-Z < \"$1\" > \"$2\"\n");
  EXPECT_TRUE(project.stale("a.out"));
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "WORD");
}

TEST(build_watch, a_tool_that_changes_while_it_runs_is_run_anew) {
  const temporary_folder signs;
  signs.write("once", "");
  opened_project project(tool_project, {{"a.txt", "word"}});
  // By a rename: the run is ended when its change is seen, and must not leave half a tool.
  project.folder.write("bin/next", "#!/bin/sh\ntr a-z A-Z < \"$1\" > \"$2\"\n");
  project.folder.write("bin/tool.sh", "#!/bin/sh\nif test -e " + (signs / "once") + "; then rm " +
                                          (signs / "once") + "; mv " + (project.folder / "bin/next") + " " +
                                          (project.folder / "bin/tool.sh") + "; fi\ncat \"$1\" > \"$2\"\n");
  std::filesystem::permissions(project.folder / "bin/next", std::filesystem::perms::all);
  std::filesystem::permissions(project.folder / "bin/tool.sh", std::filesystem::perms::all);
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "WORD");
}

TEST(build_watch, while_watching_a_cancel_ends_the_waiting_alone) {
  const slow_tool tool;
  opened_project project(tool.config(), {{"a.txt", "A"}});
  ASSERT_EQ(graphite_rebuild_watch(project.context, nullptr), GRAPHITE_SUCCESS) << last_error();
  std::atomic<bool> ended = false;
  auto result = GRAPHITE_SUCCESS;
  std::thread waiter([&] {
    result = project.process();
    ended = true;
  });
  EXPECT_TRUE(tool.started());
  // A cancel before the wait has begun does nothing.
  EXPECT_TRUE(wait_until([&] {
    graphite_rebuild_cancel(project.context);
    return ended.load();
  }));
  waiter.join();
  EXPECT_EQ(result, GRAPHITE_ERROR_CANCELLED);
  std::filesystem::remove(tool.signs / "wait");
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.built.ran, 1u) << "it went on";
}

TEST(build_watch, closing_ends_the_tools_of_a_project_that_watches) {
  const slow_tool tool;
  opened_project project(tool.config(), {{"a.txt", "A"}});
  ASSERT_EQ(graphite_rebuild_watch(project.context, nullptr), GRAPHITE_SUCCESS) << last_error();
  ASSERT_TRUE(tool.started());
  project.close();
  EXPECT_TRUE(tool.is_gone());
}

/// What callbacks did, and what they could do.
struct busybody {
  opened_project* project = nullptr;
  std::atomic<int> calls{0}, fresh{0};
  std::atomic<graphite_result> closed{GRAPHITE_SUCCESS};
};

TEST(build_watch, callbacks_may_ask_and_not_close) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  project.close();
  busybody body;
  body.project = &project;
  graphite_rebuild_config config;
  graphite_rebuild_config_init(&config);
  config.user_data = &body;
  config.generation_callback = [](const graphite_rebuild_generation* now, void* self) {
    auto& me = *static_cast<busybody*>(self);
    ++me.calls;
    bool stale = true;
    if (graphite_asset_needs_rebuild(me.project->context, now->changed[0], &stale) == GRAPHITE_SUCCESS &&
        !stale)
      ++me.fresh;
    me.closed = graphite_rebuild_close(me.project->context);
  };
  ASSERT_EQ(graphite_rebuild_open(project.folder.path().c_str(), &config, &project.context),
            GRAPHITE_SUCCESS);
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(body.calls, 1) << "called before the build returns";
  EXPECT_EQ(body.fresh, 1);
  EXPECT_EQ(body.closed, GRAPHITE_ERROR_BUSY);
}

TEST(build_watch, progress_tells_what_is_read_and_what_runs) {
  std::vector<std::pair<std::string, std::string>> files;
  for (int i = 0; i < 10; ++i) files.emplace_back("f" + std::to_string(i) + ".txt", std::to_string(i));
  opened_project project(joining_project, files);
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  bool ran = false;
  for (const auto& one : project.heard.all_progress())
    ran = ran || (one.stage == GRAPHITE_REBUILD_RUNNING && one.rule == "join" && one.path.ends_with(".txt"));
  EXPECT_TRUE(ran);
  const auto now = project.statistics();
  EXPECT_EQ(now.sources, 10u);
  EXPECT_EQ(now.actions, 10u);
  EXPECT_EQ(now.ran, 10u);
  EXPECT_EQ(now.builds, 1u);
  EXPECT_EQ(now.generations, 1u);
  EXPECT_EQ(now.callbacks_dropped, 0u);
  EXPECT_GE(now.watched_folders, 1u);
}

std::set<std::string> threads_now() {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    out.insert(entry.path().filename().string());
  return out;
}

std::uint64_t blocked_signals(const std::string& thread) {
  std::ifstream file("/proc/self/task/" + thread + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("SigBlk:")) return std::stoull(line.substr(7), nullptr, 16);
  return ~0ull;  // it has ended
}

std::string name_of(const std::string& thread) {
  std::ifstream file("/proc/self/task/" + thread + "/comm");
  std::string out;
  std::getline(file, out);
  return out;
}

TEST(build_watch, signals_stay_the_programs_own) {
  const auto dispositions = [] {
    std::vector<void (*)(int)> out;
    for (int number = 1; number < 32; ++number) {
      struct sigaction now {};
      ::sigaction(number, nullptr, &now);
      out.push_back(now.sa_handler);
    }
    return out;
  };
  const auto before = dispositions();
  const auto own = threads_now();
  const auto mask = blocked_signals(std::to_string(::gettid()));
  opened_project project(joining_project, {{"a.txt", "A"}});
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  graphite_rebuild_watch_config how;
  graphite_rebuild_watch_config_init(&how);
  how.serve = true;
  ASSERT_EQ(graphite_rebuild_watch(project.context, &how), GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(dispositions(), before);
  EXPECT_EQ(blocked_signals(std::to_string(::gettid())), mask);
  for (const auto& thread : threads_now()) {
    if (own.contains(thread)) continue;
    const auto blocked = blocked_signals(thread);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGPIPE, SIGCHLD})
      EXPECT_TRUE(blocked >> (number - 1) & 1) << "thread " << thread << " gets signal " << number;
    // A thread that is just beginning blocks all; ZeroMQ's block first and take their names afterwards.
    const auto sees_faults = [&] {
      const auto now = blocked_signals(thread);
      return now == ~0ull || (now >> (SIGSEGV - 1) & 1) == 0;
    };
    EXPECT_TRUE(wait_until([&] { return sees_faults() || name_of(thread).starts_with("ZMQ"); }))
        << thread << " " << name_of(thread);
  }
}

TEST(build_watch, every_thread_has_a_name_that_is_not_the_program_s) {
  const auto own = threads_now();
  const auto program = name_of(std::to_string(::getpid()));
  opened_project project(joining_project, {{"a.txt", "A"}});
  graphite_rebuild_watch_config how;
  graphite_rebuild_watch_config_init(&how);
  how.serve = true;
  ASSERT_EQ(graphite_rebuild_watch(project.context, &how), GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(project.process(), GRAPHITE_SUCCESS) << last_error();
  const auto names_now = [&] {
    std::multiset<std::string> out;
    for (const auto& thread : threads_now())
      if (!own.contains(thread)) out.insert(name_of(thread));
    return out;
  };
  // RocksDB's timer has none. One that is just beginning has still its maker's.
  EXPECT_TRUE(wait_until([&] { return names_now().count(program) <= 1; }))
      << names_now().count(program) << " threads without a name";
  const auto names = names_now();
  for (const auto* name : {"graphite-calls", "collector", "chunk-server", "head-publisher"})
    EXPECT_TRUE(names.contains(name)) << name;
}

/// Where a stream of this process goes while this lives.
class redirected {
 public:
  redirected(int stream, const std::string& file) : stream_(stream), before_(::dup(stream)) {
    const int to = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(to, stream);
    ::close(to);
  }
  ~redirected() {
    ::dup2(before_, stream_);
    ::close(before_);
  }

 private:
  int stream_, before_;
};

TEST(build_watch, nothing_is_printed) {
  const temporary_folder output;
  {
    const redirected out(1, output / "text"), err(2, output / "text");
    opened_project project(joining_project, {{"a.txt", "A"}, {"b.txt", "B"}});
    project.folder.link("nowhere", "dangling");
    project.build();
    graphite_rebuild_watch(project.context, nullptr);
    project.process();
    graphite_rebuild_context* again = nullptr;
    project.open(&again);
    project.folder.write("graphite.toml", "nonsense");
    wait_until([&] { return project.heard.said("the project goes on as it was"); });
  }
  EXPECT_EQ(output.read("text"), "");
}

}  // namespace
}  // namespace graphite::test
