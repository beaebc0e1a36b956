#include "transforms/archive.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/transforms/media_support.hpp"
#include "tests/transforms/zip_sources.hpp"
#include "transforms/zip_reader.hpp"

namespace graphite {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace test;

result<transform_output> run(const std::string& bytes, const test::given_options& given = {},
                             const std::string& output = "{dir}/{stem}/**") {
  test::transform_under_test archive{archive_description(), run_archive, {output}};
  return archive("packs/a.zip", bytes, given);
}

/// "PATH=BYTES" of each output, or the failure.
std::vector<std::string> listed(const result<transform_output>& made) {
  if (!made) return {test::mistake_of(made)};
  std::vector<std::string> out;
  for (const auto& asset : made->assets) out.push_back(asset.path.str() + "=" + test::text_of(asset));
  return out;
}

std::string mistake(const std::vector<packed_file>& files, const test::given_options& given = {}) {
  return test::mistake_of(run(zip_of(files), given));
}

using strings = std::vector<std::string>;

TEST(archive_transform, takes_files_out_in_the_order_of_their_paths) {
  const auto zip = zip_of(
      {{"b.txt", "two two two two"}, {"d/", "", false, 040755}, {"d/a.txt", "one", false}, {"empty", ""}},
      "a comment");
  EXPECT_EQ(listed(run(zip)),
            (strings{"packs/a/b.txt=two two two two", "packs/a/d/a.txt=one", "packs/a/empty="}));
}

TEST(archive_transform, takes_what_the_options_name) {
  const auto zip = zip_of({{"top/x/a.png", "1"}, {"top/x/b.txt", "2"}, {"top/c.png", "3"}, {"d.png", "4"}});
  EXPECT_EQ(listed(run(zip, {{"include", strings{"*.png"}}, {"exclude", strings{"top/c*"}}})),
            (strings{"packs/a/d.png=4", "packs/a/top/x/a.png=1"}));
  EXPECT_EQ(listed(run(zip, {{"strip", std::int64_t{1}}})),
            (strings{"packs/a/c.png=3", "packs/a/x/a.png=1", "packs/a/x/b.txt=2"}));
  EXPECT_THAT(test::mistake_of(run(zip, {{"include", strings{"*.jpg"}}})), StartsWith("invalid_argument"));
  EXPECT_THAT(test::mistake_of(run(zip, {}, "{dir}/{stem}/*.png")),
              HasSubstr("not among the rule's outputs"));
  EXPECT_THAT(test::mistake_of(run(zip, {}, "{dir}/{stem}")), StartsWith("invalid_argument"));
}

TEST(archive_transform, refuses_names_that_leave_the_folder) {
  for (const std::string name :
       {"../a", "x/../../a", "/etc/passwd", "a\\b", "a//b", "./a", "a\nb", "C:\\a", "\xff"})
    EXPECT_THAT(mistake({{name, "x"}}), HasSubstr("`" + shown_name(name) + "`: ")) << name;
  EXPECT_THAT(mistake({{std::string("a\0b", 3), "x"}}), HasSubstr("`a?b`"));
  EXPECT_THAT(mistake({{"../x/", "", false, 040755}, {"a", "x"}}), HasSubstr("`../x`"));
}

TEST(archive_transform, refuses_twins) {
  EXPECT_THAT(mistake({{"a", "1"}, {"a", "2"}}), HasSubstr("`a` is there twice"));
  EXPECT_THAT(mistake({{"x/A", "1"}, {"X/a", "2"}}), HasSubstr("`X/a` is there twice"));
  EXPECT_THAT(mistake({{"a", "1"}, {"A/b", "2"}}), HasSubstr("lies below what is a file"));
}

TEST(archive_transform, refuses_what_is_no_plain_file) {
  EXPECT_THAT(mistake({{"a", "/etc", true, 0120777}}), StartsWith("unsupported: `a`: a symbolic link"));
  EXPECT_THAT(mistake({{"a", "", true, 010644}}), StartsWith("unsupported: `a`"));
  EXPECT_THAT(mistake({{"a", "x", true, 0100644, 1}}), StartsWith("unsupported: `a`: encrypted"));
  EXPECT_THAT(mistake({{"a", "x", true, 0100644, 0, 14}}),
              StartsWith("unsupported: `a`: packed by method 14"));
}

TEST(archive_transform, refuses_more_than_is_allowed) {
  const std::string zeros(3u << 20, '\0');
  EXPECT_THAT(mistake({{"a", zeros}, {"b", zeros}}, {{"size_max", std::int64_t{5}}}),
              StartsWith("too_large: `b`: over the option `size_max`"));
  EXPECT_EQ(mistake({{"a", zeros}, {"b", zeros}}, {{"size_max", std::int64_t{6}}}), "");
  EXPECT_THAT(mistake({{"a", ""}, {"b", ""}}, {{"entries_max", std::int64_t{1}}}),
              StartsWith("too_large: 2 entries"));
  EXPECT_THAT(mistake({{"a", std::string(zip_ratio_from_bytes + 1, '\0')}}), HasSubstr("over 250 times"));
}

TEST(archive_transform, refuses_lies) {
  packed_file file{"a", "bytes bytes bytes"};
  file.size_lie = 5;
  EXPECT_THAT(mistake({file}), HasSubstr("does not unpack to the size"));
  file.size_lie = 500;
  EXPECT_THAT(mistake({file}), HasSubstr("does not unpack to the size"));
  file.deflate = false;
  EXPECT_THAT(mistake({file}), HasSubstr("of two sizes"));
  file = {"a", "bytes"};
  file.crc_lie = 1;
  EXPECT_THAT(mistake({file}), HasSubstr("`a`: its checksum is wrong"));
  file = {"a", "bytes"};
  file.local_name = "b";
  EXPECT_THAT(mistake({file}), HasSubstr("says something else"));
  file = {"a", "bytes"};
  file.place_lie = 1'000'000;
  EXPECT_THAT(mistake({file}), HasSubstr("outside of the archive"));
  EXPECT_THAT(test::mistake_of(run("no archive, but long enough to be one")), StartsWith("corrupt: no ZIP"));
}

TEST(archive_transform, refuses_entries_that_share_bytes) {
  packed_file twin{"a", "bytes bytes"}, other{"a", "bytes bytes"};
  twin.place_lie = other.place_lie = 0;
  EXPECT_THAT(mistake({twin, other}), HasSubstr("`a`: shares bytes with `a`"));
  // The other entry's header lies in the stored bytes of the first.
  const auto inner = zip_of({{"b", "kernel", false}});
  packed_file outer{"c", inner, false}, quoted{"b", "kernel", false};
  quoted.place_lie = 31;
  EXPECT_THAT(mistake({outer, quoted}), HasSubstr("`b`: shares bytes with `c`"));
}

TEST(archive_transform, damaged_archives_do_no_harm) {
  std::string noise;
  std::mt19937 random(3);
  for (int i = 0; i < 2'000; ++i) noise += static_cast<char>('a' + random() % 16);
  const auto zip = zip_of({{"a/b.txt", noise}, {"c", "stored", false}, {"d/", "", false, 040755}});
  ASSERT_TRUE(run(zip));
  int refused = 0;
  test::each_damaged(zip, 3'000, [&](const std::string& bytes) {
    const auto made = run(bytes);
    refused += !made;
    if (!made) return;
    for (const auto& asset : made->assets) EXPECT_THAT(asset.path.str(), StartsWith("packs/a/"));
  });
  EXPECT_GT(refused, 2'000);
}

}  // namespace
}  // namespace graphite
