#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/child.hpp"
#include "bench/harness.hpp"
#include "core/ports/transport.hpp"
#include "gateway/network_options.hpp"
#include "gateway/service_client.hpp"
#include "platform/zmq/context.hpp"

namespace graphite::bench {

/// A numeric IPv4 address of this machine that is not loopback; exits the bench where there is none: keys are
/// used only there.
std::string own_address();

/// A folder of keys by the shipped program: of the service, of the runtime "game", the client "ann", the
/// token of "bob" and the operator "olga".
class made_keys {
 public:
  made_keys(const bench_options& options, const std::string& work);
  std::string publisher() const { return folder_ + "/publisher"; }
  std::string runtime() const { return folder_ + "/runtimes/game"; }
  std::string client() const { return folder_ + "/clients/ann"; }
  std::string token() const { return folder_ + "/clients/bob"; }
  std::string operator_part() const { return folder_ + "/operators/olga"; }

 private:
  std::string folder_;
};

/// The shipped service on a project of files of random bytes, with all its ports: beyond loopback by keys, or
/// on loopback without.
class bench_service {
 public:
  struct setting {
    std::string name;
    std::size_t files = 64, file_bytes = 0, edit_bytes = 0;
    const made_keys* keys = nullptr;  ///< null: none; outlives the service
  };
  /// Ready when it returns. Exits the bench where that fails.
  bench_service(const bench_options& options, const std::string& work, setting chosen);

  const std::string& heads() const { return heads_; }
  const std::string& chunks() const { return chunks_; }
  const std::string& clients() const { return clients_; }
  const std::string& tokens() const { return tokens_; }
  const std::string& operators() const { return operators_; }
  pid_t pid() const { return pid_; }
  std::string log_path() const { return base_ + ".log"; }

  /// The shipped subscriber, in a process and a folder of its own. Returns when it shows a generation.
  void subscribe();
  /// Seconds until one more subscriber, in a new folder, shows a generation; it ends then.
  double first_fetch_s() const;
  /// One edit; milliseconds from the writer's close to the flip in the subscriber.
  double edit();
  /// Connected, as a client with a certificate or, without keys, by the token of the start. `at` empty:
  /// clients(); `part` empty: that of the client.
  std::unique_ptr<service_client> connect(const std::string& at = {}, const std::string& part = {}) const;
  /// The same, where it may be refused.
  result<std::unique_ptr<service_client>> try_to_connect(const std::string& at,
                                                         const std::string& part) const;
  /// Connected by the unix socket.
  std::unique_ptr<service_client> connect_here() const;
  /// Milliseconds of each stage of the edits so far, as the subscriber tells them.
  const std::map<std::string, std::vector<double>>& stages() const { return stages_; }
  /// To both ports, which the calling thread is to poll; connects to the heads port. `context` outlives it.
  std::unique_ptr<runtime_link> link(const std::shared_ptr<zmq_context>& context,
                                     const std::string& chunks_at) const;
  /// As link(), without asking for a grant: for who has one by the same key.
  std::unique_ptr<runtime_link> bare_link(const std::shared_ptr<zmq_context>& context) const;

  /// The path and the bytes of file `i`.
  static std::string path_of(std::size_t i);
  std::string bytes_of(std::size_t i) const;
  std::size_t files() const { return setting_.files; }

 private:
  std::vector<std::string> dev_command() const;
  void make_project() const;
  std::unique_ptr<child> subscriber(const std::string& into) const;

  const std::string program_, base_;
  const setting setting_;
  std::vector<std::unique_ptr<child>> dev_, subscriber_;
  std::string heads_, chunks_, clients_, tokens_, operators_, token_file_;
  std::map<std::string, std::vector<double>> stages_;
  pid_t pid_ = -1;
  std::uint64_t edits_ = 0;
};

}  // namespace graphite::bench
