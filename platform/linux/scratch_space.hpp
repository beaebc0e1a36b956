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
/// Thread-safe. The owner of the state folder's lock is its only user: make() removes what a killed
/// predecessor left. Folders must go before the space does.
class disk_scratch_space final : public scratch_space {
 public:
  static constexpr std::size_t folders_max = 4096;

  /// Creates `root` (absolute) and empties it. Errors: permission_denied, io.
  static result<std::unique_ptr<disk_scratch_space>> make(std::string root);
  ~disk_scratch_space() override;

  result<std::unique_ptr<scratch_folder>> create() override;

 private:
  class folder;
  disk_scratch_space(std::string root, owned_fd fd) : root_(std::move(root)), root_fd_(std::move(fd)) {}
  result<std::size_t> take_number();
  void give_back(std::size_t number);

  std::string root_;
  owned_fd root_fd_;
  std::mutex mutex_;
  std::set<std::size_t> used_;
};

}  // namespace graphite
