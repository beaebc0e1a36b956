#pragma once

#include <span>

#include "platform/store/segment_store.hpp"

namespace graphite {

/// Drops from a node's cache all contents but `kept`, and what is stored meanwhile: a round of the store's
/// collection, which copies out segments of which less than three quarters stay, so that the files are little
/// larger than what is kept. One at a time. Blocks. Errors: out_of_space (nothing is lost), io.
result<void> keep_only(segment_store& cache, std::span<const digest> kept);

}  // namespace graphite
