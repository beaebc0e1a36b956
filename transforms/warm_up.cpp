#include "transforms/registry.hpp"
#include "transforms/shader_compile.hpp"

namespace graphite {

namespace {

class no_files final : public transform_files {
 public:
  result<byte_span> read(const logical_path&) override { return fail(errc::not_found, "no such file"); }
};

}  // namespace

void warm_up_transform(std::string_view transform) {
  if (transform != "shader") return;
  no_files none;
  const auto path = logical_path::parse("warm_up").value();
  // The compiler makes the tables of all stages at once; the targets for Vulkan share them.
  constexpr std::string_view text = "#version 450\nvoid main() { gl_Position = vec4(0); }";
  const shader_job job{path, text, "vert", "vulkan1.0", "main", "performance", false, {}, {}};
  auto made = compile_shader(job, none);
  GRAPHITE_INVARIANT(made);
  auto words = optimized_shader(job, std::move(made->words));
  GRAPHITE_INVARIANT(words && finished_shader(job, *std::move(words)));
}

}  // namespace graphite
