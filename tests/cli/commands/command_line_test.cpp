#include "cli/command_line.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <regex>
#include <set>

#include "cli/exit_codes.hpp"
#include "tests/cli/commands/cli_support.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using test::run_cli;

/// Handlers that keep what they were asked.
struct recorded {
  std::optional<build_options> build;
  std::optional<dev_options> dev;
  std::optional<gc_options> gc;
  std::optional<preview_options> preview;
  std::optional<doctor_options> doctor;
  std::optional<node_options> node;
  std::optional<submit_options> submit;
  std::optional<watch_options> watch;
  command_handlers handlers() {
    command_handlers out;
    out.build = [this](const build_options& options) {
      build = options;
      return 0;
    };
    out.dev = [this](const dev_options& options) {
      dev = options;
      return 0;
    };
    out.gc = [this](const gc_options& options) {
      gc = options;
      return 0;
    };
    out.preview = [this](const preview_options& options) {
      preview = options;
      return 0;
    };
    out.doctor = [this](const doctor_options& options) {
      doctor = options;
      return 0;
    };
    out.node = [this](const node_options& options) {
      node = options;
      return 0;
    };
    out.submit = [this](const submit_options& options) {
      submit = options;
      return 0;
    };
    out.watch = [this](const watch_options& options) {
      watch = options;
      return 0;
    };
    return out;
  }
};

TEST(command_line, build_options_are_all_taken) {
  recorded seen;
  const auto run = run_cli({"build", "-C", "/p", "--rev", "v1", "-k", "--dry-run", "--jobs", "3",
                            "--coordinator", "h:1", "--json", "--state", "/s", "--scratch", "disk"},
                           seen.handlers());
  EXPECT_EQ(run.code, 0) << run.err;
  ASSERT_TRUE(seen.build);
  EXPECT_EQ(seen.build->directory, "/p");
  EXPECT_EQ(seen.build->git_revision, "v1");
  EXPECT_EQ(seen.build->coordinator, "h:1");
  EXPECT_EQ(seen.build->state, "/s");
  EXPECT_EQ(seen.build->jobs, 3u);
  EXPECT_EQ(seen.build->scratch, "disk");
  EXPECT_TRUE(seen.build->keep_going && seen.build->dry_run && seen.build->json);
}

