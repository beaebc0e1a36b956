#pragma once

#include <sys/stat.h>

#include <map>
#include <mutex>
#include <string>

#include "bundle/bundle_files.hpp"
#include "platform/store/mapped_segment.hpp"

namespace graphite {

/// Anonymous memory of whole pages, given back to the system with its last owner. Null where there is none.
std::shared_ptr<std::byte> zero_pages(std::uint64_t bytes);

/// A bundle folder that another process, or a writer in this one, keeps up to date. Maps files with room to
/// grow and shares the mappings between generations; at most one for each file of the newest head is kept
/// here beyond what generations hold. Thread-safe.
class mapped_bundle_folder final : public bundle_files {
 public:
  explicit mapped_bundle_folder(std::string folder) : folder_(std::move(folder)) {}

  result<byte_vector> head() const override;
  result<std::vector<byte_vector>> earlier_heads() const override;
  result<mapping> page_file(std::uint32_t number) const override;
  result<std::vector<segment_id>> segments() const override;
  /// Its links first, then where a channel's store has them.
  result<mapping> segment(segment_id id) const override;
  std::shared_ptr<std::byte> zeros(std::uint64_t bytes) const override { return zero_pages(bytes); }

 private:
  struct known_file {
    std::weak_ptr<const mapped_segment> view;
    std::uint64_t bytes = 0;              ///< mapped
    std::uint64_t device = 0, inode = 0;  ///< a name may come to stand for another file
    std::shared_ptr<const mapped_segment> of(const struct stat& now, std::uint64_t bytes_min) const;
  };
  const std::string folder_;
  mutable std::mutex mutex_;
  mutable std::map<std::uint32_t, known_file> pages_, segments_;
};

/// A `.grph` file: its own page file 1 and segment 1. Immutable.
class mapped_bundle_file final : public bundle_files {
 public:
  /// Errors: not_found, corrupt (shorter than header and head), newer_version, io.
  static result<std::shared_ptr<const bundle_files>> open(const std::string& path);

  result<byte_vector> head() const override;
  result<std::vector<byte_vector>> earlier_heads() const override { return std::vector<byte_vector>(); }
  result<mapping> page_file(std::uint32_t number) const override;
  result<std::vector<segment_id>> segments() const override { return std::vector{segment_id{1}}; }
  result<mapping> segment(segment_id id) const override;
  std::shared_ptr<std::byte> zeros(std::uint64_t bytes) const override { return zero_pages(bytes); }

 private:
  explicit mapped_bundle_file(std::shared_ptr<const mapped_segment> file) : file_(std::move(file)) {}
  std::shared_ptr<const mapped_segment> file_;
};

/// The folder or file at `path`. Errors: as the constructors'; not_found.
result<std::shared_ptr<const bundle_files>> map_bundle(const std::string& path);

}  // namespace graphite
