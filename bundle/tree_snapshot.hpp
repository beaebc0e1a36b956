#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/content.hpp"
#include "core/error.hpp"
#include "core/logical_path.hpp"
#include "core/ports/hasher.hpp"

/// \file A view's files at one moment as a tree of small contents: docs/formats/snapshot.md. Pure.
///
/// An object lists the names of one folder, or, of a folder with many names, further objects that do. Equal
/// folders are equal objects, however they came to be, so two snapshots share what did not change, and only
/// what a store has not got is sent to it.

namespace graphite {

struct snapshot_limits {
  static constexpr std::size_t list_bytes_max =
      16'000;  ///< of entries in one object; a folder with more splits
  static constexpr std::size_t object_bytes_max = 16 * KiB;
  static constexpr std::size_t folders_deep_max = 128;
  std::uint64_t files_max = 4'000'000;     ///< of a tree, or of a difference
  std::uint64_t objects_max = 16'000'000;  ///< looked at for one difference, repetitions counted
  std::size_t waiting_max = 500'000;       ///< folders that a difference has seen the names of, and no more
};

/// A name in a folder.
struct snapshot_entry {
  enum class kind : std::uint8_t { file = 0, program = 1, folder = 2 };  ///< program: an executable file
  std::string name;
  kind what = kind::file;
  content_ref content;  ///< the file's, or the folder's object
  auto operator<=>(const snapshot_entry&) const = default;
};

/// A part of a folder's names: those whose number goes on with `digit` (name_number()).
struct snapshot_branch {
  std::uint8_t digit = 0;
  content_ref object;
  std::uint64_t list_bytes = 0;  ///< of all entries below
  auto operator<=>(const snapshot_branch&) const = default;
};

using snapshot_entries = std::vector<snapshot_entry>;    ///< ascending by name
using snapshot_branches = std::vector<snapshot_branch>;  ///< ascending by digit
using snapshot_object = std::variant<snapshot_entries, snapshot_branches>;

/// Bytes of the entries in it, or below it, as they are written.
std::uint64_t list_bytes_of(const snapshot_object& object);
/// Sixteen hexadecimal digits, the highest first, by which a folder with many names is split. Names that
/// differ only in case have the same.
std::uint64_t name_number(std::string_view name);
inline constexpr unsigned name_digits = 16;
/// The digit of `number` at `place`, from 0.
constexpr std::uint8_t digit_at(std::uint64_t number, unsigned place) {
  return static_cast<std::uint8_t>(number >> (60 - 4 * place) & 15);
}

/// `object` as decode would take it (invariant).
byte_vector encode_snapshot_object(const snapshot_object& object);
/// Strict: one object has one encoding; names are components of a logical path, ascending, and no two differ
/// only in case. Where its parents say something of it, that is the caller's to check (snapshot_diff does).
/// Errors: corrupt, newer_version, too_large.
result<snapshot_object> decode_snapshot_object(byte_span bytes);
/// The name under which an object is stored, as that of any content. `bytes` are not empty.
content_ref name_of_object(byte_span bytes, const hasher& hash);

struct snapshot_file {
  logical_path path;
  content_ref content;
  bool executable = false;
  auto operator<=>(const snapshot_file&) const = default;
};

/// Takes an object to keep or send; the same one may come twice.
using snapshot_sink = std::function<void(const content_ref& name, byte_vector bytes)>;

/// The snapshot of these files, in any order: folders before what lists them. No files: an empty root.
/// Errors: invalid_argument (two of one name, a file that is a folder, names that differ only in case: names
/// both), too_large (over the limits).
result<content_ref> build_snapshot(std::vector<snapshot_file> files, const hasher& hash,
                                   const snapshot_sink& keep, const snapshot_limits& limits = {});

/// One folder of it, whose folders have their objects: `folder` is its name with its last `/`, for errors.
/// Errors: as above.
result<content_ref> build_snapshot_folder(const std::string& folder, snapshot_entries entries,
                                          const hasher& hash, const snapshot_sink& keep);

}  // namespace graphite
