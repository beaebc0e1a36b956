#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "bench/child.hpp"
#include "bench/workloads.hpp"
#include "platform/linux/buffer_pool.hpp"
#include "platform/linux/open_async_io.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/thread_pool.hpp"

namespace graphite::bench {
namespace {

namespace fs = std::filesystem;

/// How a file is read: by whom is another question.
struct pattern {
  std::string name, fio_name;
  std::size_t block_bytes;
  std::size_t depth;
  bool random;
};

struct speed {
  double mb_per_s = 0, cpu_s_per_gb = 0;
};

double cpu_seconds() {
  ::rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const ::timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void drop_caches() {
  ::sync();
  std::ofstream("/proc/sys/vm/drop_caches") << "3";
}

/// Random bytes, written once: ranges that were never written are not read from the disk.
void make_file(const std::string& path, std::size_t bytes) {
  std::error_code gone;
  if (fs::file_size(path, gone) == bytes && !gone) return;
  const auto part = random_bytes(4 << 20, 1);
  const owned_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  for (std::size_t at = 0; at < bytes; at += part.size())
    if (::write(file.get(), part.data(), part.size()) != static_cast<::ssize_t>(part.size()))
      give_up("cannot write " + path + ": is the disk full?");
  ::fsync(file.get());
}

/// Keeps `depth` reads under way for `seconds`.
class reader {
 public:
  reader(const std::string& path, std::size_t file_bytes, const pattern& how, async_io& io, buffers& memory)
      : file_(::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC)),
        blocks_(file_bytes / how.block_bytes),
        how_(how),
        io_(io) {
    if (!file_) give_up("cannot read " + path + " directly");
    std::vector<std::span<std::byte>> all;
    for (std::size_t i = 0; i < how.depth; ++i) {
      buffers_.push_back(std::move(*memory.take(how.block_bytes)));
      all.push_back(buffers_.back().bytes().first(how.block_bytes));
    }
    const io_file files[] = {{file_.get()}};
    (void)io_.announce(all, files);
  }

  speed run(double seconds) {
    std::vector<io_request> batch(how_.depth);
    std::vector<io_completion> ended(how_.depth);
    for (std::size_t i = 0; i < how_.depth; ++i) batch[i] = next(i);
    const double cpu = cpu_seconds(), start = now_seconds();
    send(batch);
    std::size_t bytes = 0;
    double now = start;
    for (std::size_t under_way = how_.depth; under_way > 0; now = now_seconds()) {
      const auto got = io_.wait(ended, 1, std::chrono::seconds(60));
      if (!got || *got == 0) give_up("a read did not come back");
      batch.clear();
      for (std::size_t k = 0; k < *got; ++k) {
        if (ended[k].failed || ended[k].bytes != how_.block_bytes) give_up("a read failed");
        bytes += ended[k].bytes;
        if (now - start < seconds) batch.push_back(next(ended[k].token));
      }
      under_way -= *got - batch.size();
      send(batch);
    }
    const auto gb = static_cast<double>(bytes) * 1e-9;
    return {gb * 1000 / (now - start), (cpu_seconds() - cpu) / gb};
  }

 private:
  io_request next(std::uint64_t token) {
    const auto block = (how_.random ? random_() : at_++) % blocks_;
    return {.what = io_operation::read,
            .file = {file_.get()},
            .offset = block * how_.block_bytes,
            .bytes = buffers_[token].bytes().first(how_.block_bytes),
            .token = token};
  }
  void send(std::span<const io_request> batch) {
    if (!batch.empty() && io_.submit(batch).value_or(0) != batch.size()) give_up("a read was not taken");
  }

  owned_fd file_;
  std::size_t blocks_, at_ = 0;
  pattern how_;
  async_io& io_;
  std::vector<buffer> buffers_;
  std::mt19937_64 random_{7};
};

speed read_own(const std::string& path, std::size_t bytes, const pattern& how, io_adapter adapter,
               double seconds) {
  drop_caches();
  buffer_pool memory({.bytes_max = 64 << 20});
  const auto pool = pinned_pool::make({.name = "read", .threads = how.depth});
  if (!pool) give_up(pool.error().context);
  const auto io = open_async_io(**pool, {.adapter = adapter, .depth = how.depth});
  if (!io) give_up(io.error().context);
  return reader(path, bytes, how, **io, memory).run(seconds);
}

/// fio as fast as it goes: announced buffers and files, batches, no clock for each read, as many under way;
/// with psync a thread each.
std::optional<speed> read_fio(const std::string& path, std::size_t bytes, const pattern& how, bool ring,
                              double seconds) {
  drop_caches();
  const auto out = path + ".json";
  std::vector<std::string> argv{"fio",
                                "--name=r",
                                "--filename=" + path,
                                "--size=" + std::to_string(bytes),
                                "--rw=" + how.fio_name,
                                "--bs=" + std::to_string(how.block_bytes),
                                "--direct=1",
                                "--time_based",
                                "--runtime=" + std::to_string(static_cast<int>(seconds)),
                                "--thread",
                                "--group_reporting",
                                "--norandommap",
                                "--output-format=json",
                                "--output=" + out};
  if (ring)
    argv.insert(argv.end(), {"--ioengine=io_uring", "--iodepth=" + std::to_string(how.depth), "--fixedbufs=1",
                             "--registerfiles=1", "--gtod_reduce=1", "--iodepth_batch_complete_min=1",
                             "--iodepth_batch_complete_max=" + std::to_string(how.depth),
                             "--iodepth_batch_submit=" + std::to_string(how.depth)});
  else
    argv.insert(argv.end(), {"--ioengine=psync", "--numjobs=" + std::to_string(how.depth)});
  if (!time_command(argv)) return std::nullopt;
  std::ifstream file(out);
  const auto all = nlohmann::json::parse(file, nullptr, false);
  fs::remove(out);
  if (all.is_discarded()) return std::nullopt;
  const auto& job = all["jobs"][0];
  const double gb = job["read"]["io_bytes"].get<double>() * 1e-9;
  const double threads = ring ? 1 : static_cast<double>(how.depth);
  const double share = (job["usr_cpu"].get<double>() + job["sys_cpu"].get<double>()) / 100;
  const double runtime = job["read"]["runtime"].get<double>() * 1e-3;
  return speed{job["read"]["bw_bytes"].get<double>() * 1e-6, share * runtime * threads / gb};
}

struct series {
  std::vector<double> mb_per_s, cpu;
  void add(const speed& one) {
    mb_per_s.push_back(one.mb_per_s);
    cpu.push_back(one.cpu_s_per_gb);
  }
  void add(const std::optional<speed>& one) {
    if (one) add(*one);
  }
};

void add_figures(report& out, const pattern& how, const series& ring, const series& threads,
                 const series& fio_ring, const series& fio_psync) {
  out.figures.push_back({how.name + "_mb_per_s", median(ring.mb_per_s), "MB/s", better::higher, {}, "", {}});
  out.figures.push_back(
      {how.name + "_threads_mb_per_s", median(threads.mb_per_s), "MB/s", better::higher, {}, "", {}});
  if (fio_ring.cpu.empty() || fio_psync.cpu.empty()) return;
  const double ring_peer = median(fio_ring.mb_per_s), psync_peer = median(fio_psync.mb_per_s);
  const auto best = std::max(ring_peer, psync_peer);
  out.figures.push_back({how.name + "_vs_fio", median(ring.mb_per_s) / best, "x", better::higher,
                         how.random ? 0.9 : 0.95, "the faster of fio's io_uring and psync, MB/s", best});
  out.figures.push_back({how.name + "_threads_vs_psync",
                         median(threads.mb_per_s) / psync_peer,
                         "x",
                         better::higher,
                         {},
                         "fio psync, MB/s",
                         psync_peer});
  out.figures.push_back({how.name + "_cpu_vs_fio", median(ring.cpu) / median(fio_ring.cpu), "x",
                         better::lower, 1.3, "fio io_uring, CPU s/GB", median(fio_ring.cpu)});
}

}  // namespace

report run_aio(const bench_options& options) {
  const std::vector<pattern> patterns{{"seq", "read", 256 * 1024, 8, false},
                                      {"rand", "randread", 4096, 32, true}};
  const std::size_t bytes = options.quick ? std::size_t{64} << 20 : std::size_t{8} << 30;
  const double seconds = options.quick ? 1 : 2;
  const int rounds = options.quick ? 1 : 7;
  const auto folder = temporary_folder("aio");
  const auto path = folder + "/file";
  make_file(path, bytes);
  report out;
  const auto fio = first_line_of({"fio", "--version"});
  out.notes.push_back("direct reads of " + std::to_string(bytes >> 20) + " MiB, caches dropped, medians of " +
                      std::to_string(rounds));
  if (options.peers) out.notes.push_back(fio.empty() ? "fio is missing: scripts/setup --peers" : fio);
  double cpu_worst = 0;
  for (const auto& how : patterns) {
    series ring, threads, fio_ring, fio_psync;
    for (int round = 0; round < rounds; ++round) {
      ring.add(read_own(path, bytes, how, io_adapter::uring, seconds));
      if (options.peers) fio_ring.add(read_fio(path, bytes, how, true, seconds));
      threads.add(read_own(path, bytes, how, io_adapter::threads, seconds));
      if (options.peers) fio_psync.add(read_fio(path, bytes, how, false, seconds));
    }
    add_figures(out, how, ring, threads, fio_ring, fio_psync);
    if (!fio_ring.cpu.empty()) cpu_worst = std::max(cpu_worst, median(ring.cpu) / median(fio_ring.cpu));
  }
  if (cpu_worst > 0)
    out.figures.push_back({"cpu_vs_fio", cpu_worst, "x", better::lower, 1.3, "the worse of both", {}});
  fs::remove_all(folder);
  return out;
}

}  // namespace graphite::bench
