#include "tests/actors/cluster/control_fixture.hpp"

namespace graphite::test {
namespace {

TEST_F(control_connection, tells_both_sides_who_the_other_is_and_passes_texts_in_order) {
  gate_process gate(authority_, keys_, nodes_only());
  dialling_process node_1(authority_, keys_, gate.port(), node());
  const auto link = met(gate, node_1);
  EXPECT_EQ(gate.heard.of<came>()[0].second.peer.said.name, "node-1");
  EXPECT_EQ(node_1.heard.of<came>()[0].second.peer.said.name, "main");

  const auto other = node_1.heard.of<came>()[0].first;
  for (int i = 0; i < 100; ++i) {
    say(gate.gate, link, "down " + std::to_string(i));
    say(node_1.dialler, other, std::string(1, '\0') + "up " + std::to_string(i));
  }
  ASSERT_TRUE(
      wait_until([&] { return gate.heard.texts().size() == 100 && node_1.heard.texts().size() == 100; }));
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(node_1.heard.texts()[i], "down " + std::to_string(i));
    EXPECT_EQ(gate.heard.texts()[i], std::string(1, '\0') + "up " + std::to_string(i));
  }
}

TEST_F(control_connection, refuses_another_role_and_says_so_on_both_sides) {
  gate_process gate(authority_, keys_, nodes_only());
  dialling_process relay(authority_, keys_, gate.port(), keys_.identity(role::relay, "relay-1", 8));
  ASSERT_TRUE(
      wait_until([&] { return relay.log.contains("may not dial") && gate.log.contains("may not dial"); }));
  EXPECT_TRUE(gate.heard.of<came>().empty());
  EXPECT_TRUE(relay.heard.of<came>().empty());
}

TEST_F(control_connection, whom_tls_refuses_is_in_the_listeners_log) {
  gate_process gate(authority_, keys_, nodes_only());
  temporary_folder elsewhere;
  const certificate_authority other(elsewhere, "control");
  dialling_process stranger(other, keys_, gate.port(), node());
  ASSERT_TRUE(wait_until([&] { return gate.log.contains("control port: refused 127.0.0.1:"); }));
  EXPECT_TRUE(gate.heard.of<came>().empty());
}

TEST_F(control_connection, a_dialler_leaves_a_listener_of_another_name) {
  gate_process gate(authority_, keys_, nodes_only());
  hello_dialler::options wanted;
  wanted.name = "other";
  dialling_process node_1(authority_, keys_, gate.port(), node(), wanted);
  ASSERT_TRUE(wait_until([&] { return node_1.log.contains("other"); }));
  EXPECT_TRUE(node_1.heard.of<came>().empty());
  EXPECT_TRUE(gate.heard.of<came>().empty());
}

TEST_F(control_connection, ends_when_the_key_is_revoked) {
  gate_process gate(authority_, keys_, nodes_only());
  dialling_process node_1(authority_, keys_, gate.port(), node(9));
  met(gate, node_1);
  keys_.revoke(9);
  ASSERT_TRUE(wait_until([&] { return !gate.heard.of<gone>().empty() && !node_1.heard.of<gone>().empty(); }));
  EXPECT_TRUE(gate.log.contains("key 9 of node-1 was revoked"));
  EXPECT_TRUE(node_1.log.contains("was revoked"));
  EXPECT_EQ(gate.heard.of<came>().size(), 1U);
}

TEST_F(control_connection, ends_when_the_key_expires) {
  gate_process gate(authority_, keys_, nodes_only());
  dialling_process node_1(authority_, keys_, gate.port(),
                          keys_.identity(role::node, "node-1", 10, seconds(3)));
  met(gate, node_1);
  ASSERT_TRUE(wait_until([&] { return !gate.heard.of<gone>().empty(); }));
  EXPECT_TRUE(gate.log.contains("key 10 of node-1 has expired"));
}

TEST_F(control_connection, is_dialled_again_when_the_listener_comes_back) {
  auto gate = std::make_unique<gate_process>(authority_, keys_, nodes_only());
  const auto port = gate->port();
  dialling_process node_1(authority_, keys_, port, node());
  met(*gate, node_1);
  gate.reset();
  ASSERT_TRUE(wait_until([&] { return node_1.heard.of<gone>().size() == 1; }));
  gate_process again(authority_, keys_, nodes_only(), port);
  ASSERT_TRUE(wait_until([&] { return node_1.heard.of<came>().size() == 2; }));
  EXPECT_NE(node_1.heard.of<came>()[0].first, node_1.heard.of<came>()[1].first);
}

TEST_F(control_connection, the_listener_hears_of_the_end_of_a_dialler) {
  gate_process gate(authority_, keys_, nodes_only());
  auto node_1 = std::make_unique<dialling_process>(authority_, keys_, gate.port(), node());
  const auto link = met(gate, *node_1);
  node_1.reset();
  ASSERT_TRUE(wait_until([&] { return gate.heard.of<gone>().size() == 1; }));
  EXPECT_EQ(gate.heard.of<gone>()[0].first, link);
}

TEST_F(control_connection, a_last_word_ends_it_without_an_echo) {
  gate_process gate(authority_, keys_, nodes_only());
  dialling_process node_1(authority_, keys_, gate.port(), node());
  const auto link = met(gate, node_1);
  say(gate.gate, link, "another protocol", true);
  ASSERT_TRUE(wait_until([&] { return node_1.log.contains("another protocol"); }));
  ASSERT_NE(met(gate, node_1, 2), link);
  EXPECT_TRUE(gate.heard.of<gone>().empty());
}

/// One who speaks CAF and has a certificate, and no manners.
class stranger {
 public:
  stranger(const certificate_authority& authority, std::uint16_t port)
      : system_(authority.issue("stranger")) {
    const logger_guard forget;
    gate_ = dial_tls(*system_, to(port)).value();
    self_ = std::make_unique<caf::scoped_actor>(*system_);
  }
  ~stranger() {
    const logger_guard forget;
    self_.reset();
    gate_ = nullptr;
  }
  template <class... Words>
  void say(const Words&... words) {
    const logger_guard forget;
    (*self_)->send(gate_, words...);
  }
  /// The next text that is said to it, and under which word.
  std::pair<std::string, std::string> heard() {
    const logger_guard forget;
    std::pair<std::string, std::string> out;
    (*self_)->receive(
        [&](atom::hello, std::string& text) {
          out = {"hello", std::move(text)};
        },
        [&](atom::refuse, std::string& text) {
          out = {"refuse", std::move(text)};
        },
        caf::after(seconds(20)) >>
            [&] {
              out = {"nothing", ""};
            });
    return out;
  }

