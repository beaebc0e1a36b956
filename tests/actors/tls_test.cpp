#include "tests/actors/tls_fixture.hpp"

namespace graphite {
namespace {

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
  const auto got = dial_tls(*client_, to(port));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_EQ(heard, 0);
  ASSERT_TRUE(healthy_answers());
  stop_listening(whom, port);
  caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
}

TEST_F(actor_tls, a_listener_that_says_nothing_is_given_up_and_dialled_anew) {
  silent_listener silent;
  EXPECT_TRUE(test::wait_until(
      [&] {
        const auto got = dial_tls(*client_, to(silent.port(), milliseconds(200)));
        EXPECT_FALSE(got);
        silent.accept();
        return silent.given_up() >= 3;
      },
      std::chrono::seconds(60)));
  ASSERT_TRUE(healthy_answers());
  expect_all_is_well();
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
      const auto peer = dial_tls(*two, to(port));
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

}  // namespace
}  // namespace graphite
