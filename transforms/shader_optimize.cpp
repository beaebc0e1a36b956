#include <fmt/format.h>

#include <spirv-tools/libspirv.hpp>
#include <spirv-tools/optimizer.hpp>

#include "transforms/shader_compile.hpp"

namespace graphite {

namespace {

spv_target_env environment_of(std::string_view target) {
  if (target == "vulkan1.1") return SPV_ENV_VULKAN_1_1;
  if (target == "vulkan1.2") return SPV_ENV_VULKAN_1_2;
  return target == "opengl4.5" ? SPV_ENV_OPENGL_4_5 : SPV_ENV_VULKAN_1_0;
}

spvtools::MessageConsumer into(std::string& messages) {
  return [&messages](spv_message_level_t level, const char*, const spv_position_t&, const char* text) {
    if (level <= SPV_MSG_ERROR && messages.size() < shader_messages_bytes_max)
      messages += fmt::format("{}{}", messages.empty() ? "" : "\n", text);
  };
}

result<std::vector<std::uint32_t>> run_passes(const shader_job& job, std::vector<std::uint32_t> words,
                                              void (*add)(spvtools::Optimizer&, const shader_job&)) {
  std::string messages;
  spvtools::Optimizer optimizer(environment_of(job.target));
  optimizer.SetMessageConsumer(into(messages));
  add(optimizer, job);
  spvtools::OptimizerOptions options;
  options.set_run_validator(false);
  std::vector<std::uint32_t> out;
  if (!optimizer.Run(words.data(), words.size(), &out, options))
    return fail(errc::corrupt, "the optimiser refuses the module: " + messages);
  return out;
}

}  // namespace

result<std::vector<std::uint32_t>> optimized_shader(const shader_job& job, std::vector<std::uint32_t> words) {
  if (job.optimize == "none") return words;
  return run_passes(job, std::move(words), [](spvtools::Optimizer& optimizer, const shader_job& wanted) {
    if (wanted.optimize == "size")
      optimizer.RegisterSizePasses();
    else
      optimizer.RegisterPerformancePasses();
  });
}

result<std::vector<std::uint32_t>> finished_shader(const shader_job& job, std::vector<std::uint32_t> words) {
  if (!job.debug) {
    GRAPHITE_TRY(words,
                 run_passes(job, std::move(words), [](spvtools::Optimizer& optimizer, const shader_job&) {
                   optimizer.RegisterPass(spvtools::CreateStripDebugInfoPass());
                   optimizer.RegisterPass(spvtools::CreateCompactIdsPass());
                 }));
  }
  std::string messages;
  spvtools::SpirvTools tools(environment_of(job.target));
  tools.SetMessageConsumer(into(messages));
  if (!tools.Validate(words))
    return fail(errc::corrupt, "the module is not valid for its target: " + messages);
  return words;
}

}  // namespace graphite
