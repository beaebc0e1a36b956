#include "cli/job_source.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/snapshot_diff.hpp"
#include "platform/crypto/sha256.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

const openssl_hasher hash;

class job_sources : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const auto path = std::filesystem::path(folder_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  /// The files of the snapshot by name.
  std::map<std::string, snapshot_change::state> files(const job_source& of) {
    std::map<std::string, snapshot_change::state> out;
    auto walk = snapshot_diff::between({}, of.files.root(), hash).value();
    while (!walk.done())
      for (const auto& name : walk.wanted(16))
        EXPECT_TRUE(walk.supply(name, std::get<byte_span>(of.files.find(name))));
    for (const auto& one : walk.take_changes()) out.emplace(one.path.str(), *one.after);
    return out;
  }
  static content_ref content(const std::string& text) {
    return content_of(chunk_bytes(as_bytes(std::string_view(text)), hash), hash);
  }

  test::temporary_folder folder_;
};

TEST_F(job_sources, have_the_sources_and_the_project_file_and_nothing_that_is_ignored) {
  write("graphite.toml", "[project]\nname = \"p\"\n");
  write("a.txt", "hello");
  write("empty", "");
  write("sub/large.bin", std::string(3'000'000, 'x'));
  write(".gitignore", "*.log\n");
  write("noise.log", "x");
  write(".graphite/journal", "x");
  write(".git/HEAD", "x");
  std::filesystem::permissions(folder_.path() + "/a.txt", std::filesystem::perms::owner_all);
  std::size_t last = 0;
  const auto source = read_job_source(folder_.path(), hash, [&](std::size_t done, std::size_t all) {
    EXPECT_LE(done, all);
    last = done;
  });
  ASSERT_TRUE(source) << source.error().context;
  const auto found = files(*source);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(last, 4u);
  EXPECT_EQ(found.at("a.txt"), (snapshot_change::state{content("hello"), true}));
  EXPECT_EQ(found.at("empty"), (snapshot_change::state{content(""), false}));
  EXPECT_EQ(found.at("sub/large.bin").content, content(std::string(3'000'000, 'x')));
  EXPECT_TRUE(found.contains(source->project_file));
  EXPECT_EQ(std::get<std::string>(source->files.find(content("hello"))), "a.txt");
  byte_vector bytes(5);
  EXPECT_TRUE(read_full(**source->bytes->open(logical_path::parse("a.txt").value()), bytes));
  EXPECT_EQ(as_text(bytes), "hello");
}

TEST_F(job_sources, of_another_folder_keep_their_place_beside_the_project_file) {
  write("graphite.toml", "[project]\nname = \"p\"\n[sources]\nroot = \"assets\"\n");
  write("assets/a.txt", "hello");
  write("other.txt", "no source");
  const auto source = read_job_source(folder_.path(), hash);
  ASSERT_TRUE(source) << source.error().context;
  const auto found = files(*source);
  EXPECT_EQ(found.size(), 2u);
  EXPECT_TRUE(found.contains("assets/a.txt"));
}

TEST_F(job_sources, leave_out_names_that_differ_only_in_case_and_say_so) {
  write("graphite.toml", "[project]\nname = \"p\"\n");
  write("Maps/a.txt", "1");
  write("maps/b.txt", "2");
  write("c.txt", "3");
  const auto source = read_job_source(folder_.path(), hash);
  ASSERT_TRUE(source) << source.error().context;
  EXPECT_EQ(files(*source).size(), 2u);
  ASSERT_EQ(source->left_out.size(), 2u);
  EXPECT_EQ(source->left_out.front(), "Maps/a.txt: differs only in case from maps");
}

TEST_F(job_sources, without_a_project_are_an_error) {
  EXPECT_EQ(read_job_source(folder_.path(), hash).error().code, errc::not_found);
}

}  // namespace
}  // namespace graphite
