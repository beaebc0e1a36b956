#include "cli/config/init.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "cli/config/project_file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;

init_options in(const fs::path& folder) {
  init_options out;
  out.folder = folder.string();
  return out;
}

/// Runs init and loads what it wrote: it must be without mistakes in every folder.
project init_and_load(const fs::path& folder, const init_options& options) {
  const auto made = init_project(options);
  EXPECT_TRUE(made) << made.error().context;
  auto loaded = load_project({folder.string(), {}});
  EXPECT_TRUE(loaded) << loaded.error().context;
  return loaded ? *loaded : project{};
}

project init_and_load(const fs::path& folder) { return init_and_load(folder, in(folder)); }

std::vector<std::string> rule_names(const project& value) {
  std::vector<std::string> out;
  for (const auto& rule : value.rules) out.push_back(rule.name);
  return out;
}

using strings = std::vector<std::string>;

TEST(init, an_empty_folder_gets_a_project_without_rules) {
  const test::temporary_folder folder;
  const auto value = init_and_load(folder.path());
  EXPECT_TRUE(value.rules.empty());
  EXPECT_EQ(value.name, fs::path(folder.path()).filename().string());
}

constexpr auto spirv_text = "#version 450\nlayout(location = 0) out vec4 c;\nvoid main() {}\n";

TEST(init, known_formats_get_rules_with_the_extensions_as_they_are_written) {
  const test::temporary_folder folder;
  for (const auto* name : {"a.gltf", "b/C.GLB", "m/x.obj", "m/x.mtl", "t.png", "u.TGA", "w.wav"})
    folder.write(name, "");
  folder.write("s/p.frag", spirv_text);
  folder.write("s/q.Vert", spirv_text);
  folder.write("s/common.glsl", "");
  const auto value = init_and_load(folder.path());
  EXPECT_EQ(rule_names(value),
            (strings{"meshes", "materials", "textures", "compiled-shaders", "shader-includes", "sounds"}));
  EXPECT_EQ(value.rule_for("b/C.GLB")->transform, "mesh");
  EXPECT_EQ(value.rule_for("b/C.GLB")->settle.count(), 100);
  EXPECT_EQ(value.rule_for("m/x.obj")->name, "meshes");
  EXPECT_EQ(value.rule_for("m/x.mtl")->transform, "copy");
  EXPECT_EQ(value.rule_for("s/q.Vert")->transform, "shader");
  EXPECT_EQ(value.rule_for("s/p.frag.glsl")->transform, "shader");
  EXPECT_EQ(value.rule_for("s/common.glsl")->transform, "copy");
  EXPECT_EQ(value.rule_for("u.TGA")->transform, "texture");
  EXPECT_EQ(value.rule_for("w.wav")->transform, "audio");
}

TEST(init, a_stage_before_glsl_is_a_shader_that_is_compiled) {
  const test::temporary_folder folder;
  folder.write("s/p.frag.glsl", spirv_text);
  for (const auto* name : {"a", "b", "c", "d", "common"})
    folder.write(std::string("s/") + name + ".glsl", "float f();");
  const auto value = init_and_load(folder.path());
  EXPECT_EQ(rule_names(value), (strings{"compiled-shaders", "shader-includes"}));
  EXPECT_EQ(value.rule_for("s/p.frag.glsl")->transform, "shader");
  EXPECT_EQ(value.rule_for("s/common.glsl")->transform, "copy");

  const test::temporary_folder older;
  older.write("s/p.frag.glsl", "#version 120\nvoid main() { gl_FragColor = vec4(1); }");
  for (const auto* name : {"a", "b", "c", "d", "q", "r", "z"})
    older.write(std::string("s/") + name + ".glsl", "float f();");
  EXPECT_EQ(rule_names(init_and_load(older.path())), strings{"shaders"}) << "for drivers to compile";

  folder.write("main.c", "load(\"s/p.frag.glsl\");");
  std::filesystem::remove(folder.path() + "/graphite.toml");
  EXPECT_EQ(rule_names(init_and_load(folder.path())), strings{"shaders"})
      << "a program loads it by this name";
}

