#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bundle/asset.hpp"
#include "bundle/head.hpp"
#include "core/content.hpp"
#include "core/error.hpp"

namespace graphite {

/// The highest head that was active of one lineage: heads at or below it are refused for good.
struct lineage_mark {
  lineage_id lineage;
  epoch_number epoch;
  sequence_number sequence;
  auto operator<=>(const lineage_mark&) const = default;
};

/// Everything a sink needs to show the next generation instead of the present one.
struct swap_plan {
  head now;
  byte_vector head_bytes;
  digest base_root;  ///< of the generation that `changes` start from: the one shown, or the empty one
  asset_changes changes;
  std::vector<asset_record> replaced;  ///< former records of changed and removed assets, ascending by path
  std::vector<lineage_mark> marks;     ///< `now` included; to be kept with it
};

/// One content on its way into a sink, in order. Dropped without finish() or forget(): a later attempt may
/// find its bytes.
class partial_content {
 public:
  virtual ~partial_content() = default;
  /// `bytes` are verified. Errors: out_of_space, io.
  virtual result<void> append(byte_span bytes) = 0;
  /// Of what was appended. The caller verifies what it reads. Errors: io.
  virtual result<void> read(std::uint64_t offset, std::span<std::byte> out) = 0;
  virtual result<void> finish() = 0;
  /// It is not wanted any more; no other call follows.
  virtual void forget() {}
  /// Of an attempt before this one, which was cut off: its bytes at `offset`, or anything else. False: there
  /// are none. The caller verifies what it gets.
  virtual bool left_before(std::uint64_t /*offset*/, std::span<std::byte> /*out*/) { return false; }
};

/// Where a runtime node keeps contents and shows generations. One thread.
class content_sink {
 public:
  virtual ~content_sink() = default;

  /// True where all bytes are here, verified once.
  virtual bool has(const content_ref& content) = 0;
  /// A content of at most one chunk, verified. Errors: out_of_space, io.
  virtual result<void> put(const content_ref& content, byte_span bytes) = 0;
  virtual result<std::unique_ptr<partial_content>> begin(const content_ref& content,
                                                         const chunk_list& list) = 0;
  /// Chunks of a content that is here and has several; nothing where that is not known.
  virtual std::optional<chunk_list> list_of(const content_ref& content) = 0;
  /// Errors: not_found, corrupt, io. The caller verifies what it reads.
  virtual result<void> read(const content_ref& content, std::uint64_t offset, std::span<std::byte> out) = 0;
  /// Shows `plan`, all contents of which are here; readers see the old or the new generation, nothing
  /// between. Errors: out_of_space, io; the old one stays shown and a repeated call is allowed.
  virtual result<void> swap(const swap_plan& plan) = 0;
};

}  // namespace graphite
