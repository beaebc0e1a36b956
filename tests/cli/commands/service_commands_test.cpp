#include <gtest/gtest.h>

#include <fstream>

#include "cli/exit_codes.hpp"
#include "cli/gc.hpp"
#include "gateway/local_service.hpp"
#include "gateway/service_client.hpp"
#include "tests/cli/commands/cli_support.hpp"
#include "tests/support/fake_facade.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

/// Commands against a fake service at the place a project without a word of `state` has.
class service_commands : public testing::Test {
 protected:
  service_commands() {
    std::ofstream(folder_ / "graphite.toml") << "[project]\nname = \"fake\"\n";
    facade_.status_value.project = "fake\x1b[2J";
    facade_.status_value.failed = {{"a.png", "no"}};
    facade_.status_value.channels = {{"main", head{}, 0, 1}};
    facade_.status_value.subscribers = {{"host:1", "main", 1, 2, 0.5}};
    local_service_options options;
    options.state_folder = folder_.path() + "/.graphite";
    service_ = std::move(local_service::start(facade_, options, log_).value());
  }

  test::cli_run run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-C", folder_.path()});
    return test::run_cli(arguments);
  }

  /// Not by the command line: its output is being captured.
  std::uint32_t run_release() {
    auto client = service_client::connect({folder_.path() + "/.graphite", "test"});
    return client ? (*client)->release_all().value_or(99) : 98;
  }

  test::temporary_folder folder_;
  test::recording_log log_;
  test::fake_facade facade_;
  std::unique_ptr<local_service> service_;
};

TEST_F(service_commands, status_is_shown_to_people_without_escape_sequences) {
  const auto shown = run({"status"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_NE(shown.out.find("host:1"), std::string::npos);
  EXPECT_EQ(shown.out.find('\x1b'), std::string::npos);
}

TEST_F(service_commands, json_has_one_object_and_nothing_else) {
  const auto status = run({"status", "--json"});
  const auto objects = status.objects();
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0]["event"], "status");
  EXPECT_EQ(objects[0]["failed"][0]["path"], "a.png");
  EXPECT_EQ(objects[0]["channels"][0]["newest"]["root"].get<std::string>().size(), 64u);
}

TEST_F(service_commands, from_a_folder_below_the_project_the_same_service_answers) {
  std::filesystem::create_directories(folder_ / "deep/er");
  EXPECT_EQ(test::run_cli({"status", "-C", folder_.path() + "/deep/er"}).code, 0);
}

TEST_F(service_commands, a_mistake_in_the_project_file_does_not_keep_one_from_asking) {
  std::ofstream(folder_ / "graphite.toml") << "state = [broken\n";
  EXPECT_EQ(run({"status"}).code, 0);
}

TEST_F(service_commands, the_state_option_needs_no_project) {
  EXPECT_EQ(test::run_cli({"status", "--state", folder_.path() + "/.graphite", "-C", "/"}).code, 0);
}

TEST_F(service_commands, why_tells_the_story) {
  auto& why = facade_.why_value;
  why = {"a.png", "convert", "failed", "11", "22",           {{"argv", "convert -x"}},
         {},      {},        3,        {},   "tool said no", "landlock"};
  why.reason = "changed: a.svg";
  why.chain = {"a.svg", "a.png"};
  why.changed = {{"argv", "convert", "convert -x"}, {"input b", std::nullopt, "77"}};
  const auto shown = run({"why", "a.png"});
  for (const char* part :
       {"convert -x", "-> a.png", "tool said no", "was  convert\n", "is   77", "was  (not part of it)",
        "and 3 more", "reason: changed: a.svg", "sandbox: landlock"})
    EXPECT_NE(shown.out.find(part), std::string::npos) << shown.out;
  EXPECT_EQ(run({"why", "a.png", "--json"}).objects().at(0)["key_components"][0]["value"], "convert -x");
  const auto changed = run({"why", "a.png", "--json"}).objects().at(0)["changed"];
  EXPECT_EQ(changed[0]["old"], "convert");
  EXPECT_EQ(changed[0]["new"], "convert -x");
  EXPECT_TRUE(changed[1]["old"].is_null());
  EXPECT_EQ(run({"why", "nothing"}).code, exit_usage);
}

TEST_F(service_commands, graph_questions_are_passed_on) {
  facade_.graph_lines = {"a", "b"};
  EXPECT_EQ(run({"graph", "path", "a", "b"}).out, "a\nb\n");
  EXPECT_EQ(facade_.last_graph().what, graph_query::kind::path);
  EXPECT_EQ(facade_.last_graph().to, "b");
  const auto cycles = run({"graph", "cycles", "--json"}).objects();
  EXPECT_EQ(cycles.at(0)["query"], "cycles");
  EXPECT_EQ(cycles.at(0)["lines"].size(), 2u);
  EXPECT_EQ(cycles.at(0)["left_out"], 0u);
}

