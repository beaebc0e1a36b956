#include "coordinator/jobs/tenant_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace graphite {

tenant_table::use* tenant_table::find(const std::string& tenant) {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? nullptr : &found->second;
}

const tenant_table::use* tenant_table::find(const std::string& tenant) const {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? nullptr : &found->second;
}

result<tenant_table::use*> tenant_table::find_or_make(const std::string& tenant, time_point now) {
  if (auto* known = find(tenant)) return known;
  const auto idle = [now](const auto& one) {
    return one.second.open == 0 && one.second.kept.empty() && one.second.submits.full(now);
  };
  if (tenants_.size() >= tenants_max_) std::erase_if(tenants_, idle);
  if (tenants_.size() >= tenants_max_)
    return fail(errc::busy,
                fmt::format("this coordinator has jobs of {} tenants, and takes no more", tenants_max_));
  return &tenants_.emplace(tenant, use(quota_.submits)).first->second;
}

result<void> tenant_table::enter(const std::string& tenant, std::uint64_t request_bytes, time_point now) {
  GRAPHITE_TRY(auto* const of, find_or_make(tenant, now));
  if (of->open >= quota_.open_max)
    return fail(errc::busy, fmt::format("{} has {} jobs that are not over: wait for some, or cancel them",
                                        tenant, of->open));
  if (of->request_bytes + request_bytes > quota_.request_bytes_max)
    return fail(errc::busy, fmt::format("the requests of {}'s jobs take more than {} MiB: wait for some",
                                        tenant, quota_.request_bytes_max / MiB));
  if (!of->submits.take(now)) {
    const auto wait = std::chrono::ceil<milliseconds>(of->submits.wait(now));
    return fail(errc::busy, fmt::format("{} submits too often: again in {} ms", tenant, wait.count()));
  }
  ++of->open;
  of->request_bytes += request_bytes;
  return {};
}

void tenant_table::enter_again(const std::string& tenant, std::uint64_t request_bytes) {
  auto& of = tenants_.try_emplace(tenant, quota_.submits).first->second;
  ++of.open;
  of.request_bytes += request_bytes;
}

void tenant_table::leave(const std::string& tenant, job_id job, std::uint64_t request_bytes,
                         std::uint64_t row_bytes) {
  auto* const of = find(tenant);
  GRAPHITE_INVARIANT(of != nullptr && of->open > 0 && of->request_bytes >= request_bytes);
  --of->open;
  of->request_bytes -= request_bytes;
  if (row_bytes == 0) return;
  of->kept.insert(job);
  of->kept_bytes += row_bytes;
}

std::optional<job_id> tenant_table::one_too_many(const std::string& tenant) const {
  const auto* const of = find(tenant);
  if (of == nullptr || of->kept.empty()) return {};
  if (of->kept.size() <= quota_.kept_max && of->kept_bytes <= quota_.kept_bytes_max) return {};
  return *of->kept.begin();
}

void tenant_table::forget(const std::string& tenant, job_id job, std::uint64_t row_bytes) {
  auto* const of = find(tenant);
  GRAPHITE_INVARIANT(of != nullptr && of->kept.erase(job) == 1 && of->kept_bytes >= row_bytes);
  of->kept_bytes -= row_bytes;
}

result<void> tenant_table::add_uploads(const std::string& tenant, std::uint64_t contents,
                                       std::uint64_t bytes) {
  auto* const of = find(tenant);
  GRAPHITE_INVARIANT(of != nullptr);
  if (bytes > quota_.upload_bytes_max - std::min(of->upload_bytes, quota_.upload_bytes_max))
    return fail(errc::too_large, fmt::format("{}'s jobs would upload more than {} MiB at once: wait for some",
                                             tenant, quota_.upload_bytes_max / MiB));
  if (of->upload_contents + contents > quota_.upload_contents_max)
    return fail(errc::too_large, fmt::format("{}'s jobs would upload more than {} contents at once", tenant,
                                             quota_.upload_contents_max));
  of->upload_bytes += bytes;
  of->upload_contents += contents;
  return {};
}

void tenant_table::drop_uploads(const std::string& tenant, std::uint64_t contents, std::uint64_t bytes) {
  auto* const of = find(tenant);
  GRAPHITE_INVARIANT(of != nullptr && of->upload_bytes >= bytes && of->upload_contents >= contents);
  of->upload_bytes -= bytes;
  of->upload_contents -= contents;
}

std::uint64_t tenant_table::upload_bytes_left(const std::string& tenant) const {
  const auto* const of = find(tenant);
  if (of == nullptr) return quota_.upload_bytes_max;
  return quota_.upload_bytes_max - std::min(of->upload_bytes, quota_.upload_bytes_max);
}

std::uint32_t tenant_table::open_of(const std::string& tenant) const {
  const auto* const of = find(tenant);
  return of == nullptr ? 0 : of->open;
}

}  // namespace graphite
