#pragma once

#include <functional>
#include <span>

#include "cli/kept_archive.hpp"
#include "core/ports/key_value_store.hpp"

/// \file Which contents a project's state names. All functions block; any thread.

namespace graphite {

/// Gets them in steps of any size, some of them several times.
using content_marker = std::function<void(std::span<const digest>)>;

/// What the kept generations of a bundle show: the newest one as a whole, of the others what they show
/// differently. O(assets). Errors: those of kept_archive::kept.
result<void> mark_generations(kept_archive& archive, const content_marker& mark);
/// What the view's results name, shown or not. Ends early once it is `stopping`. Errors: newer_version, io.
result<void> mark_results(const key_value_store& rows, const content_marker& mark,
                          const std::function<bool()>& stopping);
/// What the action cache names. The same.
result<void> mark_cache(const key_value_store& rows, const content_marker& mark,
                        const std::function<bool()>& stopping);

}  // namespace graphite