/// Whether the text that is written has the rule as a comment.
bool proposes(const test::temporary_folder& folder, const std::string& name) {
  return folder.read("graphite.toml").find("# [[rule]]\n# name = \"" + name + "\"") != std::string::npos;
}

TEST(init, images_and_ogg_alone_stay_as_they_are) {
  const test::temporary_folder folder;
  folder.write("a.png", "");
  folder.write("a.ogg", "");
  EXPECT_EQ(init_and_load(folder.path()).rules.size(), 0u);
  EXPECT_TRUE(proposes(folder, "textures"));
  EXPECT_FALSE(proposes(folder, "sounds"));
}

TEST(init, what_texts_name_is_loaded_by_these_names_and_stays_as_it_is) {
  const test::temporary_folder folder;
  for (const auto* name : {"a.tga", "b.wav", "c.glb"}) folder.write(name, "");
  folder.write("d.frag", spirv_text);
  folder.write("main.c", "load(\"a.tga\"); load(\"b.wav\"); load('c.glb'); load(\"d.frag\");");
  EXPECT_EQ(rule_names(init_and_load(folder.path())), (strings{"gltf", "shaders"}));
  for (const auto* name : {"meshes", "textures", "sounds", "compiled-shaders"})
    EXPECT_TRUE(proposes(folder, name)) << name;
}

TEST(init, images_that_a_scene_names_become_textures_with_it) {
  const test::temporary_folder folder;
  folder.write("a.png", "");
  folder.write("a.gltf", R"({"images":[{"uri":"a.png"}]})");
  EXPECT_EQ(rule_names(init_and_load(folder.path())), (strings{"meshes", "textures"}));
}

TEST(init, images_stay_as_they_are_beside_models_that_do) {
  const test::temporary_folder folder;
  folder.write("a.tga", "");
  folder.write("a.glb", "");
  folder.write("main.js", "load('a.glb')");
  EXPECT_EQ(rule_names(init_and_load(folder.path())), (strings{"gltf"}));
}

TEST(init, shaders_for_a_driver_are_not_compiled) {
  for (const auto* text :
       {"", "#version 330 core\nlayout(location = 0) out vec4 c;", "#version 450\nuniform mat4 m;"}) {
    const test::temporary_folder folder;
    folder.write("a.frag", text);
    folder.write("b.frag", spirv_text);
    const auto value = init_and_load(folder.path());
    EXPECT_EQ(rule_names(value), (strings{"shaders"})) << text;
    EXPECT_TRUE(proposes(folder, "compiled-shaders"));
  }
}

TEST(init, files_that_would_become_the_same_get_outputs_of_their_own) {
  const test::temporary_folder folder;
  for (const auto* name : {"a/x.tga", "a/x.png", "b/y.wav", "c/y.wav", "d/s.flac", "d/s.opus"})
    folder.write(name, "");
  const auto value = init_and_load(folder.path());
  EXPECT_EQ(value.rule_for("a/x.png")->outputs, (strings{"{dir}/{name}.ktx2"}));
  EXPECT_EQ(value.rule_for("d/s.flac")->outputs, (strings{"{dir}/{name}.opus"}));
  const test::temporary_folder other;
  for (const auto* name : {"a/x.tga", "b/x.png", "b/y.wav", "c/y.wav"}) other.write(name, "");
  const auto usual = init_and_load(other.path());
  EXPECT_EQ(usual.rule_for("b/x.png")->outputs, (strings{"{dir}/{stem}.ktx2"}));
  EXPECT_EQ(usual.rule_for("b/y.wav")->outputs, (strings{"{dir}/{stem}.opus"}));
}

