#include "schemas/codec/tool_messages.hpp"

#include "core/text_tail.hpp"
#include "schemas/codec/wire_bytes.hpp"
#include "tools.capnp.h"

namespace graphite {

namespace {

constexpr std::size_t argument_bytes_max = 1 * MiB, path_bytes_max = 8 * KiB;

result<tool_input> read_input(wire::ToolInput::Reader in) {
  tool_input out;
  GRAPHITE_TRY(out.path, wire::to_text(in.getPath(), path_bytes_max));
  GRAPHITE_TRY(out.content.id, wire::to_digest(in.getContent()));
  out.content.size = in.getSize();
  return out;
}

result<tool_work> read_work(wire::ToolWork::Reader in) {
  tool_work out;
  out.id = in.getId();
  for (const auto argument : in.getArguments()) {
    GRAPHITE_TRY(auto text, wire::to_text(argument, argument_bytes_max));
    out.arguments.push_back(std::move(text));
  }
  GRAPHITE_TRY(out.working_folder, wire::to_text(in.getWorkingFolder(), path_bytes_max));
  GRAPHITE_TRY(out.temporary_folder, wire::to_text(in.getTemporaryFolder(), path_bytes_max));
  for (const auto input : in.getInputs()) {
    GRAPHITE_TRY(auto one, read_input(input));
    out.inputs.push_back(std::move(one));
  }
  return out;
}

}  // namespace

byte_vector encode(const tool_work& work) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<wire::ToolWork>();
  out.setId(work.id);
  auto arguments = out.initArguments(static_cast<unsigned>(work.arguments.size()));
  for (unsigned i = 0; i < arguments.size(); ++i) arguments.set(i, work.arguments[i]);
  out.setWorkingFolder(work.working_folder);
  out.setTemporaryFolder(work.temporary_folder);
  auto inputs = out.initInputs(static_cast<unsigned>(work.inputs.size()));
  for (unsigned i = 0; i < inputs.size(); ++i) {
    inputs[i].setPath(work.inputs[i].path);
    inputs[i].setContent(wire::to_data(work.inputs[i].content.id));
    inputs[i].setSize(work.inputs[i].content.size);
  }
  return wire::to_message(message);
}

result<tool_work> decode_tool_work(byte_span bytes) {
  return wire::read_message<wire::ToolWork, tool_work>(bytes, tool_message_bytes_max, read_work);
}

byte_vector encode(const tool_answer& answer) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<wire::ToolAnswer>();
  out.setId(answer.id);
  out.setExitCode(answer.exit_code);
  out.setOutput(answer.output);
  return wire::to_message(message);
}

result<tool_answer> decode_tool_answer(byte_span bytes) {
  const auto read = [](wire::ToolAnswer::Reader in) -> result<tool_answer> {
    tool_answer out;
    out.id = in.getId();
    out.exit_code = in.getExitCode();
    const auto text = in.getOutput();
    out.output = last_lines(std::string_view(text.begin(), text.size()), tool_output_bytes_max);
    return out;
  };
  return wire::read_message<wire::ToolAnswer, tool_answer>(bytes, tool_message_bytes_max, read);
}

}  // namespace graphite
