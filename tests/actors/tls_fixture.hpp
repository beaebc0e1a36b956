#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "platform/crypto/open_handshakes.hpp"
#include "tests/actors/tls_support.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {

using test::answers;
using test::tls_system;
using test::to;

/// How often each trigger is pulled: one that meets the thread between two of its calls does nothing.
inline constexpr int repetitions = 10;

/// Adds one, and counts the peers it heard of and those that went.
inline caf::behavior adder(caf::event_based_actor* self, std::atomic<int>* heard, std::atomic<int>* gone) {
  self->set_down_handler([gone](const caf::down_msg&) { ++*gone; });
  return {[self, heard](int n) {
    self->monitor(self->current_sender());
    ++*heard;
    return n + 1;
  }};
}

/// A TCP connection to this machine.
class raw_connection {
 public:
  explicit raw_connection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
  }
  ~raw_connection() { ::close(fd_); }
  raw_connection(const raw_connection&) = delete;
  raw_connection& operator=(const raw_connection&) = delete;

  int fd() const { return fd_; }
  void send(std::string_view text) const { (void)::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  /// Until the peer closes.
  std::string read_all() const {
    std::string out;
    char buffer[512];
    for (ssize_t got; (got = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;)
      out.append(buffer, static_cast<std::size_t>(got));
    return out;
  }

 private:
  int fd_;
};

/// The first bytes that the peer shows to who has this certificate, or none; empty when it refuses.
inline std::string shown_to(std::uint16_t port, const std::optional<tls_files>& own) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  if (own) {
    EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context.get(), own->certificate.c_str()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context.get(), own->key.c_str(), SSL_FILETYPE_PEM), 1);
  }
  const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context.get()), SSL_free);
  const raw_connection to(port);
  SSL_set_fd(session.get(), to.fd());
  char buffer[64];
  int got = 0;
  if (SSL_connect(session.get()) == 1) got = SSL_read(session.get(), buffer, sizeof buffer);
  ERR_clear_error();
  return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : "";
}

/// tls_peer, running.
class peer_process {
 public:
  peer_process(std::uint16_t port, const tls_files& files) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execl(GRAPHITE_TLS_PEER, "tls_peer", std::to_string(port).c_str(), files.certificate.c_str(),
              files.key.c_str(), files.authority.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    out_ = ends[0];
  }
  ~peer_process() {
    kill();
    ::close(out_);
  }
  peer_process(const peer_process&) = delete;
  peer_process& operator=(const peer_process&) = delete;

  /// Waits for what it says; empty when it ended.
  std::string line() const {
    char buffer[64];
    const auto got = ::read(out_, buffer, sizeof buffer);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : "";
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
};

class actor_tls : public ::testing::Test {
 protected:
  actor_tls() : server_(authority_.issue("server")), client_(authority_.issue("client")) {
    if (!server_.ready() || !client_.ready()) return;
    const logger_guard forget;
    adder_ = server_->spawn(adder, &heard_, &gone_);
    port_ = listen_tls(adder_, 0, "127.0.0.1").value();
    healthy_ = dial_tls(*client_, to(port_)).value();
  }
  void SetUp() override {
    ASSERT_TRUE(server_.ready()) << server_.ready().error().context;
    ASSERT_TRUE(client_.ready()) << client_.ready().error().context;
    ASSERT_TRUE(healthy_answers());
  }
  ~actor_tls() override {
    const logger_guard forget;
    healthy_ = nullptr;
    if (!adder_) return;
    stop_listening(adder_, port_);
    caf::anon_send_exit(adder_, caf::exit_reason::user_shutdown);
  }

  bool healthy_answers() { return answers(*client_, healthy_, std::chrono::seconds(20)); }
  /// The one that was there before, and a new one.
  void expect_all_is_well() {
    ASSERT_TRUE(healthy_answers());
    tls_system late(authority_.issue("late"));
    ASSERT_TRUE(late.ready());
    auto again = dial_tls(*late, to(port_));
    ASSERT_TRUE(again) << again.error().context;
    EXPECT_TRUE(answers(*late, *again, std::chrono::seconds(20)));
    ASSERT_TRUE(healthy_answers());
  }
  /// A peer of CAF that does not look at what it has.
  errc refusal_of(const tls_files& files) {
    tls_system stranger(files, test::no_checks());
    const auto got = dial_tls(*stranger, to(port_));
    EXPECT_FALSE(got);
    return got ? errc::invalid_argument : got.error().code;
  }

  test::temporary_folder folder_;
  test::certificate_authority authority_{folder_, "control"};
  std::atomic<int> heard_ = 0, gone_ = 0;
  tls_system server_, client_;
  caf::actor adder_, healthy_;
  std::uint16_t port_ = 0;
};

/// Listens, and says nothing.
class silent_listener {
 public:
  silent_listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&where), size), 0);
    EXPECT_EQ(::listen(fd_, 16), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&where), &size), 0);
    port_ = ntohs(where.sin_port);
  }
  ~silent_listener() {
    for (const int one : accepted_) ::close(one);
    ::close(fd_);
  }
  silent_listener(const silent_listener&) = delete;
  silent_listener& operator=(const silent_listener&) = delete;

  std::uint16_t port() const { return port_; }
  std::size_t accept() {
    for (int one; (one = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;)
      accepted_.push_back(one);
    return accepted_.size();
  }
  /// Whose peer has closed.
  long given_up() const {
    return std::count_if(accepted_.begin(), accepted_.end(), [](int one) {
      char bytes[4096];
      ssize_t got = 0;
      while ((got = ::recv(one, bytes, sizeof bytes, 0)) > 0) {
      }
      return got == 0;
    });
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
  std::vector<int> accepted_;
};

}  // namespace graphite
