#pragma once

#include <vector>

#include "core/content.hpp"

namespace graphite {

/// What stores are to keep for somebody: contents as such, and those that other contents name. Any of them
/// may be told several times.
struct needed_contents {
  std::vector<digest> contents;
  std::vector<content_ref> trees;     ///< snapshots: their folders and files, too
  std::vector<content_ref> listings;  ///< lists of assets: all that the assets are, too
};

}  // namespace graphite
