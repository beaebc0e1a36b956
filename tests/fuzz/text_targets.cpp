#include "cli/config/project_file.hpp"
#include "core/glob.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/targets.hpp"
#include "transforms/depfile.hpp"
#include "transforms/scanners.hpp"

namespace graphite::fuzz {

namespace {

/// True where anything was found; whatever it is, it stays in its bounds.
bool finds(const char* name, std::string_view file, byte_span bytes) {
  reference_spec spec;
  spec.scanner = name;
  spec.search = {"include", "."};
  const scan_options bounds;
  const auto found = scanner::make({spec}, bounds).value().scan(logical_path::parse(file).value(), bytes);
  GRAPHITE_INVARIANT(found.size() <= bounds.references_max);
  return !found.empty();
}

}  // namespace

bool project_file(byte_span bytes) {
  const auto parsed = parse_project(as_text(bytes), {"/project/graphite.toml", "", "/"});
  GRAPHITE_INVARIANT(parsed.value.has_value() == parsed.mistakes.empty());
  GRAPHITE_INVARIANT(parsed.mistakes.size() <= project_mistakes_max);
  (void)render(parsed.mistakes);
  return parsed.value.has_value();
}

bool ignore_file(byte_span bytes) {
  ignore_rules rules;
  rules.add("folder", as_text(bytes));
  for (const auto* path : {"folder/a.png", "folder/deep/er/.b.txt", "a.png"})
    for (const bool is_folder : {false, true}) (void)rules.ignored(path, is_folder);
  GRAPHITE_INVARIANT(!rules.ignored("elsewhere/a.png", false));
  return !rules.empty();
}

bool glob_text(byte_span bytes) {
  const auto parsed = glob::parse(as_text(bytes));
  if (!parsed) return false;
  for (const auto* path : {"a.png", "textures/stone/wall.png", "a/b/c/d/e/f/g/h"}) {
    (void)parsed->matches(path);
    (void)parsed->may_match_below(path);
  }
  GRAPHITE_INVARIANT(glob::parse(parsed->text()).has_value());
  return true;
}

bool depfile(byte_span bytes) {
  const depfile_options bounds;
  const auto paths = parse_depfile(as_text(bytes), bounds);
  if (!paths) return false;
  GRAPHITE_INVARIANT(paths->size() <= bounds.paths_max);
  for (const auto& path : *paths) GRAPHITE_INVARIANT(!path.empty() && path.size() <= bounds.path_bytes_max);
  return true;
}

bool gltf(byte_span bytes) { return finds("gltf", "models/tux.gltf", bytes); }
bool obj(byte_span bytes) { return finds("obj", "models/tux.obj", bytes); }
bool mtl(byte_span bytes) { return finds("obj", "models/tux.mtl", bytes); }
bool glsl(byte_span bytes) { return finds("glsl", "shaders/main.frag", bytes); }

}  // namespace graphite::fuzz
