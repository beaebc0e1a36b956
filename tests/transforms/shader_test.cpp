#include "transforms/shader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <spirv-tools/libspirv.hpp>

#include "tests/transforms/media_support.hpp"
#include "transforms/registry.hpp"
#include "transforms/shader_compile.hpp"

namespace graphite {
namespace {

using strings = std::vector<std::string>;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr auto small_frag = R"(#version 450
layout(location = 0) in vec2 uv;
layout(location = 0) out vec4 color;
layout(set = 1, binding = 2) uniform sampler2DArray tiles;
void main() { color = texture(tiles, vec3(uv, 1.0)); }
)";

constexpr auto small_comp = R"(#version 450
layout(local_size_x = 8, local_size_y = 4) in;
layout(constant_id = 3) const int steps = 7;
struct light { vec3 at; float power; };
layout(std140, set = 0, binding = 1) uniform scene { mat4 view; light lights[2]; vec2 size; };
layout(std430, set = 0, binding = 2) buffer values { uint count; float data[]; };
layout(push_constant) uniform pushed { vec4 tint; int index; } push;
void main() {
  float sum = push.tint.x + float(push.index) + size.x + view[0][0];
  for (int i = 0; i < steps; ++i) sum += lights[i & 1].power + lights[i & 1].at.x;
  data[gl_GlobalInvocationID.x] = sum + float(count);
}
)";

struct shader_run : test::transform_under_test {
  shader_run() : transform_under_test{shader_description(), run_shader} {}
};

std::string asset_text(const result<transform_output>& made, std::string_view path) {
  if (!made) return test::mistake_of(made);
  for (const auto& asset : made->assets)
    if (asset.path.str() == path) return test::text_of(asset);
  return "no such output";
}

std::string validated(const std::string& module, spv_target_env target = SPV_ENV_VULKAN_1_0) {
  std::vector<std::uint32_t> words(module.size() / 4);
  std::memcpy(words.data(), module.data(), words.size() * 4);
  std::string messages;
  spvtools::SpirvTools tools(target);
  tools.SetMessageConsumer([&](auto, auto, const auto&, const char* text) { messages += text; });
  return tools.Validate(words) ? "" : "invalid: " + messages;
}

TEST(shader_transform, makes_a_valid_module_of_every_stage_and_target) {
  const std::pair<const char*, const char*> stages[] = {
      {"vert", "void main() { gl_Position = vec4(float(gl_VertexIndex)); }"},
      {"frag", "layout(location = 0) out vec4 c; void main() { c = gl_FragCoord; }"},
      {"comp", "layout(local_size_x = 64) in; shared uint s; void main() { s = gl_LocalInvocationIndex; }"},
      {"geom",
       "layout(points) in; layout(points, max_vertices = 1) out; void main() { gl_Position = "
       "gl_in[0].gl_Position; EmitVertex(); }"},
      {"tesc",
       "layout(vertices = 3) out; void main() { gl_out[gl_InvocationID].gl_Position = "
       "gl_in[gl_InvocationID].gl_Position; gl_TessLevelOuter[0] = 1.0; }"},
      {"tese", "layout(triangles) in; void main() { gl_Position = vec4(gl_TessCoord, 1.0); }"}};
  const std::pair<const char*, spv_target_env> targets[] = {{"vulkan1.0", SPV_ENV_VULKAN_1_0},
                                                            {"vulkan1.1", SPV_ENV_VULKAN_1_1},
                                                            {"vulkan1.2", SPV_ENV_VULKAN_1_2},
                                                            {"opengl4.5", SPV_ENV_OPENGL_4_5}};
  for (const auto& [stage, code] : stages)
    for (const auto& [target, environment] : targets) {
      std::string text = std::string("#version 450\n") + code;
      if (target == std::string("opengl4.5"))
        if (const auto at = text.find("gl_VertexIndex"); at != text.npos) text.replace(at, 14, "gl_VertexID");
      for (const std::string optimize : {"none", "size", "performance"}) {
        shader_run shader;
        const auto made = shader(std::string("a.") + stage, text,
                                 {{"target", std::string(target)}, {"optimize", optimize}});
        const auto module = asset_text(made, std::string("a.") + stage + ".spv");
        EXPECT_EQ(validated(module, environment), "") << stage << target << optimize << module;
      }
    }
}

TEST(shader_transform, describes_a_fragment_shader) {
  shader_run shader;
  const auto made = shader("fx/a.frag", small_frag);
  const auto json = nlohmann::json::parse(asset_text(made, "fx/a.frag.json"));
  EXPECT_EQ(json["stage"], "frag");
  EXPECT_EQ(json["inputs"],
            nlohmann::json::parse(R"([{"name":"uv","location":0,"type":"vec2","format":"R32G32_SFLOAT"}])"));
  EXPECT_EQ(json["outputs"][0]["format"], "R32G32B32A32_SFLOAT");
  EXPECT_EQ(json["samplers"],
            nlohmann::json::parse(R"([{"name":"tiles","set":1,"binding":2,"type":"sampler2DArray"}])"));
}

