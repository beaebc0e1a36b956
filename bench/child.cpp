#include "bench/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "bench/harness.hpp"

extern char** environ;

namespace graphite::bench {

void give_up(const std::string& text) {
  std::fprintf(stderr, "graphite-bench: %s\n", text.c_str());
  std::exit(1);
}

child::child(const std::vector<std::string>& argv, const std::string& log_path) {
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) give_up("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (posix_spawn(&pid_, words[0], &actions, nullptr, words.data(), environ) != 0)
    give_up("cannot start " + argv[0]);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  out_ = ends[0];
  fcntl(out_, F_SETFL, O_NONBLOCK);
}

child::~child() {
  if (out_ >= 0) close(out_);
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  for (int i = 0; i < 500; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

int child::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool child::drain(const std::function<void(const nlohmann::json&)>& on_event) {
  char block[65536];
  while (true) {
    const auto got = read(out_, block, sizeof block);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    pending_.append(block, static_cast<std::size_t>(got));
    for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
      on_event(nlohmann::json::parse(pending_.substr(0, end)));
      pending_.erase(0, end + 1);
    }
  }
}

void wait_for_all(const std::vector<child*>& children,
                  const std::function<bool(std::size_t, const nlohmann::json&)>& accept,
                  const std::string& what, double deadline_s) {
  const double deadline = now_seconds() + deadline_s;
  std::vector<bool> done(children.size());
  std::size_t left = children.size();
  std::vector<pollfd> fds;
  for (const auto* one : children) fds.push_back({one->out(), POLLIN, 0});
  while (left > 0) {
    if (now_seconds() > deadline)
      give_up("no " + what + " from " + std::to_string(left) + " programs in time");
    poll(fds.data(), fds.size(), 100);
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      const bool alive = children[i]->drain([&](const nlohmann::json& event) {
        if (!done[i] && accept(i, event)) done[i] = true, --left;
      });
      if (!alive && !done[i]) give_up("a program ended while waiting for " + what);
    }
  }
}

void wait_for_all(const std::vector<std::unique_ptr<child>>& children,
                  const std::function<bool(std::size_t, const nlohmann::json&)>& accept,
                  const std::string& what, double deadline_s) {
  std::vector<child*> all;
  for (const auto& one : children) all.push_back(one.get());
  wait_for_all(all, accept, what, deadline_s);
}

nlohmann::json wait_for(child& one, const std::string& event, double deadline_s) {
  nlohmann::json out;
  const auto is_it = [&](std::size_t, const nlohmann::json& said) {
    if (said.value("event", "") != event) return false;
    out = said;
    return true;
  };
  wait_for_all(std::vector<child*>{&one}, is_it, "event " + event, deadline_s);
  return out;
}

nlohmann::json run_json(const std::vector<std::string>& argv, const std::string& log_path) {
  child one(argv, log_path);
  nlohmann::json last;
  bool open = true;
  while (open) {
    pollfd fd{one.out(), POLLIN, 0};
    poll(&fd, 1, -1);
    open = one.drain([&](const nlohmann::json& event) { last = event; });
  }
  const int code = one.wait();
  if (code != 0)
    give_up(argv[0] + " " + argv[1] + " ended with " + std::to_string(code) + "; see " + log_path);
  return last;
}

void write_file(const std::string& path, const std::string& bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    give_up("cannot write " + path);
  close(fd);
}

std::string random_bytes(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string out(count, '\0');
  for (auto& c : out) c = static_cast<char>(random());
  return out;
}

}  // namespace graphite::bench
