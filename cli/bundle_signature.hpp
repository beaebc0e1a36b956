#pragma once

#include <string>

#include "bundle/head_codec.hpp"

namespace graphite {

/// Whom `graphite bundle verify` believes.
struct bundle_trust {
  std::string root;         ///< file of pinned roots; empty: signatures are not looked at
  std::string revocations;  ///< file of revoked keys, as a folder of keys has it; empty: none is known
  std::string at;           ///< as of when it is judged, as parse_moment reads it; empty: as of now
};

/// Whether a root that is pinned vouches for who signed the head. What is revoked never counts: a list says
/// not since when. Of a key that has ended since `at` is believed, and so is whoever says that the bytes were
/// there then: a signature has no time. Blocks. Errors: permission_denied (not vouched for, revoked, not
/// valid then; published after `at`), invalid_argument (no time, one to come; revocations or a time without a
/// root), those of load_pins and load_revocations.
result<void> check_signature(const head_file& head, const bundle_trust& trust, std::int64_t now_unix_ns);

/// "2026-01-31", which is its beginning, or "2026-01-31T12:00:00Z", both UTC, as nanoseconds since 1970.
/// Errors: invalid_argument.
result<std::int64_t> parse_moment(std::string_view text);

}  // namespace graphite
