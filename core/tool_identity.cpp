#include "core/tool_identity.hpp"

#include <algorithm>

namespace graphite {

namespace {

/// Fields with their lengths, so that no two lists of fields give equal bytes.
class field_bytes {
 public:
  explicit field_bytes(std::string_view kind) { add(kind); }
  void add(std::string_view field) {
    for (std::uint64_t size = field.size(), i = 0; i < 8; ++i) text_ += static_cast<char>(size >> (8 * i));
    text_ += field;
  }
  digest hashed(const hasher& hash) const { return hash.sha256(as_bytes(text_)); }

 private:
  std::string text_;
};

std::string without_trailing_space(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    out.append(line.substr(0, line.find_last_not_of(" \t\r") + 1));
    out += '\n';
    at = end + 1;
  }
  out.resize(out.find_last_not_of('\n') + 1);
  return out;
}

}  // namespace

digest content_tool_identity(const tool_spec& spec, std::span<const tool_file> files, const hasher& hash) {
  field_bytes fields("graphite content tool 1");
  fields.add(spec.name);
  for (const auto& file : files) {
    fields.add(file.path);
    fields.add(as_text(as_bytes(file.bytes)));
  }
  return fields.hashed(hash);
}

digest machine_tool_identity(const tool_spec& spec, std::string_view out, std::string_view err,
                             const hasher& hash) {
  field_bytes fields("graphite machine tool 1");
  fields.add(spec.name);
  for (const auto& argument : spec.version_argv) fields.add(argument);
  fields.add("");  // argv ends
  fields.add(without_trailing_space(out));
  fields.add(without_trailing_space(err));
  return fields.hashed(hash);
}

}  // namespace graphite
