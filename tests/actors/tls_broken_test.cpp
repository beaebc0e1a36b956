#include "tests/actors/tls_fixture.hpp"

namespace graphite {
namespace {

/// Nobody talks, and the process goes on.
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
    const auto got = dial_tls(*client_, to(port));
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
  explicit few_descriptors(std::size_t free) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit few = before_;
    few.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 512);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int one; (one = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0;) taken_.push_back(one);
    EXPECT_GE(taken_.size(), free);
    for (std::size_t i = 0; i < free; ++i) {
      ::close(taken_.back());
      taken_.pop_back();
    }
  }
  ~few_descriptors() {
    for (const int one : taken_) ::close(one);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;

 private:
  rlimit before_{};
  std::vector<int> taken_;
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
  EXPECT_EQ(dial_tls(plain, to(1)).error().code, errc::permission_denied);
  const auto whom = plain.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
  EXPECT_EQ(listen_tls(whom, 0, "127.0.0.1").error().code, errc::permission_denied);
  caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
}

}  // namespace
}  // namespace graphite
