#include "tests/fuzz/targets.hpp"
#include "tests/support/plain_buffers.hpp"
#include "transforms/mesh.hpp"
#include "transforms/mesh_file.hpp"
#include "transforms/mesh_picture.hpp"

namespace graphite::fuzz {

namespace {

/// Every file that is asked for is there and has a few bytes.
class few_bytes final : public transform_files {
 public:
  result<byte_span> read(const logical_path&) override {
    return as_bytes(std::string_view("0123456789abcdef"));
  }
};

/// Makes a mesh; whatever is made is a sound file.
bool makes_mesh(const char* path, byte_span bytes) {
  few_bytes files;
  const auto source = logical_path::parse(path).value();
  const auto options = option_values::make(mesh_description().options,
                                           {{"lods", std::int64_t{2}}, {"generate_normals", true}});
  const std::vector<output_name> outputs{{"out.gmesh", false}};
  serial_calls threads;
  plain_buffers memory;
  const auto made = run_mesh({source, bytes, options.value(), outputs, files, threads, memory});
  if (!made) return false;
  byte_vector file;
  for (const auto& part : made->assets.front().parts) file.insert(file.end(), part.begin(), part.end());
  GRAPHITE_INVARIANT(open_mesh_file(file).has_value());
  return true;
}

}  // namespace

bool mesh_of_gltf(byte_span bytes) { return makes_mesh("models/tux.glb", bytes); }
bool mesh_of_obj(byte_span bytes) { return makes_mesh("models/tux.obj", bytes); }

bool made_mesh(byte_span bytes) {
  const byte_vector aligned(bytes.begin(), bytes.end());
  const auto file = open_mesh_file(aligned);
  if (!file) return false;
  (void)draw_mesh(*file, 8, 8);
  return true;
}

}  // namespace graphite::fuzz
