#pragma once

#include "core/digest.hpp"
#include "core/ports/parallel_calls.hpp"
#include "transforms/ktx2.hpp"
#include "transforms/rgba_image.hpp"

namespace graphite {

/// How much time a block may take. fast: one refinement of the end points along the principal axis; normal:
/// two; high: where that can be seen to err, the better of it and of all partitions of the colours along it
/// (cluster fit), which takes far longer.
enum class block_quality { fast, normal, high };

/// Appends the image in the given format. Blocks at the right and lower edge repeat the last pixels. bc1 and
/// bc3 take the colour, bc3 and rgba8 alpha, bc4 red, bc5 red and green. Pure; the same bytes everywhere,
/// with however many threads.
///
/// Sources: F. Giesen's real-time DXT compressor (stb_dxt) after J. M. P. van Waveren, "Real-Time DXT
/// Compression", 2006; S. Brown's squish, after I. Castaño, "High Quality DXT Compression using CUDA", 2007.
void compress_blocks(const rgba_image& image, texel_format format, block_quality quality,
                     parallel_calls& threads, byte_vector& out);

}  // namespace graphite
