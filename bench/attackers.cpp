#include "bench/attackers.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <new>
#include <random>

#include "bench/child.hpp"
#include "bench/harness.hpp"
#include "core/units.hpp"

namespace graphite::bench {

namespace {

enum class attack { garbage, slow, oversized, replayed };
constexpr std::size_t kinds = 4, oversized_bytes = MiB;
// An alert and an error of the protocol fit; tickets for later sessions, or an answer, do not.
constexpr std::size_t beyond_greeting_max = 128;
constexpr int tick_ms = 20;
constexpr double slow_period_s = 1;

/// CURVE: what follows the greeting is announced as 2^62 bytes. TLS: records of a first message of 16 MB.
std::string oversized_for(const attacked_port& port) {
  std::string out;
  if (port.speaks == attacked_port::protocol::curve) {
    out = port.heard.sent.substr(0, 64) + std::string("\x06\x40\0\0\0\0\0\0\0", 9);
    out.resize(oversized_bytes);
    return out;
  }
  const std::string record("\x16\x03\x01\x40\0", 5);
  std::string first = record + std::string("\x01\xff\xff\xff\x03\x03", 6);
  first.resize(record.size() + 16 * KiB);
  for (out = first; out.size() < oversized_bytes;) out += record + std::string(16 * KiB, '\0');
  return out;
}

std::string words_of(attack kind, const attacked_port& port, std::uint64_t seed) {
  switch (kind) {
    case attack::garbage:
      return random_bytes(4 * KiB, seed);
    case attack::oversized:
      return oversized_for(port);
    case attack::slow:
    case attack::replayed:
      break;
  }
  return port.heard.sent;
}

struct connection {
  const attacked_port* port = nullptr;
  attack kind = attack::garbage;
  const std::string* says = nullptr;
  int fd = -1;
  double due = 0;  ///< to connect, or to say the next byte
  bool open = false, admitted = false;
  std::size_t said = 0, heard = 0;
  std::string kept;  ///< the beginning of what was heard
};

/// The attackers' process: one thread, no allocation that matters.
class attack_loop {
 public:
  attack_loop(const std::vector<attacked_port>& ports, const attack_options& how, attack_counts& counts)
      : how_(how), counts_(counts), first_port_(ports.data()), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> begins(0, how.spread_s);
    words_.reserve(ports.size() * kinds);
    for (const auto& port : ports)
      for (std::size_t kind = 0; kind < kinds; ++kind) {
        words_.push_back(words_of(attack(kind), port, words_.size()));
        for (std::size_t i = kind; i < how.connections; i += kinds) {
          auto& one = all_.emplace_back();
          one.port = &port, one.kind = attack(kind), one.says = &words_.back();
          one.due = now_seconds() + begins(random);
        }
      }
  }

  [[noreturn]] void run() {
    while (true) {
      epoll_event events[256];
      const int ready = ::epoll_wait(epoll_, events, 256, tick_ms);
      for (int i = 0; i < ready; ++i) serve(all_[events[i].data.u32], events[i].events);
      const double now = now_seconds();
      if (now < next_look_) continue;
      next_look_ = now + tick_ms / 1e3;
      for (std::size_t i = 0; i < all_.size(); ++i)
        if (all_[i].due <= now) (all_[i].fd < 0) ? begin(i) : say_next_byte(all_[i], now);
    }
  }

 private:
  void begin(std::size_t i) {
    auto& one = all_[i];
    one.fd = begin_connecting(one.port->at);
    one.due = one.fd < 0 ? now_seconds() + how_.again_s : 1e18;
    if (one.fd < 0) return;
    one.open = one.admitted = false, one.said = one.heard = 0;
    one.kept.clear();
    epoll_event wants{EPOLLIN | EPOLLOUT, {}};
    wants.data.u32 = static_cast<std::uint32_t>(i);
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, one.fd, &wants);
  }

