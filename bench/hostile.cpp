#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/attackers.hpp"
#include "bench/keyed_service.hpp"
#include "bench/process_cost.hpp"
#include "bench/workloads.hpp"
#include "core/units.hpp"

namespace graphite::bench {

namespace {

struct attack_sizes {
  std::size_t connections;
  double spread_s;
  std::size_t edits;  ///< of each phase of a round
  int rounds;
};

constexpr int niceness = 10;
constexpr auto between_edits = std::chrono::milliseconds(20);

std::size_t resident_bytes_of(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/statm");
  std::size_t all = 0, resident = 0;
  in >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Sessions of clients that the service let in, by its log.
std::size_t sessions_begun(const std::string& log) {
  std::ifstream in(log);
  std::size_t out = 0;
  for (std::string line; std::getline(in, line);)
    if (line.find("is connected and may") != std::string::npos) ++out;
  return out;
}

constexpr int patience_s = 10;  ///< of a true client

/// A connection whose calls end after patience_s; -1 where none comes about.
int connected_to(const std::string& at) {
  const int fd = begin_connecting(at);
  pollfd connects{fd, POLLOUT, 0};
  if (fd < 0 || ::poll(&connects, 1, patience_s * 1'000) != 1) return fd < 0 ? -1 : (::close(fd), -1);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  const timeval longest{patience_s, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
  return fd;
}

/// An operator asks for the metrics; whether he is answered.
bool metrics_come(const std::string& at, const std::string& part) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  SSL_CTX_use_certificate_chain_file(context.get(), (part + "/client.crt").c_str());
  SSL_CTX_use_PrivateKey_file(context.get(), (part + "/client.key").c_str(), SSL_FILETYPE_PEM);
  const owned_fd fd(connected_to(at));
  const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context.get()), SSL_free);
  if (fd.get() < 0 || SSL_set_fd(session.get(), fd.get()) != 1) return false;
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: graphite-server\r\nConnection: close\r\n\r\n";
  std::string answer(256, '\0');
  return SSL_connect(session.get()) == 1 &&
         SSL_write(session.get(), request.data(), static_cast<int>(request.size())) > 0 &&
         SSL_read(session.get(), answer.data(), static_cast<int>(answer.size())) > 0 &&
         answer.find(" 200 ") != std::string::npos;
}

struct anything final : link_listener {
  void on_announcement(byte_span) override { heard = true; }
  void on_heartbeat(byte_span) override { heard = true; }
  void on_reply(std::uint64_t, std::vector<byte_vector>) override { heard = true; }
  bool heard = false;
};

void poll_until_heard(runtime_link& link, const std::string& where) {
  anything listener;
  for (const double start = now_seconds(); !listener.heard;) {
    if (const auto polled = link.poll(milliseconds(50), listener); !polled) give_up(polled.error().context);
    if (now_seconds() - start > 20) give_up("nothing is heard from " + where);
  }
}

/// A runtime enrols through a relay, and follows through another one.
void record_runtime(const bench_service& service, std::vector<attacked_port>& ports) {
  auto context = zmq_context::make({1, 64, 64});
  if (!context) give_up(context.error().context);
  recording_relay chunks(service.chunks()), heads(service.heads());
  const auto granted = service.link(*context, chunks.address());
  poll_until_heard(*granted, "the heads port");
  const auto follows = service.bare_link(*context);
  if (!follows->connect_heads(heads.address()) || !follows->follow("main"))
    give_up("no link to the heads port");
  poll_until_heard(*follows, "the heads port, by a relay");
  ports.push_back({"heads", service.heads(), attacked_port::protocol::curve, heads.recorded()});
  ports.push_back({"chunks", service.chunks(), attacked_port::protocol::curve, chunks.recorded()});
}

void record_client(const bench_service& service, const std::string& name, const std::string& at,
                   const std::string& part, std::vector<attacked_port>& ports) {
  recording_relay relay(at);
  const auto client = service.connect(relay.address(), part);
  if (const auto answer = client->status(); !answer) give_up(answer.error().context);
  ports.push_back({name, at, attacked_port::protocol::tls, relay.recorded()});
}

std::vector<attacked_port> record_all(const bench_service& service, const made_keys& keys) {
  std::vector<attacked_port> out;
  record_runtime(service, out);
  record_client(service, "clients", service.clients(), keys.client(), out);
  record_client(service, "tokens", service.tokens(), keys.token(), out);
  recording_relay relay(service.operators());
  if (!metrics_come(relay.address(), keys.operator_part())) give_up("an operator is not answered");
  out.push_back({"operators", service.operators(), attacked_port::protocol::tls, relay.recorded()});
  for (const auto& port : out)
    if (!was_let_in(port, port.heard.heard, port.heard.heard_bytes))
      give_up("at the port of " + port.name + " nothing tells who is let in from who is not");
  return out;
}

/// One service with a subscriber, edited in peace, under attack, and beside as much load that does nothing.
class siege {
 public:
  siege(bench_service& service, const made_keys& keys, std::vector<attacked_port> ports,
        const attack_sizes& how)
      : service_(service), keys_(keys), ports_(std::move(ports)), how_(how), resident_before_(resident()) {}

