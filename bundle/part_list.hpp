#pragma once

#include <vector>

#include "core/content.hpp"
#include "core/ports/hasher.hpp"

namespace graphite {

/// Names an asset of several parts as one content: SHA-256 of the parts' digests and sizes, in order, under a
/// prefix that no chunk list has; its size is their sum. No store has it: the parts are what is stored.
content_ref content_of_parts(const std::vector<content_ref>& parts, const hasher& hash);

}  // namespace graphite
