#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/config/project_file.hpp"

namespace graphite {

/// Where something stands in the text of a project file; lines and columns from 1, columns in characters.
struct text_place {
  std::uint32_t line = 1, column = 1;
  std::uint32_t width = 1;
};

/// Collects the mistakes of one project file, each with its line. Keeps project_mistakes_max of them.
class mistake_list {
 public:
  /// `text` must outlive the list.
  mistake_list(std::string file, std::string_view text);

  void add(text_place place, std::string what, std::string meant = {});
  bool empty() const { return mistakes_.empty(); }
  source_location location(text_place place) const { return {file_, place.line, place.column}; }
  /// Ascending by place.
  std::vector<project_mistake> take();

 private:
  std::string file_;
  std::vector<std::string_view> lines_;
  std::vector<project_mistake> mistakes_;
};

}  // namespace graphite
