#include "transforms/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using testing::HasSubstr;

using test::path_of;

struct names {
  logical_path input = path_of("art/rock.png");
  std::vector<output_name> outputs{{"out/rock.tex"}, {"out/rock.mip"}};
  std::string depfile = "rock.d";
  std::map<std::string, std::string> tools{{"g++", "/usr/bin/g++"}, {"texconv", "/opt/t/texconv"}};
  command_names get() const { return {input, outputs, depfile, tools}; }
  std::string argument(std::string_view text) const { return expand_argument(text, get()).value_or("ERROR"); }
};

TEST(command_argument, fills_in_every_placeholder) {
  const names n;
  EXPECT_EQ(n.argument("{in}"), "art/rock.png");
  EXPECT_EQ(n.argument("-o{out}"), "-oout/rock.tex");
  EXPECT_EQ(n.argument("{out1},{out2}"), "out/rock.tex,out/rock.mip");
  EXPECT_EQ(n.argument("{dir}/{stem}.{ext}={name}"), "art/rock.png=rock.png");
  EXPECT_EQ(n.argument("-MF{depfile}"), "-MFrock.d");
  EXPECT_EQ(n.argument("{tool:g++}"), "/usr/bin/g++");
}

TEST(command_argument, keeps_what_is_no_placeholder) {
  const names n;
  EXPECT_EQ(n.argument("{\"a\": {\"b\": 1}} ${HOME} {} {A}"), "{\"a\": {\"b\": 1}} ${HOME} {} {A}");
  EXPECT_EQ(n.argument("{{in}"), "{in}");
}

TEST(command_argument, names_what_is_unknown) {
  const names n;
  EXPECT_THAT(expand_argument("{inn}", n.get()).error().context, HasSubstr("'in'"));
  EXPECT_THAT(expand_argument("{out3}", n.get()).error().context, HasSubstr("2 outputs"));
  EXPECT_FALSE(expand_argument("{out0}", n.get()));
  EXPECT_FALSE(expand_argument("{out99999999999999999999}", n.get()));
  EXPECT_THAT(expand_argument("{tool:texcon}", n.get()).error().context, HasSubstr("'texconv'"));
  names bare;
  bare.depfile.clear();
  EXPECT_THAT(expand_argument("{depfile}", bare.get()).error().context, HasSubstr("names no depfile"));
}

TEST(command_argument, no_file_name_becomes_an_option) {
  names n;
  n.input = path_of("-rf");
  EXPECT_EQ(n.argument("{in}"), "./-rf");
  EXPECT_EQ(n.argument("{dir}"), ".");
}

TEST(command_argument, a_wildcard_output_is_its_folder) {
  names n;
  n.outputs = {{"out/\\[1]/**/*.tex", true}, {"./*.bin", true}};
  EXPECT_EQ(n.argument("{out}"), "out/[1]");
  EXPECT_EQ(n.argument("{out2}"), ".");
}

TEST(command_script, harmless_values_are_put_in_as_they_are) {
  const names n;
  const auto script = expand_script("cat {in} > '{out}'", n.get());
  EXPECT_EQ(script->text, "cat art/rock.png > 'out/rock.tex'");
  EXPECT_TRUE(script->environment.empty());
}

TEST(command_script, file_names_never_become_code) {
  names n;
  n.input = path_of("a; rm -rf $(x).png");
  const auto script = expand_script("cat {in} \"{in}\" '{in}' \\\"{in}", n.get());
  EXPECT_EQ(script->text,
            "cat \"${GRAPHITE_IN}\" \"${GRAPHITE_IN}\" ''\"${GRAPHITE_IN}\"'' \\\"\"${GRAPHITE_IN}\"");
  EXPECT_EQ(script->environment.at("GRAPHITE_IN"), "a; rm -rf $(x).png");
}

TEST(command_script, tools_with_odd_names_get_variables_of_their_own) {
  names n;
  n.tools = {{"g++", "/a b/g++"}, {"g--", "/a b/g--"}};
  const auto script = expand_script("{tool:g++} {tool:g--}", n.get());
  EXPECT_EQ(script->environment.size(), 2u);
}

TEST(command_line, shell_scripts_get_their_arguments) {
  const names n;
  command_spec command;
  command.shell = true;
  command.argv = {"cp \"$1\" {out}", "{in}"};
  EXPECT_EQ(command_line_of(command, n.get())->argv,
            (std::vector<std::string>{"/bin/sh", "-c", "cp \"$1\" out/rock.tex", "sh", "art/rock.png"}));
  EXPECT_FALSE(command_line_of(command_spec{}, n.get()));
}

TEST(command_line, begins_with_the_very_file_that_was_digested) {
  const names n;
  command_spec command;
  command.argv = {"texconv", "{in}"};
  command.program_tool = "texconv";
  EXPECT_EQ(command_line_of(command, n.get())->argv,
            (std::vector<std::string>{"/opt/t/texconv", "art/rock.png"}));
}

