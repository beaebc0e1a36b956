#pragma once

#include "bench/harness.hpp"

namespace graphite::bench {

report run_noop(const bench_options& options);
report run_invalidate(const bench_options& options);
report run_makespan(const bench_options& options);
report run_plan(const bench_options& options);
report run_schedule(const bench_options& options);
report run_restart(const bench_options& options);
report run_scale_out(const bench_options& options);
report run_dispatch(const bench_options& options);
report run_sim(const bench_options& options);
report run_edit_to_swap(const bench_options& options);
report run_full_build(const bench_options& options);
report run_ingest(const bench_options& options);
report run_reader(const bench_options& options);
report run_open(const bench_options& options);
report run_swap(const bench_options& options);
report run_swap_memory(const bench_options& options);
report run_transforms(const bench_options& options);
report run_worker_dispatch(const bench_options& options);
report run_sandbox(const bench_options& options);
report run_simd(const bench_options& options);
report run_supertux_cold(const bench_options& options);
report run_aio(const bench_options& options);
report run_alloc(const bench_options& options);
report run_pool(const bench_options& options);
report run_verify_bundle(const bench_options& options);
report run_tls_tax(const bench_options& options);
report run_hostile(const bench_options& options);

}  // namespace graphite::bench
