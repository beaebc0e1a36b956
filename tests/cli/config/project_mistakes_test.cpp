#include <gtest/gtest.h>

#include "cli/config/project_file.hpp"

namespace graphite {
namespace {

std::vector<project_mistake> mistakes_of(std::string_view text) {
  auto parsed = parse_project(text, {"graphite.toml", {}, "/"});
  EXPECT_EQ(parsed.value.has_value(), parsed.mistakes.empty());
  return parsed.mistakes;
}

/// One text, one mistake: its place and words that what is said must have.
struct expected_mistake {
  std::string_view text;
  std::uint32_t line, column;
  std::string_view what, meant;
};

class one_mistake : public testing::TestWithParam<expected_mistake> {};

TEST_P(one_mistake, is_found_and_explained) {
  const auto& expected = GetParam();
  const auto found = mistakes_of(expected.text);
  ASSERT_EQ(found.size(), 1u) << expected.text << "\n" << render(found);
  const auto shown = render(found);
  EXPECT_EQ(found[0].where.line, expected.line) << shown;
  EXPECT_EQ(found[0].where.column, expected.column) << shown;
  EXPECT_NE(found[0].what.find(expected.what), std::string::npos) << shown;
  EXPECT_NE((found[0].what + found[0].meant).find(expected.meant), std::string::npos) << shown;
}

constexpr expected_mistake table_mistakes[] = {
    {"[proejct]\nname='x'", 1, 2, "unknown key 'proejct'", "did you mean 'project'?"},
    {"[project]\nnmae='x'", 2, 1, "unknown key 'nmae' in [project]", "did you mean 'name'?"},
    {"[project]\n  name = 3", 2, 10, "must be a text, not a whole number", ""},
    {"[project]\nname = ''", 2, 8, "is empty", ""},
    {"[project]\njobs = '4'", 2, 8, "must be a whole number, not a text", "without quotes"},
    {"[project]\nsandbox = 'bst'", 2, 11, "'bst' is none of off, best, required", "did you mean 'best'?"},
    {"[project]\nsandbox_read = ['sdk']", 2, 17, "'sdk' is no absolute path", "/opt/sdk"},
    {"[project]\nsandbox_read = ['/']", 2, 17, "'/' is no absolute path", ""},
    {"[project]\njobs = -1", 2, 8, "out of range", "from 0 to 1024"},
    {"[project]\njobs = 2.5", 2, 8, "not a number with a fraction", ""},
    {"project = 3", 1, 11, "'project' in the project file must be a table", ""},
    {"[sources]\ngitignore = 'false'", 2, 13, "must be true or false", "without quotes"},
    {"[sources]\ninclude = []", 2, 1, "nothing would be a source", "leave it out"},
    {"[sources]\ninclude = ['a', 3]", 2, 17, "must be a text", ""},
    {"[sources]\ninclude = ['a', '[z']", 2, 17, "never closed", ""},
    {"[sources]\nignore = '/x'", 2, 10, "starts with '/'", "relative to the root"},
    {"[sources]\nignore = 'build/'", 2, 10, "ends with '/'", "build/**"},
    {"[sources]\nignore = './x/*'", 2, 10, "begins with './'", ""},
    {"[sources]\nignore = '../x'", 2, 10, "leaves the root", ""},
    {"[sources]\nignore = '**.png'", 2, 10, "must stand alone", ""},
    {"[sources]\nignore = 3", 2, 10, "must be a list of texts", ""},
    {"[sources]\nroot = ''", 2, 8, "no folder's name", ""},
    {"[watch]\ndebounce = 50", 2, 12, "has no unit", "debounce = \"50 ms\" or debounce_ms = 50"},
    {"[watch]\ndebounce = '5 sec'", 2, 12, "unknown unit 'sec'", "did you mean 's'?"},
    {"[watch]\ndebounce = '2 h'", 2, 12, "out of range", "from 0 ms to 1 min"},
    {"[watch]\ndebounce_ms = '50 ms'", 2, 15, "must be a whole number", ""},
    {"[watch]\ndebounce_ms = 5\ndebounce = '5 ms'", 2, 1, "say the same thing", "keep one"},
    {"[watch]\ndebounce = '10 s'", 2, 1, "over 'max_delay'", ""},
    {"[watch]\ndebunce_ms = 5", 2, 1, "unknown key", "did you mean 'debounce_ms'?"},
    {"[tools]\ngcc = 'gcc'", 2, 1, "must be a table", "[tools.gcc]"},
    {"[tools.gcc]\n", 1, 8, "neither 'paths' nor 'version'", ""},
    {"[tools.gcc]\npaths = ['../x/y']", 2, 10, "'..' component", "relative to the root"},
    {"[tools.'a b']\npaths='x'", 1, 8, "no name for a tool", "letters"},
    {"[channel]\nname = 'x'", 1, 1, "must be a list of tables", "[[channel]]"},
    {"[[channel]]\nname = 'a/b'", 2, 8, "no name for a channel", ""},
    {"[[channel]]\nname = 'a+b'", 2, 8, "'a+b' is no name for a channel", "letters, digits and _ . -"},
    {"[[channel]]\nname = '-a'", 2, 8, "no name for a channel", ""},
    {"[[channel]]\nname = 'a'\n[[channel]]\nname = 'A'", 4, 8, "two channels are named 'A'", "line 1"},
    {"[[rules]]\nmatch = 'x'", 1, 3, "unknown key 'rules'", "did you mean 'rule'?"},
    {"[rule]\nmatch = 'x'", 1, 1, "must be a list of tables", "[[rule]]"},
};
INSTANTIATE_TEST_SUITE_P(tables, one_mistake, testing::ValuesIn(table_mistakes));

constexpr expected_mistake rule_mistakes[] = {
    {"[[rule]]\nname = 'x'", 1, 1, "has no 'match'", ""},
    {"[[rule]]\nmach = '*'\nmatch = 'x'", 2, 1, "unknown key 'mach' in [[rule]] number 1",
     "did you mean 'match'?"},
    {"[[rule]]\nmatch = '*.{a,b'", 2, 9, "never closed", ""},
    {"[[rule]]\nmatch = 'x'\ntransform = 'coyp'", 3, 13, "unknown transform 'coyp'", "did you mean 'copy'?"},
    {"[[rule]]\nmatch = 'x'\ntransform = 'command'\noutputs='y/{name}'", 3, 13, "has no [rule.command]",
     "argv"},
    {"[[rule]]\nmatch = 'x'\ntransform = 'copy'\ncommand = {argv=['a']}", 4, 1, "is a copy", ""},
    {"[[rule]]\nmatch = 'x'\noutputs = 'y/{name}'", 3, 1, "keeps its source's path", ""},
    {"[[rule]]\nmatch = 'x'\nneeds = { cpu = 2 }", 3, 1, "is a copy", "[rule.command]"},
    {"[[rule]]\nmatch = 'x'\nat_once = 2", 3, 1, "is a copy", "[rule.command]"},
    {"[[rule]]\nmatch = 'x'\nneeds = { cpu = 0 }", 3, 17, "no number of processors", "from 0.001 to 4096"},
    {"[[rule]]\nmatch = 'x'\nneeds = { resources = { gpu = 0 } }", 3, 31, "out of range", "from 1 to"},
    {"[[rule]]\nmatch = 'x'\nneeds = { cpus = 1 }", 3, 11, "unknown key 'cpus'", "did you mean 'cpu'?"},
    {"[[rule]]\nmatch = 'x'\nat_once = 0", 3, 11, "out of range", "from 1 to"},
    {"[[rule]]\nmatch = 'x'\nsettle = '1 day'", 3, 10, "unknown unit 'day'", "known units: ms s min h"},
    {"[[rule]]\nmatch = 'x'\nsettle = '10 s'", 1, 1, "over [watch] max_delay", ""},
    {"[[rule]]\nname='a'\nmatch = 'x'\n[[rule]]\nname='a'\nmatch='y'", 4, 1, "two rules are named 'a'",
     "line 1"},
    {"[[rule]]\nname='a'\nmatch = ['x', 'y']\n[[rule]]\nname='b'\nmatch='y'", 4, 1,
     "'b' never takes a source", "narrower"},
    {"[[rule]]\nmatch='x'\nreferences = {pattern = '(a'}", 3, 25, "bad regular expression", "missing )"},
    {"[[rule]]\nmatch='x'\nreferences = {pattern = 'a'}", 3, 25, "has no group", ""},
    {"[[rule]]\nmatch='x'\nreferences = {scanner = 'gtlf'}", 3, 25, "unknown scanner",
     "did you mean 'gltf'?"},
    {"[[rule]]\nmatch='x'\n[[rule.references]]\nrequired = true", 3, 1, "neither 'pattern' nor 'scanner'",
     ""},
    {"[[rule]]\nmatch='x'\nreferences = {scanner='obj', relative_to = 'rot'}", 3, 44, "'relative_to'",
     "did you mean 'root'?"},
    {"[[rule]]\nmatch='x'\nreferences = {scanner='obj', search = ['../x']}", 3, 40,
     "no folder below the root", ""},
};
INSTANTIATE_TEST_SUITE_P(rules, one_mistake, testing::ValuesIn(rule_mistakes));

constexpr expected_mistake command_mistakes[] = {
    {"[[rule]]\nmatch='x'\ncommand = {argv=['a']}", 1, 1, "has no 'outputs'", ""},
    {"[[rule]]\nmatch='x'\noutputs=[]\ncommand = {argv=['a']}", 3, 1, "has no 'outputs'", ""},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {shell=true}", 4, 11, "no 'argv'", ""},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=[]}", 4, 17, "names no program", ""},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv='a b'}", 4, 17, "one text", "shell = true"},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=['a','{inn}']}", 4, 22,
     "unknown placeholder {inn}", "did you mean 'in'?"},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=['a','{depfile}']}", 4, 22, "has no depfile",
     ""},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=['{tool:t}']}", 4, 18, "not in its 'tools'",
     "add tools"},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=['a'],tools=['t']}", 1, 1, "unknown tool 't'",
     "[tools.t]"},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=['a'],environment=['A=b']}", 4, 36,
     "no variable's name", "set_environment"},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=['a'],memory_max='4 G'}", 4, 34,
     "unknown unit 'G'", "did you mean 'GiB'?"},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=['a'],memory_max='4 B'}", 4, 34, "out of range",
     "from 1 MiB"},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=['a'],depfile='../d'}", 4, 31,
     "no path of the scratch folder", ""},
    {"[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=['a'],inputs=['[']}", 4, 31,
     "bad pattern in 'inputs'", ""},
    {"[[rule]]\nmatch='x'\noutputs='{nmae}'\ncommand = {argv=['a']}", 3, 9, "unknown placeholder {nmae}",
     "did you mean 'name'?"},
    {"[[rule]]\nmatch='x'\noutputs='{dir}/../{name}'\ncommand = {argv=['a']}", 3, 9, "no path below the root",
     "'..'"},
    {"[[rule]]\nmatch='x'\noutputs='/tmp/{name}'\ncommand = {argv=['a']}", 3, 9, "no path below the root",
     "absolute"},
    {"[[rule]]\nmatch='x'\noutputs='{in}'\ncommand = {argv=['a']}", 3, 9, "path of its own source", ""},
    {"[[rule]]\nmatch='x'\noutputs='{a,b}'\ncommand = {argv=['a']}", 3, 9, "no placeholder", "{stem}"},
    {"[[rule]]\nmatch='x'\noutputs=['{in}.y','{in}.y']\ncommand = {argv=['a']}", 3, 19, "stands twice", ""},
    {"[[rule]]\nmatch='*.x'\noutputs='y'\ncommand = {argv=['a']}", 1, 1, "the same for every source",
     "{stem}"},
    {"[[rule]]\nmatch='a/x'\noutputs='y'\ncommand = "
     "{argv=['a']}\n[[rule]]\nmatch='a/z'\noutputs='y'\ncommand = {argv=['a']}",
     5, 1, "both write 'y'", ""},
};
INSTANTIATE_TEST_SUITE_P(commands, one_mistake, testing::ValuesIn(command_mistakes));

