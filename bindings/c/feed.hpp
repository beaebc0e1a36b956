#pragma once

#include <memory>
#include <span>
#include <string>

#include "bundle/bundle_files.hpp"
#include "core/ids.hpp"
#include "core/ports/log.hpp"
#include "core/units.hpp"

/// \file Between libgraphite and libgraphite-subscribe, which it loads when a channel is subscribed to: so
/// that programs that only follow folders do without sockets and stores. Both are of one version, always.

namespace graphite::c_api {

/// What a feed brings its generations to. Thread-safe.
class feed_host {
 public:
  enum class offered : std::uint8_t { taken, refused, held };

  virtual ~feed_host() = default;
  /// Opens the newest that `files` have, or where that is held and nothing is current an earlier one, checks
  /// it unless it was `verified` on its way here, and makes it current. `head` (as encoded): what is newest.
  /// Errors: corrupt, not_found, io and the like: what is current stays.
  virtual result<offered> offer(byte_span head, std::shared_ptr<const bundle_files> files, bool verified) = 0;
  /// What is due by now; when to call it again.
  virtual time_point upkeep() = 0;
  /// On demand: the bytes of `ids` are here, or cannot be had.
  virtual void arrived(std::span<const asset_id> ids, bool here) = 0;
  /// Following has ended.
  virtual void ended(error why) = 0;
  virtual void note_failure(const error& why) = 0;
  virtual log_sink& log() = 0;
};

/// Where a context's generations come from: a thread that offers them. Ends with its destructor.
class generation_feed {
 public:
  virtual ~generation_feed() = default;
  virtual bool connected() const = 0;
  virtual std::uint64_t fetched_bytes() const { return 0; }
  /// On demand. Those that are here already are told at once. Errors: unsupported, too_large.
  virtual result<void> want(std::span<const asset_id> ids) = 0;
  /// Offers the newest generation again, as nothing is held any more.
  virtual void look_again() = 0;
};

struct channel_request {
  std::string address, channel, folder, keys, root;
  bool on_demand = false;
};

/// What libgraphite-subscribe exports, under a name that its version is part of. What the folder has from
/// before is shown when it returns. Errors: those of run_subscription.
using follow_channel_function = void(feed_host* host, const channel_request* request,
                                     result<std::unique_ptr<generation_feed>>* out);
#define GRAPHITE_FOLLOW_CHANNEL graphite_follow_channel_0_1

}  // namespace graphite::c_api
