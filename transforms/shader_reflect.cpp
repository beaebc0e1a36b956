#include <fmt/format.h>
#include <spirv_cross/spirv_cross_c.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "transforms/shader_compile.hpp"

namespace graphite {

namespace {

using json = nlohmann::ordered_json;

struct spvc_freed {
  void operator()(spvc_context context) const { spvc_context_destroy(context); }
};

/// Lists what a module binds. Follows SPIRV-Cross's view of the module; a failure of it ends the walk.
class shader_reflection {
 public:
  explicit shader_reflection(spvc_compiler compiler) : compiler_(compiler) {}

  result<json> run(const shader_job& job) {
    json out;
    out["stage"] = job.stage;
    out["entry"] = job.entry;
    out["target"] = job.target;
    spvc_resources resources = nullptr;
    if (spvc_compiler_create_shader_resources(compiler_, &resources) != SPVC_SUCCESS)
      return fail(errc::corrupt, "the module cannot be described");
    list(out, "inputs", resources, SPVC_RESOURCE_TYPE_STAGE_INPUT, &shader_reflection::interface_entry);
    list(out, "outputs", resources, SPVC_RESOURCE_TYPE_STAGE_OUTPUT, &shader_reflection::interface_entry);
    list(out, "uniform_buffers", resources, SPVC_RESOURCE_TYPE_UNIFORM_BUFFER,
         &shader_reflection::block_entry);
    list(out, "storage_buffers", resources, SPVC_RESOURCE_TYPE_STORAGE_BUFFER,
         &shader_reflection::block_entry);
    list(out, "push_constants", resources, SPVC_RESOURCE_TYPE_PUSH_CONSTANT, &shader_reflection::push_entry);
    list(out, "samplers", resources, SPVC_RESOURCE_TYPE_SAMPLED_IMAGE, &shader_reflection::bound_entry);
    list(out, "separate_images", resources, SPVC_RESOURCE_TYPE_SEPARATE_IMAGE,
         &shader_reflection::bound_entry);
    list(out, "separate_samplers", resources, SPVC_RESOURCE_TYPE_SEPARATE_SAMPLERS,
         &shader_reflection::bound_entry);
    list(out, "storage_images", resources, SPVC_RESOURCE_TYPE_STORAGE_IMAGE, &shader_reflection::bound_entry);
    list(out, "subpass_inputs", resources, SPVC_RESOURCE_TYPE_SUBPASS_INPUT, &shader_reflection::bound_entry);
    out["specialization_constants"] = constants();
    if (job.stage == "comp") {
      out["workgroup_size"] = json::array();
      for (unsigned axis = 0; axis < 3; ++axis)
        out["workgroup_size"].push_back(
            spvc_compiler_get_execution_mode_argument_by_index(compiler_, SpvExecutionModeLocalSize, axis));
    }
    if (members_ > shader_members_max)
      return fail(errc::too_large, fmt::format("blocks of over {} members", shader_members_max));
    return out;
  }

 private:
  using entry = json (shader_reflection::*)(const spvc_reflected_resource&);

  void list(json& out, const char* name, spvc_resources resources, spvc_resource_type type, entry describe) {
    const spvc_reflected_resource* first = nullptr;
    std::size_t count = 0;
    out[name] = json::array();
    if (spvc_resources_get_resource_list_for_type(resources, type, &first, &count) != SPVC_SUCCESS) return;
    for (std::size_t i = 0; i < count; ++i) out[name].push_back((this->*describe)(first[i]));
  }

  unsigned decoration(const spvc_reflected_resource& one, SpvDecoration which) const {
    return spvc_compiler_get_decoration(compiler_, one.id, which);
  }

  json interface_entry(const spvc_reflected_resource& one) {
    const auto type = spvc_compiler_get_type_handle(compiler_, one.type_id);
    json out{{"name", spvc_compiler_get_name(compiler_, one.id)},
             {"location", decoration(one, SpvDecorationLocation)},
             {"type", type_text(type)}};
    if (const auto format = format_text(type); !format.empty()) out["format"] = format;
    return out;
  }

  json bound_entry(const spvc_reflected_resource& one) {
    return {{"name", one.name},
            {"set", decoration(one, SpvDecorationDescriptorSet)},
            {"binding", decoration(one, SpvDecorationBinding)},
            {"type", type_text(spvc_compiler_get_type_handle(compiler_, one.type_id))}};
  }

