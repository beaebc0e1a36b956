#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/ports/scratch_space.hpp"
#include "core/units.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/scratch_space.hpp"

namespace graphite {

struct memory_scratch_options {
  std::string shared = "/dev/shm";           ///< a tmpfs everybody may write to
  std::string owner;                         ///< what the folders are for: the state folder's path
  std::uint64_t input_bytes_max = 8 * MiB;   ///< attempts with more go to the disk
  std::uint64_t file_bytes_max = 64 * MiB;   ///< see scratch_folder
  std::uint64_t free_bytes_min = 256 * MiB;  ///< with less free, attempts go to the disk
  std::uint64_t free_bytes_low = 32 * MiB;   ///< with less free, what was written may be cut short
};

/// Scratch folders of small attempts in memory, of all others on the disk: on ext4 a small attempt's files
/// and folders cost more than its tool.
///
/// The folders lie in `SHARED/graphite-UID-HASH`, locked (flock) while this lives; what processes of this
/// user that are no more left in `SHARED` is removed by make(). Thread-safe. Invariant: nothing there is
/// used that belongs to another user or is a link.
class memory_scratch_space final : public scratch_space {
 public:
  /// Errors: unsupported, with why the folder cannot be used: no tmpfs, mounted noexec, another user's, held
  /// by another process. `disk` is then as it was.
  static result<std::unique_ptr<memory_scratch_space>> make(memory_scratch_options options,
                                                            std::unique_ptr<scratch_space>& disk);
  ~memory_scratch_space() override;

  using scratch_space::create;
  /// On the disk where `need` is too large, or memory is short.
  result<std::unique_ptr<scratch_folder>> create(const scratch_need& need) override;

 private:
  memory_scratch_space(memory_scratch_options options, std::string root, owned_fd lock)
      : options_(std::move(options)), root_(std::move(root)), lock_(std::move(lock)) {}
  bool fits(const scratch_need& need) const;

  memory_scratch_options options_;
  std::string root_;
  owned_fd lock_;  ///< of root_
  std::unique_ptr<disk_scratch_space> memory_;
  std::unique_ptr<scratch_space> disk_;
};

}  // namespace graphite