TEST(shader_transform, describes_blocks_constants_and_the_workgroup) {
  shader_run shader;
  const auto json = nlohmann::json::parse(asset_text(shader("a.comp", small_comp), "a.comp.json"));
  EXPECT_EQ(json["workgroup_size"], (std::vector{8, 4, 1}));
  const auto& scene = json["uniform_buffers"][0];
  EXPECT_EQ(scene["name"], "scene");
  EXPECT_EQ(scene["size"], 104);
  EXPECT_EQ(scene["members"][0]["type"], "mat4");
  EXPECT_EQ(scene["members"][0]["matrix_stride"], 16);
  EXPECT_EQ(scene["members"][1]["offset"], 64);
  EXPECT_EQ(scene["members"][1]["type"], "struct[2]");
  EXPECT_EQ(scene["members"][1]["members"][1]["name"], "power");
  EXPECT_EQ(scene["members"][1]["members"][1]["offset"], 12);
  EXPECT_EQ(scene["members"][2]["offset"], 96);
  EXPECT_EQ(json["storage_buffers"][0]["members"][1]["type"], "float[]");
  EXPECT_EQ(json["push_constants"][0]["size"], 20);
  EXPECT_EQ(json["specialization_constants"],
            nlohmann::json::parse(R"([{"name":"steps","id":3,"type":"int","default":7}])"));
}

TEST(shader_transform, names_stay_where_it_is_debugged) {
  shader_run shader;
  EXPECT_THAT(asset_text(shader("a.frag", small_frag), "a.frag.spv"), Not(HasSubstr("tiles")));
  EXPECT_THAT(asset_text(shader("a.frag", small_frag, {{"debug", true}}), "a.frag.spv"), HasSubstr("tiles"));
  const auto renamed =
      asset_text(shader("a.frag", small_frag, {{"entry", std::string("paint_it")}}), "a.frag.spv");
  EXPECT_THAT(renamed, HasSubstr("paint_it"));
  EXPECT_EQ(validated(renamed), "");
}

TEST(shader_transform, the_stage_goes_by_the_name_or_the_option) {
  shader_run shader;
  EXPECT_TRUE(shader("a.FRAG.glsl", small_frag));
  EXPECT_THAT(test::mistake_of(shader("a.glsl", small_frag)), StartsWith("invalid_argument"));
  EXPECT_TRUE(shader("a.glsl", small_frag, {{"stage", std::string("frag")}}));
}

TEST(shader_transform, includes_beside_the_file_then_in_folders) {
  shader_run shader;
  shader.files.files = {{"fx/lib/a.glsl", "#include \"b.glsl\"\n#include <c.glsl>\n"},
                        {"fx/lib/b.glsl", "float b() { return 1.0; }\n"},
                        {"shared/c.glsl", "float c() { return 2.0; }\n"}};
  const std::string text =
      "#version 450\n#include \"lib/a.glsl\"\nlayout(location=0) out float o;\nvoid main() { o = b() + c(); "
      "}\n";
  const auto made = shader("fx/a.frag", text, {{"include", strings{"other", "shared/"}}});
  EXPECT_EQ(test::mistake_of(made), "");
  EXPECT_THAT(shader.files.asked,
              testing::IsSupersetOf({"fx/lib/a.glsl", "fx/lib/b.glsl", "other/c.glsl", "shared/c.glsl"}));
  EXPECT_THAT(shader.files.asked, testing::Not(testing::Contains("fx/lib/c.glsl")));
}

TEST(shader_transform, names_the_file_and_line_of_every_mistake) {
  shader_run shader;
  shader.files.files = {{"bad.glsl", "float ok;\nfloat b() { return nope; }\n"}};
  const auto mistake = test::mistake_of(shader(
      "a.frag", "#version 450\n#include \"bad.glsl\"\nvoid main() {\n  also_nope = 1;\n  third(); }\n"));
  EXPECT_THAT(mistake,
              AllOf(StartsWith("corrupt: "), HasSubstr("bad.glsl:2: 'nope' : undeclared"),
                    HasSubstr("\na.frag:4: 'also_nope' : undeclared"), HasSubstr("\na.frag:5: 'third'")));
  EXPECT_THAT(mistake, Not(HasSubstr("compilation errors")));
  EXPECT_THAT(test::mistake_of(shader("a.frag", "#version 450\n\n#include \"none.glsl\"\nvoid main() {}\n")),
              AllOf(HasSubstr("a.frag:3: "), HasSubstr("none.glsl")));
  EXPECT_THAT(test::mistake_of(shader("a.frag", "#version 450\nvoid f() {}\n")), HasSubstr("ntry point"));
}

