#include "platform/worker/worker_loop.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <new>
#include <optional>
#include <type_traits>

#include "platform/linux/cpu_set.hpp"
#include "platform/worker/helper_threads.hpp"
#include "platform/worker/shared_window.hpp"
#include "platform/worker/worker_sandbox.hpp"

namespace graphite {

namespace {

using frame_kind = worker_frame::kind;
constexpr int first_free_descriptor = 6;
/// Beyond this a task's private memory goes back to the system.
constexpr std::uint64_t kept_bytes = 16 * MiB;

std::uint64_t processor_time_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(used.tv_nsec);
}

std::uint64_t memory_bytes_peak() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<std::uint64_t>(used.ru_maxrss) * KiB;
}

std::string in_large_units(std::uint64_t bytes) {
  return bytes < 10 * MiB ? fmt::format("{} KiB", bytes / KiB) : fmt::format("{} MiB", bytes / MiB);
}

/// One task after the other over one socket.
class worker_loop final : public worker_files {
 public:
  worker_loop(int socket, shared_window inbox, shared_window outbox, helper_threads& threads,
              const worker_function& work)
      : socket_(socket),
        inbox_(std::move(inbox)),
        outbox_(std::move(outbox)),
        threads_(threads),
        work_(work) {}

  /// Until the pool lets go.
  result<void> run() {
    while (true) {
      const auto next = receive_frame(socket_);
      if (!next && next.error().code == errc::unavailable) return {};
      if (!next) return tl::unexpected(next.error());
      if (next->frame.what != frame_kind::task) return fail(errc::corrupt, "not a task");
      GRAPHITE_CHECK(answer(next->frame));
    }
  }

  result<byte_span> read(const logical_path& path) override {
    used_ = 0;
    GRAPHITE_TRY(const auto name, put(as_bytes(path.str())));
    GRAPHITE_CHECK(send_frame(socket_, {frame_kind::want, 0, name.offset, name.size}));
    GRAPHITE_TRY(const auto got, receive_frame(socket_));
    if (got.frame.what == frame_kind::file) return in_inbox({got.frame.offset, got.frame.size});
    if (got.frame.what != frame_kind::no_file) return fail(errc::corrupt, "not a file");
    return fail(static_cast<errc>(got.frame.offset), path.str() + " is no source of this project");
  }

 private:
  result<byte_span> in_inbox(const memory_range& where) const {
    const auto all = inbox_.bytes();
    if (where.offset > all.size() || where.size > all.size() - where.offset)
      return fail(errc::corrupt, "beyond the inbox");
    return byte_span(all.subspan(where.offset, where.size));
  }

  /// Copies into the outbox.
  result<memory_range> put(byte_span bytes) {
    if (bytes.size() > outbox_.bytes().size() - used_)
      return fail(errc::too_large, "its outputs are too large");
    const memory_range out{used_, bytes.size()};
    if (!bytes.empty()) std::memcpy(outbox_.bytes().data() + used_, bytes.data(), bytes.size());
    used_ = std::min<std::uint64_t>(outbox_.bytes().size(), (used_ + bytes.size() + 63) / 64 * 64);
    return out;
  }

  result<void> answer(const worker_frame& frame) {
    const auto started = processor_time_ns();
    auto done = guarded([&] { return do_task(frame); });
    encoded_answer out;
    if (done) {
      out = std::move(*done);
    } else {
      out.failed = true;
      out.code = static_cast<std::uint16_t>(done.error().code);
      out.text = std::move(done.error().context);
      used_ = 0;
    }
    out.cpu_ns = processor_time_ns() - started;
    out.memory_bytes_peak = memory_bytes_peak();
    GRAPHITE_TRY(const auto where, put(as_bytes(std::string_view(encode(out)))));
    if (used_ > kept_bytes) ::malloc_trim(kept_bytes);
    return send_frame(socket_, {frame_kind::done, 0, where.offset, where.size});
  }

  result<encoded_answer> do_task(const worker_frame& frame) {
    GRAPHITE_TRY(const auto text, in_inbox({frame.offset, frame.size}));
    GRAPHITE_TRY(const auto task, decode_task(as_text(text)));
    GRAPHITE_TRY(const auto main, in_inbox(task.main));
    threads_.allow(task.threads);
    const auto attempt = [&] { return guarded([&] { return work_(task, main, *this, threads_); }); };
    auto made = attempt();
    // Pieces that are made at once take more memory together: what is made must not depend on that.
    if (!made && made.error().code == errc::too_large && threads_.used()) {
      threads_.allow(1);
      made = attempt();
    }
    if (!made) return tl::unexpected(std::move(made.error()));
    used_ = 0;
    return stored(*made, task.output_bytes_max);
  }

