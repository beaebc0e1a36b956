#pragma once

#include <vector>

#include "bundle/asset.hpp"
#include "core/error.hpp"

/// \file All assets that a build made, as one content that lies in stores: docs/formats/asset-list.md. Pure.
/// Whoever has it can fetch every part. Equal assets are equal bytes.

namespace graphite {

struct asset_list_limits {
  std::uint64_t assets_max = 4'000'000;
};

/// `assets` ascending by path, as check_record() takes them. Which chunk a small part is is not kept: a
/// reader has its list.
byte_vector encode_asset_list(const std::vector<asset_record>& assets);
/// Strict: one list has one encoding. Errors: corrupt, newer_version, too_large.
result<std::vector<asset_record>> decode_asset_list(byte_span bytes, const asset_list_limits& limits = {});

}  // namespace graphite
