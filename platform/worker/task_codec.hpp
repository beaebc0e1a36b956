#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/logical_path.hpp"
#include "core/path_template.hpp"
#include "core/transform_options.hpp"

namespace graphite {

/// A range of shared memory.
struct memory_range {
  std::uint64_t offset = 0, size = 0;
  bool operator==(const memory_range&) const = default;
};

/// What a worker is told of a task.
struct encoded_task {
  std::string transform;
  std::uint32_t version = 1;
  option_values options;
  std::string path;  ///< a logical path: of the main input
  std::vector<output_name> outputs;
  memory_range main;  ///< its bytes, in the inbox
  std::uint64_t output_bytes_max = 0;
  std::uint32_t threads = 1;  ///< that it may use
};

/// What a worker answers: outputs, or why there are none.
struct encoded_answer {
  struct asset {
    std::string path;
    std::vector<memory_range> parts;  ///< in the outbox
  };
  bool failed = false;
  std::uint16_t code = 0;  ///< errc, of a failure
  std::string text;        ///< why it failed; or warnings
  std::vector<asset> assets;
  std::uint64_t cpu_ns = 0;
  std::uint64_t memory_bytes_peak = 0;  ///< of the worker so far, shared memory included
};

std::string encode(const encoded_task& task);
/// Errors: corrupt.
result<encoded_task> decode_task(std::string_view bytes);

std::string encode(const encoded_answer& answer);
/// Whatever bytes: a worker may have been taken over by its input. Paths and ranges are as they came.
/// Errors: corrupt.
result<encoded_answer> decode_answer(std::string_view bytes);

}  // namespace graphite
