#include "bench/keyed_service.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "cli/remote_service.hpp"
#include "cli/subscription_keys.hpp"
#include "platform/keys/loaded_keys.hpp"
#include "platform/linux/clock.hpp"
#include "platform/log/stderr_log.hpp"
#include "platform/zmq/runtime_link.hpp"
#include "runtime/enrolling_link.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

constexpr double patience_s = 60;

const system_clock_source& wall_clock() {
  static const system_clock_source clock;
  return clock;
}

log_sink& complaints() {
  static const auto log = make_stderr_log({log_level::warning});
  return *log;
}

template <class T>
T or_end(result<T> what) {
  if (!what) give_up(what.error().context);
  return std::move(*what);
}

bool is_free(const std::string& host, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  ::inet_pton(AF_INET, host.c_str(), &at.sin_addr);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  ::close(fd);
  return bound;
}

/// A subscriber enrols at the port after that of the heads.
std::uint16_t two_free_ports(const std::string& host) {
  for (int port = 7402; port < 7600; port += 2)
    if (is_free(host, static_cast<std::uint16_t>(port)) &&
        is_free(host, static_cast<std::uint16_t>(port + 1)))
      return static_cast<std::uint16_t>(port);
  give_up("no two free ports from 7402 to 7600 at " + host);
}

bool shows_something(std::size_t, const nlohmann::json& event) {
  const auto kind = event.value("event", "");
  return kind == "swap" || kind == "start";
}

subscription_keys runtime_part(const std::string& folder) {
  const auto now = wall_clock().unix_ns();
  return or_end(subscription_keys_of(or_end(load_runtime_keys(folder, now)), "main", now));
}

}  // namespace

std::string own_address() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) give_up("cannot list this machine's addresses");
  std::string out;
  for (const auto* one = all; one != nullptr && out.empty(); one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    if ((one->ifa_flags & IFF_LOOPBACK) != 0 || (one->ifa_flags & IFF_UP) == 0) continue;
    char text[INET_ADDRSTRLEN] = {};
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr, text, sizeof text);
    out = text;
  }
  ::freeifaddrs(all);
  if (out.empty()) give_up("this machine has no address but loopback, where ports have no keys");
  return out;
}

made_keys::made_keys(const bench_options& options, const std::string& work) : folder_(work + "/keys") {
  const auto program = options.programs + "/graphite";
  const auto log = work + "/keys.log";
  run_json({program, "keygen", folder_, "--json"}, log);
  run_json({program, "keys", "ticket", folder_, "game", "--json"}, log);
  run_json({program, "keys", "client", folder_, "ann", "--verbs", "query", "--json"}, log);
  run_json({program, "keys", "token", folder_, "bob", "--verbs", "query", "--json"}, log);
  run_json({program, "keys", "operator", folder_, "olga", "--json"}, log);
}

std::string bench_service::path_of(std::size_t i) { return "assets/" + std::to_string(i) + ".bin"; }

std::string bench_service::bytes_of(std::size_t i) const { return random_bytes(setting_.file_bytes, 1 + i); }

void bench_service::make_project() const {
  fs::create_directories(base_ + "/assets");
  fs::create_directories(base_ + "/edited");
  for (std::size_t i = 0; i < setting_.files; ++i) write_file(base_ + "/" + path_of(i), bytes_of(i));
}

std::vector<std::string> bench_service::dev_command() const {
  std::vector<std::string> out{program_, "dev", "-C", base_, "--json"};
  const auto add = [&](std::initializer_list<std::string> words) {
    out.insert(out.end(), words.begin(), words.end());
  };
  const auto host = setting_.keys != nullptr ? own_address() : std::string("127.0.0.1");
  const int port = two_free_ports(host);
  add({"--heads-port", std::to_string(port), "--chunks-port", std::to_string(port + 1)});
  for (const auto* one : {"--listen-clients", "--listen-tokens", "--listen-operators"})
    add({one, host + ":0"});
  if (setting_.keys != nullptr) add({"--keys", setting_.keys->publisher(), "--listen", host});
  return out;
}

