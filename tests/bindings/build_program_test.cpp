#include <gtest/gtest.h>

#include "tests/bindings/opened_project.hpp"
#include "tests/support/run_program.hpp"

namespace graphite::test {
namespace {

TEST(build_program, builds_a_project_and_shows_an_asset) {
  const temporary_folder project;
  project.write("graphite.toml", joining_project);
  project.write("a.txt", "A");
  const auto command = std::string(C11_BUILD_PROGRAM) + " " + project.path() + " a.out";
  const auto first = run_program(command);
  EXPECT_EQ(first.code, 0);
  EXPECT_EQ(first.text, "a.txt: rule 'join', never built: a.txt\n1 ran, 0 cached\na.out: A\n");
  EXPECT_EQ(run_program(command).text, "0 ran, 0 cached\na.out: A\n");
  project.write("x.inc", "+x");
  EXPECT_EQ(
      run_program(command).text,
      "a.txt: rule 'join', appeared: x.inc\nx.inc: rule '', not shown yet\n1 ran, 0 cached\na.out: A+x\n");
  EXPECT_NE(run_program(command + "absent 2> /dev/null").code, 0);
  EXPECT_NE(run_program(std::string(C11_BUILD_PROGRAM) + " /nowhere a.out 2> /dev/null").code, 0);
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const auto from = text.find(begin);
  if (from == std::string::npos) return "(no " + begin + ")";
  const auto first = from + begin.size();
  const auto last = text.find(end, first);
  return last == std::string::npos ? "(no " + end + ")" : text.substr(first, last - first);
}

std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(build_program, the_documentation_shows_what_is_compiled_here) {
  const auto compiled = between(contents(C11_BUILD_SOURCE), "/* >8 the example */\n", "/* 8< */");
  EXPECT_EQ(between(contents(BUILD_DOCUMENT), "```c\n", "```"), compiled);
}

}  // namespace
}  // namespace graphite::test
