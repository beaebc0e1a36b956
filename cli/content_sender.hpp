#pragma once

#include <memory>
#include <vector>

#include "cli/snapshot_contents.hpp"
#include "cli/store_visit.hpp"

namespace graphite {

/// Brings contents of a snapshot to the stores that a coordinator names. One thread, which waits here.
class content_sender {
 public:
  struct ports {
    snapshot_contents& contents;  ///< that and what follows outlives it
    const hasher& hash;
    const clock_source& clock;
    log_sink& log;
  };
  /// Errors: io.
  static result<std::unique_ptr<content_sender>> make(const ports& with);

  /// With which it meets the stores: for job_session::missing.
  const curve_key& key() const { return visit_->key(); }
  /// Waits until each is durable in as many stores as it has to be. Errors: those of store_traffic::bring;
  /// busy (a file is not what it was when the snapshot was made).
  result<void> send(const missing_answer& by, const std::vector<content_ref>& contents);

 private:
  explicit content_sender(std::unique_ptr<store_visit> visit) : visit_(std::move(visit)) {}

  const std::unique_ptr<store_visit> visit_;
};

}  // namespace graphite
