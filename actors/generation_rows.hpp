#pragma once

#include <string>
#include <string_view>

#include "bundle/head.hpp"
#include "bundle/page_source.hpp"
#include "core/ports/hasher.hpp"
#include "core/project.hpp"

/// \file Rows of table::journal and table::generations, and the two of table::meta that say whether the
/// graph's rows and a channel belong together. Pure.

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

/// The newest publication whose assets the graph's rows call shown: committed with them.
inline constexpr std::string_view publication_row_key = "publication";
/// One a channel: what channel_row() gives, committed with each of its generations.
std::string channel_row_key(std::string_view channel);
/// The channel, as `spec` has it, shows with `newest` the publication `id` and all before it. Only compared.
std::string channel_row(const channel_spec& spec, const head& newest, std::string_view id);

}  // namespace graphite