constexpr expected_mistake option_mistakes[] = {
    {"[[rule]]\nmatch='x'\ntransform='audio'\n[rule.options]\nbitrat=6", 5, 1, "has no option 'bitrat'",
     "did you mean 'bitrate'?"},
    {"[[rule]]\nmatch='x'\ntransform='audio'\n[rule.options]\nbitrate='6'", 5, 9, "'bitrate' is \"6\"",
     "a whole number from 0 to 510 kbit/s"},
    {"[[rule]]\nmatch='x'\ntransform='audio'\n[rule.options]\nbitrate=511", 5, 9, "'bitrate' is 511", "510"},
    {"[[rule]]\nmatch='x'\ntransform='audio'\n[rule.options]\nbitrate=5", 5, 9, "5 is neither 0 nor 6", ""},
    {"[[rule]]\nmatch='x'\ntransform='audio'\n[rule.options]\nchannels='five'", 5, 10,
     "'channels' is \"five\"", "keep, mono"},
    {"[[rule]]\nmatch='x'\ntransform='shader'\n[rule.options]\ndefines=['A=1','1=A']", 5, 9,
     "`1=A` is no macro", "NAME=VALUE"},
    {"[[rule]]\nmatch='x'\ntransform='shader'\n[rule.options]\nentry='a b'", 5, 7, "`a b` is no name", ""},
    {"[[rule]]\nmatch='x'\ntransform='shader'\n[rule.options]\nvariants='fog: 1'", 5, 10,
     "the variant `fog`: `1` is no macro", "NAME: MACRO"},
    {"[[rule]]\nmatch='x'\ntransform='shader'\n[rule.options]\nvariants=['a: X','A: Y']", 5, 10,
     "there twice", ""},
};
INSTANTIATE_TEST_SUITE_P(options, one_mistake, testing::ValuesIn(option_mistakes));

