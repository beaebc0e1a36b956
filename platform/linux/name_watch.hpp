#pragma once

#include <string>

#include "core/units.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// Waits for a name in a folder to come to stand for something else, by a rename or a closed write.
///
/// The folder may be missing, vanish and come back; while it is not there it is looked for often. What
/// happens where inotify sees nothing (a network file system) is the caller's to look for, after a timeout.
/// One thread waits; wake() may be called by any.
class name_watch {
 public:
  enum class reason : std::uint8_t { changed, timeout, woken };

  name_watch(std::string folder, std::string name);

  /// At most `timeout`. `changed` may come without a change, never the other way round.
  reason wait(duration timeout);
  void wake() noexcept;

 private:
  void watch();
  bool read_events();

  const std::string folder_, name_;
  owned_fd inotify_, wake_;
  int watch_ = -1;
};

}  // namespace graphite