  json push_entry(const spvc_reflected_resource& one) {
    const auto type = spvc_compiler_get_type_handle(compiler_, one.base_type_id);
    std::size_t size = 0;
    spvc_compiler_get_declared_struct_size(compiler_, type, &size);
    return {{"name", one.name}, {"size", size}, {"members", members(type, one.base_type_id)}};
  }

  json block_entry(const spvc_reflected_resource& one) {
    auto out = bound_entry(one);
    out.erase("type");
    const auto block = push_entry(one);
    out["count"] = array_text(spvc_compiler_get_type_handle(compiler_, one.type_id));
    if (out["count"] == "") out.erase("count");
    out["size"] = block["size"];
    out["members"] = block["members"];
    return out;
  }

  json members(spvc_type type, spvc_type_id id) {
    json out = json::array();
    const auto count = spvc_type_get_num_member_types(type);
    for (unsigned i = 0; i < count && ++members_ <= shader_members_max; ++i) {
      const auto member_id = spvc_type_get_member_type(type, i);
      const auto member = spvc_compiler_get_type_handle(compiler_, member_id);
      unsigned offset = 0, stride = 0;
      std::size_t size = 0;
      spvc_compiler_type_struct_member_offset(compiler_, type, i, &offset);
      spvc_compiler_get_declared_struct_member_size(compiler_, type, i, &size);
      json one{{"name", spvc_compiler_get_member_name(compiler_, id, i)},
               {"type", type_text(member)},
               {"offset", offset},
               {"size", size}};
      if (spvc_type_get_num_array_dimensions(member) > 0 &&
          spvc_compiler_type_struct_member_array_stride(compiler_, type, i, &stride) == SPVC_SUCCESS)
        one["array_stride"] = stride;
      if (spvc_type_get_columns(member) > 1 &&
          spvc_compiler_type_struct_member_matrix_stride(compiler_, type, i, &stride) == SPVC_SUCCESS)
        one["matrix_stride"] = stride;
      if (spvc_type_get_basetype(member) == SPVC_BASETYPE_STRUCT)
        one["members"] = members(member, spvc_type_get_base_type_id(member));
      out.push_back(std::move(one));
    }
    return out;
  }

  json constants() {
    json out = json::array();
    const spvc_specialization_constant* first = nullptr;
    std::size_t count = 0;
    if (spvc_compiler_get_specialization_constants(compiler_, &first, &count) != SPVC_SUCCESS) return out;
    for (std::size_t i = 0; i < count; ++i) {
      const auto constant = spvc_compiler_get_constant_handle(compiler_, first[i].id);
      const auto type = spvc_compiler_get_type_handle(compiler_, spvc_constant_get_type(constant));
      json one{{"name", spvc_compiler_get_name(compiler_, first[i].id)},
               {"id", first[i].constant_id},
               {"type", type_text(type)}};
      switch (spvc_type_get_basetype(type)) {
        case SPVC_BASETYPE_BOOLEAN:
          one["default"] = spvc_constant_get_scalar_u32(constant, 0, 0) != 0;
          break;
        case SPVC_BASETYPE_INT32:
          one["default"] = spvc_constant_get_scalar_i32(constant, 0, 0);
          break;
        case SPVC_BASETYPE_UINT32:
          one["default"] = spvc_constant_get_scalar_u32(constant, 0, 0);
          break;
        case SPVC_BASETYPE_FP32:
          one["default"] = spvc_constant_get_scalar_fp32(constant, 0, 0);
          break;
        case SPVC_BASETYPE_FP64:
          one["default"] = spvc_constant_get_scalar_fp64(constant, 0, 0);
          break;
        default:
          break;
      }
      out.push_back(std::move(one));
    }
    return out;
  }

  /// `[4][]`, the outermost dimension first.
  static std::string array_text(spvc_type type) {
    std::string out;
    for (auto i = spvc_type_get_num_array_dimensions(type); i-- > 0;) {
      const auto size = spvc_type_get_array_dimension(type, i);
      out += size == 0 ? "[]" : fmt::format("[{}]", size);
    }
    return out;
  }

  std::string type_text(spvc_type type) { return plain_type_text(type) + array_text(type); }

