#pragma once

#include <map>
#include <memory>
#include <optional>

#include "bundle/chunker.hpp"
#include "core/credentials.hpp"
#include "core/messages/stores.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/hasher.hpp"
#include "core/units.hpp"
#include "relay/store_ledger.hpp"

namespace graphite {

/// Contents on their way into a store, each from one asker.
///
/// Nothing of a content is visible before all of it has come and has the right digest. Uploads of different
/// askers never meet: wrong bytes, wrong offsets and sizes, and an upload that never ends cost the asker's
/// own. Bounded by `options`; what is begun and left alone lapses. One thread.
class store_uploads {
 public:
  struct options {
    std::size_t all_max = 1024;
    std::size_t of_asker_max = 32;
    std::uint64_t bytes_of_asker_max = 128 * GiB;  ///< of all that it has begun, as announced
    duration lapse_after = seconds(60);            ///< since its last piece
  };
  /// Who sends. With keys the bounds are those of a key, whatever processes say they are.
  struct asker {
    curve_key key;  ///< zero at a port without keys
    incarnation_id process;
    auto operator<=>(const asker&) const = default;
  };

  /// `store`, `hash` and `ledger`, which says whether there is room, outlive it; without it there is.
  store_uploads(chunk_store& store, const hasher& hash, options chosen, const store_ledger* ledger = nullptr)
      : store_(store), hash_(hash), options_(chosen), ledger_(ledger) {}

  /// How far the store is with the content; `whole` once it is committed, and not yet synced.
  struct progress {
    bool whole = false;
    std::uint64_t have = 0;
  };
  /// Takes what continues the upload, or begins it. Errors: corrupt (all came, and it was another content),
  /// busy (bounds), out_of_space (the ledger has no room), and those of the store. An error ends the upload.
  result<progress> take(const asker& from, const stores::put_piece& piece, byte_span bytes, time_point now);
  /// Drops what nobody went on with. O(uploads).
  void lapse(time_point now);
  std::size_t size() const { return open_.size(); }

 private:
  struct key {
    asker from;
    digest content;
    auto operator<=>(const key&) const = default;
  };
  struct upload {
    content_ref content;
    std::unique_ptr<content_writer> writer;
    content_builder builder;
    time_point heard;
  };

  result<void> check_room(const asker& from, std::uint64_t size) const;
  result<progress> begin(const key& of, const content_ref& content, time_point now);
  result<progress> go_on(upload& of, byte_span bytes);

  chunk_store& store_;
  const hasher& hash_;
  const options options_;
  const store_ledger* const ledger_;
  std::map<key, upload> open_;
};

}  // namespace graphite
