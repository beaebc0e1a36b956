#include "core/messages/control_sizes.hpp"

namespace graphite::control {

namespace {

// Of Cap'n Proto: a pointer, the landing pad it has where its object lies in another segment, and what a text
// or blob takes to be whole words, its end included.
constexpr std::size_t pointer = 8, pad = 16, blob = pointer + pad + 8;
constexpr std::size_t list = pointer + pad + 8;
constexpr std::size_t content = 16 + 32 + pad + pointer + pad;
constexpr std::size_t key = 24 + pointer + pad;

std::size_t text(const std::string& value) { return blob + value.size(); }

std::size_t texts(const std::vector<std::string>& values) {
  std::size_t out = list;
  for (const auto& value : values) out += text(value);
  return out;
}

std::size_t file(const logical_path& path, const std::vector<content_ref>& parts) {
  return text(path.str()) + content + list + parts.size() * content;
}

std::size_t bodies(const std::vector<byte_vector>& values) {
  std::size_t out = list;
  for (const auto& value : values) out += blob + value.size();
  return out;
}

}  // namespace

std::size_t bytes_of(const attempt_end& what) {
  const auto& result = what.result;
  std::size_t out = 96 + key + 2 * list + text(result.message) + text(result.log) + bodies(what.bodies);
  for (const auto& output : result.outputs) out += file(output.path, output.parts);
  if (result.discovered)
    for (const auto& path : *result.discovered) out += text(path.str());
  return out;
}

std::size_t bytes_of(const recipe& what) {
  std::size_t out = 128 + text(what.rule) + 4 * list;
  if (what.command) {
    const auto& command = *what.command;
    out += 64 + texts(command.argv) + texts(command.worker) + texts(command.inputs) + texts(command.tools) +
           text(command.depfile) + text(command.program_tool);
  }
  if (what.built_in)
    out += 64 + text(what.built_in->name) + blob + what.built_in->options.encode().size() +
           texts(what.built_in->inputs);
  for (const auto& [name, value] : what.environment) out += text(name) + text(value);
  for (const auto& tool : what.tools) out += text(tool.name) + blob + 32;
  for (const auto& resource : what.needs.resources) out += 16 + text(resource.name);
  return out;
}

std::size_t assignment_bytes(const logical_path& main_input, const std::vector<attempt_input>& inputs,
                             const std::vector<byte_vector>& contents,
                             const std::vector<output_name>& outputs) {
  std::size_t out = 64 + key + blob + 32 + text(main_input.str()) + 2 * list + bodies(contents);
  for (const auto& input : inputs) out += file(input.path, input.parts);
  for (const auto& output : outputs) out += 16 + text(output.text);
  return out;
}

std::size_t bytes_of(const assignment& what) {
  return assignment_bytes(what.main_input, what.inputs, what.bodies, what.outputs);
}

}  // namespace graphite::control
