#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "gateway/local_service.hpp"
#include "gateway/service_client.hpp"
#include "tests/gateway/network_keys.hpp"
#include "tests/support/fake_facade.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite::test {

/// A service with both ports on loopback, with keys unless `options_.network.keys` is taken away.
class network_service_fixture : public testing::Test {
 protected:
  using client_result = result<std::unique_ptr<service_client>>;

  network_service_fixture() {
    options_.state_folder = folder_.path();
    options_.program = "1.2.3";
    auto& network = options_.network;
    network.certificates_at = network.tokens_at = "127.0.0.1:0";
    network.keys = keys_.service();
    network.access.roots = {keys_.root().key()};
    network.verifier = &verifier_;
    network.revocations = revocations_;
    network.unix_ns = [this] { return unix_now_ns() + ahead_ns_; };
    network.limits.refused_linger = milliseconds(200);
    facade_.status_value.project = "fake";
  }

  result<void> try_serve() {
    auto started = local_service::start(facade_, options_, log_);
    if (!started) return tl::unexpected(started.error());
    service_ = std::move(*started);
    return {};
  }
  void serve() {
    const auto started = try_serve();
    ASSERT_TRUE(started) << started.error().context;
  }

  client_result connect_to(const std::string& at, std::shared_ptr<const tls_identity> keys,
                           std::shared_ptr<const secret_bytes> token = nullptr) {
    service_client_options out;
    out.program = "1.2.3";
    out.hello_timeout = out.call_timeout = milliseconds(20'000);
    out.address = {at, std::move(keys), std::move(token)};
    return service_client::connect(std::move(out));
  }
  client_result by_certificate(std::shared_ptr<const tls_identity> keys) {
    return connect_to(service_->certificates_address(), std::move(keys));
  }
  client_result by_token(std::string_view text) {
    return connect_to(service_->tokens_address(), keys_.nobody(), network_keys::secret(text));
  }
  client_result by_token(const token_statement& what) {
    return by_token(token_text(keys_.signed_token(what)));
  }
  client_result by_socket() { return service_client::connect({folder_.path(), "1.2.3"}); }

  void revoke(std::set<std::uint64_t> serials) { revocations_->update({++list_, std::move(serials), {}}); }

  /// The client hears `reason` as a refusal, and nothing was asked of the service for it.
  void expect_refused(const client_result& client, const std::string& reason,
                      errc code = errc::permission_denied) {
    ASSERT_FALSE(client) << "was let in";
    EXPECT_EQ(client.error().code, code) << client.error().context;
    EXPECT_NE(client.error().context.find(reason), std::string::npos) << client.error().context;
    EXPECT_EQ(facade_.calls(), 0u);
  }
  void expect_logged(const std::string& text) {
    EXPECT_TRUE(wait_until([&] { return log_.contains(text); })) << text;
  }
  /// Whatever was tried, the service still answers who may ask.
  void expect_alive() {
    std::thread([this] {  // a thread has one client at a time
      auto client = by_certificate(keys_.client({verb::query}, 1'000, "witness"));
      ASSERT_TRUE(client) << client.error().context;
      EXPECT_TRUE((*client)->status());
    })
        .join();
  }

  temporary_folder folder_;
  recording_log log_;
  fake_facade facade_;
  network_keys keys_;
  ed25519_verifier verifier_;
  std::shared_ptr<live_revocations> revocations_ = std::make_shared<live_revocations>();
  std::uint64_t list_ = 0;
  std::atomic<std::int64_t> ahead_ns_{0};  ///< of the service's clock
  local_service_options options_;
  std::unique_ptr<local_service> service_;
};

}  // namespace graphite::test