TEST(init, texts_and_archives_are_only_proposed) {
  const test::temporary_folder folder;
  folder.write("a.json", "{}");
  folder.write("a.ZIP", "");
  EXPECT_TRUE(init_and_load(folder.path()).rules.empty());
  EXPECT_TRUE(proposes(folder, "texts"));
  EXPECT_TRUE(proposes(folder, "archives"));
}

TEST(init, object_files_of_a_compiler_are_no_models) {
  const test::temporary_folder folder;
  folder.write("main.obj", "");
  EXPECT_TRUE(init_and_load(folder.path()).rules.empty());
}

TEST(init, s_expressions_are_known_by_their_content) {
  const test::temporary_folder folder;
  folder.write("a.sprite", "; -*- scheme -*-\n(supertux-sprite (images \"a.png\"))");
  folder.write("model.stl", "solid cube \"a.png\"\n");
  folder.write("code.scm", "(define x 1)");
  const auto value = init_and_load(folder.path());
  ASSERT_EQ(rule_names(value), (strings{"s-expressions"}));
  EXPECT_NE(value.rule_for("a.sprite"), nullptr);
  EXPECT_EQ(value.rule_for("model.stl"), nullptr);
  EXPECT_EQ(value.rule_for("code.scm"), nullptr);
}

TEST(init, an_existing_file_is_left_alone) {
  const test::temporary_folder folder;
  folder.write("graphite.toml", "mine");
  const auto made = init_project(in(folder.path()));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::already_exists);
  EXPECT_EQ(folder.read("graphite.toml"), "mine");
  const test::temporary_folder other;
  fs::create_symlink("nowhere", other / "graphite.toml");
  EXPECT_EQ(init_project(in(other.path())).error().code, errc::already_exists);
  EXPECT_FALSE(fs::exists(other / "nowhere"));
}

TEST(init, odd_names_do_no_harm) {
  for (const auto* name : {"with space", "quo\"te'", "back\\slash", "new\nline", "\xff\xfe", "{brace}*[x]",
                           "#hash", "-dash", "ünï"}) {
    const test::temporary_folder above;
    const fs::path folder = above / name;
    fs::create_directories(folder / name);
    for (const auto* extension : {".gltf", ".a\"b", ".\xff", ".sp ace", ".", ".x'", ".{a,b}"})
      std::ofstream(folder / name / (std::string(name) + extension)) << "(a \"x.png\")";
    const auto value = init_and_load(folder);
    // Where the name cannot be a source's, there is nothing to write a rule for.
    const auto rules = rule_names(value);
    EXPECT_EQ(rules, rules.empty() ? strings{} : (strings{"meshes"})) << name;
  }
}

TEST(init, names_a_build_leaves_out_and_special_files_are_noted) {
  const test::temporary_folder folder;
  folder.write("bad\xff", "");
  ASSERT_EQ(mkfifo((folder / "fifo.sprite").c_str(), 0600), 0);
  fs::create_directory_symlink("/", folder / "everything");
  fs::create_directory_symlink(".", folder / "loop");
  const auto survey = survey_folder(in(folder.path()));
  ASSERT_TRUE(survey);
  EXPECT_EQ(survey->skipped_odd_names, 1u);
  EXPECT_EQ(survey->skipped_special, 1u);
  EXPECT_EQ(survey->links, 2u);
  EXPECT_EQ(survey->files, 0u);
  EXPECT_GE(init_project(in(folder.path()))->notes.size(), 4u);
}

TEST(init, a_huge_folder_is_looked_at_up_to_a_bound) {
  const test::temporary_folder folder;
  for (int i = 0; i < 300; ++i)
    folder.write("d" + std::to_string(i % 7) + "/" + std::to_string(i) + ".png", "");
  auto options = in(folder.path());
  options.entries_max = 100;
  const auto survey = survey_folder(options);
  EXPECT_FALSE(survey->complete);
  EXPECT_LE(survey->files + survey->folders, 100u);
  init_and_load(folder.path(), options);
}

