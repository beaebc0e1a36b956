#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/child.hpp"
#include "bench/openssl_speed.hpp"
#include "bench/workloads.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "core/units.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/log/stderr_log.hpp"
#include "platform/rocksdb/rocks_store.hpp"
#include "platform/store/segment_store.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

double chunk_and_hash(const std::string& bytes) {
  const openssl_hasher hash;
  const double start = now_seconds();
  const auto list = chunk_bytes(as_bytes(bytes), hash);
  if (list.total_bytes() != bytes.size()) give_up("the chunks do not add up");
  return static_cast<double>(bytes.size()) / 1e6 / (now_seconds() - start);
}

/// Two threads put 1 MiB contents, one sync at the end.
double store_contents(const std::string& work, std::size_t contents) {
  const openssl_hasher hash;
  const auto log = make_stderr_log({log_level::warning, false, 2});
  fs::remove_all(work + "/store");
  auto rows = rocks_store::open({.folder = work + "/store/db"}, *log);
  if (!rows) give_up(rows.error().context);
  auto store = segment_store::open({.folder = work + "/store/segments"}, **rows, hash, *log);
  if (!store) give_up(store.error().context);
  std::vector<std::string> blocks;
  for (std::size_t i = 0; i < contents; ++i) blocks.push_back(random_bytes(MiB, i));
  const double start = now_seconds();
  const auto work_on = [&](std::size_t first) {
    for (std::size_t i = first; i < contents; i += 2)
      if (auto put = (*store)->put(as_bytes(blocks[i]), chunk_bytes(as_bytes(blocks[i]), hash)); !put)
        give_up(put.error().context);
  };
  std::thread other(work_on, 1);
  work_on(0);
  other.join();
  if (auto synced = (*store)->sync(); !synced) give_up(synced.error().context);
  return static_cast<double>(contents) * MiB / 1e6 / (now_seconds() - start);
}

std::optional<double> fio_speed(const std::string& work, std::size_t mib) {
  const auto path = work + "/fio.out";
  const auto time = time_command({"/bin/sh", "-c",
                                  "fio --name=w --filename=" + work +
                                      "/fio.dat --rw=write --bs=1M --size=" + std::to_string(mib) +
                                      "M --end_fsync=1 --ioengine=psync --output-format=json > " + path});
  if (!time) return std::nullopt;
  std::ifstream file(path);
  const auto out = nlohmann::json::parse(file, nullptr, false);
  fs::remove(work + "/fio.dat");
  if (out.is_discarded()) return std::nullopt;
  return out["jobs"][0]["write"]["bw_bytes"].get<double>() / 1e6;
}

}  // namespace

report run_ingest(const bench_options& options) {
  report out;
  const int rounds = options.quick ? 3 : 7;
  const std::size_t mib = options.quick ? 64 : 512;
  const auto bytes = random_bytes(mib * MiB, 1);
  const auto work = temporary_folder("ingest");
  std::vector<double> hashed, openssl, stored, fio;
  for (int i = 0; i < rounds; ++i) {
    hashed.push_back(chunk_and_hash(bytes));
    if (options.peers)
      if (const auto v = openssl_speed()) openssl.push_back(*v);
    stored.push_back(store_contents(work, mib));
    if (options.peers)
      if (const auto v = fio_speed(work, mib)) fio.push_back(*v);
  }
  figure hash{"hash_chunk_mb_per_s", median(hashed), "MB/s", better::higher, {}, {}, {}};
  if (options.peers)
    hash.peer = openssl.empty() ? "openssl is missing: scripts/setup --peers" : "openssl speed sha256";
  if (!openssl.empty()) hash.peer_value = median(openssl), hash.goal = 0.65 * median(openssl);
  figure store{"stored_mb_per_s", median(stored), "MB/s", better::higher, {}, {}, {}};
  if (options.peers) store.peer = fio.empty() ? "fio is missing: scripts/setup --peers" : "fio write + fsync";
  if (!fio.empty()) store.peer_value = median(fio), store.goal = 0.8 * median(fio);
  out.figures = {hash, store};
  out.notes.push_back(std::to_string(mib) +
                      " MiB of random bytes; hashed: one thread, from memory; stored: chunked and hashed "
                      "by two threads into segments, one sync at the end");
  fs::remove_all(work);
  return out;
}

}  // namespace graphite::bench
