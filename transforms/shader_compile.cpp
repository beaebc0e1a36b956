#include "transforms/shader_compile.hpp"

#include <fmt/format.h>
#include <glslang/Public/ResourceLimits.h>
#include <glslang/Public/ShaderLang.h>
#include <glslang/SPIRV/GlslangToSpv.h>

#include <algorithm>
#include <array>
#include <new>

#include "transforms/shader_includes.hpp"
#include "transforms/shader_options.hpp"

namespace graphite {

namespace {

struct glslang_target {
  std::string_view name;
  glslang::EShClient client;
  glslang::EShTargetClientVersion version;
  glslang::EShTargetLanguageVersion language;
};
constexpr std::array glslang_targets{glslang_target{"vulkan1.0", glslang::EShClientVulkan,
                                                    glslang::EShTargetVulkan_1_0, glslang::EShTargetSpv_1_0},
                                     glslang_target{"vulkan1.1", glslang::EShClientVulkan,
                                                    glslang::EShTargetVulkan_1_1, glslang::EShTargetSpv_1_3},
                                     glslang_target{"vulkan1.2", glslang::EShClientVulkan,
                                                    glslang::EShTargetVulkan_1_2, glslang::EShTargetSpv_1_5},
                                     glslang_target{"opengl4.5", glslang::EShClientOpenGL,
                                                    glslang::EShTargetOpenGL_450, glslang::EShTargetSpv_1_0}};

EShLanguage stage_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, EShLanguage>, 6> stages{{{"vert", EShLangVertex},
                                                                            {"frag", EShLangFragment},
                                                                            {"comp", EShLangCompute},
                                                                            {"geom", EShLangGeometry},
                                                                            {"tesc", EShLangTessControl},
                                                                            {"tese", EShLangTessEvaluation}}};
  const auto found =
      std::find_if(stages.begin(), stages.end(), [&](const auto& one) { return one.first == name; });
  GRAPHITE_INVARIANT(found != stages.end());
  return found->second;
}

result<std::string> preamble_of(const shader_job& job) {
  std::string out = "#extension GL_GOOGLE_include_directive : require\n";
  for (const auto& define : job.defines) {
    GRAPHITE_TRY(const auto macro, parse_shader_macro(define));
    out += fmt::format("#define {} {}\n", macro.name, macro.value);
  }
  return out;
}

/// The compiler's log as lines for people: each begins with `PATH:LINE:`.
void append_messages(const char* log, std::string& mistakes, std::string& warnings) {
  std::string_view rest = log;
  while (!rest.empty()) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const bool warning = line.starts_with("WARNING: ");
    if (warning) line.remove_prefix(9);
    if (line.starts_with("ERROR: ")) line.remove_prefix(7);
    // A count of what is already listed.
    if (line.empty() || line.find(" compilation errors.  No code generated.") != line.npos) continue;
    auto& out = warning ? warnings : mistakes;
    if (out.size() > shader_messages_bytes_max) continue;
    out += line;
    out += '\n';
  }
}

/// One shader as the compiler shall take it. Must outlive what is made of it.
class prepared_shader {
 public:
  prepared_shader(const shader_job& job, const glslang_target& target, const std::string& preamble)
      : name_(job.path.str().c_str()),
        text_(job.text.data()),
        size_(static_cast<int>(job.text.size())),
        vulkan_(target.client == glslang::EShClientVulkan),
        debug_(job.debug),
        shader_(stage_of(job.stage)) {
    shader_.setStringsWithLengthsAndNames(&text_, &size_, &name_, 1);
    shader_.setPreamble(preamble.c_str());
    shader_.setEnvInput(glslang::EShSourceGlsl, stage_of(job.stage), target.client, 100);
    shader_.setEnvClient(target.client, target.version);
    shader_.setEnvTarget(glslang::EShTargetSpv, target.language);
  }
  glslang::TShader& get() { return shader_; }
  EShMessages messages() const {
    unsigned out = EShMsgSpvRules | EShMsgCascadingErrors;
    if (vulkan_) out |= EShMsgVulkanRules;
    if (debug_) out |= EShMsgDebugInfo;
    return static_cast<EShMessages>(out);
  }

 private:
  const char* name_;
  const char* text_;
  int size_;
  bool vulkan_, debug_;
  glslang::TShader shader_;
};