TEST(init, a_deep_folder_is_looked_at_up_to_a_bound) {
  const test::temporary_folder folder;
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "d/";
  folder.write(deep + "x.gltf", "");
  const auto survey = survey_folder(in(folder.path()));
  EXPECT_FALSE(survey->complete);
  EXPECT_EQ(survey->files, 0u);
}

TEST(init, folders_that_programs_made_are_ignored) {
  const test::temporary_folder folder;
  folder.write("web/node_modules/x/a.gltf", "");
  folder.write("a.png", "");
  const auto value = init_and_load(folder.path());
  EXPECT_TRUE(value.rules.empty());
  EXPECT_TRUE(any_matches(value.ignore, "web/node_modules/x/a.gltf"));
  EXPECT_TRUE(any_matches(value.ignore, "b/.a.png.swp"));
  EXPECT_FALSE(any_matches(value.ignore, "a.png"));
}

TEST(init, a_missing_folder_is_an_error) {
  EXPECT_EQ(init_project(in("/nonexistent/x")).error().code, errc::not_found);
}

TEST(init, a_folder_of_c_sources_gets_a_rule_to_compile_them_as_a_comment) {
  const test::temporary_folder folder;
  folder.write("src/main.c", "");
  EXPECT_TRUE(init_and_load(folder.path()).rules.empty());
  folder_survey found;
  found.extensions = {{".cpp", 2}, {".c", 1}};
  const auto text = project_text_for(found, "x");
  EXPECT_NE(text.find("(3 files)"), std::string::npos) << text;
  EXPECT_NE(text.find("# match = [\"*.cpp\"]"), std::string::npos) << text;
}

TEST(init, whatever_the_survey_says_it_loads_with_its_comments_too) {
  const strings extensions{".gltf", ".GLB",  ".obj",  ".mtl",  ".png", ".tga", ".wav", ".ogg",
                           ".frag", ".glsl", ".hlsl", ".json", ".zip", ".c",   ".cpp", ".sprite"};
  for (unsigned round = 0; round < 2048; ++round) {
    folder_survey found;
    for (std::size_t i = 0; i < extensions.size(); ++i)
      if ((round * 2654435761u >> i & 1) != 0) found.extensions[extensions[i]] = i + 1;
    if ((round & 1) != 0) found.named_extensions = {".png", ".obj", ".wav"};
    if ((round & 2) != 0) found.twins = {"mesh", "texture", "audio"};
    if ((round & 4) != 0) found.s_expression_extensions = {".sprite"};
    found.driver_glsl = (round & 8) != 0;
    auto text = project_text_for(found, "x");
    const auto plain = parse_project(text, {"/x/graphite.toml", {}, "/"});
    ASSERT_TRUE(plain.value && plain.mistakes.empty()) << render(plain.mistakes) << text;
    const auto rules = plain.value->rules.size();
    text = std::regex_replace(text, std::regex("\n# (\\[|[a-z_]+ = )"), "\n$1");
    const auto with = parse_project(text, {"/x/graphite.toml", {}, "/"});
    // A proposal in the place of a rule that is there takes all that is for it.
    for (const auto& one : with.mistakes)
      ASSERT_NE(one.what.find("never takes a source"), std::string::npos) << render(with.mistakes) << text;
    ASSERT_TRUE(!with.value || with.value->rules.size() > rules) << text;
  }
}

TEST(init, the_example_rules_it_writes_as_comments_are_right) {
  folder_survey found;
  found.extensions = {{".c", 1}};
  auto text = project_text_for(found, "x");
  text = std::regex_replace(text, std::regex("\n# (\\[|[a-z_]+ = )"), "\n$1");
  const auto parsed = parse_project(text, {"/x/graphite.toml", {}, "/"});
  ASSERT_TRUE(parsed.value) << render(parsed.mistakes) << text;
  EXPECT_EQ(parsed.value->rules.size(), 2u);
}

}  // namespace
}  // namespace graphite