constexpr expected_mistake syntax_mistakes[] = {
    {"[project]\nname = \"x", 2, 10, "no TOML", ""},
    {"[/x]\ny = 1", 1, 2, "no TOML", ""},
    {"[[ ,x]]", 1, 4, "no TOML", ""},
    {"a = 1\na = 2", 2, 5, "no TOML", ""},
    {"[[rule]]\nmatch = \"\\d\"", 2, 11, "no TOML", "single quotes"},
};
INSTANTIATE_TEST_SUITE_P(syntax, one_mistake, testing::ValuesIn(syntax_mistakes));

TEST(project_mistakes, all_are_collected_in_order) {
  const auto found =
      mistakes_of("[project]\njobs = -1\nx = 1\n[watch]\npoll = 3\n[[rule]]\ntransform = 'y'\n");
  ASSERT_EQ(found.size(), 5u) << render(found);
  for (std::size_t i = 1; i < found.size(); ++i) EXPECT_LE(found[i - 1].where.line, found[i].where.line);
}

TEST(project_mistakes, are_shown_with_their_line_and_a_marker) {
  EXPECT_EQ(render(mistakes_of("[project]\n\tnmae = 'é'")),
            "graphite.toml:2:2: error: unknown key 'nmae' in [project]\n"
            "    2 | \tnmae = 'é'\n"
            "      | \t^~~~\n"
            "      = did you mean 'name'?\n");
}

