#include "actors/tls.hpp"

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
namespace {

using test::answers;
using test::tls_system;

/// How often each trigger is pulled: one that meets the thread between two of its calls does nothing.
constexpr int repetitions = 10;

/// Adds one, and counts the peers it heard of and those that went.
caf::behavior adder(caf::event_based_actor* self, std::atomic<int>* heard, std::atomic<int>* gone) {
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
std::string shown_to(std::uint16_t port, const std::optional<tls_files>& own) {
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
    healthy_ = dial_tls(*client_, {"127.0.0.1", port_}, seconds(20)).value();
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
    auto again = dial_tls(*late, {"127.0.0.1", port_}, seconds(20));
    ASSERT_TRUE(again) << again.error().context;
    EXPECT_TRUE(answers(*late, *again, std::chrono::seconds(20)));
    ASSERT_TRUE(healthy_answers());
  }
  /// A peer of CAF that does not look at what it has.
  errc refusal_of(const tls_files& files) {
    tls_system stranger(files, test::no_checks());
    const auto got = dial_tls(*stranger, {"127.0.0.1", port_}, seconds(20));
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

TEST_F(actor_tls, a_peer_that_is_killed_is_noticed_and_silences_no_other) {
  const auto files = authority_.issue("victim");
  for (int i = 0; i < 3; ++i) {
    const int gone = gone_;
    peer_process peer(port_, files);
    ASSERT_EQ(peer.line(), "linked\n");
    peer.kill();
    ASSERT_TRUE(healthy_answers());
    EXPECT_TRUE(test::wait_until([&] { return gone_ > gone + 1; }));  // the asker of healthy_answers, too
  }
  expect_all_is_well();
}

TEST_F(actor_tls, a_connection_that_is_closed_at_once_silences_no_other) {
  for (int i = 0; i < repetitions; ++i) {
    { const raw_connection one(port_); }
    ASSERT_TRUE(healthy_answers());
  }
  expect_all_is_well();
}

TEST_F(actor_tls, plain_text_is_refused_and_silences_no_other) {
  for (int i = 0; i < repetitions; ++i) {
    const raw_connection one(port_);
    one.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    EXPECT_LE(one.read_all().size(), 16U);  // an alert of TLS
    ASSERT_TRUE(healthy_answers());
  }
  expect_all_is_well();
}

TEST_F(actor_tls, a_connection_that_says_nothing_silences_no_other) {
  const raw_connection one(port_), two(port_);
  one.send("\x16");
  expect_all_is_well();
}

TEST_F(actor_tls, connections_that_say_nothing_are_bounded) {
  std::vector<std::unique_ptr<raw_connection>> silent;
  for (std::size_t i = 0; i < open_handshakes::open_max + 40; ++i)
    silent.push_back(std::make_unique<raw_connection>(port_));
  const auto given_up = [&] {
    char byte = 0;
    return std::count_if(silent.begin(), silent.end(), [&](const auto& one) {
      return ::recv(one->fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
    });
  };
  EXPECT_TRUE(test::wait_until([&] { return given_up() == 40; })) << given_up();
  expect_all_is_well();
  EXPECT_LE(given_up(), 45);  // no more than one for each that came after
}

TEST_F(actor_tls, a_certificate_of_the_same_authority_is_shown_something) {
  EXPECT_FALSE(shown_to(port_, authority_.issue("other")).empty());
  expect_all_is_well();
}

TEST_F(actor_tls, a_certificate_of_another_authority_is_refused) {
  const test::certificate_authority strange(folder_, "strange");
  auto files = strange.issue("stranger");
  for (int i = 0; i < repetitions; ++i) EXPECT_TRUE(shown_to(port_, files).empty());
  EXPECT_EQ(refusal_of(files), errc::unavailable);
  files.authority = folder_ / "control.crt";  // it trusts us; we do not trust it
  EXPECT_EQ(refusal_of(files), errc::unavailable);
  expect_all_is_well();
}

TEST_F(actor_tls, an_authority_of_the_same_name_is_another_one) {
  const auto true_one = folder_.read("control.crt");
  const test::certificate_authority namesake(folder_, "control");
  const auto files = namesake.issue("stranger");
  folder_.write("control.crt", true_one);
  EXPECT_TRUE(shown_to(port_, files).empty());
  expect_all_is_well();
}

TEST_F(actor_tls, a_peer_without_a_certificate_is_refused) {
  for (int i = 0; i < repetitions; ++i) EXPECT_TRUE(shown_to(port_, std::nullopt).empty());
  expect_all_is_well();
}

TEST_F(actor_tls, a_certificate_that_has_expired_or_not_begun_is_refused) {
  const auto expired = authority_.issue("expired", {.from_s = -7200, .until_s = -3600, .purposes = {}});
  const auto early = authority_.issue("early", {.from_s = 3600, .until_s = 7200, .purposes = {}});
  for (int i = 0; i < repetitions; ++i) EXPECT_TRUE(shown_to(port_, expired).empty());
  EXPECT_TRUE(shown_to(port_, early).empty());
  EXPECT_EQ(refusal_of(expired), errc::unavailable);
  expect_all_is_well();
}

TEST_F(actor_tls, a_listener_of_another_authority_is_not_talked_to) {
  const test::certificate_authority strange(folder_, "strange");
  auto files = strange.issue("impostor");
  tls_system impostor(files);
  ASSERT_TRUE(impostor.ready());
  std::atomic<int> heard = 0, gone = 0;
  const logger_guard forget;
  const auto whom = impostor->spawn(adder, &heard, &gone);
  const auto port = listen_tls(whom, 0, "127.0.0.1").value();
  const auto got = dial_tls(*client_, {"127.0.0.1", port}, seconds(20));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_EQ(heard, 0);
  ASSERT_TRUE(healthy_answers());
  stop_listening(whom, port);
  caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
}

TEST_F(actor_tls, a_listener_that_says_nothing_is_given_up) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&where), size), 0);
  ASSERT_EQ(::listen(fd, 4), 0);
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size), 0);
  const auto got = dial_tls(*client_, {"127.0.0.1", ntohs(where.sin_port)}, milliseconds(200));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::timed_out);
  ASSERT_TRUE(healthy_answers());
  ::close(fd);
}

