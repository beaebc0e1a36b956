#pragma once

#include "bundle/index_page.hpp"

namespace graphite {

/// One asset record outside a tree, as announcements carry it: the leaf page that would hold it alone,
/// then its record blob where it has one. Pure.
byte_vector encode_record(const asset_record& record, const hasher& hash);

/// Strict. Errors: corrupt, newer_version.
result<asset_record> decode_record(byte_span bytes, const hasher& hash);

}  // namespace graphite
