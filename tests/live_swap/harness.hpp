#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "cli/chunk_port.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/clock.hpp"
#include "platform/zmq/chunk_server.hpp"
#include "platform/zmq/head_publisher.hpp"
#include "schemas/codec/announcement.hpp"
#include "tests/live_swap/small_publisher.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

/// \file A publisher in this process, `run_subscribe` in others: real sockets, real files.

namespace graphite::test {

namespace fs = std::filesystem;

/// Turns one bit of a file, `where` of it (0 to 1) from its beginning.
inline void flip(const fs::path& path, double where) {
  fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto at = static_cast<std::streamoff>(static_cast<double>(fs::file_size(path)) * where);
  file.seekg(at);
  const char old = static_cast<char>(file.get());
  file.seekp(at);
  file.put(static_cast<char>(old ^ 1));
}

/// Who says when a heartbeat goes out.
enum class beating { by_itself, by_hand };

/// Ports around a small_publisher, with a thread that beats unless the test does.
class served_channel {
 public:
  served_channel(small_publisher& publisher, const system_clock_source& clock, std::uint16_t heads_port = 0,
                 beating how = beating::by_itself)
      : publisher_(publisher), port_(chunk_service(publisher.sources()), clock) {
    who_.value.bytes.fill(static_cast<std::uint8_t>(++starts));
    context_ = *zmq_context::make({1, 16, 64});
    server_ = *make_zmq_chunk_server(context_, {{"127.0.0.1", 0, false}, 65536}, port_);
    heads_ = *make_zmq_publisher(context_, {{"127.0.0.1", heads_port, false}, 1024, milliseconds(20)});
    const std::string address = server_->address();
    chunk_port_number_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    if (how == beating::by_itself) beater_ = std::thread([this] { beat_until_end(); });
  }
  ~served_channel() {
    stopping_.store(true);
    if (beater_.joinable()) beater_.join();
  }
  void beat() { heads_->beat(encode(publisher_.beat(chunk_port_number_, who_))); }
  void publish() {
    announced_times times;
    times.edited = times.published = clock_.now();
    heads_->announce("main", encode(publisher_.publish(times, boot_id())));
  }
  std::string address() const { return heads_->address(); }
  std::uint16_t heads_port() const {
    return static_cast<std::uint16_t>(std::stoi(address().substr(address().rfind(':') + 1)));
  }
  chunk_port& port() { return port_; }
  head_publisher::counters counters() const { return heads_->count(); }

