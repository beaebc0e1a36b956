#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace graphite {

/// The contents that a view's results name, shown by a channel or not: actions may read them. Pure.
///
/// Memory: the names of the changes that are not folded yet (engine_options::delta_rows_max rows).
class result_contents {
 public:
  using visitor = std::function<void(const digest&)>;

  /// A row of table::graph; in order of their keys, so that changes not folded yet come first: they win.
  /// Calls `visit` for the contents of folded results. A damaged row names nothing: what was in it is built
  /// again. Errors: newer_version.
  result<void> see(std::string_view key, std::string_view row, const visitor& visit);
  /// The contents of the changes; last.
  void finish(const visitor& visit) const;

 private:
  std::map<std::string, std::vector<digest>, std::less<>> changed_;  ///< by main input; the last change's
};

}  // namespace graphite
