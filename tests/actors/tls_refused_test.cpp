#include "core/tls_failure.hpp"
#include "tests/actors/tls_fixture.hpp"
#include "tests/support/recording_proxy.hpp"

// The rows of docs/security.md for control connections' TLS: what who may not come in hears, what the
// listener's process can write, and that nothing else is told. Roles and revocation are the hello's
// (tests/core/hello_test.cpp).

namespace graphite {
namespace {

class refused_control_peer : public actor_tls {
 protected:
  refused_control_peer() { (void)take_refused_peers(); }

  /// Why the listener refused somebody since the last call; waits for it.
  std::string written() {
    std::vector<refused_connection> found;
    EXPECT_TRUE(test::wait_until([&] {
      found = take_refused_peers();
      return !found.empty();
    }));
    if (found.empty()) return {};
    EXPECT_EQ(found.back().peer.rfind("127.0.0.1:", 0), 0u) << found.back().peer;
    return found.back().why;
  }
  /// What a peer of CAF hears that does not look at what it has.
  std::string heard_by(const tls_files& files, std::uint16_t port) {
    tls_system stranger(files, test::no_checks());
    const auto got = dial_tls(*stranger, to(port));
    EXPECT_FALSE(got);
    return got ? "" : got.error().context;
  }
  void expect_refused(const char* who, const tls_files& files, const std::string& hears,
                      const std::string& writes) {
    SCOPED_TRACE(who);
    const int heard = heard_;
    EXPECT_EQ(heard_by(files, port_), "127.0.0.1:" + std::to_string(port_) + ": " + hears);
    EXPECT_EQ(written(), writes);
    EXPECT_TRUE(shown_to(port_, files).empty()) << "not one byte inside TLS";
    EXPECT_EQ(written(), writes);
    EXPECT_EQ(heard_, heard);
  }
};

TEST_F(refused_control_peer, whose_certificate_does_not_count) {
  const test::certificate_authority strange(folder_, "strange");
  auto stranger = strange.issue("stranger");
  stranger.authority = folder_ / "control.crt";  // it trusts us; we do not trust it
  expect_refused("wrong authority", stranger,
                 "the other side does not know the authority of this certificate",
                 "its certificate is not of this authority");
  expect_refused("wrong role: it may only listen", authority_.issue("listens", {.purposes = "serverAuth"}),
                 "the other side refuses this certificate: it is for another use",
                 "its certificate is for another use");
  expect_refused("expired", authority_.issue("expired", {.from_s = -7200, .until_s = -3600}),
                 "the other side says that this certificate has expired", "its certificate has expired");
  ASSERT_TRUE(healthy_answers());
}

TEST_F(refused_control_peer, who_has_no_certificate) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context.get()), SSL_free);
  const raw_connection to(port_);
  SSL_set_fd(session.get(), to.fd());
  char buffer[64];
  EXPECT_EQ(SSL_connect(session.get()), 1);
  EXPECT_LE(SSL_read(session.get(), buffer, sizeof buffer), 0);
  const char* const reason = ERR_reason_error_string(ERR_peek_error());
  ASSERT_NE(reason, nullptr);
  EXPECT_EQ(tls_failure_text(reason),
            "the service asks for a certificate: name the folder of keys, --keys DIR");
  ERR_clear_error();
  EXPECT_EQ(written(), "it shows no certificate");
  ASSERT_TRUE(healthy_answers());
}

TEST_F(refused_control_peer, who_listens_with_a_certificate_that_does_not_count) {
  const test::certificate_authority strange(folder_, "strange");
  auto files = strange.issue("impostor");
  files.authority = folder_ / "control.crt";
  tls_system impostor(files, test::no_checks());
  std::atomic<int> heard = 0, gone = 0;
  const logger_guard forget;
  const auto whom = impostor->spawn(adder, &heard, &gone);
  const auto port = listen_tls(whom, 0, "127.0.0.1").value();
  const auto got = dial_tls(*client_, to(port));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().context,
            "127.0.0.1:" + std::to_string(port) + ": its certificate is not of this authority");
  EXPECT_EQ(written(), "the other side does not know the authority of this certificate")
      << "who is refused hears it";
  EXPECT_EQ(heard, 0);
  stop_listening(whom, port);
  caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
}

TEST_F(refused_control_peer, who_replays_anothers_bytes) {
  std::string bytes;
  {
    test::recording_proxy between("127.0.0.1:" + std::to_string(port_));
    tls_system honest(authority_.issue("honest"));
    ASSERT_TRUE(honest.ready());
    const auto at = between.address();
    const auto peer =
        dial_tls(*honest, to(static_cast<std::uint16_t>(std::stoi(at.substr(at.rfind(':') + 1)))));
    ASSERT_TRUE(peer) << peer.error().context;
    EXPECT_TRUE(answers(*honest, *peer, std::chrono::seconds(20)));
    bytes = between.sent_by_client();
  }
  const int heard = heard_;
  (void)take_refused_peers();
  const raw_connection again(port_);
  again.send(bytes);
  EXPECT_LT(again.read_all().size(), 4096u) << "a handshake that he cannot read, and an alert";
  EXPECT_EQ(written(), "what it says is not of this conversation: repeated, or changed on the way");
  EXPECT_EQ(heard_, heard);
  ASSERT_TRUE(healthy_answers());
}

TEST_F(refused_control_peer, who_just_goes_was_not_refused) {
  { const raw_connection one(port_); }
  {
    const auto files = authority_.issue("victim");
    peer_process peer(port_, files);
    ASSERT_EQ(peer.line(), "linked\n");
  }
  EXPECT_TRUE(shown_to(port_, std::nullopt).empty());
  std::vector<refused_connection> found;
  EXPECT_TRUE(test::wait_until([&] {
    for (auto& one : take_refused_peers()) found.push_back(std::move(one));
    return !found.empty();
  }));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.front().why, "it shows no certificate");
}

}  // namespace
}  // namespace graphite
