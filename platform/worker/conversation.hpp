#pragma once

#include "core/ports/transform_workers.hpp"
#include "platform/worker/worker_process.hpp"

namespace graphite {

/// 1 or more each.
struct task_threads {
  std::uint32_t of_worker = 1;  ///< that it was to be started with: it has no more
  std::uint32_t of_task = 1;    ///< that the task may use
};

/// Has `worker` do one task: sends it, brings what it asks for, and takes its answer, until it goes over a
/// limit, talks nonsense or is not wanted any more. Results and errors as transform_workers::run(); after
/// anything but a success the worker is not to be used again, and may still run until it is destroyed.
result<worker_outcome> converse(worker_process& worker, const worker_task& task, const task_threads& threads,
                                worker_exchange& with, const cancel_token& cancel);

}  // namespace graphite
