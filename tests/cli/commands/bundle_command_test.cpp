#include <gtest/gtest.h>

#include "cli/exit_codes.hpp"
#include "cli/opened_bundle.hpp"
#include "tests/cli/commands/bundle_support.hpp"
#include "tests/cli/commands/cli_support.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using test::run_cli;

class bundle_command : public testing::Test {
 protected:
  bundle_command() : made_(folder_ / "state") {
    made_.write({{"a/rock.png", std::string(5000, 'r')}, {"b.txt", "hello"}, {"empty", ""}});
  }
  std::string bundle() const { return made_.bundle().string(); }
  std::string at(const std::string& name) const { return folder_ / name; }

  test::temporary_folder folder_;
  test::handmade_bundle made_;
};

TEST_F(bundle_command, inspect_shows_head_and_assets) {
  const auto run = run_cli({"bundle", "inspect", bundle(), "--assets", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const auto objects = run.objects();
  ASSERT_EQ(objects.size(), 4u);
  EXPECT_EQ(objects[3]["event"], "bundle");
  EXPECT_EQ(objects[3]["generation"]["sequence"], 42);
  EXPECT_EQ(objects[3]["bytes"], 5005);
  const auto only = run_cli({"bundle", "inspect", bundle(), "--assets", "--only", "*.txt"});
  EXPECT_NE(only.out.find("b.txt"), std::string::npos);
  EXPECT_EQ(only.out.find("rock"), std::string::npos);
}

TEST_F(bundle_command, a_good_bundle_verifies) {
  const auto run = run_cli({"bundle", "verify", bundle(), "--json"});
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_EQ(run.objects().at(0)["assets"], 3);
}

TEST_F(bundle_command, a_flipped_bit_of_content_is_corrupt) {
  test::flip_bit(made_.segment(), 4096 + 100);
  const auto run = run_cli({"bundle", "verify", bundle(), "--json"});
  EXPECT_EQ(run.code, exit_corrupt);
  EXPECT_EQ(run.objects().at(0)["errors"], 1);
  EXPECT_EQ(run_cli({"bundle", "extract", bundle(), at("out")}).code, exit_corrupt);
  EXPECT_FALSE(std::filesystem::exists(at("out"))) << "nothing half";
}

TEST_F(bundle_command, any_damage_to_a_head_is_an_error) {
  const std::string good = test::file_text(made_.bundle() / "head");
  for (std::size_t i = 0; i < good.size(); i += 13) {
    test::flip_bit(made_.bundle() / "head", i);
    EXPECT_NE(run_cli({"bundle", "inspect", bundle()}).code, 0) << i;
    test::flip_bit(made_.bundle() / "head", i);
  }
  std::filesystem::resize_file(made_.bundle() / "head", 100);
  EXPECT_EQ(run_cli({"bundle", "inspect", bundle()}).code, exit_corrupt);
}

TEST_F(bundle_command, a_missing_segment_is_told) {
  std::filesystem::remove(made_.segment());
  EXPECT_EQ(run_cli({"bundle", "verify", bundle()}).code, exit_corrupt);
  EXPECT_NE(run_cli({"bundle", "extract", bundle(), at("out")}).code, 0);
}

TEST_F(bundle_command, a_segment_that_lost_its_end_is_corrupt_not_a_crash) {
  std::filesystem::resize_file(made_.segment(), 4096 + 10);
  EXPECT_EQ(run_cli({"bundle", "verify", bundle()}).code, exit_corrupt);
}

TEST_F(bundle_command, extract_writes_the_files) {
  const auto run = run_cli({"bundle", "extract", bundle(), at("out") + "/"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(test::file_text(at("out/a/rock.png")), std::string(5000, 'r'));
  EXPECT_EQ(test::file_text(at("out/b.txt")), "hello");
  EXPECT_TRUE(std::filesystem::exists(at("out/empty")));
  EXPECT_EQ(run_cli({"bundle", "extract", bundle(), at("out")}).code, exit_usage)
      << "never over what is there";
}

TEST_F(bundle_command, contents_that_the_index_does_not_place_are_found) {
  made_.write({{"b.txt", "hello"}}, false);
  EXPECT_EQ(run_cli({"bundle", "verify", bundle()}).code, 0);
  EXPECT_EQ(run_cli({"bundle", "extract", bundle(), at("out")}).code, 0);
  EXPECT_EQ(test::file_text(at("out/b.txt")), "hello");
}

TEST_F(bundle_command, an_export_is_the_same_bundle) {
  ASSERT_EQ(run_cli({"bundle", "export", bundle(), at("one.grph")}).code, 0);
  EXPECT_EQ(run_cli({"bundle", "verify", at("one.grph")}).code, 0);
  EXPECT_EQ(run_cli({"bundle", "diff", bundle(), at("one.grph"), "--json"}).objects().at(0)["changed"].size(),
            0u);
  EXPECT_EQ(run_cli({"bundle", "extract", at("one.grph"), at("out")}).code, 0);
  EXPECT_EQ(test::file_text(at("out/b.txt")), "hello");
  EXPECT_EQ(run_cli({"bundle", "export", bundle(), at("one.grph")}).code, exit_usage);
  EXPECT_EQ(run_cli({"bundle", "export", bundle(), at("one.grph"), "--force"}).code, 0);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    EXPECT_EQ(entry.path().string().find(".partial"), std::string::npos) << entry.path();
}

TEST_F(bundle_command, diff_tells_what_differs) {
  ASSERT_EQ(run_cli({"bundle", "export", bundle(), at("old.grph")}).code, 0);
  made_.write({{"a/rock.png", "other"}, {"c", "new"}, {"empty", ""}});
  EXPECT_EQ(run_cli({"bundle", "diff", at("old.grph"), bundle()}).out,
            "+ c\n~ a/rock.png\n- b.txt\n1 added, 1 changed, 1 removed\n");
}

TEST_F(bundle_command, what_is_no_bundle_is_told) {
  EXPECT_EQ(run_cli({"bundle", "inspect", folder_.path()}).code, exit_usage);
  EXPECT_EQ(run_cli({"bundle", "inspect", at("missing")}).code, exit_usage);
  EXPECT_EQ(run_cli({"bundle", "inspect", "/dev/null"}).code, exit_usage);
  std::ofstream(at("text")) << "not a bundle";
  EXPECT_EQ(run_cli({"bundle", "inspect", at("text")}).code, exit_corrupt);
}

}  // namespace
}  // namespace graphite
