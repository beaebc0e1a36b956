#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// \file Inputs of the transforms' bench, made from a seed: what they look like is as hard as real content.

namespace graphite::bench {

/// A picture in RGB, 8 bits: noise of many scales with edges over it.
struct picture_rgb {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
};
picture_rgb make_picture(std::uint32_t width, std::uint32_t height, std::uint64_t seed);
std::string png_of(const picture_rgb& picture);

/// A hilly grid of 2 · side² triangles as a glTF scene whose buffer is `buffer_name`, its triangles in no
/// order.
struct scene {
  std::string json, buffer;
  std::size_t vertices = 0, triangles = 0;
};
scene make_scene(std::uint32_t side, const std::string& buffer_name, std::uint64_t seed);
/// The same as an OBJ file.
std::string obj_of(const scene& from);

/// Seconds of stereo sound at 44.1 kHz in 16 bits: chords with noise, as a WAV file.
std::string make_sound(double seconds, std::uint64_t seed);

/// A fragment shader of some length.
std::string make_shader(std::uint64_t seed);

}  // namespace graphite::bench