TEST_F(actor_tls, every_kind_of_key_works) {
  for (const auto kind : {test::key_kind::p256, test::key_kind::rsa2048, test::key_kind::ed25519}) {
    SCOPED_TRACE(static_cast<int>(kind));
    const test::certificate_authority other(folder_, "kind", kind);
    tls_system one(other.issue("one", {.kind = kind})), two(other.issue("two", {.kind = kind}));
    ASSERT_TRUE(one.ready()) << one.ready().error().context;
    ASSERT_TRUE(two.ready());
    const logger_guard forget;
    const auto whom = one->spawn(adder, &heard_, &gone_);
    const auto port = listen_tls(whom, 0, "127.0.0.1").value();
    {
      const auto peer = dial_tls(*two, {"127.0.0.1", port}, seconds(20));
      ASSERT_TRUE(peer) << peer.error().context;
      EXPECT_TRUE(answers(*two, *peer, std::chrono::seconds(20)));
    }
    stop_listening(whom, port);
    caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
  }
}

TEST_F(actor_tls, files_that_were_renamed_into_place_count_for_the_next_connection) {
  const auto once = authority_.issue("once");
  const auto before = shown_to(port_, once);
  EXPECT_FALSE(before.empty());
  // The server's files again, by another authority: whoever comes from now on has to be of it.
  const test::certificate_authority next(folder_, "next");
  (void)next.issue("server");
  std::filesystem::rename(folder_ / "next.crt", folder_ / "control.crt");
  EXPECT_TRUE(shown_to(port_, once).empty());
  EXPECT_FALSE(shown_to(port_, next.issue("new")).empty());
  ASSERT_TRUE(healthy_answers());
}

/// Neither end talks, and the process goes on. 127.0.0.2 is this machine, too, and no connection that is
/// there.
class actor_tls_broken : public actor_tls {
 public:
  void expect_refusals() {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(shown_to(port_, visitor_).empty());
    EXPECT_EQ(refusal_of(visitor_), errc::unavailable);
    ASSERT_TRUE(healthy_answers());
  }
  void expect_no_way_out() {
    const logger_guard forget;
    const auto whom = server_->spawn(adder, &heard_, &gone_);
    const auto port = listen_tls(whom, 0, "127.0.0.1").value();
    const auto got = dial_tls(*client_, {"127.0.0.1", port}, seconds(20));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::unavailable);
    stop_listening(whom, port);
    caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
    ASSERT_TRUE(healthy_answers());
  }
  void expect_all_is_well_with(const std::string& name, const std::string& text) {
    folder_.write(name, text);
    expect_all_is_well();
  }
  void lose(const std::string& name, void (actor_tls_broken::*expect)()) {
    const auto text = folder_.read(name);
    folder_.write(name, "garbage");
    (this->*expect)();
    std::filesystem::remove(folder_ / name);
    (this->*expect)();
    expect_all_is_well_with(name, text);
  }
  tls_files visitor_ = authority_.issue("visitor");
};

TEST_F(actor_tls_broken, a_listener_without_its_certificate_refuses_all) {
  lose("server.crt", &actor_tls_broken::expect_refusals);
}

