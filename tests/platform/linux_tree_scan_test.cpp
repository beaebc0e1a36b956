#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>

#include "core/path_text.hpp"
#include "platform/linux/folder_scan.hpp"
#include "platform/linux/tree_scan.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> paths(const tree_listing& listing) {
  std::vector<std::string> out;
  for (const auto& folder : listing.folders)
    for (const auto& f : folder.files) out.push_back(join_path(folder.path, folder.name_of(f)));
  return out;
}

std::vector<std::string> skips(const std::vector<skipped_entry>& skipped) {
  std::vector<std::string> out;
  for (const auto& s : skipped) out.push_back(s.path + " " + std::string(to_string(s.why)));
  return out;
}

struct linux_tree_scan : testing::Test {
  linux_tree_scan() {
    folder.make_folder("root/sub/deep");
    folder.write("outside", "secret");
    options.root = folder / "root";
  }
  tree_listing scan() { return scan_tree(options).value(); }

  test::temporary_folder folder;
  tree_scan_options options;
};

TEST_F(linux_tree_scan, lists_files_by_folder_and_name) {
  for (const auto* name : {"root/b", "root/a", "root/sub/deep/x", "root/sub/y"}) folder.write(name, "12345");
  const auto listing = scan();
  EXPECT_THAT(paths(listing), ElementsAre("a", "b", "sub/y", "sub/deep/x"));
  EXPECT_EQ(listing.file_count, 4u);
  EXPECT_EQ(listing.folders[0].files[0].signature.size, 5u);
  EXPECT_THAT(listing.skipped, IsEmpty());
}

TEST_F(linux_tree_scan, honours_prune_wanted_below_and_depth) {
  for (const auto* name : {"root/a", "root/a.tmp", "root/sub/y", "root/sub/deep/x"}) folder.write(name, "");
  options.wanted = [](std::string_view path) { return !path.ends_with(".tmp"); };
  options.prune = [](std::string_view path) { return path == "sub/deep"; };
  EXPECT_THAT(paths(scan()), ElementsAre("a", "sub/y"));
  options.below = "sub";
  EXPECT_THAT(paths(scan()), ElementsAre("sub/y"));
  options.below = "sub/deep";
  EXPECT_THAT(paths(scan()), IsEmpty());
  options.below = "";
  options.recursive = false;
  EXPECT_THAT(paths(scan()), ElementsAre("a"));
}

TEST_F(linux_tree_scan, bad_entries_are_warnings) {
  folder.write("root/good", "");
  folder.link("../outside", "root/leaves");
  folder.link("nowhere", "root/dangles");
  folder.link("loop", "root/loop");
  folder.write("root/bad\xff", "");
  folder.write("root/new\nline", "");
  ASSERT_EQ(::mkfifo((folder / "root/fifo").c_str(), 0600), 0);
  const auto listing = scan();
  EXPECT_THAT(paths(listing), ElementsAre("good"));
  EXPECT_THAT(
      skips(listing.skipped),
      UnorderedElementsAre("leaves is a link that leaves the folder", "dangles is a link to nothing",
                           "loop is a link that leads back to itself", "bad\xff has a name that is not UTF-8",
                           "fifo is no regular file",
                           "new\nline has a name with control characters or '\\', or too long a path"));
}

TEST_F(linux_tree_scan, what_is_ignored_is_not_warned_about) {
  folder.write("root/A.tmp", "");
  folder.write("root/a.tmp", "");
  folder.link("nowhere", "root/b.tmp");
  options.wanted = [](std::string_view path) { return !path.ends_with(".tmp"); };
  EXPECT_THAT(scan().skipped, IsEmpty());
}

TEST_F(linux_tree_scan, links_inside_are_followed_with_the_targets_signature) {
  folder.write("root/sub/real", "123");
  folder.link("sub/real", "root/file");
  folder.link("sub", "root/alias");
  const auto listing = scan();
  EXPECT_THAT(paths(listing), ElementsAre("file", "alias/real", "sub/real"));
  EXPECT_EQ(listing.folders[0].files[0].signature.size, 3u);
  ASSERT_EQ(listing.links.size(), 2u);
  EXPECT_EQ(listing.links[0].path, "alias");
  EXPECT_EQ(listing.links[0].target, "sub");
  EXPECT_TRUE(listing.links[0].folder);
  EXPECT_EQ(listing.links[1].target, "sub/real");
  options.below = "alias";
  EXPECT_THAT(paths(scan()), ElementsAre("alias/real"));
}

TEST_F(linux_tree_scan, folder_links_that_lead_back_are_cut) {
  folder.write("root/sub/x", "");
  folder.make_folder("root/other");
  folder.write("root/other/y", "");
  folder.link("..", "root/sub/up");
  folder.link("../other", "root/sub/to-other");
  folder.link("../sub", "root/other/to-sub");
  const auto listing = scan();
  EXPECT_THAT(paths(listing), ElementsAre("other/y", "other/to-sub/x", "sub/x", "sub/to-other/y"));
  EXPECT_EQ(listing.skipped.size(), 4u);
}

TEST_F(linux_tree_scan, links_to_ignored_places_are_warnings) {
  folder.write("root/sub/x", "");
  folder.link("sub/x", "root/file");
  folder.link("sub", "root/alias");
  options.prune = [](std::string_view path) { return path == "sub" || path.starts_with("sub/"); };
  const auto listing = scan();
  EXPECT_THAT(paths(listing), IsEmpty());
  EXPECT_THAT(skips(listing.skipped), ElementsAre("alias is a link to something that is ignored",
                                                  "file is a link to something that is ignored"));
}

