#include "platform/worker/task_codec.hpp"

#include "core/record_codec.hpp"

namespace graphite {

namespace {

constexpr std::size_t name_bytes_max = 256, options_bytes_max = 16 * MiB, text_bytes_max = 64 * KiB;
constexpr std::size_t outputs_max = 65'536, parts_max = 64;

void put_range(record_writer& out, const memory_range& range) {
  out.number(range.offset);
  out.number(range.size);
}

memory_range get_range(record_reader& in) {
  const auto offset = in.number();
  return {offset, in.number()};
}

encoded_answer::asset get_asset(record_reader& in) {
  encoded_answer::asset out;
  out.path = in.bytes(logical_path::bytes_max);
  const auto parts = in.number_up_to(parts_max);
  for (std::uint64_t i = 0; in.ok() && i < parts; ++i) out.parts.push_back(get_range(in));
  return out;
}

}  // namespace

std::string encode(const encoded_task& task) {
  record_writer out;
  out.bytes(task.transform);
  out.number(task.version);
  out.bytes(task.options.encode());
  out.bytes(task.path);
  out.number(task.outputs.size());
  for (const auto& output : task.outputs) {
    out.bytes(output.text);
    out.byte(output.wildcard ? 1 : 0);
  }
  put_range(out, task.main);
  out.number(task.output_bytes_max);
  out.number(task.threads);
  return out.take();
}

result<encoded_task> decode_task(std::string_view bytes) {
  record_reader in(bytes);
  encoded_task out;
  out.transform = in.bytes(name_bytes_max);
  out.version = static_cast<std::uint32_t>(in.number_up_to(0xffffffffu));
  const auto options = in.bytes(options_bytes_max);
  out.path = in.bytes(logical_path::bytes_max);
  const auto outputs = in.number_up_to(outputs_max);
  for (std::uint64_t i = 0; in.ok() && i < outputs; ++i) {
    std::string text(in.bytes(text_bytes_max));
    out.outputs.push_back({std::move(text), in.byte() == 1});
  }
  out.main = get_range(in);
  out.output_bytes_max = in.number();
  out.threads = static_cast<std::uint32_t>(in.number_up_to(0xffffffffu));
  if (!in.ok() || !in.at_end()) return fail(errc::corrupt, "a worker's task is damaged");
  GRAPHITE_TRY(out.options, option_values::decode(options));
  return out;
}

std::string encode(const encoded_answer& answer) {
  record_writer out;
  out.byte(answer.failed ? 1 : 0);
  out.number(answer.code);
  out.bytes(std::string_view(answer.text).substr(0, text_bytes_max));
  out.number(answer.assets.size());
  for (const auto& asset : answer.assets) {
    out.bytes(asset.path);
    out.number(asset.parts.size());
    for (const auto& part : asset.parts) put_range(out, part);
  }
  out.number(answer.cpu_ns);
  out.number(answer.memory_bytes_peak);
  return out.take();
}

result<encoded_answer> decode_answer(std::string_view bytes) {
  record_reader in(bytes);
  encoded_answer out;
  out.failed = in.byte() != 0;
  out.code = static_cast<std::uint16_t>(in.number_up_to(0xffff));
  out.text = in.bytes(text_bytes_max);
  const auto assets = in.number_up_to(outputs_max);
  for (std::uint64_t i = 0; in.ok() && i < assets; ++i) out.assets.push_back(get_asset(in));
  out.cpu_ns = in.number();
  out.memory_bytes_peak = in.number();
  if (!in.ok() || !in.at_end()) return fail(errc::corrupt, "a worker's answer is damaged");
  return out;
}

}  // namespace graphite
