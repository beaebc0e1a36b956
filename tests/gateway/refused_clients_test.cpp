#include <capnp/rpc-twoparty.h>
#include <gtest/gtest.h>
#include <kj/async-io.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <fstream>
#include <thread>

#include "gateway/service_codec.hpp"
#include "gateway/tls_context.hpp"
#include "tests/gateway/network_service_fixture.hpp"
#include "tests/support/openssl_memory.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/recording_proxy.hpp"

// The rows of docs/security.md for the ports of clients: what who may not come in hears, what the service
// writes, and that nothing else is told.

namespace graphite {
namespace {

using test::network_keys;
using test::raw_client;

/// What a service tells before it knows who asks.
struct told {
  std::string refusal, program;
  std::uint64_t pid = 0;
  bool session = false;
  bool other_methods = false;
};

class refused_client : public test::network_service_fixture {
 protected:
  refused_client() { facade_.status_value.project = "a-secret-project"; }

  struct visit {
    const char* who;
    std::function<client_result()> come;
    const char* hears;
    const char* written;
  };
  void expect_each_refused(const std::vector<visit>& visits) {
    for (const auto& [who, come, hears, written] : visits) {
      SCOPED_TRACE(who);
      const auto before = log_.count(written);
      expect_refused(come(), hears);
      EXPECT_TRUE(test::wait_until([&] { return log_.count(written) > before; })) << written;
    }
    EXPECT_FALSE(log_.contains("OpenSSL")) << "reasons are in our words";
  }

  /// A hello by hand, and a question to what answered it.
  static told ask_gate(const std::string& at, const tls_identity* keys, const std::string& token) {
    told out;
    std::thread([&] {
      auto io = kj::setupAsyncIo();
      auto stream =
          io.provider->getNetwork().parseAddress(at).wait(io.waitScope)->connect().wait(io.waitScope);
      kj::Maybe<kj::Own<kj::TlsContext>> tls;
      if (keys != nullptr) {
        auto context = make_tls_client(*keys).value();
        stream = context->wrapClient(kj::mv(stream), service_tls_name).wait(io.waitScope);
        tls = kj::mv(context);
      }
      capnp::TwoPartyClient client(*stream);
      auto hello = client.bootstrap().castAs<schema::service::Gate>().helloRequest();
      hello.setProtocol(schema::service::PROTOCOL_VERSION);
      hello.setToken(token);
      const auto answer = hello.send().wait(io.waitScope);
      const auto welcome = answer.getWelcome();
      out.program = welcome.getProgram().cStr();
      out.pid = welcome.getPid();
      out.session = welcome.hasSession();
      if (welcome.hasRefusal()) out.refusal = welcome.getRefusal().getContext().cStr();
      auto question = client.bootstrap().castAs<schema::service::Session>().statusRequest();
      out.other_methods = question.send()
                              .then([](auto&&) { return true; }, [](kj::Exception&&) { return false; })
                              .wait(io.waitScope);
    }).join();
    return out;
  }
  void expect_told_nothing_but(const std::string& why, const told& heard) {
    EXPECT_NE(heard.refusal.find(why), std::string::npos) << heard.refusal;
    EXPECT_EQ(heard.program, "");
    EXPECT_EQ(heard.pid, 0u);
    EXPECT_FALSE(heard.session);
    EXPECT_FALSE(heard.other_methods);
    EXPECT_EQ(facade_.calls(), 0u);
  }

  /// What the service says inside TLS to who shows `own`, or no certificate.
  static std::string said_in_tls(const std::string& at, const tls_identity& own) {
    raw_client socket(at);
    const auto context = test::client_context(own.certificate, own.key);
    const std::unique_ptr<SSL, void (*)(SSL*)> tls(SSL_new(context.get()), SSL_free);
    SSL_set_fd(tls.get(), socket.fd());
    std::string out;
    char buffer[4096];
    if (SSL_connect(tls.get()) == 1)
      for (int size; (size = SSL_read(tls.get(), buffer, sizeof buffer)) > 0;)
        out.append(buffer, static_cast<std::size_t>(size));
    ERR_clear_error();
    return out;
  }

