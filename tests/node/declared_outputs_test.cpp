#include "node/declared_outputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using testing::HasSubstr;

using test::path_of;

/// Paths that `collect` takes from regular files of these names, or the error's text.
std::string collect(std::vector<std::string> outputs, std::vector<std::string> entries) {
  attempt_spec spec{{}, {}, {}, {}, {}, path_of("in.png"), {{path_of("in.png"), {}, false}}, {},
                    {}, {}, {}, {}, {}};
  for (const auto& text : outputs) {
    const auto name = expand_output(text, path_of("in.png"));
    spec.outputs.push_back(name ? *name : output_name{text, text.find('*') != text.npos});
  }
  const auto declared = declared_outputs::make(spec, path_of("in.d"));
  if (!declared) return declared.error().context;
  std::vector<scratch_entry> listed;
  for (auto& name : entries) listed.push_back({std::move(name), file_kind::regular, 0});
  const auto found = declared->collect(listed);
  if (!found) return found.error().context;
  std::string out;
  for (const auto& one : *found) out += one.str() + " ";
  return out;
}

TEST(declared_outputs, inputs_and_depfile_are_no_outputs) {
  EXPECT_EQ(collect({"b"}, {"b", "in.d", "in.png"}), "b ");
  EXPECT_EQ(collect({"*.png"}, {"in.png", "x.png"}), "x.png ");
}

TEST(declared_outputs, an_input_may_be_declared_as_output) {
  EXPECT_EQ(collect({"in.png"}, {"in.d", "in.png"}), "in.png ");
}

TEST(declared_outputs, a_wildcard_without_slash_stays_at_the_root) {
  EXPECT_THAT(collect({"*.x"}, {"a.x", "f/b.x"}), HasSubstr("f/b.x"));
  EXPECT_EQ(collect({"**/*.x"}, {"a.x", "f/b.x"}), "a.x f/b.x ");
}

TEST(declared_outputs, a_wildcard_without_match_is_missing) {
  EXPECT_THAT(collect({"b", "c/*.x"}, {"b"}), HasSubstr("did not make c/*.x"));
}

TEST(declared_outputs, names_that_are_no_paths_are_never_taken) {
  EXPECT_THAT(collect({"**/*"}, {"ok", "bad\xff"}), HasSubstr("does not declare"));
}

TEST(declared_outputs, long_lists_are_cut) {
  std::vector<std::string> many{"b"};
  for (int i = 0; i < 100; ++i) many.push_back("x" + std::to_string(i));
  EXPECT_THAT(collect({"b"}, many), HasSubstr("and 92 more"));
}

TEST(declared_outputs, refuses_outputs_that_are_no_paths) {
  EXPECT_THAT(collect({"../b"}, {}), HasSubstr(".."));
  EXPECT_THAT(collect({"../*"}, {}), testing::Not(HasSubstr("did not make")));
}

}  // namespace
}  // namespace graphite