 private:
  tls_system system_;
  caf::actor gate_;
  std::unique_ptr<caf::scoped_actor> self_;
};

TEST_F(control_connection, who_talks_before_a_proof_is_refused) {
  gate_process gate(authority_, keys_, nodes_only());
  stranger one(authority_, gate.port());
  one.say(atom::dial_v);
  ASSERT_EQ(one.heard().first, "hello");
  one.say(atom::control_v, std::string("work for me"));
  EXPECT_EQ(one.heard().second, "it talks before it has proved who it is");
  EXPECT_TRUE(gate.heard.of<came>().empty());
  EXPECT_TRUE(gate.heard.texts().empty());
}

TEST_F(control_connection, a_wrong_answer_is_refused_and_asked_for_once) {
  gate_process gate(authority_, keys_, nodes_only());
  stranger one(authority_, gate.port());
  one.say(atom::dial_v);
  ASSERT_EQ(one.heard().first, "hello");
  one.say(atom::hello_v, std::string("me"));
  EXPECT_EQ(one.heard().first, "refuse");
  one.say(atom::hello_v, std::string("me"));  // not heard any more
  one.say(atom::dial_v);
  EXPECT_EQ(one.heard().first, "hello");
}

TEST_F(control_connection, who_dials_twice_is_refused) {
  gate_process gate(authority_, keys_, nodes_only());
  stranger one(authority_, gate.port());
  one.say(atom::dial_v);
  ASSERT_EQ(one.heard().first, "hello");
  one.say(atom::dial_v);
  EXPECT_EQ(one.heard(), std::pair(std::string("refuse"), std::string("it dialled twice")));
}

TEST_F(control_connection, a_peer_cannot_play_the_gates_own_process) {
  gate_process gate(authority_, keys_, nodes_only());
  dialling_process node_1(authority_, keys_, gate.port(), node());
  met(gate, node_1);
  stranger one(authority_, gate.port());
  one.say(atom::wake_v);
  one.say(atom::check_v, std::uint64_t{1});
  one.say(std::string("anything"));
  one.say(atom::dial_v);
  EXPECT_EQ(one.heard().first, "hello");
  EXPECT_TRUE(gate.heard.of<gone>().empty());
}

TEST_F(control_connection, there_are_no_more_than_the_port_takes) {
  auto how = nodes_only();
  how.links_max = 1;
  gate_process gate(authority_, keys_, std::move(how));
  dialling_process node_1(authority_, keys_, gate.port(), node());
  met(gate, node_1);
  stranger one(authority_, gate.port());
  one.say(atom::dial_v);
  EXPECT_EQ(one.heard().second, "this port has as many connections as it takes");
}

TEST_F(control_connection, who_says_nothing_is_given_up_in_time) {
  auto how = nodes_only();
  how.hello.answer_within = milliseconds(50);
  gate_process gate(authority_, keys_, std::move(how));
  stranger one(authority_, gate.port());
  one.say(atom::dial_v);
  ASSERT_EQ(one.heard().first, "hello");
  EXPECT_EQ(one.heard().second, "it did not say in time who it is");
}

TEST_F(control_connection, a_text_that_is_too_large_ends_it) {
  auto how = nodes_only();
  how.text_bytes_max = 1000;
  gate_process gate(authority_, keys_, std::move(how));
  dialling_process node_1(authority_, keys_, gate.port(), node());
  met(gate, node_1);
  say(node_1.dialler, node_1.heard.of<came>()[0].first, std::string(1001, 'x'));
  ASSERT_TRUE(wait_until([&] { return gate.heard.of<gone>().size() == 1; }));
  EXPECT_TRUE(gate.heard.texts().empty());
  EXPECT_TRUE(node_1.log.contains("a message of 1001 bytes; 1000 are taken"));
}

}  // namespace
}  // namespace graphite::test
