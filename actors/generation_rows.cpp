#include "actors/generation_rows.hpp"

#include <fmt/format.h>

#include "bundle/head_codec.hpp"

namespace graphite {

std::string generation_key_prefix(std::string_view channel) {
  std::string out(channel);
  out.push_back('\0');
  return out;
}

std::string generation_key(std::string_view channel, std::uint64_t sequence) {
  auto out = generation_key_prefix(channel);
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(sequence >> shift));
  return out;
}

std::string encode_generation_row(const generation_row& row, const hasher& hash) {
  const auto file = encode_head({row.now, row.root, {}, {}}, hash);
  GRAPHITE_INVARIANT(file.has_value());
  return std::string(as_text(*file));
}

std::string channel_row_key(std::string_view channel) { return "channel/" + std::string(channel); }

std::string channel_row(const channel_spec& spec, const head& newest, std::string_view id) {
  std::string filter;
  for (const auto& one : spec.include) filter += "+" + one.text() + "\n";
  for (const auto& one : spec.exclude) filter += "-" + one.text() + "\n";
  return fmt::format("{} {} {} {} {:016x}", id, to_string(newest.lineage.value), newest.epoch.value,
                     newest.sequence.value, id_of_path_text(filter).value);
}

result<generation_row> decode_generation_row(std::string_view bytes, const hasher& hash) {
  GRAPHITE_TRY(auto file, decode_head(as_bytes(bytes), hash));
  return generation_row{std::move(file.value), file.root};
}

}  // namespace graphite
