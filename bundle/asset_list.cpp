#include "bundle/asset_list.hpp"

#include "core/record_codec.hpp"

namespace graphite {

namespace {

constexpr std::uint8_t asset_list_version = 1;
/// Of one asset: two lengths and a path, a content. A count that the bytes cannot hold is refused early.
constexpr std::size_t asset_bytes_min = 1 + 1 + 1 + 33 + 1;

tl::unexpected<error> no_asset_list() { return fail(errc::corrupt, "a damaged list of assets"); }

/// Ids ascend, so that one list has one encoding.
std::vector<asset_id> read_references(record_reader& in) {
  std::vector<asset_id> out;
  const auto count = in.number_up_to(asset_record::references_max);
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) {
    const asset_id one{in.number()};
    if (!out.empty() && !(out.back() < one)) in.fault();
    out.push_back(one);
  }
  return out;
}

result<asset_record> read_asset(record_reader& in) {
  auto path = logical_path::parse(in.bytes(logical_path::bytes_max));
  if (!in.ok() || !path) return no_asset_list();
  asset_record out{std::move(*path), {}, {}};
  for (auto& part : in.contents(asset_record::parts_max)) out.parts.push_back({part, part_codec::raw, {}});
  out.references = read_references(in);
  if (!in.ok() || out.parts.empty()) return no_asset_list();
  return out;
}

}  // namespace

byte_vector encode_asset_list(const std::vector<asset_record>& assets) {
  record_writer out;
  out.byte(asset_list_version);
  out.number(assets.size());
  for (const auto& one : assets) {
    out.bytes(one.path.str());
    out.number(one.parts.size());
    for (const auto& part : one.parts) out.content(part.content);
    out.number(one.references.size());
    for (const auto& reference : one.references) out.number(reference.value);
  }
  const auto text = as_bytes(out.text());
  return {text.begin(), text.end()};
}

result<std::vector<asset_record>> decode_asset_list(byte_span bytes, const asset_list_limits& limits) {
  record_reader in(as_text(bytes));
  const auto version = in.byte();
  if (version > asset_list_version)
    return fail(errc::newer_version, "a list of assets that a newer program wrote: upgrade this one");
  if (version != asset_list_version) return no_asset_list();
  const auto count = in.number();
  if (count > limits.assets_max) return fail(errc::too_large, "a list of more assets than are allowed");
  if (count > bytes.size() / asset_bytes_min) return no_asset_list();
  std::vector<asset_record> out;
  out.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    GRAPHITE_TRY(auto one, read_asset(in));
    if (!out.empty() && !(out.back().path < one.path)) return no_asset_list();
    out.push_back(std::move(one));
  }
  if (!in.ok() || !in.at_end()) return no_asset_list();
  return out;
}

}  // namespace graphite