TEST_F(service_commands, a_graph_answer_says_what_it_leaves_out) {
  facade_.graph_lines = {"a"};
  facade_.graph_left_out = 90'000;
  const auto shown = run({"graph", "rdeps", "a"});
  EXPECT_NE((shown.out + shown.err).find("and 90000 more"), std::string::npos) << shown.out << shown.err;
  EXPECT_EQ(run({"graph", "rdeps", "a", "--json"}).objects().at(0)["left_out"], 90'000u);
}

TEST_F(service_commands, diff_and_rollback) {
  facade_.diff_value = {{"new"}, {"other"}, {"gone"}};
  const auto diff = run({"diff", "1", "2"});
  EXPECT_EQ(diff.out, "+ new\n~ other\n- gone\n1 added, 1 changed, 1 removed\n");
  const auto rollback = run({"rollback", "main", "7", "--json"}).objects();
  EXPECT_EQ(rollback.at(0)["generation"]["sequence"], 1007);
}

/// `gc` as the program does it where a service runs.
class gc_attached_test : public service_commands {
 protected:
  gc_attached_test() { facade_.gc_value = {30, 12, 4'000'000, 2'500'000, 1'000'000, 2, 7'000'000, 0.25}; }

  test::cli_run gc(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "gc");
    arguments.insert(arguments.end(), {"-C", folder_.path()});
    command_handlers handlers;
    handlers.gc = [](const gc_options& options) { return gc_attached(options).value_or(99); };
    return test::run_cli(arguments, handlers);
  }
};

TEST_F(gc_attached_test, the_service_is_asked_and_what_it_did_is_told) {
  const auto shown = gc({"--cache-bytes", "5 MB"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_EQ(facade_.last_gc().cache_bytes, 5'000'000u);
  EXPECT_FALSE(facade_.last_gc().dry_run);
  EXPECT_NE(shown.out.find("dropped 12 of 30 results and 2.5 MB of 4.0 MB"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("freed 1.0 MB in 2 segments, 7.0 MB are left"), std::string::npos) << shown.out;
  EXPECT_NE(shown.err.find("collects as soon as nothing is being built"), std::string::npos) << shown.err;
}

TEST_F(gc_attached_test, a_dry_run_says_what_would_go_and_of_nothing_freed) {
  const auto shown = gc({"--dry-run"});
  EXPECT_TRUE(facade_.last_gc().dry_run);
  EXPECT_FALSE(facade_.last_gc().cache_bytes) << "the project's own bound";
  EXPECT_NE(shown.out.find("would drop 12 of 30 results"), std::string::npos) << shown.out;
  EXPECT_EQ(shown.out.find("freed"), std::string::npos) << shown.out;
}

TEST_F(gc_attached_test, json_is_one_object_with_every_figure) {
  const auto objects = gc({"--json", "--cache-bytes", "0"}).objects();
  EXPECT_EQ(facade_.last_gc().cache_bytes, 0u);
  const nlohmann::json wanted = {{"event", "gc"},
                                 {"dry_run", false},
                                 {"results", 30},
                                 {"results_dropped", 12},
                                 {"cache_bytes", 4'000'000},
                                 {"cache_bytes_dropped", 2'500'000},
                                 {"freed_bytes", 1'000'000},
                                 {"segments_removed", 2},
                                 {"segment_bytes", 7'000'000},
                                 {"seconds", 0.25}};
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0], wanted);
}

TEST_F(gc_attached_test, a_failure_of_the_service_is_told_with_its_code) {
  facade_.set_failure({errc::corrupt, "a segment is broken"});
  const auto shown = gc({"--json"});
  EXPECT_EQ(shown.code, exit_corrupt);
  EXPECT_NE(shown.err.find("a segment is broken"), std::string::npos) << shown.err;
  EXPECT_EQ(shown.objects().at(0)["event"], "error");
}

TEST_F(gc_attached_test, without_a_service_it_is_left_to_the_caller) {
  service_.reset();
  EXPECT_EQ(gc({}).code, 99);
  EXPECT_EQ(facade_.calls(), 0u);
}

TEST_F(service_commands, a_hold_lasts_as_long_as_its_command_and_gives_its_code) {
  const auto held = test::run_cli({"hold", "-C", folder_.path(), "--json", "--", "sh", "-c", "exit 7"});
  EXPECT_EQ(held.code, 7) << held.err;
  const auto objects = held.objects();
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0]["event"], "hold");
  EXPECT_EQ(objects[1]["why"], "command ended");
  EXPECT_EQ(facade_.holds_in_force(), 0u);
}

TEST_F(service_commands, a_hold_without_a_command_ends_by_release) {
  std::thread other([&] {
    EXPECT_TRUE(facade_.wait_until([&] { return facade_.holds_in_force() == 1; }));
    EXPECT_EQ(run_release(), 1u);
  });
  const auto held = run({"hold", "--json"});
  other.join();
  EXPECT_EQ(held.code, 0);
  EXPECT_EQ(held.objects().at(1)["why"], "released");
}

TEST_F(service_commands, a_hold_ends_by_its_timeout) {
  EXPECT_EQ(run({"hold", "--json", "--timeout", "0.01"}).objects().at(1)["why"], "timeout");
  EXPECT_EQ(facade_.last_hold_timeout(), milliseconds(10));
  EXPECT_EQ(facade_.holds_in_force(), 0u);
}

TEST_F(service_commands, release_tells_how_many) {
  EXPECT_EQ(run({"release", "--json"}).objects().at(0)["released"], 0);
}

TEST_F(service_commands, stop_waits_for_the_end) {
  std::thread process([&] {
    EXPECT_TRUE(facade_.wait_until([&] { return facade_.stopped(); }));
    service_.reset();
  });
  EXPECT_EQ(run({"stop"}).code, 0);
  process.join();
  EXPECT_EQ(run({"status"}).code, exit_unavailable);
}

TEST_F(service_commands, failures_of_the_service_have_their_exit_codes) {
  facade_.set_failure({errc::corrupt, "a page is broken"});
  EXPECT_EQ(run({"status"}).code, exit_corrupt);
  facade_.set_failure({errc::permission_denied, "no"});
  EXPECT_EQ(run({"status"}).code, exit_denied);
}

}  // namespace
}  // namespace graphite