TEST_F(linux_tree_scan, any_number_of_threads_gives_the_same) {
  for (int i = 0; i < 300; ++i) {
    folder.make_folder(fmt::format("root/d{}/e{}", i % 17, i % 5));
    folder.write(fmt::format("root/d{}/e{}/f{}", i % 17, i % 5, i), "x");
  }
  options.threads = 1;
  const auto one = paths(scan());
  EXPECT_EQ(one.size(), 300u);
  for (const unsigned threads : {2u, 7u}) {
    options.threads = threads;
    EXPECT_EQ(paths(scan()), one);
  }
}

TEST_F(linux_tree_scan, a_missing_root_is_an_error_a_missing_part_is_not) {
  options.below = "none";
  EXPECT_THAT(paths(scan()), IsEmpty());
  options.root = folder / "none";
  EXPECT_EQ(scan_tree(options).error().code, errc::not_found);
}

struct remembered_tree : known_tree {
  std::map<std::string, std::map<std::string, stat_signature>> all;

  std::vector<std::string> folders(std::string_view folder) const override {
    std::vector<std::string> out;
    for (const auto& [path, files] : all)
      if (is_at_or_below(path, folder)) out.push_back(path);
    return out;
  }
  void files(std::string_view folder, std::vector<file>& out) const override {
    out.clear();
    for (const auto& [name, signature] : all.at(std::string(folder))) out.push_back({name, signature});
  }
  void learn(const tree_listing& listing, bool trusted) {
    all.clear();
    for (const auto& folder : listing.folders)
      for (const auto& f : folder.files) {
        auto& s = all[folder.path][std::string(folder.name_of(f))] = f.signature;
        s.trusted = trusted;
      }
  }
};

struct linux_tree_compare : linux_tree_scan {
  linux_tree_compare() {
    for (const auto* name : {"root/a", "root/sub/b", "root/sub/c", "root/sub/deep/d"})
      folder.write(name, "1");
    known.learn(scan(), true);
  }
  std::vector<std::string> compare() {
    std::vector<std::string> out;
    const auto made = scan_and_compare(options, known).value();
    for (const auto& d : made.differences)
      out.push_back(std::string(1, "+*-?"[static_cast<int>(d.kind)]) + d.path);
    return out;
  }
  remembered_tree known;
};

TEST_F(linux_tree_compare, equal_trees_do_not_differ_and_untrusted_files_are_unsure) {
  EXPECT_THAT(compare(), IsEmpty());
  known.learn(scan(), false);
  options.below = "sub/deep";
  EXPECT_THAT(compare(), ElementsAre("?sub/deep/d"));
}

TEST_F(linux_tree_compare, finds_added_changed_and_removed) {
  folder.write("root/a", "22");
  folder.write("root/new", "");
  std::filesystem::remove(folder / "root/sub/b");
  std::filesystem::remove_all(folder / "root/sub/deep");
  folder.make_folder("root/zoo");
  folder.write("root/zoo/z", "");
  EXPECT_THAT(compare(), ElementsAre("*a", "+new", "-sub/b", "-sub/deep/d", "+zoo/z"));
  options.below = "sub/deep";
  EXPECT_THAT(compare(), ElementsAre("-sub/deep/d"));
  options.below = "sub";
  options.recursive = false;
  EXPECT_THAT(compare(), ElementsAre("-sub/b"));
}

TEST_F(linux_tree_compare, a_missing_root_removes_nothing) {
  std::filesystem::rename(folder / "root", folder / "moved");
  EXPECT_EQ(scan_and_compare(options, known).error().code, errc::not_found);
}

TEST_F(linux_tree_compare, what_becomes_ignored_comes_out_as_removed) {
  options.prune = [](std::string_view path) { return path == "sub/deep"; };
  EXPECT_THAT(compare(), ElementsAre("-sub/deep/d"));
}

TEST_F(linux_tree_compare, a_listing_made_ahead_is_compared_with_what_is_known_later) {
  folder.write("root/sub/new", "");
  auto ahead = list_in_place(options).value();
  known.all["sub"].erase("c");
  const auto made = compare_listing(std::move(ahead), options, known);
  ASSERT_EQ(made.differences.size(), 2u);
  EXPECT_EQ(made.differences[0].path, "sub/c");
  EXPECT_EQ(made.differences[1].path, "sub/new");
  EXPECT_EQ(made.file_count, 5u);
}

TEST_F(linux_tree_compare, folders_with_the_marker_are_told_before_what_is_in_them_is_asked_about) {
  folder.write("root/sub/deep/.mark", "");
  folder.make_folder("root/sub/deep/below");
  folder.write("root/sub/deep/below/.mark", "");
  options.threads = 1;
  options.marker = ".mark";
  std::vector<std::string> marked;
  bool early = true;
  options.marked = [&](std::string_view path) { marked.emplace_back(path); };
  options.wanted = [&](std::string_view path) {
    if (path.starts_with("sub/deep/")) early = early && !marked.empty();
    return true;
  };
  ASSERT_TRUE(scan_tree(options));
  EXPECT_TRUE(early);
  EXPECT_THAT(marked, ElementsAre("sub/deep", "sub/deep/below"));
}

}  // namespace
}  // namespace graphite