TEST(command_line, submit_options_are_all_taken) {
  recorded seen;
  const auto run = run_cli({"submit",     "-C",         "/p",         "--rev",         "v1",       "--wait",
                            "--priority", "background", "--deadline", "90s",           "--target", "a",
                            "--target",   "b",          "-k",         "--view",        "branch",   "--key",
                            "4711",       "--label",    "x",          "--coordinator", "farm",     "--keys",
                            "/k",         "--token",    "/t",         "--json",        "--state",  "/s"},
                           seen.handlers());
  EXPECT_EQ(run.code, 0) << run.err;
  ASSERT_TRUE(seen.submit);
  const auto& wish = seen.submit->wish;
  EXPECT_EQ(wish.directory, "/p");
  EXPECT_EQ(wish.git_revision, "v1");
  EXPECT_EQ(wish.priority, job_priority::background);
  EXPECT_EQ(wish.deadline, milliseconds(90'000));
  EXPECT_EQ(wish.targets, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(wish.view + wish.key + wish.label, "branch4711x");
  EXPECT_EQ(seen.submit->remote.at + seen.submit->remote.keys + seen.submit->remote.token_file, "farm/k/t");
  EXPECT_EQ(seen.submit->state, "/s");
  EXPECT_TRUE(wish.keep_going && seen.submit->wait && seen.submit->json);
}

TEST(command_line, watch_options_are_all_taken) {
  recorded seen;
  const test::environment_value coordinator("GRAPHITE_COORDINATOR", "farm");
  const auto run =
      run_cli({"watch", "-C", "/p", "--keys", "/k", "--view", "v", "--json", "--log-level", "debug"},
              seen.handlers());
  EXPECT_EQ(run.code, 0) << run.err;
  ASSERT_TRUE(seen.watch);
  EXPECT_EQ(seen.watch->directory + seen.watch->keys + seen.watch->view + seen.watch->coordinator,
            "/p/kvfarm");
  EXPECT_EQ(seen.watch->log_level, "debug");
  EXPECT_EQ(run_cli({"watch"}, seen.handlers()).code, exit_usage) << "without keys";
}

TEST(command_line, the_environment_sets_what_the_line_does_not) {
  recorded seen;
  const test::environment_value jobs("GRAPHITE_JOBS", "7"), keep("GRAPHITE_KEEP_GOING", "1"),
      json("GRAPHITE_JSON", "true"), directory("GRAPHITE_DIRECTORY", "/from/env");
  EXPECT_EQ(run_cli({"build", "--jobs", "2"}, seen.handlers()).code, 0);
  EXPECT_EQ(seen.build->jobs, 2u);
  EXPECT_TRUE(seen.build->keep_going);
  EXPECT_TRUE(seen.build->json);
  EXPECT_EQ(seen.build->directory, "/from/env");
}

TEST(command_line, a_default_port_and_a_given_port_differ) {
  recorded seen;
  EXPECT_EQ(run_cli({"dev", "--heads-port", "7402"}, seen.handlers()).code, 0);
  EXPECT_TRUE(seen.dev->heads_port_given);
  EXPECT_FALSE(seen.dev->metrics_port_given);
  EXPECT_EQ(seen.dev->metrics_port, 7404);
}

TEST(command_line, gc_options_are_all_taken) {
  recorded seen;
  const auto run = run_cli({"gc", "-C", "/p", "--state", "/s", "--json", "--cache-bytes", "2 GiB",
                            "--dry-run", "--log-level", "debug"},
                           seen.handlers());
  EXPECT_EQ(run.code, 0) << run.err;
  ASSERT_TRUE(seen.gc);
  EXPECT_EQ(seen.gc->directory, "/p");
  EXPECT_EQ(seen.gc->state, "/s");
  EXPECT_EQ(seen.gc->log_level, "debug");
  EXPECT_EQ(seen.gc->request.cache_bytes, 2ull << 30);
  EXPECT_TRUE(seen.gc->json && seen.gc->request.dry_run);
}

TEST(command_line, gc_keeps_what_the_project_says_unless_told_a_number_even_zero) {
  recorded seen;
  EXPECT_EQ(run_cli({"gc"}, seen.handlers()).code, 0);
  EXPECT_FALSE(seen.gc->request.cache_bytes);
  EXPECT_FALSE(seen.gc->request.dry_run);
  EXPECT_EQ(run_cli({"gc", "--cache-bytes", "0"}, seen.handlers()).code, 0);
  EXPECT_EQ(seen.gc->request.cache_bytes, 0u);
  const test::environment_value bytes("GRAPHITE_CACHE_BYTES", "1500");
  EXPECT_EQ(run_cli({"gc"}, seen.handlers()).code, 0);
  EXPECT_EQ(seen.gc->request.cache_bytes, 1500u);
}

TEST(command_line, gc_refuses_what_is_no_size) {
  recorded seen;
  for (const char* bad : {"lots", "-1", "", "2 parsecs"})
    EXPECT_EQ(run_cli({"gc", "--cache-bytes", bad}, seen.handlers()).code, exit_usage) << bad;
  EXPECT_FALSE(seen.gc);
}

TEST(command_line, preview_options_are_all_taken) {
  recorded seen;
  const auto run = run_cli({"preview", "img/a.ktx2", "-C", "/p", "--state", "/s", "--json", "-o", "a.png",
                            "--level", "3", "--size", "640x48", "--channel", "other", "--force"},
                           seen.handlers());
  EXPECT_EQ(run.code, 0) << run.err;
  ASSERT_TRUE(seen.preview);
  const auto& given = *seen.preview;
  EXPECT_EQ(given.asset, "img/a.ktx2");
  EXPECT_EQ(given.directory, "/p");
  EXPECT_EQ(given.state, "/s");
  EXPECT_EQ(given.output, "a.png");
  EXPECT_EQ(given.channel, "other");
  EXPECT_EQ(given.level, 3u);
  EXPECT_EQ(given.width, 640u);
  EXPECT_EQ(given.height, 48u);
  EXPECT_TRUE(given.json && given.force);
}

TEST(command_line, preview_refuses_what_is_no_size_of_a_picture) {
  recorded seen;
  for (const char* bad : {"640", "x", "0x5", "5x0", "4097x4", "-1x2", "1x2x3", " 1x2", "1e3x2"})
    EXPECT_EQ(run_cli({"preview", "a", "--size", bad}, seen.handlers()).code, exit_usage) << bad;
  EXPECT_EQ(run_cli({"preview", "a", "--level", "-1"}, seen.handlers()).code, exit_usage);
  EXPECT_EQ(run_cli({"preview"}, seen.handlers()).code, exit_usage);
  EXPECT_FALSE(seen.preview);
  EXPECT_EQ(run_cli({"preview", "a", "--size", "4096x1"}, seen.handlers()).code, 0);
  EXPECT_EQ(seen.preview->width, 4096u);
}

TEST(command_line, commands_without_a_handler_are_not_offered) {
  EXPECT_EQ(run_cli({"dev"}).code, exit_usage);
  EXPECT_EQ(run_cli({"--help"}).out.find("  dev "), std::string::npos);
}

TEST(command_line, a_mistyped_subcommand_is_suggested) {
  const auto run = run_cli({"stauts"});
  EXPECT_EQ(run.code, exit_usage);
  EXPECT_EQ(run.out, "");
  EXPECT_NE(run.err.find("did you mean 'status'"), std::string::npos) << run.err;
  const auto nested = run_cli({"graph", "rdep", "x"});
  EXPECT_EQ(nested.code, exit_usage);
  EXPECT_NE(nested.err.find("did you mean 'rdeps'"), std::string::npos) << nested.err;
}

TEST(command_line, a_mistyped_option_is_suggested) {
  const auto run = run_cli({"status", "--jsno"});
  EXPECT_EQ(run.code, exit_usage);
  EXPECT_NE(run.err.find("did you mean '--json'"), std::string::npos) << run.err;
}

TEST(command_line, usage_mistakes_end_with_2) {
  EXPECT_EQ(run_cli({"why"}).code, exit_usage);
  EXPECT_EQ(run_cli({"graph"}).code, exit_usage);
  EXPECT_EQ(run_cli({"diff", "one", "two"}).code, exit_usage);
  EXPECT_EQ(run_cli({"stop", "--timeout", "-1"}).code, exit_usage);
  recorded seen;
  EXPECT_EQ(run_cli({"build", "--jobs", "0"}, seen.handlers()).code, exit_usage);
  EXPECT_EQ(run_cli({"build", "--scratch", "tape"}, seen.handlers()).code, exit_usage);
  EXPECT_EQ(run_cli({"dev", "--metrics-port", "70000"}, seen.handlers()).code, exit_usage);
  EXPECT_EQ(run_cli({"dev", "--log-level", "loud"}, seen.handlers()).code, exit_usage);
}

TEST(command_line, help_and_version_end_with_0) {
  EXPECT_EQ(run_cli({"--version"}).out, std::string("graphite ") + program_version + "\n");
  EXPECT_EQ(run_cli({"--version"}).code, 0);
  EXPECT_EQ(run_cli({}).code, 0);
  const auto help = run_cli({"why", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("Example"), std::string::npos);
}

TEST(command_line, every_failure_has_an_exit_code) {
  EXPECT_EQ(exit_code_for(errc::action_failed), 1);
  EXPECT_EQ(exit_code_for(errc::invalid_argument), 2);
  EXPECT_EQ(exit_code_for(errc::unavailable), 3);
  EXPECT_EQ(exit_code_for(errc::permission_denied), 4);
  EXPECT_EQ(exit_code_for(errc::corrupt), 5);
}

TEST(command_line, no_project_is_told_and_ends_with_2) {
  test::temporary_folder folder;
  const auto run = run_cli({"status", "-C", folder.path(), "--json"});
  EXPECT_EQ(run.code, exit_usage);
  const auto objects = run.objects();
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0]["event"], "error");
  EXPECT_EQ(objects[0]["code"], "not_found");
  EXPECT_NE(run.err.find("graphite init"), std::string::npos) << run.err;
}

TEST(command_line, doctor_options_are_all_taken) {
  recorded seen;
  const auto run = run_cli(
      {"doctor", "-C", "/p", "--state", "/s", "--json", "--strict", "--picture", "m.svg", "--pin", "off"},
      seen.handlers());
  EXPECT_EQ(run.code, 0) << run.err;
  ASSERT_TRUE(seen.doctor);
  EXPECT_EQ(seen.doctor->directory, "/p");
  EXPECT_EQ(seen.doctor->state, "/s");
  EXPECT_EQ(seen.doctor->picture, "m.svg");
  EXPECT_EQ(seen.doctor->pinning, pin_mode::never);
  EXPECT_TRUE(seen.doctor->json && seen.doctor->strict);
  EXPECT_EQ(run_cli({"doctor", "--pin", "maybe"}, seen.handlers()).code, exit_usage);
}

TEST(command_line, init_writes_a_project_once) {
  test::temporary_folder folder;
  std::ofstream(folder / "a.png") << "x";
  const auto first = run_cli({"init", folder.path(), "--json"});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.objects().at(0)["event"], "init");
  EXPECT_TRUE(std::filesystem::exists(folder / "graphite.toml"));
  EXPECT_EQ(run_cli({"init", folder.path()}).code, exit_usage);
}

std::string file_text(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::set<std::string> matches_of(const std::string& text, const std::string& pattern) {
  std::set<std::string> out;
  const std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) out.insert((*it)[1]);
  return out;
}

TEST(command_line, the_docs_name_every_subcommand_option_and_variable) {
  recorded seen;
  const std::string help = all_help(seen.handlers());
  const std::string docs = file_text(std::string(GRAPHITE_SOURCE_FOLDER) + "/docs/cli.md");
  ASSERT_FALSE(docs.empty());
  const auto options = matches_of(help, "(--[a-z][a-z-]+)");
  const auto variables = matches_of(help, "Env:(GRAPHITE_[A-Z_]+)");
  const auto usages = matches_of(help, "Usage: (graphite[a-z ]*[a-z])");
  EXPECT_GT(options.size(), 15u);
  EXPECT_GT(variables.size(), 15u);
  EXPECT_GT(usages.size(), 15u) << help;
  for (const auto& names : {options, variables, usages})
    for (const auto& name : names)
      EXPECT_NE(docs.find("`" + name), std::string::npos) << "docs/cli.md lacks " << name;
}

TEST(command_line, every_option_but_help_has_a_variable) {
  recorded seen;
  std::istringstream lines(all_help(seen.handlers()));
  std::string option;
  for (std::string line; std::getline(lines, line);) {
    if (!std::regex_search(line, std::regex("^  (-|--)[a-zA-Z]"))) continue;
    if (line.find("--help") != std::string::npos || line.find("--version") != std::string::npos) continue;
    EXPECT_NE(line.find("Env:GRAPHITE_"), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace graphite