bench_service::bench_service(const bench_options& options, const std::string& work, setting chosen)
    : program_(options.programs + "/graphite"), base_(work + "/" + chosen.name), setting_(std::move(chosen)) {
  make_project();
  run_json({program_, "init", base_, "--json"}, log_path());
  dev_.push_back(std::make_unique<child>(dev_command(), log_path()));
  wait_for_all(
      dev_,
      [&](std::size_t, const nlohmann::json& event) {
        if (event.value("event", "") != "ready") return false;
        heads_ = event["heads"], chunks_ = event["chunks"], operators_ = event["metrics"],
        pid_ = event["pid"];
        clients_ = event.value("clients", ""), tokens_ = event.value("tokens", "");
        token_file_ = event.value("token_file", "");
        return true;
      },
      "ready event", patience_s);
}

std::unique_ptr<child> bench_service::subscriber(const std::string& into) const {
  std::vector<std::string> words{program_, "subscribe", "--from", heads_, "--into", into, "--json"};
  if (setting_.keys != nullptr) words.insert(words.end(), {"--keys", setting_.keys->runtime()});
  return std::make_unique<child>(words, base_ + "-subscribe.log");
}

void bench_service::subscribe() {
  subscriber_.push_back(subscriber(base_ + "-into"));
  wait_for_all(subscriber_, shows_something, "first generation", patience_s);
}

double bench_service::first_fetch_s() const {
  const auto into = base_ + "-once";
  const double start = now_seconds();
  std::vector<std::unique_ptr<child>> one;
  one.push_back(subscriber(into));
  wait_for_all(one, shows_something, "first generation", patience_s);
  const double took = now_seconds() - start;
  one.clear();
  fs::remove_all(into);
  return took;
}

double bench_service::edit() {
  const auto name = "edited/" + std::to_string(edits_ % 8) + ".bin";
  const auto bytes = random_bytes(setting_.edit_bytes, 5000 + ++edits_);
  dev_.front()->drain([](const nlohmann::json&) {});  // who prints to a full pipe waits
  write_file(base_ + "/" + name, bytes);
  const double closed_at = now_seconds();
  double swapped_at = 0;
  wait_for_all(
      subscriber_,
      [&](std::size_t, const nlohmann::json& event) {
        if (event.value("event", "") != "swap") return false;
        const auto& changed = event["changed"];
        if (std::find(changed.begin(), changed.end(), name) == changed.end()) return false;
        swapped_at = event["swapped_at_ns"].get<double>() / 1e9;
        if (event.contains("stages_us"))
          for (const auto& [stage, us] : event["stages_us"].items())
            if (us.is_number()) stages_[stage].push_back(us.get<double>() / 1000);
        return true;
      },
      "swap of " + name, patience_s);
  return (swapped_at - closed_at) * 1000;
}

std::unique_ptr<service_client> bench_service::connect(const std::string& at, const std::string& part) const {
  return or_end(try_to_connect(at, part));
}

result<std::unique_ptr<service_client>> bench_service::try_to_connect(const std::string& at,
                                                                      const std::string& part) const {
  remote_options how;
  how.at = at.empty() ? clients_ : at;
  if (setting_.keys != nullptr)
    how.keys = part.empty() ? setting_.keys->client() : part;
  else
    how.token_file = token_file_;
  service_client_options options;
  options.program = "graphite-bench";
  GRAPHITE_TRY(options.address, address_of(how));
  return service_client::connect(std::move(options));
}

std::unique_ptr<service_client> bench_service::connect_here() const {
  return or_end(service_client::connect({base_ + "/.graphite", "graphite-bench"}));
}

std::unique_ptr<runtime_link> bench_service::bare_link(const std::shared_ptr<zmq_context>& context) const {
  zmq_link_options options;
  if (setting_.keys != nullptr) options.keys = runtime_part(setting_.keys->runtime()).link;
  return or_end(make_zmq_link(context, options));
}

std::unique_ptr<runtime_link> bench_service::link(const std::shared_ptr<zmq_context>& context,
                                                  const std::string& chunks_at) const {
  auto out = bare_link(context);
  if (setting_.keys != nullptr) {
    enrolling_link::options options;
    options.chunks = chunks_at;
    options.tickets = runtime_part(setting_.keys->runtime()).tickets;
    out = std::make_unique<enrolling_link>(std::move(out), std::move(options), wall_clock(), complaints());
  }
  or_end(out->connect_heads(heads_).map([] { return true; }));
  or_end(out->connect_chunks(chunks_at).map([] { return true; }));
  return out;
}

}  // namespace graphite::bench
