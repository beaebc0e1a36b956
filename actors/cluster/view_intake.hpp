#pragma once

#include <cstdint>
#include <functional>

#include "actors/facade.hpp"
#include "coordinator/cluster/view_sessions.hpp"

namespace graphite {

/// A coordinator's views that watchers feed. No call blocks; replies may come from any thread, also after
/// close(), when nobody hears them. A feeding is called by a number that is never given out again.
class view_intake {
 public:
  using feeding_id = std::uint64_t;

  virtual ~view_intake() = default;
  /// A watcher wants to feed the view; nobody else does. What was taken of it last, zero: nothing. Errors are
  /// told to it: the view cannot be fed.
  virtual void open(feeding_id which, view_feeding what, reply<content_ref> done) = 0;
  /// It does no more. Once of each that was opened well.
  virtual void close(feeding_id which) = 0;
  /// The view's next state; the one before has been judged. `judge` is called once with `accepted` (then it
  /// is what open() tells of the view), `refused` or `missing`, and later with `published` whenever it is.
  virtual void revise(feeding_id which, views::revised revision,
                      std::function<void(views::verdict)> judge) = 0;
};

}  // namespace graphite
