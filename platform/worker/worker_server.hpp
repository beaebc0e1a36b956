#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/logical_path.hpp"
#include "core/ports/parallel_calls.hpp"
#include "platform/worker/task_codec.hpp"

namespace graphite {

/// Further files of a task. One thread.
class worker_files {
 public:
  virtual ~worker_files() = default;
  /// The bytes, until the task ends. Errors: not_found, too_large, io.
  virtual result<byte_span> read(const logical_path& path) = 0;
};

struct worker_product {
  struct asset {
    logical_path path;
    std::vector<byte_vector> parts;
  };
  std::vector<asset> assets;
  std::string warnings;
};

/// What a worker does. `main`: the bytes of the main input.
using worker_function = std::function<result<worker_product>(const encoded_task& task, byte_span main,
                                                             worker_files& files, parallel_calls& threads)>;

/// The other end of worker_pool: the program that forks a worker whenever it is told to, until `control` is
/// closed. It has loaded all libraries and `warm`ed them up, so that a worker is there in a millisecond.
/// The exit code of the process.
int serve_workers(int control, const worker_function& work, const std::function<void()>& warm);

}  // namespace graphite
