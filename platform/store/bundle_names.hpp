#pragma once

#include <fmt/format.h>

#include <set>

#include "bundle/head_codec.hpp"
#include "bundle/page_file.hpp"

/// \file Private to the bundle folder: what its parts share.

namespace graphite {

inline constexpr std::string_view old_head_prefix = "head-";

inline std::string old_head_name(const head& value) {
  return fmt::format("{}{:016x}-{:016x}", old_head_prefix, value.epoch.value, value.sequence.value);
}

/// The lookup that also notes which segments the pages point into.
inline extent_lookup noting(const extent_lookup& find, std::set<segment_id>& used) {
  return [&find, &used](const content_ref& content) {
    auto where = find(content);
    if (where) used.insert(where->segment);
    return where;
  };
}

}  // namespace graphite
