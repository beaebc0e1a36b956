// A worker program for tests: what its transforms do is in their names.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <barrier>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <thread>

#include "platform/worker/frames.hpp"
#include "platform/worker/worker_server.hpp"

namespace {

using namespace graphite;

byte_vector bytes_of(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

worker_product one_asset(const encoded_task& task, std::vector<byte_vector> parts) {
  worker_product out;
  out.assets.push_back({*logical_path::parse(task.outputs.front().text), std::move(parts)});
  return out;
}

/// What of the outside a worker can reach; empty: nothing.
std::string reached() {
  std::string out;
  if (::open("/etc/hostname", O_RDONLY) >= 0) out += " file";
  if (::socket(AF_INET, SOCK_STREAM, 0) >= 0) out += " network";
  if (::fork() >= 0) out += " process";
  if (::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
      MAP_FAILED)
    out += " code";
  for (const int flags : {MAP_SHARED, MAP_SHARED_VALIDATE, MAP_PRIVATE | MAP_GROWSDOWN})
    if (::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
      out += " memory beside the limit";
  if (::kill(::getppid(), 0) == 0) out += " signal";
  return out;
}

std::string warmed_up;

/// What the pool speaks with a worker over.
constexpr int socket_of_worker = 3;

[[noreturn]] void spin() {
  for (volatile std::uint64_t i = 0;;) {
    const auto next = i + 1;
    i = next;
  }
}

/// As a decoder of the shipped program does: no sanitizer makes a report of it.
__attribute__((no_sanitize("address", "undefined"))) void crash() {
  ::signal(SIGSEGV, SIG_DFL);
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
}

/// A worker that a file has taken over; `wanted` is the name of a file that lies at the outbox's beginning.
[[noreturn]] void harm(std::string_view how, std::size_t wanted) {
  worker_frame frame{worker_frame::kind::want, 0, 0, wanted};
  if (how == "forge") frame = {worker_frame::kind::exited, 0, SIGKILL, 0};
  if (how == "hush") ::close(socket_of_worker);
  iovec body{&frame, sizeof frame};
  msghdr message{};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  if (how == "forge") ::sendmsg(socket_of_worker, &message, 0);
  while (how == "flood") ::sendmsg(socket_of_worker, &message, 0);
  // Always has something more to ask.
  for (int ahead = 0; how == "ask ahead" && ahead < 64; ++ahead) ::sendmsg(socket_of_worker, &message, 0);
  while (how == "ask ahead" && receive_frame(socket_of_worker)) ::sendmsg(socket_of_worker, &message, 0);
  spin();
}

/// Has each of the threads make one call, all at once: what it says for each, in order.
std::vector<std::string> of_each_thread(parallel_calls& threads, const std::function<std::string()>& call) {
  std::vector<std::string> out(threads.width());
  std::barrier all(static_cast<std::ptrdiff_t>(out.size()));
  threads.for_each(out.size(), [&](std::size_t i) {
    all.arrive_and_wait();
    out[i] = call();
  });
  return out;
}

[[noreturn]] void hoard() {
  std::vector<std::unique_ptr<char[]>> all;
  while (true) std::memset(all.emplace_back(new char[1 << 20]).get(), 1, 1 << 20);
}

/// 40 ms of this thread's processor time.
std::string burn() {
  timespec used{}, began{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began);
  do ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  while ((used.tv_sec - began.tv_sec) * 1'000'000'000 + used.tv_nsec - began.tv_nsec < 40'000'000);
  return "burnt";
}

/// What threads do beside one that waits.
result<worker_product> work_in_threads(const encoded_task& task, parallel_calls& threads) {
  const auto how = std::string_view(task.transform).substr(std::string_view("threads ").size());
  static std::string tries;  // of this process: how many threads there were
  tries += " " + std::to_string(threads.width());
  if (how == "tries") return one_asset(task, {bytes_of(std::exchange(tries, ""))});
  const auto first = std::this_thread::get_id();
  const auto made = of_each_thread(threads, [&]() -> std::string {
    if (how == "burn 40 ms") return burn();
    if (how == "hoard in all") hoard();
    if (std::this_thread::get_id() == first) return "first";
    if (how == "crash") crash();
    if (how == "hoard") hoard();
    if (how == "loop") spin();
    if (how == "throw") throw std::runtime_error("thrown beside");
    return how == "reach" ? reached() : "other";
  });
  auto out = one_asset(task, {});
  for (const auto& one : made) out.assets.front().parts.push_back(bytes_of(one));
  return out;
}

result<worker_product> work(const encoded_task& task, byte_span main, worker_files& files,
                            parallel_calls& threads) {
  const auto& name = task.transform;
  if (name.starts_with("threads ")) return work_in_threads(task, threads);
  if (name == "copy") return one_asset(task, {{main.begin(), main.end()}});
  if (name == "halves") {
    const auto half = main.size() / 2;
    return one_asset(task, {{main.begin(), main.begin() + static_cast<std::ptrdiff_t>(half)},
                            {main.begin() + static_cast<std::ptrdiff_t>(half), main.end()}});
  }
  if (name == "include") {
    // The main input names a file by its text.
    GRAPHITE_TRY(const auto path, logical_path::parse(std::string(as_text(main))));
    const auto found = files.read(path);
    if (!found && found.error().code != errc::not_found) return tl::unexpected(found.error());
    return one_asset(task, {found ? byte_vector(found->begin(), found->end()) : bytes_of("none")});
  }
  if (name == "refuse") return fail(errc::corrupt, "it is broken at byte 7");
  if (name == "crash") crash();
  if (name == "exit") ::_exit(9);
  if (name == "loop") spin();
  if (name == "ask")
    while (files.read(*logical_path::parse("lib/x"))) {
    }
  if (name == "ask 10000 times")
    for (int i = 0; i < 10'000; ++i) GRAPHITE_CHECK(files.read(*logical_path::parse("lib/x")));
  if (name == "ask for all")
    for (int i = 0;; ++i) (void)files.read(*logical_path::parse("none/" + std::to_string(i)));
  if (name == "flood" || name == "forge" || name == "hush" || name == "ask ahead") {
    (void)files.read(*logical_path::parse("lib/x"));
    harm(name, std::string_view("lib/x").size());
  }
  if (name == "hoard") hoard();
  if (name == "fill") return one_asset(task, {byte_vector(32 << 20)});
  if (name == "reach") return one_asset(task, {bytes_of(reached())});
  if (name == "twice") {
    auto out = one_asset(task, {bytes_of("x")});
    out.assets.push_back(out.assets.front());
    return out;
  }
  if (name == "stray") return worker_product{{{*logical_path::parse("not/declared"), {bytes_of("x")}}}, {}};
  if (name == "warmth") return one_asset(task, {bytes_of(warmed_up)});
  if (name == "count") {
    static int calls = 0;
    return one_asset(task, {bytes_of(std::to_string(++calls))});
  }
  return fail(errc::unsupported, "no transform " + name);
}

}  // namespace

/// A server that knows no protocol but its own.
int refuse_all() {
  while (receive_frame(0)) (void)send_frame(0, {worker_frame::kind::started, 0, 0, EPROTO});
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--of another build") return refuse_all();
  return serve_workers(0, work, [&] {
    for (int i = 1; i < argc; ++i) warmed_up += argv[i];
  });
}
