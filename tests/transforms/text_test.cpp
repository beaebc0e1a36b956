#include "transforms/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/transforms/media_support.hpp"
#include "transforms/text_formats.hpp"

namespace graphite {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

result<transform_output> run(std::string_view path, std::string_view bytes,
                             const test::given_options& given = {}) {
  test::transform_under_test text{text_description(), run_text};
  return text(path, bytes, given);
}

std::string minified(std::string_view path, std::string_view bytes, const test::given_options& given = {}) {
  const auto made = run(path, bytes, given);
  return made ? test::text_of(made->assets.at(0)) : test::mistake_of(made);
}

TEST(text_transform, names_its_output_beside_the_source) {
  EXPECT_EQ(run("a/b.json", "{}")->assets.at(0).path.str(), "a/b.min.json");
}

TEST(text_transform, goes_by_the_extension_or_the_option) {
  EXPECT_EQ(minified("a.JSON", "[ ]"), "[]");
  EXPECT_EQ(minified("a.txt", "[ ]", {{"format", std::string("json")}}), "[]");
  EXPECT_THAT(minified("a.txt", "[ ]"), StartsWith("invalid_argument"));
}

TEST(text_transform, leaves_the_bytes_where_it_shall_not_minify) {
  EXPECT_EQ(minified("a.json", "[ 1 ]\n", {{"minify", false}}), "[ 1 ]\n");
  EXPECT_THAT(minified("a.json", "[ 1 \n", {{"minify", false}}), StartsWith("corrupt"));
}

TEST(text_transform, json_keeps_numbers_strings_and_order) {
  EXPECT_EQ(
      minified("a.json",
               " { \"z\" : -0, \"a\\u0041 \\\" \" : [ 1.10 , 1E+2,\n123456789012345678901234567890 ] }\r\n"),
      "{\"z\":-0,\"a\\u0041 \\\" \":[1.10,1E+2,123456789012345678901234567890]}");
}

TEST(text_transform, json_says_where_it_is_broken) {
  EXPECT_THAT(minified("a.json", "{\n  \"a\": tru\n}"), StartsWith("corrupt: line 2, column 1"));
  EXPECT_THAT(minified("a.json", ""), StartsWith("corrupt: line 1, column 1"));
  EXPECT_THAT(minified("a.json", "[1] 2"), StartsWith("corrupt: line 1"));
  EXPECT_THAT(minified("a.json", "[\"\xff\"]"), StartsWith("corrupt"));
  EXPECT_THAT(minified("a.json", "[1,]"), StartsWith("corrupt"));
  EXPECT_THAT(minified("a.json", "// no\n[]"), StartsWith("corrupt"));
}

TEST(text_transform, json_has_no_key_twice) {
  EXPECT_THAT(minified("a.json", "{\"a\":1,\n\"a\":2}"),
              StartsWith("corrupt: line 2, column 3: the key \"a\""));
  EXPECT_EQ(minified("a.json", "{\"a\":{\"a\":1},\"b\":{\"a\":2}}"), "{\"a\":{\"a\":1},\"b\":{\"a\":2}}");
}

TEST(text_transform, json_is_not_nested_without_end) {
  const std::string fits = std::string(text_depth_max, '[') + std::string(text_depth_max, ']');
  EXPECT_EQ(minified("a.json", fits), fits);
  EXPECT_THAT(minified("a.json", "[" + fits + "]"), StartsWith("too_large: line 1, column 513"));
  EXPECT_THAT(minified("a.json", std::string(1 << 20, '[')), StartsWith("too_large"));
}

TEST(text_transform, xml_drops_comments_and_space_between_elements) {
  EXPECT_EQ(
      minified("a.xml",
               "<?xml version=\"1.0\"?>\n<!-- c -->\n<a  x='1'>\n  <b/>\n  <!-- d -->\n  <c> t </c>\n</a>\n"),
      "<?xml version=\"1.0\"?><a  x='1'><b/><c> t </c></a>");
}

TEST(text_transform, xml_leaves_text_alone) {
  for (const std::string same : {"<a> <b/> text <b/> </a>", "<a> <b/> <![CDATA[ ]]> </a>", "<a>  </a>",
                                 "<a xml:space=\"preserve\"> <b> <c/> </b> </a>", "<a> <b/>&#32;<b/> </a>",
                                 "<!DOCTYPE a [\n<!ELEMENT a ANY>\n<!-- kept -->\n]><a/>"})
    EXPECT_EQ(minified("a.xml", same), same);
  EXPECT_EQ(minified("a.xml", "<a xml:space=\"preserve\"> <b xml:space=\"default\"> <c/> </b> </a>"),
            "<a xml:space=\"preserve\"> <b xml:space=\"default\"><c/></b> </a>");
}

TEST(text_transform, xml_says_where_it_is_broken) {
  EXPECT_THAT(minified("a.xml", "<a>\n <b></a>"), StartsWith("corrupt: line 2, column"));
  EXPECT_THAT(minified("a.xml", ""), StartsWith("corrupt: line 1, column 1"));
  EXPECT_THAT(minified("a.xml", "<a/><b/>"), StartsWith("corrupt"));
  EXPECT_THAT(minified("a.xml", "<a>&nope;</a>"), StartsWith("corrupt"));
}

TEST(text_transform, xml_declares_no_entities) {
  EXPECT_THAT(
      minified("a.xml", "<!DOCTYPE a [\n<!ENTITY l \"lol\">\n<!ENTITY m \"&l;&l;&l;&l;\">]><a>&m;</a>"),
      StartsWith("corrupt: line 2, column"));
  EXPECT_THAT(minified("a.xml", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"),
              HasSubstr("declares the entity `x`"));
  EXPECT_THAT(minified("a.xml", "<!DOCTYPE a [<!ENTITY % p \"x\">]><a/>"),
              HasSubstr("declares the entity `p`"));
}

TEST(text_transform, xml_is_not_nested_without_end) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_THAT(minified("a.xml", deep), StartsWith("too_large: line 1, column 1537"));
}

TEST(text_transform, toml_drops_comments_and_blank_lines) {
  EXPECT_EQ(
      minified("a.toml", "# head\n\n[a]  # t\r\nb = \"# no\" # yes\n\n  c = [ # x\n    1,\n\n    2 ]\n"),
      "[a]\nb = \"# no\"\n  c = [\n    1,\n    2 ]\n");
}

TEST(text_transform, toml_leaves_strings_alone) {
  for (const std::string same :
       {"a = \"\"\"\n# in\n\n  x \\\"\"\" # \n\"\"\"\n", "a = '''\n# in\n\n'' '''\n",
        "a = \"\"\"x\"\"\"\"\"\n", "'#' = 1\n", "a = \"\\\"#\"\n", "a = ''\nb = \"\"\n"})
    EXPECT_EQ(minified("a.toml", same), same);
}

TEST(text_transform, toml_says_where_it_is_broken) {
  EXPECT_THAT(minified("a.toml", "a = 1\nb = = 2\n"), StartsWith("corrupt: line 2, column 5"));
  EXPECT_THAT(minified("a.toml", "a = 1\na = 2\n"), StartsWith("corrupt: line 2"));
  EXPECT_THAT(minified("a.toml", "a = " + std::string(100'000, '[')), StartsWith("corrupt"));
  EXPECT_THAT(minified("a.toml", "["), StartsWith("corrupt"));
  EXPECT_THAT(minified("a.toml", "a = é"), StartsWith("corrupt: line 1, column 5"));
}

TEST(text_transform, toml_keys_of_too_many_names_are_refused) {
  std::string names = "a";
  for (std::size_t i = 1; i < text_depth_max; ++i) names += " . 'b.c'";
  EXPECT_EQ(minified("a.toml", names + " = 1\n"), names + " = 1\n");
  EXPECT_THAT(minified("a.toml", "x = 1.5\n" + names + ".c = 1\n"), StartsWith("too_large: line 2"));
  std::string longer = "a";
  for (int i = 0; i < 200'000; ++i) longer += ".a";
  for (const auto& text :
       {longer + " = 1\n", "[" + longer + "]\n", "[[" + longer + "]]\n", "x = { " + longer + " = 1 }\n"})
    EXPECT_THAT(minified("a.toml", text), StartsWith("too_large: line 1"));
}

TEST(text_transform, a_message_does_not_repeat_the_whole_text) {
  const auto message = minified("a.json", std::string(1 << 20, '9'));
  EXPECT_THAT(message, HasSubstr("number overflow"));
  EXPECT_LT(message.size(), 400u);
}

TEST(text_transform, what_came_out_comes_out_the_same_again) {
  const std::pair<const char*, const char*> samples[] = {
      {"a.json", "{ \"a\" : [ 1, 2.50, \"x y\\\\\" ], \"b\": { \"c\": null } }"},
      {"a.xml", "<!-- c --><a> <b x=\"1 2\"> t <i/> </b> <c><![CDATA[ < ]]></c> </a>"},
      {"a.toml", "# c\n[a]\nb = '''\n#'''\n\n[[c]] # d\nd = \"\"\"\n\n\"\"\"\n"}};
  for (const auto& [path, bytes] : samples) {
    const auto once = minified(path, bytes);
    EXPECT_EQ(minified(path, once), once);
    EXPECT_LT(once.size(), std::string_view(bytes).size());
    test::each_damaged(bytes, 500, [&, path = path](const std::string& damaged) {
      const auto made = run(path, damaged);
      if (!made) return;
      const auto text = test::text_of(made->assets[0]);
      EXPECT_EQ(minified(path, text), text) << damaged;
    });
  }
}

}  // namespace
}  // namespace graphite