TEST(shader_transform, refuses_includes_in_a_circle) {
  shader_run shader;
  shader.files.files = {{"a.glsl", "#include \"b.glsl\"\n"}, {"b.glsl", "#include \"a.glsl\"\n"}};
  EXPECT_THAT(test::mistake_of(shader("m.frag", "#version 450\n#include \"a.glsl\"\nvoid main() {}\n")),
              AllOf(HasSubstr("b.glsl:1: "), HasSubstr("m.frag -> a.glsl -> b.glsl -> a.glsl")));
  shader.files.files = {{"m.frag", "x"}};
  EXPECT_THAT(test::mistake_of(shader("m.frag", "#version 450\n#include \"m.frag\"\nvoid main() {}\n")),
              HasSubstr("m.frag -> m.frag"));
}

TEST(shader_transform, refuses_includes_without_end) {
  shader_run shader;
  for (int i = 0; i < 40; ++i)
    shader.files.files[fmt::format("{}.glsl", i)] =
        fmt::format("#include \"{}.glsl\"\n#include \"{}.glsl\"\n", i + 1, i + 1);
  EXPECT_THAT(test::mistake_of(shader("m.frag", "#version 450\n#include \"0.glsl\"\nvoid main() {}\n")),
              HasSubstr("over 32 includes in each other"));
  shader.files.files["20.glsl"] = "";
  EXPECT_THAT(test::mistake_of(shader("m.frag", "#version 450\n#include \"0.glsl\"\nvoid main() {}\n")),
              HasSubstr("over 4096 includes"));
}

