#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "transforms/built_in.hpp"

namespace graphite {

inline constexpr std::size_t shader_bytes_max = 4u << 20;            ///< of one file
inline constexpr std::size_t shader_included_bytes_max = 16u << 20;  ///< of all includes together
inline constexpr std::size_t shader_includes_max = 4096;             ///< taken, repetitions counted
inline constexpr std::size_t shader_include_depth_max = 32;
/// Tokens between one `;`, `{` or `}` and the next, commas not counted: the compiler walks a statement by
/// calls within calls.
inline constexpr std::size_t shader_statement_tokens_max = 4096;
inline constexpr std::size_t shader_blocks_max = 256;  ///< braces and brackets in each other
inline constexpr std::size_t shader_messages_bytes_max = 64u << 10;
inline constexpr std::size_t shader_members_max = 65'536;  ///< that a reflection lists

/// One module to make.
struct shader_job {
  const logical_path& path;
  std::string_view text;
  std::string stage;   ///< vert, frag, …
  std::string target;  ///< vulkan1.0, …
  std::string entry;
  std::string optimize;  ///< none, size, performance
  bool debug = false;
  std::vector<std::string> defines;  ///< NAME or NAME=VALUE
  std::vector<std::string> include;  ///< folders; empty or `.`: the root
};

struct shader_module {
  std::vector<std::uint32_t> words;
  std::string warnings;  ///< lines
};

/// GLSL to SPIR-V with all names, not optimised. Equal jobs and files give equal words.
/// Errors: corrupt (all mistakes), invalid_argument (a define, a folder), too_large.
result<shader_module> compile_shader(const shader_job& job, transform_files& files);

/// Optimised as the job says. Errors: corrupt.
result<std::vector<std::uint32_t>> optimized_shader(const shader_job& job, std::vector<std::uint32_t> words);

/// Without names and lines unless the job keeps them; valid for the target. Errors: corrupt.
result<std::vector<std::uint32_t>> finished_shader(const shader_job& job, std::vector<std::uint32_t> words);

/// The reflection of a module that still has its names, as JSON. Errors: corrupt, too_large.
result<std::string> reflected_shader(const shader_job& job, const std::vector<std::uint32_t>& words);

/// Refuses what the compiler's recursion could not bear: `text` is preprocessed GLSL.
/// Errors: too_large, with a line of that text.
result<void> check_shader_nesting(std::string_view text);

}  // namespace graphite
