#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/kept_archive.hpp"
#include "core/ports/head_signer.hpp"
#include "core/ports/log.hpp"
#include "platform/store/segment_store.hpp"

namespace graphite {

struct archive_options {
  std::string folder;
  std::string segments_folder;                       ///< the store's files
  std::function<void(const error&)> on_failed_sync;  ///< as in bundle_folder_options
  const head_signer* signer = nullptr;               ///< of its heads; null: nothing is signed
};

/// A channel's bundle folder on disk. `contents` says where parts lie; all outlive the archive. Errors:
/// corrupt, newer_version, permission_denied, io.
result<std::unique_ptr<kept_archive>> open_archive(archive_options options, segment_store& contents,
                                                   const hasher& hash, log_sink& log);

}  // namespace graphite
