#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/content.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"

namespace graphite {

/// A file mapped read-only. Stays valid when the file loses its name; bytes that range() gave never change.
/// Thread-safe.
class mapped_range {
 public:
  virtual ~mapped_range() = default;
  /// Errors: corrupt where the file ends before `offset + length`, so that a short file is never a SIGBUS.
  virtual result<byte_span> range(std::uint64_t offset, std::uint64_t length) const = 0;
  /// Copies `out.size()` bytes by a plain read: a file that is cut short meanwhile is corrupt and no signal.
  virtual result<void> read(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// Pages that hold nothing but these bytes leave this process's memory until they are read again, and the
  /// one they end in, where they begin with a page and fill it. A hint.
  virtual void let_go(std::uint64_t offset, std::uint64_t length) const = 0;
  /// All that the file had when this was called, but no more than was mapped.
  virtual result<byte_span> all() const = 0;
  /// Which file it is, whatever its name: device and inode, while this lives. Zeros: a number is all it has.
  struct identity {
    std::uint64_t device = 0, inode = 0;
    bool operator==(const identity&) const = default;
  };
  virtual identity file() const { return {}; }
};

/// The files of one bundle, as whoever reads it maps them. Thread-safe.
class bundle_files {
 public:
  using mapping = std::shared_ptr<const mapped_range>;

  virtual ~bundle_files() = default;
  /// The newest head as it is encoded. Errors: not_found (no bundle here), io.
  virtual result<byte_vector> head() const = 0;
  /// Those of generations before it that can still be read, the newest first. Errors: io.
  virtual result<std::vector<byte_vector>> earlier_heads() const = 0;
  /// A page file with at least all that was in it when this was called. Errors: not_found, corrupt, io.
  virtual result<mapping> page_file(std::uint32_t number) const = 0;
  /// Those that the newest head may point into, and perhaps others. Errors: io.
  virtual result<std::vector<segment_id>> segments() const = 0;
  /// Errors: not_found, corrupt (another segment lies there), io.
  virtual result<mapping> segment(segment_id id) const = 0;
  /// Where contents lie that the pages do not place: those that were fetched since. `name` as in mapped_part.
  /// Nothing: not here.
  virtual std::optional<extent> place_of(const digest& /*name*/) const { return std::nullopt; }
  /// A part of the asset was read and is not here. True where it will come.
  virtual bool want(asset_id) const { return false; }
  /// Zeros, aligned to 64 bytes; of many, those that are never written cost nothing. Null where memory is
  /// out.
  virtual std::shared_ptr<std::byte> zeros(std::uint64_t bytes) const = 0;
};

}  // namespace graphite
