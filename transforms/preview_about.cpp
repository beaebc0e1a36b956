#include "core/record_codec.hpp"
#include "transforms/preview.hpp"

namespace graphite {

namespace {

constexpr std::uint32_t number_max = 0xffff'ffff;

}  // namespace

std::string_view name_of(preview_kind kind) {
  switch (kind) {
    case preview_kind::texture:
      return "texture";
    case preview_kind::mesh:
      return "mesh";
    case preview_kind::sound:
      return "sound";
  }
  return "";
}

std::string encode(const preview_about& about) {
  record_writer out;
  out.byte(static_cast<std::uint8_t>(about.kind));
  out.number(about.width);
  out.number(about.height);
  out.number(about.levels);
  return out.take();
}

result<preview_about> decode_preview_about(std::string_view bytes) {
  record_reader in(bytes);
  preview_about out;
  const auto kind = in.byte();
  out.kind = static_cast<preview_kind>(kind);
  out.width = static_cast<std::uint32_t>(in.number_up_to(number_max));
  out.height = static_cast<std::uint32_t>(in.number_up_to(number_max));
  out.levels = static_cast<std::uint32_t>(in.number_up_to(number_max));
  if (!in.ok() || !in.at_end() || kind > static_cast<std::uint8_t>(preview_kind::sound))
    return fail(errc::corrupt, "what a worker says of a picture makes no sense");
  return out;
}

}  // namespace graphite
