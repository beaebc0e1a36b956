#pragma once

#include "core/content.hpp"
#include "core/error.hpp"

namespace graphite {

/// The chunk list that a mirror keeps beside a content's file: size (4 bytes) and digest of each chunk. Pure.
byte_vector encode_mirror_list(const chunk_list& list);

/// Errors: corrupt, too_large: anything but a list that the chunker could have made.
result<chunk_list> decode_mirror_list(byte_span bytes);

}  // namespace graphite
