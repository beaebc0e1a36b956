#include <fmt/format.h>
#include <glslang/Public/ShaderLang.h>
#include <spirv-tools/libspirv.h>

#include "transforms/registry.hpp"

namespace graphite {

std::map<std::string, std::string> static_libraries(std::string_view transform) {
  if (transform != "shader") return {};
  const auto version = glslang::GetVersion();
  return {{"glslang", fmt::format("{}.{}.{}{}", version.major, version.minor, version.patch,
                                  version.flavor == nullptr ? "" : version.flavor)},
          {"SPIRV-Tools", ::spvSoftwareVersionDetailsString()}};
}

}  // namespace graphite
