#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace viewer {

struct options {
  std::string folder, from, screenshot;
  std::uint64_t frames = 0;  ///< 0: until the window is closed
  int width = 1280, height = 720;
  double hz = 240;
  int uploads_max = 4;
  bool report = false, verbose = false;
};

extern const char* const help;

/// Throws std::invalid_argument with what is wrong. Nothing: help was asked for.
std::optional<options> parse(int argc, char** argv);

}  // namespace viewer
