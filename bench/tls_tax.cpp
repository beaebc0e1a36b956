#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "bench/keyed_service.hpp"
#include "bench/workloads.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "core/units.hpp"
#include "platform/crypto/sha256.hpp"
#include "schemas/codec/chunk_messages.hpp"

namespace graphite::bench {

namespace {

constexpr std::size_t file_bytes = 900 * KiB;  // one answer of the chunk port
constexpr std::size_t under_way_max = 4;

/// Contents of the service's project as requests, and what came back.
class fetcher final : public link_listener {
 public:
  fetcher(const bench_service& from, const std::shared_ptr<zmq_context>& context)
      : link_(from.link(context, from.chunks())) {
    const openssl_hasher hash;
    for (std::size_t i = 0; i < from.files(); ++i) {
      const auto bytes = from.bytes_of(i);
      const auto content = content_of(chunk_bytes(as_bytes(bytes), hash), hash);
      const auto asset = id_of(logical_path::parse(bench_service::path_of(i)).value());
      const contents_request what{{{content.id, 0, 0, asset}}, chunk_port_limits::reply_bytes_max};
      requests_.push_back(encode(what, "main"));
    }
  }

  /// All of them, some under way at once; MB/s of contents, which are not looked at.
  double fetch_all() {
    const double start = now_seconds();
    bytes_ = 0;
    std::size_t asked = 0, done = 0;
    for (answered_ = 0; done < requests_.size(); done = answered_) {
      for (; asked < requests_.size() && asked - answered_ < under_way_max; ++asked)
        if (const auto sent = link_->request(++last_id_, requests_[asked]); !sent)
          give_up(sent.error().context);
      if (const auto polled = link_->poll(seconds(1), *this); !polled) give_up(polled.error().context);
      if (now_seconds() - start > 60) give_up("the chunk port does not answer");
    }
    return static_cast<double>(bytes_) / 1e6 / (now_seconds() - start);
  }

 private:
  void on_announcement(byte_span) override {}
  void on_heartbeat(byte_span) override {}
  void on_reply(std::uint64_t, std::vector<byte_vector> frames) override {
    const auto reply = decode_chunk_reply(std::move(frames));
    if (!reply) give_up(reply.error().context);
    if (const auto* no = std::get_if<refusal>(&reply->header)) give_up("chunk port: " + no->message);
    if (reply->frames.empty() || reply->frames.front().size() != file_bytes)
      give_up("the chunk port answers less than a file");
    bytes_ += reply->frames.front().size();
    ++answered_;
  }

  std::unique_ptr<runtime_link> link_;
  std::vector<byte_vector> requests_;
  std::size_t answered_ = 0, bytes_ = 0;
  std::uint64_t last_id_ = 0;
};

/// Calls a second of one client, one after the other, on a connection of its own. A client may call 200 times
/// a second, and 400 times at once after a rest: within that.
double calls_per_s(const std::unique_ptr<service_client>& client, int calls) {
  const auto once = [&] {
    if (const auto answer = client->status(); !answer) give_up(answer.error().context);
  };
  for (int i = 0; i < 20; ++i) once();
  const double start = now_seconds();
  for (int i = 0; i < calls; ++i) once();
  return calls / (now_seconds() - start);
}

/// Without keys and with, in rounds that begin with either by turns.
struct pairs {
  std::vector<double> plain, keyed;

