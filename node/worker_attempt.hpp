#pragma once

#include "core/attempt.hpp"
#include "core/cancel_token.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/file_reader.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/transform_workers.hpp"

namespace graphite {

/// What an attempt of a built-in transform needs; outlives it.
struct worker_attempt_ports {
  const file_reader& view;
  chunk_store& store;
  const hasher& hash;
  transform_workers& workers;
};

/// Executes an attempt of a built-in transform by a worker: hands it inputs whose bytes are those of the
/// spec, stores what it makes. `discovered` are the inputs it asked for. Result and durability as
/// attempt_runner::run(); `hold_bytes_max` as in attempt_options. Thread-safe, blocks.
attempt_result run_worker_attempt(const worker_attempt_ports& with, const attempt_spec& spec,
                                  std::uint64_t hold_bytes_max, const cancel_token& cancel);

}  // namespace graphite