/// The compiler names every entry point of GLSL `main`.
void rename_entry(std::vector<std::uint32_t>& words, std::string_view name) {
  constexpr std::size_t header_words = 5, name_at = 3;
  constexpr std::uint32_t op_entry_point = 15;
  const auto words_of = [](std::string_view text) {
    std::vector<std::uint32_t> out(text.size() / 4 + 1);
    for (std::size_t i = 0; i < text.size(); ++i)
      out[i / 4] |= std::uint32_t{static_cast<unsigned char>(text[i])} << 8 * (i % 4);
    return out;
  };
  const auto before = words_of("main"), after = words_of(name);
  for (auto at = header_words; at < words.size() && words[at] >> 16 != 0; at += words[at] >> 16) {
    if ((words[at] & 0xffff) != op_entry_point) continue;
    const auto begin = words.begin() + static_cast<std::ptrdiff_t>(at);
    GRAPHITE_INVARIANT(std::equal(before.begin(), before.end(), begin + name_at));
    *begin += static_cast<std::uint32_t>(after.size() - before.size()) << 16;
    const auto place =
        words.erase(begin + name_at, begin + name_at + static_cast<std::ptrdiff_t>(before.size()));
    words.insert(place, after.begin(), after.end());
    return;
  }
}

tl::unexpected<error> mistakes_of(std::string mistakes) {
  while (mistakes.ends_with('\n')) mistakes.pop_back();
  return fail(errc::corrupt, mistakes.empty() ? "the compiler refuses it and does not say why" : mistakes);
}

result<shader_module> compile_guarded(const shader_job& job, transform_files& files) {
  static const bool ready = glslang::InitializeProcess();
  GRAPHITE_INVARIANT(ready);
  const auto& target = *std::find_if(glslang_targets.begin(), glslang_targets.end(),
                                     [&](const auto& one) { return one.name == job.target; });
  GRAPHITE_TRY(const auto preamble, preamble_of(job));
  shader_module out;
  std::string mistakes;
  {
    prepared_shader first(job, target, preamble);
    shader_macros macros;
    GRAPHITE_CHECK(macros.take(preamble));
    GRAPHITE_CHECK(macros.take(job.text));
    shader_includes includes(job.path, job.include, files, &macros);
    std::string expanded;
    if (!first.get().preprocess(GetDefaultResources(), 450, ENoProfile, false, false, first.messages(),
                                &expanded, includes)) {
      append_messages(first.get().getInfoLog(), mistakes, out.warnings);
      return mistakes_of(std::move(mistakes));
    }
    GRAPHITE_CHECK(check_shader_nesting(expanded));
  }
  prepared_shader shader(job, target, preamble);
  shader_includes includes(job.path, job.include, files, nullptr);
  glslang::TProgram program;
  const bool parsed =
      shader.get().parse(GetDefaultResources(), 450, ENoProfile, false, false, shader.messages(), includes);
  append_messages(shader.get().getInfoLog(), mistakes, out.warnings);
  if (!parsed) return mistakes_of(std::move(mistakes));
  program.addShader(&shader.get());
  if (!program.link(shader.messages())) {
    append_messages(program.getInfoLog(), mistakes, out.warnings);
    return mistakes_of(std::move(mistakes));
  }
  glslang::SpvOptions options;
  options.generateDebugInfo = job.debug;
  spv::SpvBuildLogger log;
  glslang::GlslangToSpv(*program.getIntermediate(stage_of(job.stage)), out.words, &log, &options);
  rename_entry(out.words, job.entry);
  append_messages(log.getAllMessages().c_str(), mistakes, out.warnings);
  return out;
}

}  // namespace

result<void> check_shader_nesting(std::string_view text) {
  std::size_t tokens = 0, blocks = 0, line = 1;
  bool word = false;
  for (const char c : text) {
    line += c == '\n';
    if (c == ';' || c == '{' || c == '}') tokens = 0;
    if (c == '{' || c == '(' || c == '[') ++blocks;
    if ((c == '}' || c == ')' || c == ']') && blocks > 0) --blocks;
    const bool in_word = is_macro_name(std::string_view(&c, 1)) || (c >= '0' && c <= '9') || c == '.';
    if (in_word ? !word : std::string_view(" \t\r\n,;{}").find(c) == std::string_view::npos) ++tokens;
    word = in_word;
    if (blocks > shader_blocks_max)
      return fail(errc::too_large, fmt::format("line {} after expansion: over {} braces in each other", line,
                                               shader_blocks_max));
    if (tokens > shader_statement_tokens_max)
      return fail(errc::too_large, fmt::format("line {} after expansion: a statement of over {} words", line,
                                               shader_statement_tokens_max));
  }
  return {};
}

result<shader_module> compile_shader(const shader_job& job, transform_files& files) {
  if (job.text.size() > shader_bytes_max)
    return fail(errc::too_large,
                fmt::format("{} bytes of shader: at most {}", job.text.size(), shader_bytes_max));
  if (job.text.find('\0') != job.text.npos) return fail(errc::corrupt, "no text: it has a NUL byte");
  try {
    return compile_guarded(job, files);
  } catch (const std::bad_alloc&) {
    return fail(errc::too_large, "the compiler needs more memory than there is");
  }
}

}  // namespace graphite
