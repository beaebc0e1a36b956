#pragma once

#include "core/ports/chunk_store.hpp"
#include "core/ports/hasher.hpp"

namespace graphite {

/// Whether a store has all bytes of the content, and they are right. Reads them all, a MiB at a time.
bool has_right_bytes(const chunk_store& store, const content_ref& content, const hasher& hash);

}  // namespace graphite