  void serve(connection& one, std::uint32_t events) {
    if (one.fd < 0) return;
    if (!one.open && (events & (EPOLLERR | EPOLLHUP)) == 0) note_open(one);
    if ((events & EPOLLOUT) != 0 && one.open && !speak(one)) return end(one);
    if ((events & EPOLLIN) != 0 && !listen_to(one)) return end(one);
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) end(one);
  }

  void note_open(connection& one) {
    one.open = true;
    ++counts_.made[static_cast<std::size_t>(one.port - first_port_)];
    const auto now_open = ++counts_.open;
    if (now_open > counts_.open_max) counts_.open_max = now_open;
    if (one.kind == attack::slow) one.due = now_seconds();
  }

  bool speak(connection& one) {
    while (one.kind != attack::slow && one.said < one.says->size())
      if (const auto sent = send_some(one, one.says->size()); sent <= 0) return sent == 0;
    listen_only(one);
    return true;
  }

  /// Bytes sent; 0: later, -1: never.
  long send_some(connection& one, std::size_t until) {
    const auto sent = ::send(one.fd, one.says->data() + one.said, until - one.said, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? 0 : -1;
    one.said += static_cast<std::size_t>(sent);
    counts_.bytes_sent += static_cast<std::uint64_t>(sent);
    return sent;
  }

  void say_next_byte(connection& one, double now) {
    one.due = now + slow_period_s;
    if (one.said < one.says->size() && send_some(one, one.said + 1) < 0) end(one);
  }

  void listen_only(connection& one) {
    epoll_event wants{EPOLLIN, {}};
    wants.data.u32 = static_cast<std::uint32_t>(&one - all_.data());
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, one.fd, &wants);
  }

  bool listen_to(connection& one) {
    char buffer[4'096];
    while (true) {
      const auto size = ::recv(one.fd, buffer, sizeof buffer, 0);
      if (size < 0) return errno == EAGAIN;
      if (size == 0) return false;
      one.heard += static_cast<std::size_t>(size);
      if (one.kept.size() < heard_bytes_kept_max) one.kept.append(buffer, static_cast<std::size_t>(size));
      if (!one.admitted && was_let_in(*one.port, one.kept, one.heard))
        one.admitted = true, ++counts_.admitted;
    }
  }

  void end(connection& one) {
    if (one.open) --counts_.open;
    ::close(one.fd);
    one.fd = -1, one.open = false;
    one.due = now_seconds() + how_.again_s;
  }

  const attack_options how_;
  attack_counts& counts_;
  const attacked_port* const first_port_;
  const int epoll_;
  std::vector<std::string> words_;
  std::vector<connection> all_;
  double next_look_ = 0;
};

/// In a child of this process, which ends with it.
void begin_child(int niceness) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpriority(PRIO_PROCESS, 0, niceness);
}

void end_child(pid_t which) {
  if (which < 0) return;
  ::kill(which, SIGKILL);
  ::waitpid(which, nullptr, 0);
}

/// Each connection is a file here.
void allow_many_files() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

double own_cpu_s() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

}  // namespace

bool was_let_in(const attacked_port& port, std::string_view beginning, std::size_t bytes) {
  if (port.speaks == attacked_port::protocol::tls)
    return bytes > port.heard.greeting_bytes + beyond_greeting_max;
  return beginning.find("\x05READY") != beginning.npos || beginning.find("\x07MESSAGE") != beginning.npos;
}

attackers::attackers(const std::vector<attacked_port>& ports, const attack_options& how) {
  if (ports.size() > attack_counts::ports_max) give_up("more ports than are counted");
  void* shared =
      ::mmap(nullptr, sizeof(attack_counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) give_up("no memory for the attackers' counts");
  counts_ = new (shared) attack_counts{};
  pid_ = ::fork();
  if (pid_ < 0) give_up("cannot fork the attackers");
  if (pid_ > 0) return;
  begin_child(how.niceness);
  allow_many_files();
  attack_loop(ports, how, *counts_).run();
}

attackers::~attackers() {
  end_child(pid_);
  ::munmap(counts_, sizeof(attack_counts));
}

idle_load::idle_load(double share, int niceness) : pid_(::fork()) {
  if (pid_ < 0) give_up("cannot fork a load");
  if (pid_ > 0) return;
  begin_child(niceness);
  for (const double start = now_seconds();;)
    if (own_cpu_s() > share * (now_seconds() - start)) ::usleep(1'000);
}

idle_load::~idle_load() { end_child(pid_); }

}  // namespace graphite::bench
