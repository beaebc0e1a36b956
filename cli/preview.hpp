#pragma once

#include <cstdint>
#include <string>

namespace graphite {

/// What `graphite preview` was asked for; the options of docs/cli.md.
struct preview_options {
  std::string directory = ".";  ///< -C: the project's folder or one below it
  std::string state;            ///< --state: empty, the project's own
  bool json = false;
  std::string asset;
  std::string channel = "main";
  std::string output;  ///< empty: the asset's name with `.png`, here or below .graphite/previews
  std::uint32_t level = 0;
  std::uint32_t width = 0, height = 0;  ///< pixels; both 0: as fits the asset
  bool force = false;                   ///< replaces the output where it exists
};

/// Reads the asset from the bundle on disk, has a worker draw it, and writes the PNG. The exit code.
int run_preview_command(const preview_options& options);

}  // namespace graphite
