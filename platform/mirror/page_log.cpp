#include "platform/mirror/page_log.hpp"

#include <cstring>

namespace graphite {

namespace {

constexpr std::size_t id_bytes = sizeof(digest::bytes);

byte_vector join(const digest& id, byte_span bytes) {
  byte_vector out(id_bytes + bytes.size());
  std::memcpy(out.data(), id.bytes.data(), id_bytes);
  if (!bytes.empty()) std::memcpy(out.data() + id_bytes, bytes.data(), bytes.size());
  return out;
}

}  // namespace

result<page_log> page_log::open(int folder, const std::string& name) {
  std::unordered_map<digest, place> where;
  GRAPHITE_TRY(auto log, record_log::open(folder, name, [&](std::uint64_t offset, byte_span record) {
                 if (record.size() <= id_bytes) return;
                 digest id;
                 std::memcpy(id.bytes.data(), record.data(), id_bytes);
                 where[id] = {offset + id_bytes, static_cast<std::uint32_t>(record.size() - id_bytes)};
               }));
  page_log out(std::move(log));
  out.where_ = std::move(where);
  return out;
}

result<byte_vector> page_log::read(const digest& id) const {
  const auto found = where_.find(id);
  if (found == where_.end()) return fail(errc::not_found, "no index page " + to_hex(id));
  byte_vector out(found->second.size);
  GRAPHITE_CHECK(log_->read(found->second.offset, out));
  return out;
}

result<void> page_log::append(const std::vector<page>& pages) {
  std::vector<byte_vector> records;
  std::vector<digest> ids;
  for (const auto& page : pages) {
    if (has(page.id)) continue;
    records.push_back(join(page.id, page.bytes));
    ids.push_back(page.id);
  }
  if (records.empty()) return {};
  GRAPHITE_TRY(const auto offsets, log_->append({records.begin(), records.end()}));
  for (std::size_t i = 0; i < ids.size(); ++i)
    where_[ids[i]] = {offsets[i] + id_bytes, static_cast<std::uint32_t>(records[i].size() - id_bytes)};
  return {};
}

result<void> page_log::compact(const std::vector<digest>& live) {
  std::uint64_t live_bytes = 0;
  for (const auto& id : live)
    if (const auto found = where_.find(id); found != where_.end())
      live_bytes += found->second.size + id_bytes + 16;
  if (log_->bytes() < 2 * live_bytes) return {};
  std::vector<byte_vector> records;
  std::vector<digest> ids;
  for (const auto& id : live) {
    auto bytes = read(id);
    if (!bytes) continue;
    records.push_back(join(id, *bytes));
    ids.push_back(id);
  }
  GRAPHITE_TRY(const auto offsets, log_->rewrite({records.begin(), records.end()}));
  where_.clear();
  for (std::size_t i = 0; i < ids.size(); ++i)
    where_[ids[i]] = {offsets[i] + id_bytes, static_cast<std::uint32_t>(records[i].size() - id_bytes)};
  return {};
}

}  // namespace graphite
