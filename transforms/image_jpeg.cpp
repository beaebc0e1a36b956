#include <fmt/format.h>
#include <turbojpeg.h>

#include <memory>

#include "transforms/image_decode.hpp"

namespace graphite {

namespace {

using jpeg_handle = std::unique_ptr<void, decltype(&tjDestroy)>;

tl::unexpected<error> jpeg_error(std::string_view what, const jpeg_handle& jpeg) {
  return fail(errc::corrupt, fmt::format("JPEG {}: {}", what, tjGetErrorStr2(jpeg.get())));
}

}  // namespace

result<rgba_image> decode_jpeg(byte_span bytes, std::uint64_t pixel_bytes_max) {
  const jpeg_handle jpeg(tjInitDecompress(), &tjDestroy);
  if (!jpeg) return fail(errc::too_large, "JPEG: no memory");
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto size = static_cast<unsigned long>(bytes.size());
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (tjDecompressHeader3(jpeg.get(), data, size, &width, &height, &subsampling, &colours) != 0)
    return jpeg_error("header", jpeg);
  if (colours == TJCS_CMYK || colours == TJCS_YCCK)
    return fail(errc::invalid_argument, "a JPEG of CMYK: save it as RGB");
  if (width < 0 || height < 0) return fail(errc::corrupt, "JPEG header: size");
  GRAPHITE_TRY(auto out, blank_image(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height),
                                     pixel_bytes_max));
  // A cut-off file is a warning to the library, and so is one whose scans repeat without end.
  constexpr int flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
  if (tjDecompress2(jpeg.get(), data, size, out.pixels.data(), width, 0, height, TJPF_RGBA, flags) != 0)
    return jpeg_error("image", jpeg);
  return out;
}

}  // namespace graphite
