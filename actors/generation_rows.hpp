#pragma once

#include <string>
#include <string_view>

#include "bundle/head.hpp"
#include "bundle/page_source.hpp"
#include "core/ports/hasher.hpp"

/// \file Rows of table::journal and table::generations. Pure.

namespace graphite {

/// Their key: channel, 0, sequence big-endian.
std::string generation_key(std::string_view channel, std::uint64_t sequence);
/// What the keys of all of a channel's generations begin with.
std::string generation_key_prefix(std::string_view channel);

/// What table::generations says of one generation.
struct generation_row {
  head now;
  page_location root;
};
std::string encode_generation_row(const generation_row& row, const hasher& hash);
/// Errors: corrupt, newer_version.
result<generation_row> decode_generation_row(std::string_view bytes, const hasher& hash);

}  // namespace graphite
