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
  /// Few bytes, so that each can have its turn.
  void make_small() { made_.write({{"a.png", std::string(100, 'r')}, {"b.txt", "hello"}, {"empty", ""}}); }

  test::temporary_folder folder_{test::temporary_folder::quick_base()};
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
  test::flip_bit(made_.bundle() / "head", 40);
  EXPECT_EQ(run_cli({"bundle", "inspect", bundle()}).code, exit_corrupt);
  std::filesystem::resize_file(made_.bundle() / "head", 100);
  EXPECT_EQ(run_cli({"bundle", "inspect", bundle()}).code, exit_corrupt);
}

/// What `bundle verify` says of every copy of `file` with one byte flipped, or cut short; the rest is whole.
class damage_a_byte {
 public:
  damage_a_byte(std::filesystem::path file, std::string bundle)
      : file_(std::move(file)), bundle_(std::move(bundle)), good_(test::file_text(file_)) {}
  ~damage_a_byte() { put(good_); }

  std::size_t size() const { return good_.size(); }
  char byte(std::size_t at) const { return good_[at]; }
  bool passes_flipped(std::size_t at) {
    std::string bad = good_;
    bad[at] = static_cast<char>(bad[at] ^ 0x04);
    return passes(bad);
  }
  bool passes_cut(std::size_t size) { return passes(good_.substr(0, size)); }

 private:
  void put(const std::string& bytes) const { std::ofstream(file_, std::ios::binary) << bytes; }
  bool passes(const std::string& bytes) const {
    put(bytes);
    const auto opened = open_bundle(bundle_);
    if (!opened) return false;
    verify_options options;
    options.head = &opened->head;
    return verify_bundle(*opened->tree, *opened->contents, options).good();
  }

  std::filesystem::path file_;
  std::string bundle_, good_;
};

TEST_F(bundle_command, every_flipped_byte_and_every_cut_length_of_head_and_pages_is_refused) {
  make_small();
  for (const auto* name : {"head", "pages-00000001"}) {
    damage_a_byte damage(made_.bundle() / name, bundle());
    ASSERT_TRUE(damage.passes_cut(damage.size()));
    for (std::size_t at = 0; at < damage.size(); ++at) {
      ASSERT_FALSE(damage.passes_flipped(at)) << name << " " << at;
      ASSERT_FALSE(damage.passes_cut(at)) << name << " " << at;
    }
  }
}

// Record headers and the zeros around data are for the store's scan, which checks them: the index says by
// itself where contents lie. What a bundle needs of a segment is its header and the extents.
TEST_F(bundle_command, every_flipped_byte_of_an_extent_and_every_length_that_cuts_one_is_refused) {
  make_small();
  const auto opened = open_bundle(bundle()).value();
  damage_a_byte damage(made_.segment(), bundle());
  std::vector<bool> live(damage.size(), false);
  std::fill_n(live.begin(), segment_header_bytes, true);
  std::size_t end = 0;
  ASSERT_TRUE(opened.tree->for_each([&](const located_asset& asset) {
    const extent where = asset.extents.at(0);
    std::fill_n(live.begin() + static_cast<std::ptrdiff_t>(where.offset), where.length, true);
    end = std::max<std::size_t>(end, where.offset + where.length);
    return true;
  }));
  for (std::size_t at = 0; at < damage.size(); ++at) {
    ASSERT_EQ(damage.passes_flipped(at), !live[at]) << at;
    ASSERT_EQ(damage.passes_cut(at), at >= end) << at;
  }
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

TEST_F(bundle_command, extract_joins_the_parts_of_an_asset_or_keeps_them_apart) {
  made_.write_parts({{"a/rock.ktx2", {"head", std::string(300, 'm'), "tail"}}, {"b.txt", {"hello"}}});
  const auto run = run_cli({"bundle", "extract", bundle(), at("out"), "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.objects().at(0)["files"], 2);
  EXPECT_EQ(run.objects().at(0)["bytes"], 313);
  EXPECT_EQ(test::file_text(at("out/a/rock.ktx2")), "head" + std::string(300, 'm') + "tail");
  EXPECT_FALSE(std::filesystem::exists(at("out/a/rock.ktx2.part0")));
  ASSERT_EQ(run_cli({"bundle", "extract", bundle(), at("apart"), "--parts"}).code, 0);
  EXPECT_EQ(test::file_text(at("apart/a/rock.ktx2.part0")), "head");
  EXPECT_EQ(test::file_text(at("apart/a/rock.ktx2.part2")), "tail");
  EXPECT_FALSE(std::filesystem::exists(at("apart/a/rock.ktx2")));
  EXPECT_EQ(test::file_text(at("apart/b.txt")), "hello");
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
