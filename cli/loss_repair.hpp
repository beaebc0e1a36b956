#pragma once

#include <string>
#include <vector>

#include "cli/kept_archive.hpp"
#include "platform/store/segment_store.hpp"

namespace graphite {

/// After contents were lost and made again: the bundles' pages are written anew with their present places,
/// and the loss is forgotten. Where something that is shown is still missing nothing is done and its path is
/// the answer, else an empty text. To be called at rest, the journal folded. Blocks, O(assets) where
/// something is lost. Errors: those of the archives and the store.
result<std::string> repair_losses(segment_store& contents, const std::vector<kept_archive*>& archives);

}  // namespace graphite