  std::string plain_type_text(spvc_type type) {
    switch (spvc_type_get_basetype(type)) {
      case SPVC_BASETYPE_BOOLEAN:
        return numeric_text(type, "bool", "b");
      case SPVC_BASETYPE_INT32:
        return numeric_text(type, "int", "i");
      case SPVC_BASETYPE_UINT32:
        return numeric_text(type, "uint", "u");
      case SPVC_BASETYPE_FP16:
        return numeric_text(type, "float16_t", "f16");
      case SPVC_BASETYPE_FP32:
        return numeric_text(type, "float", "");
      case SPVC_BASETYPE_FP64:
        return numeric_text(type, "double", "d");
      case SPVC_BASETYPE_INT64:
        return numeric_text(type, "int64_t", "i64");
      case SPVC_BASETYPE_UINT64:
        return numeric_text(type, "uint64_t", "u64");
      case SPVC_BASETYPE_STRUCT:
        return "struct";
      case SPVC_BASETYPE_IMAGE:
      case SPVC_BASETYPE_SAMPLED_IMAGE:
        return image_text(type);
      case SPVC_BASETYPE_SAMPLER:
        return "sampler";
      default:
        return "other";
    }
  }

  static std::string numeric_text(spvc_type type, std::string_view scalar, std::string_view prefix) {
    const auto rows = spvc_type_get_vector_size(type), columns = spvc_type_get_columns(type);
    if (columns > 1)
      return columns == rows ? fmt::format("{}mat{}", prefix, rows)
                             : fmt::format("{}mat{}x{}", prefix, columns, rows);
    return rows > 1 ? fmt::format("{}vec{}", prefix, rows) : std::string(scalar);
  }

  std::string image_text(spvc_type type) {
    const auto sampled = spvc_type_get_basetype(
        spvc_compiler_get_type_handle(compiler_, spvc_type_get_image_sampled_type(type)));
    const auto dimension = spvc_type_get_image_dimension(type);
    std::string out = sampled == SPVC_BASETYPE_INT32 ? "i" : sampled == SPVC_BASETYPE_UINT32 ? "u" : "";
    if (dimension == SpvDimSubpassData)
      return out + (spvc_type_get_image_multisampled(type) ? "subpassInputMS" : "subpassInput");
    const bool with_sampler = spvc_type_get_basetype(type) == SPVC_BASETYPE_SAMPLED_IMAGE;
    out += with_sampler ? "sampler" : spvc_type_get_image_is_storage(type) ? "image" : "texture";
    constexpr const char* names[] = {"1D", "2D", "3D", "Cube", "2DRect", "Buffer"};
    out += dimension <= SpvDimBuffer ? names[dimension] : "";
    if (spvc_type_get_image_multisampled(type)) out += "MS";
    if (spvc_type_get_image_arrayed(type)) out += "Array";
    if (with_sampler && spvc_type_get_image_is_depth(type)) out += "Shadow";
    return out;
  }

  /// The name that Vulkan has for a scalar or vector of 32 bits, without VK_FORMAT_; else empty.
  static std::string format_text(spvc_type type) {
    const auto base = spvc_type_get_basetype(type);
    const auto size = spvc_type_get_vector_size(type);
    const std::string_view kind = base == SPVC_BASETYPE_FP32     ? "SFLOAT"
                                  : base == SPVC_BASETYPE_INT32  ? "SINT"
                                  : base == SPVC_BASETYPE_UINT32 ? "UINT"
                                                                 : "";
    if (kind.empty() || size == 0 || size > 4 || spvc_type_get_columns(type) > 1) return "";
    constexpr std::string_view channels = "R32G32B32A32";
    return fmt::format("{}_{}", channels.substr(0, size * 3), kind);
  }

  spvc_compiler compiler_;
  std::size_t members_ = 0;
};

}  // namespace

result<std::string> reflected_shader(const shader_job& job, const std::vector<std::uint32_t>& words) {
  spvc_context made = nullptr;
  if (spvc_context_create(&made) != SPVC_SUCCESS)
    return fail(errc::too_large, "no memory to describe the module");
  const std::unique_ptr<spvc_context_s, spvc_freed> context(made);
  spvc_parsed_ir parsed = nullptr;
  spvc_compiler compiler = nullptr;
  if (spvc_context_parse_spirv(made, words.data(), words.size(), &parsed) != SPVC_SUCCESS ||
      spvc_context_create_compiler(made, SPVC_BACKEND_NONE, parsed, SPVC_CAPTURE_MODE_TAKE_OWNERSHIP,
                                   &compiler) != SPVC_SUCCESS)
    return fail(errc::corrupt,
                fmt::format("the module cannot be described: {}", spvc_context_get_last_error_string(made)));
  GRAPHITE_TRY(const auto described, shader_reflection(compiler).run(job));
  return described.dump(1) + "\n";
}

}  // namespace graphite
