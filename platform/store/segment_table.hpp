#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bundle/head_codec.hpp"
#include "platform/store/index_row.hpp"
#include "platform/store/mapped_segment.hpp"
#include "platform/store/segment_file.hpp"
#include "platform/store/segment_store.hpp"

namespace graphite {

/// One segment as the store knows it.
struct segment_entry {
  segment_row row;                             ///< as last written
  std::uint64_t bytes = 0;                     ///< of the file when it was opened or sealed
  std::shared_ptr<segment_file> file;          ///< while it may be appended to
  std::shared_ptr<const mapped_segment> view;  ///< once somebody read from it
  bool lost = false;                           ///< nothing in it can be read
  bool condemned = false;                      ///< being removed: nothing may refer to it any more
  bool retired = false;                        ///< copied out, but still pinned
};

/// The segments of a store. Not thread-safe: the store's mutex guards it.
class segment_table {
 public:
  segment_table(std::string folder, std::uint64_t segment_bytes)
      : folder_(std::move(folder)), segment_bytes_(segment_bytes) {}

  std::string path(segment_id id) const { return folder_ + "/" + segment_file_name(id); }
  segment_entry* find(segment_id id);
  std::map<segment_id, segment_entry>& all() { return entries_; }
  const std::map<segment_id, segment_entry>& all() const { return entries_; }

  /// Whether a content that a row places there can be expected to be readable.
  bool usable(const extent& where) const;
  /// Mapped, header checked. Errors: not_found, corrupt, newer_version; then it is lost.
  result<std::shared_ptr<const mapped_segment>> view(segment_id id);
  /// Nothing in it can be read any more.
  void lose(segment_id id, error why);
  /// Something is wrong with it; what lies before its end stays readable. Kept once a segment.
  void report(segment_id id, error why);
  const std::vector<lost_segment>& lost() const { return lost_; }
  /// How often something was lost or reported; only grows.
  std::uint64_t losses() const { return losses_; }
  /// Lost ones are none of ours any more, short ones as long as they are.
  void forget_lost();

 private:
  std::string folder_;
  std::uint64_t segment_bytes_;
  std::map<segment_id, segment_entry> entries_;
  std::vector<lost_segment> lost_;
  std::uint64_t losses_ = 0;
};

}  // namespace graphite
