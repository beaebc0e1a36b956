#pragma once

#include <optional>
#include <vector>

#include "core/content.hpp"
#include "core/logical_path.hpp"
#include "core/ports/file_reader.hpp"
#include "core/scanned_reference.hpp"

namespace graphite {

/// What is known of a source file's present bytes.
struct source_state {
  content_ref content;
  stat_signature signature;
  std::vector<scanned_reference> references;
};

struct source_change {
  logical_path path;
  std::optional<source_state> now;  ///< absent: the file is gone
};

}  // namespace graphite
