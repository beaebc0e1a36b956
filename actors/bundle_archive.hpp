#pragma once

#include <optional>

#include "bundle/head.hpp"
#include "bundle/index_tree.hpp"

namespace graphite {

/// One channel's bundle folder, as the channel needs it. The folding thread calls write(); all else may come
/// from any thread.
class bundle_archive {
 public:
  struct state {
    head now;
    index_tree tree;
  };
  virtual ~bundle_archive() = default;

  /// What the folder's head names; nothing where there is no head yet. Errors: corrupt, newer_version, io.
  virtual result<std::optional<state>> newest() = 0;
  /// An older generation; `where` its root page was when it was written. Errors: not_found (not kept any
  /// more), corrupt, io.
  virtual result<index_tree> open(const digest& root, page_location where) = 0;
  /// The empty index, reading from and later written to this folder.
  virtual index_tree empty_tree() = 0;
  /// Appends the pages that are not there yet and replaces the head, durably; where the root page lies.
  /// Errors: out_of_space (the old head stays), io.
  virtual result<page_location> write(const index_tree& tree, const head& now) = 0;
  /// Absolute folder.
  virtual std::string folder() const = 0;
};

}  // namespace graphite