  template <class Measure>
  void round(int number, const Measure& measure) {
    if (number % 2 != 0) keyed.push_back(measure(true));
    plain.push_back(measure(false));
    if (number % 2 == 0) keyed.push_back(measure(true));
  }
};

struct sizes {
  std::size_t files;
  int edits, rounds, calls;
  milliseconds rest;  ///< until a client may ask so much again
};

/// What a shipped subscriber takes from its start until it shows all files, MB/s.
pairs measure_first_fetch(const bench_service& plain, const bench_service& keyed, int rounds) {
  pairs out;
  const double megabytes = static_cast<double>(plain.files() * file_bytes) / 1e6;
  for (int i = 0; i < rounds; ++i)
    out.round(i, [&](bool keys) { return megabytes / (keys ? keyed : plain).first_fetch_s(); });
  return out;
}

void add(report& out, const std::string& name, const pairs& of, const char* unit, bool of_times) {
  const double plain = median(of.plain), keyed = median(of.keyed);
  const bool has_goal = name == "heads" || name == "chunk" || name == "rpc";
  out.figures.push_back({name + "_ratio",
                         of_times ? plain / keyed : keyed / plain,
                         "x",
                         better::higher,
                         has_goal ? std::optional(0.8) : std::nullopt,
                         {},
                         {}});
  const auto direction = of_times ? better::lower : better::higher;
  out.figures.push_back({name + "_plain", plain, unit, direction, {}, {}, {}});
  out.figures.push_back({name + "_keys", keyed, unit, direction, {}, {}, {}});
}

std::string stages_of(const bench_service& of) {
  std::string out;
  for (const auto& [stage, ms] : of.stages()) out += fmt::format(" {} {:.2f}", stage, median(ms));
  return out;
}

/// In a thread that gives way, as in edit-to-swap.
pairs measure_heads(bench_service& plain, bench_service& keyed, int edits) {
  pairs out;
  std::thread([&] {
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10);
    for (int i = 0; i < 20; ++i) plain.edit(), keyed.edit();
    for (int i = 0; i < edits; ++i) out.round(i, [&](bool keys) { return (keys ? keyed : plain).edit(); });
  }).join();
  return out;
}

pairs measure_chunks(const bench_service& plain, const bench_service& keyed, int rounds) {
  auto context = zmq_context::make({1, 64, 64});
  if (!context) give_up(context.error().context);
  fetcher without(plain, *context), with(keyed, *context);
  without.fetch_all(), with.fetch_all();
  pairs out;
  for (int i = 0; i < rounds; ++i)
    out.round(i, [&](bool keys) { return (keys ? with : without).fetch_all(); });
  return out;
}

/// Each port against the unix socket of the same service right after it: one process may be faster than the
/// other for long, whatever is asked.
void measure_calls(report& out, const bench_service& plain, const bench_service& keyed, const sizes& how) {
  pairs port, here, share;
  for (int i = 0; i < how.rounds; ++i) {
    std::this_thread::sleep_for(how.rest);
    share.round(i, [&](bool with) {
      const auto& service = with ? keyed : plain;
      (with ? port.keyed : port.plain).push_back(calls_per_s(service.connect(), how.calls));
      (with ? here.keyed : here.plain).push_back(calls_per_s(service.connect_here(), how.calls));
      return (with ? port.keyed : port.plain).back() / (with ? here.keyed : here.plain).back();
    });
  }
  add(out, "rpc", share, "x", false);
  add(out, "rpc_by_port", port, "1/s", false);
  add(out, "rpc_by_socket", here, "1/s", false);
}

}  // namespace

report run_tls_tax(const bench_options& options) {
  const sizes how =
      options.quick ? sizes{16, 20, 3, 50, milliseconds(0)} : sizes{256, 300, 15, 300, milliseconds(2'000)};
  const auto work = temporary_folder("tls");
  report out;
  {
    const made_keys keys(options, work);
    bench_service plain(options, work, {"plain", how.files, file_bytes, 16 * KiB, nullptr});
    bench_service keyed(options, work, {"keyed", how.files, file_bytes, 16 * KiB, &keys});
    plain.subscribe(), keyed.subscribe();
    const auto chosen = [&](const char* name) { return options.only.empty() || options.only == name; };
    if (chosen("heads")) {
      add(out, "heads", measure_heads(plain, keyed, how.edits), "ms", true);
      out.notes.push_back("stages, medians in ms: without keys" + stages_of(plain) + "; with" +
                          stages_of(keyed));
    }
    if (chosen("chunk")) {
      add(out, "chunk", measure_chunks(plain, keyed, how.rounds), "MB/s", false);
      add(out, "first_fetch", measure_first_fetch(plain, keyed, how.rounds / 2), "MB/s", false);
    }
    if (chosen("rpc")) measure_calls(out, plain, keyed, how);
  }
  std::filesystem::remove_all(work);
  out.notes.push_back(
      "two shipped services at once, one with keys at this machine's own address, one without on loopback: "
      "both "
      "ways lead through the kernel's loopback; without and with by turns, medians");
  out.notes.push_back(
      "heads: from the writer's close to the flip in the one subscriber of each, 16 KiB, time without / time "
      "with: signed, by CURVE, checked before it is shown; the build between is part of it");
  out.notes.push_back(
      "chunk: " + std::to_string(how.files) +
      " files of 900 KiB, four requests under way, from the service's store and page cache; "
      "the asking thread "
      "discards them: neither hashes nor writes, which a subscriber does with both; "
      "first_fetch: the same files by a new shipped subscriber, from its start until it shows them, durable");
  out.notes.push_back(
      "rpc: status() of one client, one call after the other on an open connection: mutual TLS against TCP "
      "with the "
      "token of the start, each as a share of what the same service's unix socket does right after (two "
      "processes "
      "differ for long by more than the tax); 300 calls after a rest, for both ports allow one client 200 a "
      "second");
  return out;
}

}  // namespace graphite::bench