TEST_F(actor_tls_broken, a_listener_without_its_key_refuses_all) {
  lose("server.key", &actor_tls_broken::expect_refusals);
}

TEST_F(actor_tls_broken, a_listener_with_another_key_refuses_all) {
  const auto text = folder_.read("server.key");
  folder_.write("server.key", folder_.read("client.key"));
  expect_refusals();
  expect_all_is_well_with("server.key", text);
}

TEST_F(actor_tls_broken, a_dialler_without_its_certificate_is_refused) {
  lose("client.crt", &actor_tls_broken::expect_no_way_out);
}

TEST_F(actor_tls_broken, a_dialler_without_its_key_is_refused) {
  lose("client.key", &actor_tls_broken::expect_no_way_out);
}

TEST_F(actor_tls_broken, nobody_is_believed_without_the_authority) {
  const auto text = folder_.read("control.crt");
  std::filesystem::remove(folder_ / "control.crt");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(shown_to(port_, visitor_).empty());
  expect_no_way_out();
  expect_all_is_well_with("control.crt", text);
}

/// Leaves `free` descriptors to this process while it lives.
class few_descriptors {
 public:
  explicit few_descriptors(unsigned free) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int next = ::dup(STDIN_FILENO);
    ::close(next);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(next) + free;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;

 private:
  rlimit before_{};
};

TEST_F(actor_tls_broken, want_of_descriptors_for_the_files_costs_the_connection) {
  {
    const few_descriptors limit(2);  // of the socket here and the one that is accepted
    const raw_connection one(port_);
    one.send("hello\r\n\r\n");
    (void)one.read_all();
    ASSERT_TRUE(healthy_answers());
  }
  expect_all_is_well();
}

TEST_F(actor_tls_broken, want_of_descriptors_for_the_connection_silences_no_other) {
  {
    const few_descriptors limit(1);
    const raw_connection one(port_);
    ASSERT_TRUE(healthy_answers());
  }
  expect_all_is_well();
}

class use_tls_config : public ::testing::Test {
 protected:
  errc refused(const tls_files& files, const tls_timing& timing = {}) {
    caf::actor_system_config config;
    const auto got = use_tls(config, files, test::real_checks(), timing);
    EXPECT_FALSE(got);
    if (got) return errc::busy;
    text_ = got.error().context;
    EXPECT_TRUE(config.openssl_certificate.empty() && config.openssl_cafile.empty());
    return got.error().code;
  }
  test::temporary_folder folder_;
  test::certificate_authority authority_{folder_, "control"};
  tls_files files_ = authority_.issue("one");
  std::string text_;
};

TEST_F(use_tls_config, names_the_missing_files_and_what_makes_them) {
  files_.key.clear();
  EXPECT_EQ(refused(files_), errc::invalid_argument);
  EXPECT_NE(text_.find("without key:"), std::string::npos) << text_;
  EXPECT_NE(text_.find("graphite keygen"), std::string::npos) << text_;
  EXPECT_EQ(refused({}), errc::invalid_argument);
  EXPECT_NE(text_.find("certificate, key, authority"), std::string::npos) << text_;
}

TEST_F(use_tls_config, refuses_a_key_that_others_may_read) {
  std::filesystem::permissions(files_.key, std::filesystem::perms(0640));
  EXPECT_EQ(refused(files_), errc::permission_denied);
  EXPECT_NE(text_.find("chmod 600"), std::string::npos) << text_;
}

TEST_F(use_tls_config, refuses_timings_that_notice_nothing) {
  EXPECT_EQ(refused(files_, {duration::zero(), seconds(10)}), errc::invalid_argument);
  EXPECT_EQ(refused(files_, {seconds(1), seconds(2)}), errc::invalid_argument);
}

TEST_F(use_tls_config, refuses_to_go_without_checks) {
  caf::actor_system_config config;
  EXPECT_FALSE(use_tls(config, files_, {}));
  auto checks = test::no_checks();
  checks.calls = [] { return result<void>(fail(errc::unsupported, "not linked")); };
  const auto got = use_tls(config, files_, checks);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unsupported);
}

TEST_F(use_tls_config, a_system_without_it_neither_listens_nor_dials) {
  caf::actor_system_config config;
  config.set("logger.verbosity", caf::atom("quiet"));
  const logger_guard forget;
  caf::actor_system plain(config);
  EXPECT_EQ(dial_tls(plain, {"127.0.0.1", 1}, seconds(1)).error().code, errc::permission_denied);
  const auto whom = plain.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
  EXPECT_EQ(listen_tls(whom, 0, "127.0.0.1").error().code, errc::permission_denied);
  caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
}

}  // namespace
}  // namespace graphite
