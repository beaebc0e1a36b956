#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/error.hpp"
#include "core/messages/jobs.hpp"
#include "core/rate_limit.hpp"

namespace graphite {

/// What one tenant may have at once.
struct job_quota {
  std::uint32_t open_max = 2'000;                 ///< jobs that are not over: `busy`
  std::uint64_t request_bytes_max = 32 * MiB;     ///< of their requests: `busy`
  std::uint64_t upload_bytes_max = 256 * GiB;     ///< that they were told to upload: `too_large`
  std::uint64_t upload_contents_max = 1'000'000;  ///< the same, in contents
  event_rate submits{50, 200};                    ///< of new jobs: `busy`
  std::uint32_t kept_max = 1'000;                 ///< jobs that are over: the oldest are forgotten
  std::uint64_t kept_bytes_max = 32 * MiB;        ///< of their rows
};

/// What the jobs of each tenant take of its quota. Pure; one thread. A tenant without jobs that has not
/// submitted for a while is forgotten; at most `tenants_max` are known.
class tenant_table {
 public:
  tenant_table(const job_quota& quota, std::size_t tenants_max) : quota_(quota), tenants_max_(tenants_max) {}

  /// Takes a place for a new job. Errors: busy; the context says what to do.
  result<void> enter(const std::string& tenant, std::uint64_t request_bytes, time_point now);
  /// The same, of a job that was accepted before: never refused.
  void enter_again(const std::string& tenant, std::uint64_t request_bytes);
  /// It is over, and keeps `row_bytes`; or, with none, is forgotten as if it had never been.
  void leave(const std::string& tenant, job_id job, std::uint64_t request_bytes, std::uint64_t row_bytes);
  /// The kept job to be forgotten next, where there are too many: forget() it.
  std::optional<job_id> one_too_many(const std::string& tenant) const;
  void forget(const std::string& tenant, job_id job, std::uint64_t row_bytes);

  /// Adds to what a tenant's jobs upload; nothing where it is refused. Errors: too_large.
  result<void> add_uploads(const std::string& tenant, std::uint64_t contents, std::uint64_t bytes);
  void drop_uploads(const std::string& tenant, std::uint64_t contents, std::uint64_t bytes);
  std::uint64_t upload_bytes_left(const std::string& tenant) const;

  std::uint32_t open_of(const std::string& tenant) const;
  std::size_t size() const { return tenants_.size(); }

 private:
  struct use {
    explicit use(event_rate rate) : submits(rate) {}
    std::uint32_t open = 0;
    std::uint64_t request_bytes = 0, upload_bytes = 0, upload_contents = 0, kept_bytes = 0;
    std::set<job_id> kept;  ///< ascending: about in the order in which they were accepted
    rate_limit submits;
  };
  use* find(const std::string& tenant);
  const use* find(const std::string& tenant) const;
  result<use*> find_or_make(const std::string& tenant, time_point now);

  job_quota quota_;
  std::size_t tenants_max_;
  std::map<std::string, use> tenants_;
};

}  // namespace graphite
