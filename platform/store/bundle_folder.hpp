#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "bundle/head_codec.hpp"
#include "bundle/index_tree.hpp"
#include "bundle/page_file.hpp"
#include "platform/store/mapped_segment.hpp"

namespace graphite {

struct bundle_folder_options {
  std::string folder;                      ///< made where it is missing
  std::string segments;                    ///< where the link `segments` leads, relative to the folder; empty: no link
  std::uint64_t page_file_bytes_max = 256 * MiB;  ///< a batch that begins beyond goes to a new file
};

/// One channel's bundle on disk: the file `head`, index pages, and a link to the segments.
///
/// write() appends the pages that no file has yet, syncs, and replaces the head: a crash leaves the old
/// head with its pages, and what was appended beyond is overwritten by the next batch. One writer;
/// reading is thread-safe. Mapped pages stay valid while anybody holds them.
class bundle_folder final : public page_source {
 public:
  /// Errors: corrupt, newer_version (the head), permission_denied, io.
  static result<std::shared_ptr<bundle_folder>> open(bundle_folder_options options, const hasher& hash);

  /// What the head file says; nothing where there was none.
  const std::optional<head_file>& newest() const { return newest_; }

  /// Durable when it returns; gives where the root page lies. `find` tells where contents lie.
  /// Errors: out_of_space (the old head stands), io.
  result<page_location> write(const index_tree& tree, const head& now, const extent_lookup& find);

  result<stored_page> load(const digest& id, page_location hint) const override;

 private:
  bundle_folder(bundle_folder_options options, const hasher& hash) : options_(std::move(options)), hash_(hash) {}
  result<void> read_head();
  result<void> find_tail();
  result<std::shared_ptr<const mapped_segment>> map(std::uint32_t number) const;
  result<void> append(const page_batch& batch);
  result<void> begin_file();
  std::string path_of(std::uint32_t number) const;

  bundle_folder_options options_;
  const hasher& hash_;
  std::optional<head_file> newest_;
  std::vector<std::uint32_t> files_;  ///< ascending; the last is appended to
  std::uint64_t tail_ = 0;            ///< of the last file
  mutable std::mutex mutex_;
  mutable std::map<std::uint32_t, std::shared_ptr<const mapped_segment>> maps_;
};

}  // namespace graphite
