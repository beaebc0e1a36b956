#pragma once

#include <functional>
#include <vector>

#include "platform/store/segment_store.hpp"

namespace graphite {

/// Drops from a store all contents but those that `kept` says, and what is stored meanwhile: a round of the
/// store's collection, which copies out segments of which less than three quarters stay, so that the files
/// are little larger than what is kept. `kept` is called once the round has begun. One at a time. Blocks.
/// Errors: out_of_space (nothing is lost), io.
result<void> keep_only(segment_store& store, const std::function<std::vector<digest>()>& kept);

/// All contents of a store whose rows these are, ascending. Errors: io; those of `visit`'s rows are passed
/// over.
result<void> each_content(const key_value_store& rows, const std::function<void(const content_ref&)>& visit);

}  // namespace graphite
