#include "platform/mirror/record_log.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "core/checksum.hpp"
#include "core/kill_point.hpp"
#include "platform/linux/durable_file.hpp"

namespace graphite {
namespace {

constexpr std::size_t header_bytes = 16;  // length, checksum

void append_record(byte_vector& out, byte_span record) {
  const std::uint64_t length = record.size(), sum = checksum64(record);
  const std::size_t at = out.size();
  out.resize(at + header_bytes);
  std::memcpy(out.data() + at, &length, 8);
  std::memcpy(out.data() + at + 8, &sum, 8);
  out.insert(out.end(), record.begin(), record.end());
}

/// The record at the front of `rest`; empty optional: none that is whole.
std::optional<byte_span> first_record(byte_span rest) {
  if (rest.size() < header_bytes) return std::nullopt;
  std::uint64_t length = 0, sum = 0;
  std::memcpy(&length, rest.data(), 8);
  std::memcpy(&sum, rest.data() + 8, 8);
  if (length == 0 || length > record_log::record_bytes_max || length > rest.size() - header_bytes)
    return std::nullopt;
  const byte_span record = rest.subspan(header_bytes, length);
  if (checksum64(record) != sum) return std::nullopt;
  return record;
}

/// A write that did not come to its end: a record that says to go on behind the end of the file.
bool is_torn_end(byte_span rest) {
  if (rest.size() < header_bytes) return true;
  std::uint64_t length = 0;
  std::memcpy(&length, rest.data(), 8);
  return length > rest.size() - header_bytes && length <= record_log::record_bytes_max;
}

std::pair<byte_vector, std::vector<std::uint64_t>> join(const std::vector<byte_span>& records,
                                                        std::uint64_t tail) {
  byte_vector bytes;
  std::vector<std::uint64_t> offsets;
  for (const auto& record : records) {
    offsets.push_back(tail + bytes.size() + header_bytes);
    append_record(bytes, record);
  }
  return {std::move(bytes), std::move(offsets)};
}

}  // namespace

result<record_log> record_log::open(int folder, const std::string& name,
                                    const std::function<void(std::uint64_t, byte_span)>& visit) {
  owned_fd file(::openat(folder, name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return fail_errno(errno, "open " + name);
  record_log out(folder, name, std::move(file));
  GRAPHITE_CHECK(out.scan(visit));
  return out;
}

result<void> record_log::scan(const std::function<void(std::uint64_t, byte_span)>& visit) {
  struct stat info {};
  if (::fstat(file_.get(), &info) != 0) return fail_errno(errno, "stat " + name_);
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return {};
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file_.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno(errno, "map " + name_);
  const byte_span all(static_cast<const std::byte*>(mapped), size);
  while (const auto record = first_record(all.subspan(tail_))) {
    visit(tail_ + header_bytes, *record);
    tail_ += header_bytes + record->size();
  }
  damaged_ = tail_ < size && !is_torn_end(all.subspan(tail_));
  ::munmap(mapped, size);
  if (tail_ < size && ::ftruncate(file_.get(), static_cast<off_t>(tail_)) != 0)
    return fail_errno(errno, "truncate " + name_);
  return {};
}

result<std::vector<std::uint64_t>> record_log::append(const std::vector<byte_span>& records) {
  auto [bytes, offsets] = join(records, tail_);
  GRAPHITE_KILL_POINT("mirror.before_log_write");
  if (const auto written = write_fully(file_.get(), bytes, tail_, "write " + name_); !written) {
    [[maybe_unused]] const int cut = ::ftruncate(file_.get(), static_cast<off_t>(tail_));
    return tl::unexpected<error>(written.error());
  }
  GRAPHITE_KILL_POINT("mirror.after_log_write");
  tail_ += bytes.size();
  return std::move(offsets);
}

result<void> record_log::read(std::uint64_t offset, std::span<std::byte> out) const {
  return read_fully(file_.get(), out, offset, "read " + name_);
}

result<std::vector<std::uint64_t>> record_log::rewrite(const std::vector<byte_span>& records) {
  const std::string fresh_name = name_ + ".new";
  owned_fd fresh(::openat(folder_, fresh_name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fresh) return fail_errno(errno, "make " + fresh_name);
  auto [bytes, offsets] = join(records, 0);
  GRAPHITE_KILL_POINT("mirror.before_log_rewrite");
  GRAPHITE_CHECK(write_fully(fresh.get(), bytes, 0, "write " + fresh_name));
  GRAPHITE_KILL_POINT("mirror.after_log_rewrite");
  if (::fdatasync(fresh.get()) != 0) return fail_errno(errno, "sync " + fresh_name);
  GRAPHITE_KILL_POINT("mirror.before_log_rename");
  if (::renameat(folder_, fresh_name.c_str(), folder_, name_.c_str()) != 0)
    return fail_errno(errno, "rename " + fresh_name);
  GRAPHITE_KILL_POINT("mirror.after_log_rename");
  file_ = std::move(fresh);
  tail_ = bytes.size();
  return std::move(offsets);
}

}  // namespace graphite