  /// All that a client said who asked for the status, by whatever it has.
  std::string recorded(const std::string& at, const std::shared_ptr<const tls_identity>& keys,
                       const std::string& token) {
    test::recording_proxy between(at);
    auto client = connect_to(between.address(), keys, network_keys::secret(token));
    EXPECT_TRUE(client) << client.error().context;
    if (client) {
      EXPECT_TRUE((*client)->status());
      client->reset();
    }
    return between.sent_by_client();
  }
  std::string answer_to(const std::string& at, const std::string& bytes) {
    raw_client again(at);
    again.send(bytes);
    ::shutdown(again.fd(), SHUT_WR);
    return again.read_to_end();
  }
  std::string start_token_text() {
    std::ifstream in(service_->start_token_path());
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(refused_client, at_the_port_of_certificates) {
  revoke({77});
  serve();
  const auto of_use = [&](certificate_use use) {
    return keys_.client("graphite:qbpo:ann:7", test::valid_for_an_hour(), use);
  };
  expect_each_refused({
      {"no key", [&] { return by_certificate(keys_.nobody()); }, "the folder of keys, --keys DIR",
       "it shows no certificate"},
      {"wrong authority", [&] { return by_certificate(keys_.stranger()); },
       "does not know the authority of this certificate", "its certificate is not of this authority"},
      {"wrong role: a service", [&] { return by_certificate(of_use(certificate_use::server)); },
       "it is for another use", "its certificate is for another use"},
      {"wrong role: a name of no client", [&] { return by_certificate(keys_.client("node-1")); },
       "use one of clients/NAME", "name is none of a client"},
      {"revoked", [&] { return by_certificate(keys_.client(verb_set::all(), 77)); },
       "certificate 77 of ann was revoked: ask for a new one", "certificate 77 of ann was revoked"},
      {"expired", [&] { return by_certificate(keys_.client("graphite:qbpo:ann:7", test::long_ago)); },
       "this certificate has expired", "its certificate has expired"},
  });
  expect_alive();
}

TEST_F(refused_client, at_the_port_of_certificates_is_told_nothing_else) {
  revoke({77});
  serve();
  const auto at = service_->certificates_address();
  for (const auto& who :
       {keys_.nobody(), keys_.stranger(), keys_.client("graphite:q:ann:7", test::long_ago),
        keys_.client("graphite:q:ann:7", test::valid_for_an_hour(), certificate_use::server)})
    EXPECT_EQ(said_in_tls(at, *who), "");
  expect_told_nothing_but("was revoked", ask_gate(at, keys_.client(verb_set::all(), 77).get(), ""));
  expect_told_nothing_but("name is none of a client", ask_gate(at, keys_.client("ann").get(), ""));
}

TEST_F(refused_client, at_the_port_of_tokens) {
  revoke({77});
  serve();
  const network_keys other;
  const auto all = verb_set::all();
  const auto changed = [&](auto change) {
    auto token = keys_.token(all);
    change(token);
    return by_token(token);
  };
  expect_each_refused({
      {"no token", [&] { return by_token(""); }, "a token begins with graphite1.",
       "a token begins with graphite1."},
      {"a certificate in its place",
       [&] { return connect_to(service_->tokens_address(), keys_.client(all)); },
       "a token begins with graphite1.", "a token begins with graphite1."},
      {"half a token", [&] { return by_token("graphite1.00"); }, "not whole", "not whole"},
      {"that of a start", [&] { return by_token("graphite-start." + std::string(64, '0')); },
       "a token begins with graphite1.", "a token begins with graphite1."},
      {"another root's", [&] { return by_token(token_text(other.signed_token(other.token(all)))); },
       "no root that this service trusts has signed this token", "no root that this service trusts"},
      {"another tenant's", [&] { return changed([](auto& token) { token.tenant = "rival"; }); },
       "this token is for tenant rival", "this token is for tenant rival"},
      {"revoked", [&] { return by_token(keys_.token(all, 77)); },
       "token 77 of ci was revoked: ask for a new one", "token 77 of ci was revoked"},
      {"expired", [&] { return changed([](auto& token) { token.valid = test::long_ago; }); },
       "token 9 of ci has expired: ask for a new one", "token 9 of ci has expired"},
  });
  expect_alive();
}

TEST_F(refused_client, at_the_port_of_tokens_is_told_nothing_else) {
  serve();
  const network_keys other;
  auto expired = keys_.token(verb_set::all());
  expired.valid = test::long_ago;
  const auto ask = [&](const std::string& token) {
    return ask_gate(service_->tokens_address(), keys_.nobody().get(), token);
  };
  expect_told_nothing_but("a token begins with", ask(""));
  expect_told_nothing_but("no root", ask(token_text(other.signed_token(other.token(verb_set::all())))));
  expect_told_nothing_but("has expired", ask(token_text(keys_.signed_token(expired))));
}

TEST_F(refused_client, at_a_port_of_this_machine_without_keys) {
  options_.network.keys = nullptr;
  serve();
  const auto former = start_token_text();
  service_.reset();
  serve();
  const auto with = [&](const std::string& text) {
    return [this, text] {
      return connect_to(service_->certificates_address(), nullptr, network_keys::secret(text));
    };
  };
  const char* const why = "this port needs the token of the service's start: the file `token`";
  expect_each_refused({
      {"no token", with(""), why, why},
      {"a token of a root", with(token_text(keys_.signed_token(keys_.token(verb_set::all())))), why, why},
      {"that of an earlier start", with(former), why, why},
  });
  expect_told_nothing_but(why, ask_gate(service_->certificates_address(), nullptr, former));
  EXPECT_TRUE(with(start_token_text())());
}

TEST_F(refused_client, who_replays_anothers_bytes) {
  serve();
  const auto token = token_text(keys_.signed_token(keys_.token(verb_set::all())));
  for (const auto& at : {service_->certificates_address(), service_->tokens_address()}) {
    const auto bytes = recorded(at, keys_.client(verb_set::all()), token);
    ASSERT_FALSE(bytes.empty());
    const auto calls = facade_.calls();
    const char* const written = "what it says is not of this conversation: repeated, or changed on the way";
    const auto lines = log_.count(written);
    EXPECT_LT(answer_to(at, bytes).size(), 4'096u) << "a handshake that he cannot read, and an alert";
    EXPECT_TRUE(test::wait_until([&] { return log_.count(written) > lines; }));
    EXPECT_EQ(facade_.calls(), calls);
  }
  expect_alive();
}

/// Without keys bytes can be read on the way, which only root can do on one machine: they count until the
/// next start.
TEST_F(refused_client, who_replays_bytes_of_an_earlier_start) {
  options_.network.keys = nullptr;
  serve();
  const auto bytes = recorded(service_->certificates_address(), nullptr, start_token_text());
  service_.reset();
  serve();
  const auto calls = facade_.calls();
  const auto answer = answer_to(service_->certificates_address(), bytes);
  EXPECT_NE(answer.find("this port needs the token of the service's start"), std::string::npos);
  EXPECT_EQ(answer.find("a-secret-project"), std::string::npos);
  EXPECT_EQ(facade_.calls(), calls);
  expect_logged("this port needs the token of the service's start");
}

}  // namespace
}  // namespace graphite
