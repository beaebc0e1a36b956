#pragma once

#include "cli/kept_archive.hpp"
#include "core/ports/log.hpp"
#include "platform/store/segment_store.hpp"

namespace graphite {

/// A channel's bundle folder on disk; `segments` is the folder of the store's files. `contents` says where
/// parts lie; all outlive the archive. Errors: corrupt, newer_version, permission_denied, io.
result<std::unique_ptr<kept_archive>> open_archive(const std::string& folder, const std::string& segments,
                                                   segment_store& contents, const hasher& hash,
                                                   log_sink& log);

}  // namespace graphite
