#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "core/ports/scratch_space.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// Scratch folders below one folder of the state folder: `ROOT/N/work` and `ROOT/N/tmp`, lowest free N, so
/// that names are few and repeat (a tool that writes its working folder into its output does so alike).
///
/// Emptied folders are used again: on ext4 making and removing one costs 0.1 ms.
///
/// Thread-safe. The owner of the state folder's lock is its only user: make() removes what a killed
/// predecessor left. Folders must go before the space does.
class disk_scratch_space final : public scratch_space {
 public:
  /// What scratch_folder says of folders on something smaller than a disk.
  struct limits {
    std::uint64_t file_bytes_max = 0;  ///< zero: none
    std::uint64_t free_bytes_low = 0;  ///< less free than this is short of space
  };
  static constexpr std::size_t folders_max = 4096;

  /// Creates `root` (absolute) and empties it. Errors: permission_denied, io.
  static result<std::unique_ptr<disk_scratch_space>> make(std::string root, limits within);
  static result<std::unique_ptr<disk_scratch_space>> make(std::string root) {
    return make(std::move(root), limits{});
  }
  ~disk_scratch_space() override;

  using scratch_space::create;
  result<std::unique_ptr<scratch_folder>> create(const scratch_need& need) override;

 private:
  class folder;
  disk_scratch_space(std::string root, owned_fd fd, limits within)
      : root_(std::move(root)), root_fd_(std::move(fd)), limits_(within) {}
  struct place {
    std::size_t number = 0;
    bool ready = false;  ///< its folders exist and are empty
  };
  result<place> take_number();
  void give_back(std::size_t number, bool ready);
  bool remove_folder(const std::string& name);

  std::string root_;
  owned_fd root_fd_;
  limits limits_;
  std::mutex mutex_;
  std::set<std::size_t> used_, ready_;
};

}  // namespace graphite