TEST(project_mistakes, a_long_line_is_shown_in_part_and_harmlessly) {
  const auto text = "[project]\nname = '" + std::string(5'000, 'x') + "'\nz = 1 # \x1b]0;title\x07";
  for (const auto& mistake : mistakes_of(text)) {
    const auto shown = render(mistake);
    EXPECT_LT(shown.size(), 1'000u);
    EXPECT_EQ(shown.find('\x1b'), std::string::npos);
  }
}

TEST(project_mistakes, an_unusable_argv_is_one_mistake) {
  const std::string nul = "[[rule]]\nmatch='x'\noutputs='{in}.y'\ncommand = {argv=\"a\\u0000 b\"}";
  EXPECT_EQ(mistakes_of(nul).size(), 1u);
}

TEST(project_mistakes, their_number_is_bounded) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "key" + std::to_string(i) + " = 1\n";
  EXPECT_EQ(mistakes_of(text).size(), project_mistakes_max);
}

TEST(project_mistakes, damaged_files_are_refused_or_read_but_never_hurt) {
  const std::string text =
      "[project]\nname = \"g\"\n[[rule]]\nmatch = ['*.x']\noutputs = "
      "\"{dir}/{stem}.y\"\n[rule.command]\nargv = [\"a\", "
      "\"{in}\"]\ntimeout = \"2 s\"\n[[rule.references]]\npattern = '\"([^\"]+)\"'\n";
  ASSERT_TRUE(mistakes_of(text).empty()) << render(mistakes_of(text));
  for (std::size_t n = 0; n < text.size(); ++n) mistakes_of(text.substr(0, n));
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    auto damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    mistakes_of(damaged);
  }
}

}  // namespace
}  // namespace graphite