  /// Peace comes first and last by turns.
  void round(int number) {
    if (number % 2 == 0) edit(peace_);
    attack();
    rest();
    {
      const idle_load load(shares_.back(), niceness);
      edit(loaded_);
    }
    if (number % 2 != 0) edit(peace_);
  }

  /// Sessions of our own amid the attacks.
  std::size_t clients_let_in() const { return let_in_; }

  void tell(report& out) const {
    const auto add = [&](const char* name, double value, const char* unit, std::optional<double> goal) {
      out.figures.push_back({name, value, unit, better::lower, goal, {}, {}});
    };
    const auto grown = static_cast<double>(resident_max_ - std::min(resident_max_, resident_before_));
    const double before = percentile(peace_, 0.99), during = percentile(attacked_, 0.99);
    add("bytes_per_connection", grown / static_cast<double>(std::max<std::uint64_t>(open_max_, 1)), "B", 1e6);
    add("p99_ratio", during / before, "x", 1.2);
    add("admitted", static_cast<double>(admitted_), "", 0);
    add("p99_ratio_same_load", during / percentile(loaded_, 0.99), "x", {});
    add("p50_ratio", median(attacked_) / median(peace_), "x", {});
    add("p99_ms_before", before, "ms", {});
    add("p99_ms_attacked", during, "ms", {});
    add("grown_mb", grown / 1e6, "MB", {});
    add("connections_open", static_cast<double>(open_max_), "", {});
    for (std::size_t i = 0; i < ports_.size(); ++i)
      add(("connections_to_" + ports_[i].name).c_str(), static_cast<double>(made_[i]), "", {});
    add("clients_unanswered", static_cast<double>(unanswered_.size()), "", {});
    if (!client_ms_.empty()) add("client_ms_attacked", median(client_ms_), "ms", {});
    add("operators_unanswered", static_cast<double>(unshown_.size()), "", {});
    if (!operator_ms_.empty()) add("operator_ms_attacked", median(operator_ms_), "ms", {});
    add("attackers_cpu_share", median(shares_), "", {});
  }

 private:
  std::size_t resident() const { return resident_bytes_of(service_.pid()); }
  static void rest() { std::this_thread::sleep_for(std::chrono::seconds(1)); }

  void attack() {
    const attackers enemies(ports_, {how_.connections, how_.spread_s, 5, niceness});
    const double start = now_seconds();
    edit(attacked_);
    const double share = cost_of(enemies.pid()).cpu_us / 1e6 / (now_seconds() - start);
    shares_.push_back(share);
    note(enemies.counts());
    visit();
  }

