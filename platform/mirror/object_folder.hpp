#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/content.hpp"
#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// Contents as read-only files named by their digest, each the only copy: first in `staging`, then,
/// once a generation shows it, in `objects`. A content of several chunks has its chunk list beside it.
/// One thread.
class object_folder {
 public:
  static result<object_folder> open(int home);

  bool has(const content_ref& content) const;
  /// Errors: out_of_space (what was cut off is given back then: later there may be room), io.
  result<void> put(const content_ref& content, byte_span bytes);

  /// A content that arrives in order. Dropped without finish() or forget() its bytes stay, if they are
  /// cut_off_bytes_min and more: begin() finds them.
  class writer {
   public:
    using names = std::set<std::string>;
    /// `open`: what others must leave alone.
    writer(int home, std::string name, owned_fd file, std::uint64_t left, std::shared_ptr<names> open);
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;
    ~writer();
    result<void> append(byte_span bytes);
    /// Of what was appended. Errors: io.
    result<void> read(std::uint64_t offset, std::span<std::byte> out) const;
    /// What an attempt before this one wrote at `offset`, from where append() is on; false: nothing. Anything
    /// may lie there.
    bool left_before(std::uint64_t offset, std::span<std::byte> out);
    /// `list` is kept beside it.
    result<void> finish(byte_span list);
    void forget();

   private:
    int home_;
    std::string name_;
    owned_fd file_;
    std::uint64_t tail_ = 0;
    std::uint64_t left_;  ///< bytes of the attempt before
    std::shared_ptr<names> open_;
  };
  static constexpr std::uint64_t cut_off_bytes_min = 1 << 20;  ///< less is fetched again as quickly
  static constexpr std::size_t cut_off_max = 8;                ///< the newest of former runs
  result<std::unique_ptr<writer>> begin(const content_ref& content);

  /// What finish() kept beside it.
  std::optional<byte_vector> list_of(const content_ref& content) const;
  result<void> read(const content_ref& content, std::uint64_t offset, std::span<std::byte> out) const;

  /// From staging to objects; nothing where it is there already. Errors: not_found.
  result<void> adopt(const content_ref& content);
  /// Relative to home, once adopted.
  static std::string object_name(const digest& id);
  /// Removes an object that nothing links to any more; whether it is gone.
  bool collect(const content_ref& content) const;
  /// Removes it wherever it is: its bytes are wrong.
  void quarantine(const content_ref& content) const;

  using checker = std::function<bool(const content_ref& content, byte_span bytes)>;
  /// True where the bytes on disk are right.
  bool check(const content_ref& content, const checker& good) const;
  /// Removes from staging what is not whole, but for what was cut off; what remains need not be fetched
  /// again.
  result<void> check_staging(const checker& good);
  /// Removes every object whose bytes are wrong; how many. Reads all of them.
  std::size_t check_objects(const checker& good) const;
  /// Empties staging but for what a writer is at. No system call where it is empty already.
  void clear_staging();
  result<void> sync(const std::vector<content_ref>& contents) const;

 private:
  explicit object_folder(int home) : home_(home) {}
  owned_fd open_any(const content_ref& content) const;
  void drop_old_parts(const std::vector<std::string>& names);

  int home_;
  std::size_t staged_max_ = 0;  ///< files in staging, never fewer
  std::shared_ptr<writer::names> open_ = std::make_shared<writer::names>();
};

}  // namespace graphite
