#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/logical_path.hpp"
#include "core/path_template.hpp"
#include "core/ports/buffers.hpp"
#include "core/ports/parallel_calls.hpp"
#include "core/project.hpp"
#include "core/transform_options.hpp"
#include "core/units.hpp"

namespace graphite {

/// A picture of the documentation.
struct picture {
  std::string_view file;  ///< relative to docs/
  std::string_view caption;
};

/// What the project file, the command line, the docs and the schedule know of a built-in transform. It lies
/// in the transform's header, so that a program that runs no transform links none of its libraries.
struct transform_description {
  std::string_view name;
  /// Enters every key. Raise it whenever the same inputs may give other bytes.
  std::uint32_t version = 1;
  std::string_view help;                        ///< one sentence
  std::string_view details = {};                ///< Markdown: what to know of it, for docs/transforms.md
  std::vector<picture> pictures = {};           ///< that show what it does, for docs/transforms.md
  std::vector<std::string_view> matches = {};   ///< globs of what it reads, as `graphite init` writes them
  std::vector<std::string_view> outputs = {};   ///< templates where a rule has no `outputs`
  std::vector<option_spec> options = {};        ///< ascending by name
  std::vector<reference_spec> references = {};  ///< what its sources name; a rule's own come in addition
  /// Shared libraries that decide what it makes, as their files are named before `.so`: which builds of them
  /// are there enters every key.
  std::vector<std::string_view> libraries = {};
  bool processor_matters = false;             ///< the kind of processor enters every key, too
  std::vector<std::string_view> inputs = {};  ///< globs of what it may ask for beside the main input
  /// Further ones that depend on the options; null: none.
  std::vector<std::string> (*more_inputs)(const option_values&) = nullptr;
  /// About how long it takes for a byte of the main input, until that is learned: long ones start first.
  std::uint32_t cost_ns_per_byte = 100;
  std::uint64_t memory_bytes_max = 1 * GiB;  ///< of the worker, inputs and outputs not counted
  milliseconds timeout{60'000};              ///< of processor time
  std::uint64_t output_bytes_max = 1 * GiB;  ///< of all outputs together
};

/// Files that a transform asks for while it runs. What was asked for, found or not, is what the result
/// depends on. One thread.
class transform_files {
 public:
  virtual ~transform_files() = default;
  /// The bytes, valid until the transform returns. Errors: not_found (no such file, or it is not among the
  /// rule's inputs), too_large, io.
  virtual result<byte_span> read(const logical_path& path) = 0;
};

/// One use of a transform. Views into the caller's memory.
struct transform_input {
  const logical_path& path;                 ///< of the main input
  byte_span bytes;                          ///< of the main input
  const option_values& options;             ///< every option of the description is there
  const std::vector<output_name>& outputs;  ///< as the rule names them for this input
  transform_files& files;
  parallel_calls& threads;  ///< for what can be cut in pieces; `files` is asked by one thread
  buffers& memory;          ///< for what is large and gone when the transform ends
};

/// One output. Its bytes are those of its parts, one after the other; each part can be mapped and fetched
/// by itself.
struct made_asset {
  logical_path path;
  std::vector<byte_vector> parts;  ///< 1 to asset_record::parts_max (64)
};

struct transform_output {
  std::vector<made_asset> assets;
  std::string warnings;  ///< lines for people; empty: none
};

/// Makes the outputs. Pure: the same input gives the same bytes, on every machine, run and GRAPHITE_SIMD
/// target (unless `processor_matters`), with as many threads as there are. Runs in a process without
/// files, network and threads but `threads`, so that hostile input can do no harm: it must still be refused
/// with an error, for that tells the user what is wrong.
///
/// Errors: corrupt (the input is broken: what and where), invalid_argument (an option does not fit the
/// input), too_large (a named bound), not_found (an input is missing). The context does not repeat the
/// input's path, but names `FILE:LINE: ` of another file where it is about one.
using transform_function = result<transform_output> (*)(const transform_input& in);

/// The bound of what one input may decode to, so that a small file cannot ask for all memory.
inline constexpr std::uint64_t decoded_bytes_max = 1 * GiB;

}  // namespace graphite
