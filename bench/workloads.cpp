#include "bench/workloads.hpp"

namespace graphite::bench {

const std::vector<workload>& workloads() {
  static const std::vector<workload> all{
      {"noop",
       "nothing to do for 110,000 and 1.1 million assets: resident, by a fresh process, cold; against ninja",
       run_noop},
      {"invalidate", "one edit to the list of stale actions, 10^4 to 10^6 files and a hub; bytes a node",
       run_invalidate},
      {"plan", "planning a view of 93,000 edges with its critical paths, and after one action is done",
       run_plan},
      {"makespan", "how long fixed graphs take on 2 to 64 slots, against the best of 10,000 random schedules",
       run_makespan},
      {"schedule", "what an action costs the cluster's scheduler, with 1,000 and 100,000 waiting",
       run_schedule},
      {"dispatch", "small actions through a coordinator and two nodes, with keys; against gearmand and Dask",
       run_dispatch},
      {"restart",
       "a coordinator that is killed amid 100,000 pending actions: until it is ready, and what runs again",
       run_restart},
      {"scale-out",
       "actions that mostly wait on 1 to 8 nodes, then the example on 1 to 4; needs the package's data",
       run_scale_out},
      {"sim",
       "a whole cluster on virtual time and what befalls it: seeds a minute, promises broken (--seed, "
       "--runs)",
       run_sim},
      {"edit-to-swap", "save to swapped in 1, 16 and 64 subscriber processes, 10^3 to 10^6 assets",
       run_edit_to_swap},
      {"full-build", "builds from nothing: 20 s of CPU, and 11,000 small commands against ninja",
       run_full_build},
      {"ingest", "chunk and hash from memory, store to disk; against openssl speed and fio", run_ingest},
      {"reader",
       "pinning what is current, inline and by calls, and pauses during 10,000 swaps; against locks",
       run_reader},
      {"open", "opening a bundle of a million assets, and look-ups by id", run_open},
      {"swap", "from a staged generation to a reader that sees it; frame times through 1,000 swaps",
       run_swap},
      {"swap-memory",
       "memory and disk at their peak while 1 % of a bundle of 240 MB changes, of a follower and a "
       "subscriber",
       run_swap_memory},
      {"transforms",
       "textures, meshes, sounds and shaders by the shipped worker; against ImageMagick, gltfpack, opusenc, "
       "glslangValidator",
       run_transforms},
      {"worker-dispatch", "an action of nothing through a warm worker, and after its end",
       run_worker_dispatch},
      {"sandbox", "a trivial command in each tier of the sandbox, against none", run_sandbox},
      {"simd",
       "each kernel with each instruction set of this machine; against its scalar twin and memory bandwidth",
       run_simd},
      {"supertux-cold", "the whole example with its transforms, from nothing; needs the package's data",
       run_supertux_cold},
      {"aio", "direct reads of a file of 8 GiB, one after another and at random; against fio", run_aio},
      {"alloc", "memory for decoding and staging, two threads; against malloc", run_alloc},
      {"verify", "believing a head, and reading a whole bundle against its digests; against openssl speed",
       run_verify_bundle},
      {"tls-tax",
       "edits, contents and calls by CURVE, signatures and mutual TLS; against the same without keys",
       run_tls_tax},
      {"hostile", "1,000 connections that attack each port while edits go on: memory, delay, who got in",
       run_hostile},
      {"pool", "submitting to pinned threads, and waking them; against a locked queue", run_pool},
  };
  return all;
}

}  // namespace graphite::bench
