#include "cli/remote_service.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "cli/exit_codes.hpp"
#include "gateway/local_service.hpp"
#include "tests/cli/commands/cli_support.hpp"
#include "tests/gateway/network_keys.hpp"
#include "tests/support/fake_facade.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

/// Commands against a fake service at TCP ports, by folders of keys.
class remote_service : public testing::Test {
 protected:
  void serve(bool with_keys = true) {
    options_.state_folder = folder_.path() + "/state";
    auto& network = options_.network;
    network.certificates_at = network.tokens_at = "127.0.0.1:0";
    if (with_keys) network.keys = keys_.service();
    network.access.roots = {keys_.root().key()};
    network.verifier = &verifier_;
    auto started = local_service::start(facade_, options_, log_);
    ASSERT_TRUE(started) << started.error().context;
    service_ = std::move(*started);
  }

  std::string part(const std::string& name) {
    const auto folder = folder_.path() + "/" + name;
    std::filesystem::create_directory(folder);
    ::chmod(folder.c_str(), 0700);
    return folder;
  }
  void write(const std::string& path, std::string_view text, mode_t mode = 0600) {
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), mode);
  }
  std::string with_certificate(const std::string& name, verb_set verbs) {
    const auto folder = part(name);
    const auto made = keys_.client(verbs, 7, name);
    write(folder + "/client.crt", made->certificate);
    write(folder + "/client.key", as_text(made->key.view()));
    write(folder + "/clients-ca.crt", made->authority);
    return folder;
  }
  std::string with_token(const std::string& name, verb_set verbs) {
    const auto folder = part(name);
    write(folder + "/token", token_text(keys_.signed_token(keys_.token(verbs))) + "\n");
    write(folder + "/clients-ca.crt", keys_.authority().certificate);
    return folder;
  }
  const std::string& certificates() const { return service_->certificates_address(); }
  const std::string& tokens() const { return service_->tokens_address(); }

  test::temporary_folder folder_;
  test::recording_log log_;
  test::fake_facade facade_;
  test::network_keys keys_;
  ed25519_verifier verifier_;
  local_service_options options_;
  std::unique_ptr<local_service> service_;
};

TEST_F(remote_service, is_asked_with_a_certificate) {
  serve();
  const auto ann = with_certificate("ann", verb_set::all());
  EXPECT_EQ(test::run_cli({"status", "--at", certificates(), "--keys", ann}).code, exit_ok);
  EXPECT_EQ(test::run_cli({"release", "--at", certificates(), "--keys", ann}).code, exit_ok);
  EXPECT_EQ(test::run_cli({"rollback", "main", "3", "--at", certificates(), "--keys", ann}).code, exit_ok);
  EXPECT_EQ(test::run_cli({"diff", "1", "2", "--at", certificates(), "--keys", ann}).code, exit_ok);
  EXPECT_EQ(test::run_cli({"graph", "cycles", "--at", certificates(), "--keys", ann}).code, exit_ok);
}

TEST_F(remote_service, is_asked_with_a_token_from_its_folder_or_file) {
  serve();
  const auto ci = with_token("ci", {verb::query});
  EXPECT_EQ(test::run_cli({"status", "--at", tokens(), "--keys", ci}).code, exit_ok);
  EXPECT_EQ(test::run_cli({"status", "--at", tokens(), "--token", ci + "/token"}).code, exit_ok);
  const test::environment_value at("GRAPHITE_AT", tokens().c_str());
  const test::environment_value token("GRAPHITE_TOKEN_FILE", (ci + "/token").c_str());
  EXPECT_EQ(test::run_cli({"status"}).code, exit_ok);
}

TEST_F(remote_service, that_refuses_ends_with_denied_and_the_missing_verb) {
  serve();
  const auto ann = with_certificate("ann", {verb::query});
  const auto refused = test::run_cli({"stop", "--at", certificates(), "--keys", ann, "--json"});
  EXPECT_EQ(refused.code, exit_denied);
  EXPECT_NE(refused.err.find("may query, and this needs operate"), std::string::npos) << refused.err;
  EXPECT_EQ(refused.objects().at(0)["code"], "permission_denied");
  EXPECT_FALSE(facade_.stopped());
}

TEST_F(remote_service, without_keys_is_asked_with_the_token_of_its_start) {
  serve(false);
  EXPECT_EQ(test::run_cli({"status", "--at", tokens(), "--token", service_->start_token_path()}).code,
            exit_ok);
  const auto other = folder_.path() + "/other";
  write(other, "graphite-start." + std::string(64, '0'));
  EXPECT_EQ(test::run_cli({"status", "--at", tokens(), "--token", other}).code, exit_denied);
}

TEST_F(remote_service, is_not_told_of_a_token_that_others_can_read) {
  serve();
  const auto ci = with_token("ci", {verb::query});
  ::chmod((ci + "/token").c_str(), 0640);
  const auto refused = test::run_cli({"status", "--at", tokens(), "--keys", ci});
  EXPECT_EQ(refused.code, exit_denied);
  EXPECT_NE(refused.err.find("token"), std::string::npos);
  EXPECT_FALSE(log_.contains("ci"));
}

TEST_F(remote_service, asked_by_nobody_says_what_is_missing) {
  serve();
  const auto nobody = test::run_cli({"status", "--at", tokens()});
  EXPECT_EQ(nobody.code, exit_usage);
  EXPECT_NE(nobody.err.find("--keys DIR"), std::string::npos);
  const auto empty = test::run_cli({"status", "--at", tokens(), "--keys", part("empty")});
  EXPECT_EQ(empty.code, exit_usage);
  EXPECT_NE(empty.err.find("clients-ca.crt"), std::string::npos) << empty.err;
}

TEST_F(remote_service, that_is_not_there_is_named) {
  serve();
  const auto at = certificates();
  service_.reset();
  const auto gone = test::run_cli({"status", "--at", at, "--keys", with_certificate("ann", {verb::query})});
  EXPECT_EQ(gone.code, exit_unavailable);
  EXPECT_NE(gone.err.find("nobody serves " + at), std::string::npos) << gone.err;
}

TEST_F(remote_service, builds_when_it_is_asked_to) {
  serve();
  facade_.build_value.ran = 5;
  command_handlers handlers;
  handlers.build = [](const build_options& options) { return build_attached(options).value_or(99); };
  const auto ann = with_certificate("ann", {verb::build});
  EXPECT_EQ(test::run_cli({"build", "-k", "--at", certificates(), "--keys", ann}, handlers).code, exit_ok);
  EXPECT_TRUE(facade_.last_build().keep_going);
  const auto refused =
      test::run_cli({"build", "--jobs", "3", "--at", certificates(), "--keys", ann}, handlers);
  EXPECT_EQ(refused.code, exit_usage);
}

}  // namespace
}  // namespace graphite