  /// What `call` gives; what it throws as an error.
  template <class Call>
  static std::invoke_result_t<Call> guarded(const Call& call) {
    try {
      return call();
    } catch (const std::bad_alloc&) {
      return fail(errc::too_large, "it needs more memory than it may use (the rule's 'memory_max')");
    } catch (const std::exception& thrown) {
      return fail(errc::corrupt, thrown.what());
    }
  }

  result<encoded_answer> stored(const worker_product& made, std::uint64_t bytes_max) {
    encoded_answer out;
    out.text = made.warnings;
    std::uint64_t sum = 0;
    for (const auto& asset : made.assets) {
      auto& one = out.assets.emplace_back();
      one.path = asset.path.str();
      for (const auto& part : asset.parts) {
        if ((sum += part.size()) > bytes_max)
          return fail(errc::too_large, fmt::format("its outputs have more than {} (the rule's 'output_max')",
                                                   in_large_units(bytes_max)));
        GRAPHITE_TRY(const auto where, put(part));
        one.parts.push_back(where);
      }
    }
    return out;
  }

  int socket_;
  shared_window inbox_, outbox_;
  helper_threads& threads_;
  const worker_function& work_;
  std::uint64_t used_ = 0;  ///< of the outbox
};

/// Only the three descriptors stay, as 3, 4 and 5; the standard streams lead nowhere.
bool tidy_descriptors(std::vector<owned_fd>& given) {
  for (auto& one : given) one.reset(::fcntl(one.get(), F_DUPFD_CLOEXEC, first_free_descriptor));
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  bool ok = nowhere >= 0;
  for (int stream = 0; stream < (sanitized_build() ? 2 : 3); ++stream)
    ok = ok && ::dup2(nowhere, stream) == stream;
  for (int i = 0; i < 3; ++i) {
    ok = ok && ::dup2(given[static_cast<std::size_t>(i)].release(), 3 + i) == 3 + i;
    given[static_cast<std::size_t>(i)].reset(3 + i);
  }
  return ok && ::close_range(first_free_descriptor, ~0u, 0) == 0;
}

/// `threads` outlives what it waits for: who returns from here ends the process.
result<void> live(std::vector<owned_fd> descriptors, helper_threads& threads, const worker_function& work) {
  GRAPHITE_TRY(auto inbox,
               shared_window::open(std::move(descriptors[1]), inbox_bytes, shared_window::access::read));
  GRAPHITE_TRY(auto outbox,
               shared_window::open(std::move(descriptors[2]), outbox_bytes, shared_window::access::write));
  GRAPHITE_CHECK(enter_worker_sandbox());
  return worker_loop(descriptors[0].get(), std::move(inbox), std::move(outbox), threads, work).run();
}

/// Binds this thread to the one of the server's processors that is the place's: the threads after it in
/// turns, beginning with this one's. Empty: the server's are for all. Refused, all run where the server does.
std::vector<int> take_processors(std::uint32_t place) {
  auto cpus = place == 0 ? std::vector<int>() : allowed_cpus().value_or(std::vector<int>());
  if (cpus.empty()) return cpus;
  std::ranges::rotate(cpus, cpus.begin() + static_cast<std::ptrdiff_t>((place - 1) % cpus.size()));
  return bind_to_domain(cpus, true, 0) ? cpus : std::vector<int>();
}

}  // namespace

void run_worker(std::vector<owned_fd> descriptors, const worker_frame& start, const worker_function& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!tidy_descriptors(descriptors)) ::_exit(worker_exit::no_descriptors);
  // An arena for each thread would keep what it took, and that counts against later tasks.
  ::mallopt(M_ARENA_MAX, 1);
  helper_threads helpers;
  helpers.start(std::clamp<std::uint64_t>(start.size, 1, worker_threads_max) - 1,
                take_processors(start.place));
  const auto ended = live(std::move(descriptors), helpers, work);
  ::_exit(ended                                     ? 0
          : ended.error().code == errc::unsupported ? worker_exit::no_sandbox
                                                    : worker_exit::broken);
}

}  // namespace graphite