TEST(scratch_paths, map_back_to_logical_ones) {
  const auto map = [](std::string_view text) {
    const auto found = logical_from_tool(text, {"/s/1/work", "/s/1/tmp", "/s"});
    return found ? found->str() : std::string("none");
  };
  EXPECT_EQ(map("a/b.h"), "a/b.h");
  EXPECT_EQ(map("./a/../b.h"), "b.h");
  EXPECT_EQ(map("/s/1/work/a//b.h"), "a/b.h");
  EXPECT_EQ(map("/s/inc/../b.h"), "b.h");  // of the view
  EXPECT_EQ(map("/s/1/workshop/a"), "1/workshop/a");
  for (const auto* outside :
       {"/usr/include/stdio.h", "../x", "a/../../x", "/s/1/work", "/s/1/tmp/x", "/shop/a", "", "."})
    EXPECT_EQ(map(outside), "none") << outside;
}

class command_attempt : public testing::Test {
 protected:
  command_attempt()
      : spec_{{}, {}, {}, {}, "r", path_of("a.src"), {}, {{"a.out"}}, nullptr, nullptr, {}, {}, {}} {
    auto command = std::make_shared<command_spec>();
    command->argv = {"conv", "{in}", "{out}"};
    command->depfile = "{stem}.d";
    command->timeout = milliseconds(250);
    command->memory_bytes_max = 64 * MiB;
    spec_.command = command;
    for (const auto* name : {"a.src", "inc/b.h", "inc/c.h"})
      spec_.inputs.push_back({path_of(name), {}, false});
  }
  attempt_spec spec_;
  command_transform transform_;
  attempt_place place_{"/s/1/work", "/s/1/tmp", "/view"};
};

TEST_F(command_attempt, plan_has_all_the_process_needs) {
  spec_.environment = {{"PATH", "/bin"}, {"HOME", "/set"}};
  const auto plan = transform_.plan(spec_, place_);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->process.argv, (std::vector<std::string>{"conv", "a.src", "a.out"}));
  EXPECT_EQ(plan->process.working_folder, "/s/1/work");
  EXPECT_EQ(plan->process.environment.at("TMPDIR"), "/s/1/tmp");
  EXPECT_EQ(plan->process.environment.at("HOME"), "/set");
  EXPECT_EQ(plan->process.timeout, milliseconds(250));
  EXPECT_EQ(plan->process.memory_bytes_max, 64 * MiB);
  EXPECT_EQ(plan->depfile, path_of("a.d"));
}

TEST_F(command_attempt, depfile_narrows_to_inputs) {
  const auto found =
      transform_.discovered(spec_, place_, "a.out: a.src /s/1/work/inc/c.h /usr/include/x.h made_up.tmp\n");
  EXPECT_EQ(found->inputs, std::vector{path_of("inc/c.h")});
  EXPECT_EQ(found->others, std::vector{path_of("made_up.tmp")});
  EXPECT_EQ(transform_.discovered(spec_, place_, "nonsense").error().code, errc::corrupt);
}

TEST_F(command_attempt, a_depfile_may_name_files_of_the_view_by_their_absolute_paths) {
  spec_.tools = {{"conv", "/view/tools/conv"}};
  const auto found = transform_.discovered(
      spec_, place_, "a.out: /view/a.src /view/inc/b.h /view/lib/x.h /view/tools/conv a.out /view/a.out\n");
  EXPECT_EQ(found->inputs, std::vector{path_of("inc/b.h")});
  EXPECT_EQ(found->others, std::vector{path_of("lib/x.h")});
}

TEST_F(command_attempt, failure_says_how_it_ended_and_what_was_said) {
  process_outcome outcome;
  outcome.exit_code = 0;
  EXPECT_EQ(transform_.failure(spec_, outcome), "");
  outcome.exit_code = 3;
  outcome.err = "bad pixel\n";
  EXPECT_EQ(transform_.failure(spec_, outcome), "a.src: 'conv' ended with status 3\nbad pixel\n");
  outcome.exit_code = -1;
  outcome.signal = 11;
  EXPECT_THAT(transform_.failure(spec_, outcome), HasSubstr("signal 11"));
  outcome.memory_bytes_peak = 60 * MiB;
  EXPECT_THAT(transform_.failure(spec_, outcome), HasSubstr("60 MiB of the 64 MiB"));
  outcome.timed_out = true;
  EXPECT_THAT(transform_.failure(spec_, outcome), HasSubstr("longer than 250 ms"));
}

TEST_F(command_attempt, failure_message_is_bounded) {
  process_outcome outcome;
  outcome.exit_code = 1;
  outcome.err = std::string(100'000, 'x') + "\nlast line\n";
  const auto message = transform_.failure(spec_, outcome);
  EXPECT_LE(message.size(), command_transform::message_bytes_max);
  EXPECT_THAT(message, testing::EndsWith("last line\n"));
}

}  // namespace
}  // namespace graphite
