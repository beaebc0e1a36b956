#include "platform/store/segment_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cerrno>

#include "bundle/byte_io.hpp"
#include "core/kill_point.hpp"
#include "core/path_text.hpp"
#include "platform/linux/durable_file.hpp"

namespace graphite {

result<std::shared_ptr<segment_file>> segment_file::create(const std::string& path,
                                                           const segment_header& header,
                                                           std::uint64_t capacity) {
  GRAPHITE_KILL_POINT("store.before_segment_create");
  owned_fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd) return fail_errno(errno, "create " + path);
  GRAPHITE_KILL_POINT("store.after_segment_create");
  auto written = write_fully(fd.get(), encode_segment_header(header), 0, "write " + path);
  GRAPHITE_KILL_POINT("store.after_header_write");
  if (written) written = sync_folder(std::string(folder_of(path)));
  if (!written) {
    ::unlink(path.c_str());
    return tl::unexpected(written.error());
  }
  GRAPHITE_KILL_POINT("store.after_folder_sync");
  return std::shared_ptr<segment_file>(
      new segment_file(path, header.id, std::move(fd), segment_header_bytes, capacity, true));
}

result<std::shared_ptr<segment_file>> segment_file::reopen(const std::string& path, segment_id id,
                                                           std::uint64_t tail, std::uint64_t capacity,
                                                           bool durable) {
  owned_fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno(errno, "stat " + path);
  if (static_cast<std::uint64_t>(info.st_size) > tail && ::ftruncate(fd.get(), static_cast<off_t>(tail)) != 0)
    return fail_errno(errno, "cut " + path);
  return std::shared_ptr<segment_file>(new segment_file(path, id, std::move(fd), tail, capacity, !durable));
}

/// Best effort: without it writing is slower, and a full disk shows when it is written to.
void segment_file::preallocate(std::uint64_t end) {
  if (end <= allocated_ || reserve_bytes_max_ == 0) return;
  const auto ahead =
      std::min(std::clamp(allocated_, preallocation_bytes_min, preallocation_bytes_max), reserve_bytes_max_);
  const auto wanted = std::min(std::max(end, allocated_ + ahead), std::max(end, capacity_));
  const auto done = ::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(allocated_),
                                static_cast<off_t>(wanted - allocated_));
  allocated_ = done == 0 ? wanted : end;
}

result<void> segment_file::take(const segment_place& place, const segment_record& record, byte_span data) {
  auto bytes = encode_segment_record(record, id_, place.header_offset);
  if (record.content.size < extent_alignment) byte_writer(bytes).bytes(data);
  GRAPHITE_KILL_POINT("store.before_segment_write");
  auto written = write_fully(fd_.get(), bytes, place.header_offset, "write " + path_);
  if (!written) {
    // A part may have arrived: cut it off, nobody has seen it.
    (void)!::ftruncate(fd_.get(), static_cast<off_t>(place.header_offset));
    allocated_ = tail_;
  }
  return written;
}

result<std::optional<segment_place>> segment_file::reserve(const segment_record& record, byte_span data) {
  std::lock_guard lock(mutex_);
  const auto place = next_placement(tail_, record.content.size);
  if (place.end > capacity_) return std::nullopt;
  preallocate(place.end);
  GRAPHITE_CHECK(take(place, record, data));
  dirty_.store(true);
  tail_ = place.end;
  unfinished_.insert(place.header_offset);
  return place;
}

result<void> segment_file::write(byte_span bytes, std::uint64_t offset) {
  GRAPHITE_KILL_POINT("store.before_extent_write");
  auto written = write_fully(fd_.get(), bytes, offset, "write " + path_);
  GRAPHITE_KILL_POINT("store.after_extent_write");
  dirty_.store(true);
  const auto before = written_bytes_.fetch_add(bytes.size());
  // Only a hint: where it fails, sync() writes everything, and says what is wrong.
  if (before / write_back_bytes != (before + bytes.size()) / write_back_bytes)
    (void)::sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  return written;
}

result<void> segment_file::read(std::span<std::byte> out, std::uint64_t offset) const {
  return read_fully(fd_.get(), out, offset, "read " + path_);
}

result<void> segment_file::write_header(const segment_place& place, const segment_record& record) {
  return write(encode_segment_record(record, id_, place.header_offset), place.header_offset);
}

result<void> segment_file::reach(const segment_place& place) {
  std::lock_guard lock(mutex_);
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) return fail_errno(errno, "stat " + path_);
  if (static_cast<std::uint64_t>(info.st_size) >= place.end) return {};
  if (::ftruncate(fd_.get(), static_cast<off_t>(place.end)) != 0)
    return fail_errno(errno, "lengthen " + path_);
  return {};
}

void segment_file::finish(const segment_place& place) {
  std::lock_guard lock(mutex_);
  unfinished_.erase(place.header_offset);
}

void segment_file::give_up(const segment_place& place, std::uint64_t size) {
  std::lock_guard lock(mutex_);
  unfinished_.erase(place.header_offset);
  if (place.end == tail_ && ::ftruncate(fd_.get(), static_cast<off_t>(place.header_offset)) == 0) {
    tail_ = allocated_ = place.header_offset;
    return;
  }
  // Where this write fails, the data's checksum does not match, which is as good.
  (void)write_header(place, segment_record{segment_record_kind::reserved, {digest{}, size}, 0});
}

std::uint64_t segment_file::mark() const {
  std::lock_guard lock(mutex_);
  return unfinished_.empty() ? tail_ : *unfinished_.begin();
}

std::uint64_t segment_file::tail() const {
  std::lock_guard lock(mutex_);
  return tail_;
}

bool segment_file::busy() const {
  std::lock_guard lock(mutex_);
  return !unfinished_.empty();
}

bool segment_file::fills(std::uint64_t header_offset) const {
  std::lock_guard lock(mutex_);
  return unfinished_.contains(header_offset);
}

result<void> segment_file::sync() {
  if (!dirty_.exchange(false)) return {};
  GRAPHITE_KILL_POINT("store.before_segment_sync");
  if (::fdatasync(fd_.get()) != 0) {
    dirty_.store(true);
    return fail_errno(errno, "sync " + path_);
  }
  GRAPHITE_KILL_POINT("store.after_segment_sync");
  return {};
}

bool segment_file::is_linked() const {
  struct stat info {};
  return ::fstat(fd_.get(), &info) == 0 && info.st_nlink > 0;
}

void segment_file::trim() {
  std::lock_guard lock(mutex_);
  if (allocated_ > tail_ && ::ftruncate(fd_.get(), static_cast<off_t>(tail_)) == 0) allocated_ = tail_;
}

result<void> segment_file::seal() {
  GRAPHITE_KILL_POINT("store.before_seal");
  // The file may end a few bytes before the tail; its length is part of what the rows say.
  if (::ftruncate(fd_.get(), static_cast<off_t>(tail())) != 0) return fail_errno(errno, "cut " + path_);
  if (::fchmod(fd_.get(), 0444) != 0) return fail_errno(errno, "chmod " + path_);
  GRAPHITE_KILL_POINT("store.before_seal_sync");
  if (::fdatasync(fd_.get()) != 0) return fail_errno(errno, "sync " + path_);
  GRAPHITE_KILL_POINT("store.after_seal");
  return {};
}

}  // namespace graphite