 private:
  void beat_until_end() {
    for (int tick = 0; !stopping_.load(); ++tick) {
      if (tick % 50 == 0) beat();
      std::this_thread::sleep_for(milliseconds(10));
    }
  }
  static inline int starts = 0;
  system_clock_source clock_;
  small_publisher& publisher_;
  chunk_port port_;
  incarnation_id who_;
  std::shared_ptr<zmq_context> context_;
  std::unique_ptr<chunk_server> server_;
  std::unique_ptr<head_publisher> heads_;
  std::uint16_t chunk_port_number_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread beater_;
};

/// How a child subscribes.
struct child_options {
  std::string from;
  fs::path into;
  std::string exec;
  bool no_files = false;
  std::uint64_t log_bytes_max = 0;  ///< 0: as the program has it
  std::string kill_at;              ///< NAME[:COUNT] of a kill point
};

/// A child process that subscribes. It is the helper program beside this test, so that nothing is forked
/// from a process with threads but to exec.
class child {
 public:
  explicit child(const child_options& options) {
    const fs::path& into = options.into;
    const std::string out = into.string() + ".out";
    const std::string program = fs::read_symlink("/proc/self/exe").parent_path() / "live_swap_subscriber";
    pid_ = ::fork();
    if (pid_ != 0) return;
    if (!options.kill_at.empty()) ::setenv("GRAPHITE_KILL_AT", options.kill_at.c_str(), 1);
    if (!::freopen(out.c_str(), "a", stdout)) ::_exit(99);
    if (!::freopen((into.string() + ".err").c_str(), "a", stderr)) ::_exit(99);
    ::execl(program.c_str(), program.c_str(), options.from.c_str(), into.c_str(), options.exec.c_str(),
            options.no_files ? "no-files" : "files", std::to_string(options.log_bytes_max).c_str(), nullptr);
    ::_exit(98);
  }
  ~child() {
    if (pid_ > 0) end(SIGKILL);
  }
  /// True where it ended by itself within `time`.
  bool ended(duration time) {
    const auto until = std::chrono::steady_clock::now() + time;
    do {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return pid_ = 0, true;
      std::this_thread::sleep_for(milliseconds(1));
    } while (std::chrono::steady_clock::now() < until);
    return false;
  }
  pid_t pid() const { return pid_; }
  int end(int signal) {
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_ = 0;
};

inline std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

inline std::map<std::string, std::string> files_below(const fs::path& folder) {
  std::map<std::string, std::string> out;
  std::error_code ignored;
  const fs::path real = fs::canonical(folder, ignored);
  if (ignored) return out;
  for (auto it = fs::recursive_directory_iterator(real, ignored);
       !ignored && it != fs::recursive_directory_iterator(); it.increment(ignored))
    if (it->is_regular_file(ignored)) out[it->path().lexically_relative(real).string()] = slurp(it->path());
  return out;
}

/// A folder of its own for a publisher and its subscribers, with random edits of one seed.
class live_swap : public ::testing::Test {
 protected:
  fs::path into(int n = 0) const { return folder_ / fmt::format("into{}", n); }
  std::unique_ptr<child> subscribe(const std::string& from, int n = 0) {
    return std::make_unique<child>(child_options{from, into(n), "", false, log_bytes_max_, ""});
  }
  /// False where a subscriber that is fed edits, and then left in peace, does not come to the kill point.
  bool dies_at(const std::string& kill_at, small_publisher& publisher, served_channel& channel,
               bool no_files = false) {
    child dying({channel.address(), into(), "", no_files, log_bytes_max_, kill_at});
    return dies_of_edits(dying, publisher, channel) || dying.ended(std::chrono::seconds(30));
  }
  bool dies_of_edits(child& dying, small_publisher& publisher, served_channel& channel) {
    constexpr int edits_max = 60;
    for (int edits = 0; edits < edits_max; ++edits) {
      if (dying.ended(milliseconds(edits % 8 == 7 ? 400 : 30))) return true;  // it syncs in a pause
      random_edit(publisher);
      // Made, changed before the tree that is not shown has it, and gone; so is its folder.
      publisher.edit("short/lived", edits % 3 == 2 ? std::nullopt : std::optional(text(100)));
      channel.publish();
    }
    return false;
  }
  bool converges(const small_publisher& publisher, int n = 0) {
    return wait_until([&] { return files_below(into(n) / "current") == publisher.files(); });
  }
  std::string text(std::size_t bytes) {
    std::string out(bytes, ' ');
    for (auto& c : out) c = static_cast<char>(rng_());
    return out;
  }
  void random_edit(small_publisher& publisher) {
    const std::string path = fmt::format("d{}/e{}/f{}", rng_() % 3, rng_() % 2, rng_() % 10);
    const auto kind = rng_() % 8;
    if (kind == 0 && publisher.files().contains(path))
      publisher.edit(path, std::nullopt);
    else if (kind == 1)
      publisher.edit(path, text(200'000 + rng_() % 200'000));
    else if (kind == 2)
      publisher.edit(path, std::string());
    else
      publisher.edit(path, text(rng_() % 20'000));
  }

  openssl_hasher hash_;
  system_clock_source clock_;
  std::mt19937_64 rng_{11};
  std::uint64_t log_bytes_max_ = 0;
  const temporary_folder temporary_;
  const fs::path folder_ = temporary_.path();
};

}  // namespace graphite::test
