#include "report.hpp"

#include <cstdio>
#include <sstream>

namespace viewer {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') out += '\\';
    if (static_cast<unsigned char>(letter) >= ' ') {
      out += letter;
      continue;
    }
    char code[8];
    std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(letter));
    out += code;
  }
  return out + '"';
}

std::string times_of(const time_histogram& of) {
  std::ostringstream out;
  out << "{\"median\":" << of.percentile_ms(0.5) << ",\"p99\":" << of.percentile_ms(0.99)
      << ",\"p999\":" << of.percentile_ms(0.999) << ",\"worst\":" << of.worst_ms() << '}';
  return out.str();
}

}  // namespace

std::string report(const frame_times& times, const gallery& pictures, std::uint64_t swaps) {
  const auto& counts = pictures.counted();
  std::ostringstream out;
  out << "{\"frames\":" << times.frames() << ",\"dropped\":" << times.dropped()
      << ",\"frame_ms\":" << times_of(times.frame()) << ",\"work_ms\":" << times_of(times.work())
      << ",\"swaps\":" << swaps << ",\"generations\":" << counts.generations
      << ",\"textures\":{\"loaded\":" << counts.loaded << ",\"reloaded\":" << counts.reloaded
      << ",\"removed\":" << counts.removed << ",\"broken\":" << counts.broken
      << "},\"pictures\":" << pictures.pictures() << ",\"visible\":[";
  const char* comma = "";
  for (const auto& [path, at] : pictures.places()) {
    out << comma << "{\"path\":" << quoted(path) << ",\"x\":" << at.x << ",\"y\":" << at.y
        << ",\"width\":" << at.w << ",\"height\":" << at.h << '}';
    comma = ",";
  }
  out << "]}";
  return out.str();
}

}  // namespace viewer
