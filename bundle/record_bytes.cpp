#include "bundle/record_bytes.hpp"

#include "bundle/byte_io.hpp"

namespace graphite {

byte_vector encode_record(const asset_record& record, const hasher& hash) {
  const encoded_asset asset = encode_asset(record, hash);
  const byte_vector page = encode_leaf(0, {asset.entry});
  byte_vector out;
  byte_writer to(out);
  to.number(static_cast<std::uint32_t>(page.size()));
  to.bytes(page);
  to.bytes(asset.record);
  return out;
}

result<asset_record> decode_record(byte_span bytes, const hasher& hash) {
  byte_reader from(bytes);
  const byte_span page = from.bytes(from.number<std::uint32_t>());
  if (!from.ok()) return fail(errc::corrupt, "an asset record that ends early");
  GRAPHITE_TRY(const auto decoded, decode_page(page));
  const auto* leaf = std::get_if<leaf_page>(&decoded);
  if (!leaf || leaf->depth != 0 || leaf->offsets.size() != 1)
    return fail(errc::corrupt, "not one asset record");
  const leaf_entry entry = entry_at(page, leaf->offsets[0]);
  const byte_span blob = from.rest();
  if (!entry.external) {
    if (!blob.empty()) return fail(errc::corrupt, "an asset record with loose bytes");
    return decode_asset(entry, entry.body, hash);
  }
  if (hash.sha256(blob) != entry.record) return fail(errc::corrupt, "an asset record fails its digest");
  return decode_asset(entry, blob, hash);
}

}  // namespace graphite