TEST(shader_transform, refuses_statements_that_the_compiler_could_not_bear) {
  shader_run shader;
  std::string sum = "1.0", nested;
  for (int i = 0; i < 100'000; ++i) sum += "+x";
  EXPECT_THAT(
      test::mistake_of(shader("a.frag", "#version 450\nvoid main() { float x = 1.0; x = " + sum + "; }")),
      StartsWith("too_large: line 3 after expansion: a statement"));
  EXPECT_THAT(test::mistake_of(shader("a.frag", "#version 450\nvoid main() " + std::string(9'000, '{'))),
              StartsWith("too_large"));
  sum.resize(2 * 1'900 + 3);
  EXPECT_EQ(
      test::mistake_of(shader("a.frag", "#version 450\nvoid main() { float x = 1.0; x = " + sum + "; }")),
      "");
}

TEST(shader_transform, makes_variants_where_the_rule_declares_them) {
  shader_run shader;
  const std::string text =
      "#version 450\nlayout(location=0) out float o;\nvoid main() {\n#ifdef FOG\n  o = float(FOG + LIGHTS);\n"
      "#else\n  o = BASE;\n#endif\n}\n";
  const test::given_options given{{"defines", strings{"BASE=0.5"}},
                                  {"variants", strings{"fog: FOG LIGHTS=4", "dry:"}}};
  EXPECT_THAT(test::mistake_of(shader("x/a.frag", text, given)),
              HasSubstr("no output declares `x/a.frag.fog.spv`"));
  shader.outputs = {"{dir}/{name}.spv", "{dir}/{name}.*.spv", "{dir}/{name}.json"};
  const auto made = shader("x/a.frag", text, given);
  ASSERT_TRUE(made) << made.error().context;
  strings paths;
  for (const auto& asset : made->assets) paths.push_back(asset.path.str());
  EXPECT_EQ(paths, (strings{"x/a.frag.dry.spv", "x/a.frag.fog.spv", "x/a.frag.json", "x/a.frag.spv"}));
  EXPECT_EQ(asset_text(made, "x/a.frag.dry.spv"), asset_text(made, "x/a.frag.spv"));
  EXPECT_NE(asset_text(made, "x/a.frag.fog.spv"), asset_text(made, "x/a.frag.spv"));
  EXPECT_THAT(test::mistake_of(shader("x/a.frag", text, {{"variants", strings{"a/b: X"}}})),
              StartsWith("invalid_argument"));
  EXPECT_THAT(test::mistake_of(shader("x/a.frag", text, {{"defines", strings{"1=2"}}})),
              StartsWith("invalid_argument"));
}

TEST(shader_transform, makes_the_same_bytes_whatever_was_compiled_before) {
  shader_run shader;
  const auto frag = asset_text(shader("a.frag", small_frag, {{"debug", true}}), "a.frag.spv");
  const auto comp = asset_text(shader("a.comp", small_comp), "a.comp.spv");
  (void)shader("b.vert", "#version 310 es\nvoid main() {}");
  EXPECT_EQ(asset_text(shader("a.comp", small_comp), "a.comp.spv"), comp);
  EXPECT_EQ(asset_text(shader("a.frag", small_frag, {{"debug", true}}), "a.frag.spv"), frag);
  EXPECT_EQ(asset_text(shader("a.frag", small_frag, {{"debug", true}}), "a.frag.spv"), frag);
}

/// What a new process makes of a shader of each target, as one text.
std::string in_new_process(bool warm) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const auto pid = ::fork();
  if (pid == 0) {
    if (warm) warm_up_transform("shader");
    shader_run shader;
    std::string all;
    for (const std::string target : {"vulkan1.0", "vulkan1.2", "opengl4.5"})
      all += asset_text(shader("a.comp", small_comp, {{"target", target}}), "a.comp.spv") +
             asset_text(shader("a.frag", "#version 460\nvoid main() {}", {{"target", target}}), "a.frag.spv");
    const bool written = ::write(ends[1], all.data(), all.size()) == static_cast<ssize_t>(all.size());
    ::_exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  std::string out(1 << 16, '\0');
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0; size += static_cast<std::size_t>(got > 0 ? got : 0))
    got = ::read(ends[0], out.data() + size, out.size() - size);
  ::close(ends[0]);
  int status = -1;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  out.resize(size);
  return out;
}

TEST(shader_transform, makes_the_same_bytes_in_a_warm_process) {
  const auto cold = in_new_process(false);
  EXPECT_GT(cold.size(), 1'000u);
  EXPECT_EQ(in_new_process(true), cold);
}

TEST(shader_transform, damaged_shaders_do_no_harm) {
  shader_run shader;
  int refused = 0;
  test::each_damaged(small_comp, 120, [&](const std::string& text) {
    const auto made = shader("a.comp", text, {{"optimize", std::string("none")}});
    refused += !made;
  });
  EXPECT_GT(refused, 100);
}

std::string refusal(const std::string& text, const std::string& included = "") {
  shader_run shader;
  shader.files.files["lib.glsl"] = included;
  return test::mistake_of(shader("a.frag", "#version 450\n" + text + "\nvoid main() {}\n"));
}

/// Each of `count` macros is twice the one before.
std::string doubled(int count, const std::string& first) {
  std::string out = "#define m0 " + first + "\n";
  for (int i = 1; i < count; ++i)
    out +=
        "#define m" + std::to_string(i) + " m" + std::to_string(i - 1) + " m" + std::to_string(i - 1) + "\n";
  return out;
}

TEST(shader_transform, refuses_conditions_of_too_many_words) {
  const auto many = [](std::size_t count) { return std::string(count, '!') + "1"; };
  EXPECT_EQ(refusal("#if " + many(4000) + "\n#endif"), "");
  EXPECT_THAT(refusal("#if " + many(100'000) + "\n#endif"), StartsWith("too_large: the condition `!!!"));
  EXPECT_THAT(refusal("#if 0\n/* */ # /* */ elif \\\n" + many(100'000) + "\n#endif"),
              StartsWith("too_large"));
  EXPECT_THAT(refusal("#line " + std::string(100'000, '(')), StartsWith("too_large"));
  EXPECT_THAT(refusal(doubled(14, "!") + "#if m13 1\n#endif"), StartsWith("too_large: the condition `m131`"));
  EXPECT_THAT(refusal("#include \"lib.glsl\"\n#if m13 1\n#endif", doubled(14, "!")),
              HasSubstr("the condition"));
  EXPECT_THAT(refusal("#define n(x) x x\n#if n(n(n(n(n(n(n(n(n(n(n(n(!)))))))))))) 1\n#endif"),
              StartsWith("too_large"));
}

TEST(shader_transform, refuses_macros_that_expand_without_end) {
  EXPECT_EQ(refusal(doubled(12, "1.0 +") + "const float x = m3 1.0;"), "");
  EXPECT_THAT(refusal(doubled(64, "1.0 +")), StartsWith("too_large: the macro `m"));
  EXPECT_THAT(refusal("#include \"lib.glsl\"", doubled(64, "1.0 +")), HasSubstr("the macro `m"));
  EXPECT_EQ(refusal("#define f(x) f(f(x)) g\n#define g g f(g)"), "");
  std::string chain = "#define c0 1\n";
  for (int i = 1; i < 10'000; ++i)
    chain += "#define c" + std::to_string(i) + " c" + std::to_string(i - 1) + "\n";
  EXPECT_THAT(refusal(chain), StartsWith("too_large"));
}

}  // namespace
}  // namespace graphite
