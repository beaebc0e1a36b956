#pragma once

#include <string>
#include <vector>

#include "transforms/built_in.hpp"

namespace graphite {

/// How a transform is told of on a terminal: what it does, its options, a rule to begin with. Lines.
std::string text_of(const transform_description& what);

/// docs/transforms.md: every transform with its options. Markdown.
std::string markdown_of(const std::vector<const transform_description*>& all);

}  // namespace graphite
