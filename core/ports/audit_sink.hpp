#pragma once

#include <string>

namespace graphite {

/// Something that somebody did.
struct audit_entry {
  std::string who;    ///< "uid 1000 (pid 4711)", "certificate ci (serial 17)", "channel key 7"
  std::string what;   ///< "publish", "rollback", "build", …: docs/security.md has them all
  std::string about;  ///< what it was done to
  bool rare = true;   ///< to be on the disk at once
};

/// Where it is written down for good. Thread-safe.
class audit_sink {
 public:
  virtual ~audit_sink() = default;
  /// Keeps the order of calls. A failure goes to the log, not to the caller: what was done is done.
  virtual void record(const audit_entry& entry) = 0;
};

}  // namespace graphite
