#include "transforms/scanners.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/paths.hpp"
#include "transforms/scan_formats.hpp"

namespace graphite {
namespace {

using test::path_of;

reference_spec pattern(std::string text, reference_spec::base base = reference_spec::base::file,
                       std::vector<std::string> search = {}) {
  reference_spec out;
  out.pattern = std::move(text);
  out.relative_to = base;
  out.search = std::move(search);
  return out;
}

reference_spec built_in(std::string name, std::vector<std::string> search = {}) {
  reference_spec out;
  out.scanner = std::move(name);
  out.search = std::move(search);
  return out;
}

/// `a|b` for each reference: its candidates in order.
std::vector<std::string> scan(const std::vector<reference_spec>& specs, std::string_view file,
                              std::string_view bytes, scan_options options = {}) {
  const auto made = scanner::make(specs, options);
  EXPECT_TRUE(made) << made.error().context;
  std::vector<std::string> out;
  for (const auto& reference : made->scan(path_of(file), std::as_bytes(std::span(bytes)))) {
    std::string line;
    for (const auto& candidate : reference.candidates) line += (line.empty() ? "" : "|") + candidate.str();
    out.push_back(line);
  }
  return out;
}

using strings = std::vector<std::string>;
constexpr auto quoted_png = R"re(;[^\n]*|"([^"\n]+\.png)"|"(?:[^"\\]|\\.)*")re";

TEST(scanners, nothing_to_look_for_finds_nothing) {
  EXPECT_TRUE(scanner::make({})->empty());
  EXPECT_TRUE(scanner().empty());
  EXPECT_TRUE(scanner().scan(path_of("a"), {}).empty());
}

TEST(scanners, a_pattern_finds_every_match_in_order_once) {
  EXPECT_EQ(scan({pattern(quoted_png)}, "img/a.sprite", R"((images "b.png" "../c.png" "b.png"))"),
            (strings{"img/b.png", "c.png"}));
}

TEST(scanners, a_group_that_took_no_part_steps_over_comments_and_other_strings) {
  EXPECT_EQ(
      scan({pattern(quoted_png)}, "a.sprite", "; \"old.png\"\n(name \"say \\\"x.png\\\" ;\" \"new.png\")"),
      (strings{"new.png"}));
}

TEST(scanners, search_folders_follow_the_base_and_a_leading_slash_means_the_root) {
  const auto base = reference_spec::base::root;
  EXPECT_EQ(scan({pattern(quoted_png, base, {"images", ".", "x/"})}, "lv/a.stl", R"("i/t.png" "/r.png")"),
            (strings{"i/t.png|images/i/t.png|x/i/t.png", "r.png"}));
  EXPECT_EQ(scan({pattern(quoted_png, reference_spec::base::file, {"."})}, "lv/a.stl", R"("t.png")"),
            (strings{"lv/t.png|t.png"}));
}

TEST(scanners, texts_that_leave_the_root_or_are_no_paths_are_passed_over) {
  const auto found =
      scan({pattern(R"re("([^"]*)")re")}, "a/b.txt",
           "\"../../etc/passwd\" \"http://x/y.png\" \"\" \"b.txt\" \"x\\y\" \"\xff.png\" \"c\x01\" \"ok\"");
  EXPECT_EQ(found, (strings{"a/ok"}));
}

TEST(scanners, required_wins_where_a_reference_is_found_twice) {
  auto lax = pattern(quoted_png), strict = lax;
  strict.required = true;
  const auto made = scanner::make({lax, strict});
  const std::string_view bytes = "\"a.png\"";
  const auto found = made->scan(path_of("x"), std::as_bytes(std::span(bytes)));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].required);
}

TEST(scanners, says_what_is_wrong_with_a_pattern) {
  EXPECT_TRUE(check_reference_pattern("a(b)"));
  for (const auto* bad : {"a(b", "[z-a](x)", "(?<=a)(b)", "(a)(b)", "ab", "(a{99999})"}) {
    const auto checked = check_reference_pattern(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_FALSE(checked.error().context.empty());
    EXPECT_FALSE(scanner::make({pattern(bad)}));
  }
  const auto unknown = scanner::make({built_in("gltff")});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().context.find("did you mean 'gltf'"), std::string::npos);
  EXPECT_FALSE(scanner::make({pattern("(a)", reference_spec::base::file, {"../x"})}));
}

TEST(scanners, bounds_are_kept) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "\"" + std::to_string(i) + ".png\"";
  scan_options options;
  options.references_max = 7;
  EXPECT_EQ(scan({pattern(quoted_png)}, "a", many, options).size(), 7u);
  options = {};
  options.bytes_scanned_max = 20;
  EXPECT_EQ(scan({pattern(quoted_png)}, "a", many, options), (strings{"0.png", "1.png"}));
}

TEST(scanners, matches_are_found_across_the_windows_of_a_long_file) {
  strings expected;
  std::string bytes;
  for (int i = 0; i < 40; ++i) {
    bytes += std::string(static_cast<std::size_t>(10'007 + i), ' ') + "\"" + std::to_string(i) + ".png\"";
    expected.push_back(std::to_string(i) + ".png");
  }
  EXPECT_EQ(scan({pattern(R"re("([^"]+\.png)")re")}, "a", bytes), expected);
}

TEST(scanners, a_long_string_does_not_put_quotes_out_of_step) {
  const auto bytes = "(script \"" + std::string(7'000, 's') + "\") (image \"yes.png\")";
  EXPECT_EQ(scan({pattern(quoted_png)}, "a", bytes + bytes), (strings{"yes.png"}));
}

TEST(scanners, a_long_comment_is_one_match) {
  const std::string bytes = "; " + std::string(20'000, 'c') + "\"no.png\"\n\"yes.png\"";
  EXPECT_EQ(scan({pattern(quoted_png)}, "a", bytes), (strings{"yes.png"}));
}

TEST(scanners, a_pattern_that_looks_ahead_to_the_end_stays_bounded) {
  // Each match of the second branch first looks for a `z` that never comes: without windows 10^10 steps.
  const std::string bytes(128 * 1024, 'a');
  EXPECT_TRUE(scan({pattern("a[^z]*z(q)|a")}, "a", bytes).empty());
}

TEST(scanners, gltf_names_buffers_and_images_only) {
  constexpr auto json = R"({"asset":{"version":"2.0","uri":"no.bin"},
    "buffers":[{"byteLength":1,"uri":"my%20mesh.bin"},{"uri":"data:application/octet-stream;base64,AA=="}],
    "images":[{"uri":"..\/tex\/\u00e9.png","extras":{"uri":"no.png"}},{"bufferView":0}],
    "meshes":[{"uri":"no.x"}], "x":[-1.5e+3,true,null,{"buffers":[{"uri":"no.y"}]}]})";
  EXPECT_EQ(scan({built_in("gltf")}, "m/a.gltf", json), (strings{"m/my mesh.bin", "tex/é.png"}));
  EXPECT_EQ(scan({built_in("gltf-buffers")}, "m/a.gltf", json), (strings{"m/my mesh.bin"}));
  EXPECT_EQ(scan({built_in("gltf-images")}, "m/a.gltf", json), (strings{"tex/é.png"}));
}

std::string glb_of(const std::string& json) {
  const auto u32 = [](std::size_t n) {
    std::string out;
    for (int i = 0; i < 4; ++i) out += static_cast<char>(n >> (8 * i) & 0xff);
    return out;
  };
  return "glTF" + u32(2) + u32(20 + json.size()) + u32(json.size()) + "JSON" + json;
}

TEST(scanners, glb_is_read_by_its_json_chunk) {
  const auto glb = glb_of(R"({"images":[{"uri":"t.png"}]})");
  EXPECT_EQ(scan({built_in("gltf")}, "a.glb", glb), (strings{"t.png"}));
  EXPECT_EQ(scan({built_in("gltf")}, "a.glb", glb.substr(0, 19)), strings{});
}

TEST(scanners, obj_names_its_material_libraries) {
  EXPECT_EQ(scan({built_in("obj")}, "m/a.obj",
                 "# mtllib no.mtl\nmtllib my file.mtl b.MTL\r\nv 1 2 3\n  mtllib sub\\c.mtl\nusemtl "
                 "red\nmtllib x y\n"),
            (strings{"m/my file.mtl", "m/b.MTL", "m/sub/c.mtl", "m/x", "m/y"}));
}

TEST(scanners, mtl_names_textures_behind_their_options) {
  EXPECT_EQ(scan({built_in("obj")}, "m/a.mtl",
                 "newmtl a\nKd 1 1 1\nmap_Kd a.png\nmap_Ks -o 0.5 0.5 -s 1 1 1 -clamp on  b c.png \r\n"
                 "bump -bm 0.2 \"d.png\"\ndisp -mm 0 1 e.png\nrefl -type sphere f.png\nmap_aat on\nmap_d -o "
                 "1 7.png\n"
                 "map_Ka -o\nnorm ..\\n.png"),
            (strings{"m/a.png", "m/b c.png", "m/d.png", "m/e.png", "m/f.png", "m/7.png", "n.png"}));
}

TEST(scanners, glsl_includes_resolve_beside_the_file_or_in_the_search_folders) {
  EXPECT_EQ(
      scan({built_in("glsl", {"shader/lib"})}, "shader/a.frag",
           "#version 450\n  #  include \"b.glsl\" // x\n#include <c.glsl>\n// #include \"no\"\n/* \n#include "
           "\"no\"\n"
           "*/ #include \"d/../e.glsl\"\n#includes \"no\"\n#include \"open\n"),
      (strings{"shader/b.glsl|shader/lib/b.glsl", "shader/lib/c.glsl", "shader/e.glsl|shader/lib/e.glsl"}));
  EXPECT_EQ(scan({built_in("glsl")}, "shader/a.frag", "#include <c.glsl>"), (strings{"c.glsl"}));
}

/// Every prefix and every single flipped bit of `bytes` must be survived with valid candidates.
void expect_survives_damage(const std::vector<reference_spec>& specs, std::string_view file,
                            const std::string& bytes) {
  const auto made = *scanner::make(specs);
  const auto run = [&](const std::string& damaged) {
    for (const auto& reference : made.scan(path_of(file), std::as_bytes(std::span(damaged))))
      for (const auto& candidate : reference.candidates) ASSERT_TRUE(logical_path::parse(candidate.str()));
  };
  for (std::size_t n = 0; n <= bytes.size(); ++n) run(bytes.substr(0, n));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    run(damaged);
  }
}

TEST(scanners, damaged_files_never_hurt) {
  const std::string json =
      R"({"buffers":[{"uri":"a%20b\u00e9\ud83d\ude00.bin"}],"images":[{"uri":"t\n.png"},1,[]]})";
  expect_survives_damage({built_in("gltf")}, "m/a.gltf", json);
  expect_survives_damage({built_in("gltf")}, "m/a.glb", glb_of(json));
  expect_survives_damage({built_in("obj")}, "m/a.obj", "mtllib a b.mtl\nv 1 2\n");
  expect_survives_damage({built_in("obj")}, "m/a.mtl", "map_Kd -o 1 1 1 -s 2 a.png\nbump -bm 1 \"b.png\"\n");
  expect_survives_damage({built_in("glsl")}, "m/a.frag", "/* x */ #include \"a.h\"\n#include <b.h> // c");
  expect_survives_damage({pattern(quoted_png)}, "m/a.sprite", "; c\n(images \"a.png\" \"b\\\"\" \"c.png\")");
}

TEST(scanners, hostile_nesting_is_bounded) {
  EXPECT_TRUE(scan_gltf(std::string(1'000'000, '['), 10).empty());
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"buffers\":";
  EXPECT_TRUE(scan_gltf(objects, 10).empty());
}

TEST(scanners, the_same_bytes_give_the_same_references) {
  std::mt19937 random(7);
  std::string bytes;
  for (int i = 0; i < 2000; ++i) bytes += "\"" + std::to_string(random() % 500) + ".png\" ";
  const auto first = scan({pattern(quoted_png)}, "a", bytes);
  EXPECT_EQ(scan({pattern(quoted_png)}, "a", bytes), first);
  EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), first.size());
}

}  // namespace
}  // namespace graphite
