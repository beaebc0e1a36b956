#pragma once

#include <cstdint>
#include <string>

namespace graphite::bench {

/// Writes a bundle folder with `assets` assets below `folder`, which is there and empty. They share one
/// content of 100 bytes: what is measured with it is the index.
void write_large_bundle(const std::string& folder, std::size_t assets);
/// The logical path of one of them, 60 bytes.
std::string large_bundle_asset(std::size_t i);

}  // namespace graphite::bench