  /// True clients, amid the attackers.
  void visit() {
    double start = now_seconds();
    const auto client = service_.try_to_connect({}, {});
    if (client) ++let_in_;
    const bool answered = client && (*client)->status();
    (answered ? client_ms_ : unanswered_).push_back((now_seconds() - start) * 1e3);
    start = now_seconds();
    const bool shown = metrics_come(service_.operators(), keys_.operator_part());
    (shown ? operator_ms_ : unshown_).push_back((now_seconds() - start) * 1e3);
  }

  /// As many edits as asked for, and for as long as it takes until all attackers have come.
  void edit(std::vector<double>& into) {
    std::thread([&] {
      setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness);
      const double until = now_seconds() + how_.spread_s;
      for (std::size_t i = 0; i < how_.edits || now_seconds() < until; ++i) {
        into.push_back(service_.edit());
        resident_max_ = std::max(resident_max_, resident());
        std::this_thread::sleep_for(between_edits);
      }
    }).join();
  }

  void note(const attack_counts& counts) {
    for (std::size_t i = 0; i < ports_.size(); ++i) made_[i] += counts.made[i];
    admitted_ += counts.admitted;
    open_max_ = std::max<std::uint64_t>(open_max_, counts.open_max);
  }

  bench_service& service_;
  const made_keys& keys_;
  const std::vector<attacked_port> ports_;
  const attack_sizes how_;
  const std::size_t resident_before_;
  std::size_t resident_max_ = 0;
  std::vector<double> peace_, attacked_, loaded_, shares_;
  std::vector<double> client_ms_, unanswered_, operator_ms_, unshown_;
  std::size_t let_in_ = 0;
  std::uint64_t made_[attack_counts::ports_max] = {}, admitted_ = 0, open_max_ = 0;
};

}  // namespace

report run_hostile(const bench_options& options) {
  const attack_sizes how = options.quick ? attack_sizes{40, 1, 20, 1} : attack_sizes{1'000, 6, 150, 4};
  const auto work = temporary_folder("hostile");
  report out;
  {
    const made_keys keys(options, work);
    bench_service service(options, work, {"keyed", 1'000, 100, 16 * KiB, &keys});
    service.subscribe();
    // OpenSSL writes to ports that may have closed. Not before: programs that are started inherit it.
    ::signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 20; ++i) service.edit();
    auto ports = record_all(service, keys);
    const auto sessions = sessions_begun(service.log_path());
    siege all(service, keys, std::move(ports), how);
    for (int i = 0; i < how.rounds; ++i) all.round(i);
    all.tell(out);
    out.figures.push_back(
        {"sessions_begun",
         static_cast<double>(sessions_begun(service.log_path()) - sessions - all.clients_let_in()),
         "",
         better::lower,
         0,
         {},
         {}});
    if (!service.connect()->status()) give_up("a true client is not answered after the attack");
    if (!metrics_come(service.operators(), keys.operator_part()))
      give_up("an operator is not answered after the attack");
  }
  std::filesystem::remove_all(work);
  out.notes.push_back(
      std::to_string(how.connections) +
      " connections to each of five ports (heads, chunks, clients, tokens, operators) of the shipped "
      "service, a "
      "quarter each random bytes, one byte a second, a message that never ends, a session heard before; each "
      "begins within " +
      std::to_string(static_cast<int>(how.spread_s)) + " s and again 5 s after its end");
  out.notes.push_back(
      "edits of 16 KiB, 20 ms after the last was seen, to one subscriber with keys, from close to flip: " +
      std::to_string(how.rounds) +
      " rounds of peace, attack, and a process that uses as much processor time as "
      "the attackers for nothing; both at niceness 10, on the same processors as the service");
  out.notes.push_back(
      "memory: resident set of the service, peak minus before the first attack (what the edits add "
      "included), "
      "by connections that the attackers had open at once");
  out.notes.push_back(
      "admitted: answers that only who has keys gets, as the attackers see them (CURVE: READY; TLS: more "
      "than the "
      "handshake and an alert); sessions_begun: by the service's log; unanswered: true clients, one each "
      "round "
      "amid the attack, that got no answer in 10 s");
  return out;
}

}  // namespace graphite::bench
