#include "gateway/service_codec.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <gtest/gtest.h>

namespace graphite {
namespace {

namespace wire = schema::service;

head some_head() {
  head out;
  out.channel = "main";
  out.lineage.value.bytes[3] = 7;
  out.epoch.value = 1'700'000'000;
  out.sequence.value = 42;
  out.root.bytes[31] = 9;
  out.assets = 4056;
  out.revision.value = 17;
  out.published_unix_ns = -5;
  out.behind.bytes[0] = 1;
  return out;
}

service_status some_status() {
  service_status out;
  out.project = "supertux";
  out.root = "/home/ä";
  out.watch_mode = "polling";
  out.watch_reason = "nfs";
  out.machine.domains = {{3, "0-3,8", 5}, {4, "9", 1}};
  out.machine.pinned = true;
  out.machine.pin_reason = "asked for";
  out.machine.placement_reason = "no mbind";
  out.machine.io_adapter = "threads";
  out.machine.io_reason = "no rings";
  out.machine.remote_access = 0.25;
  out.machine.remote_source = "counters";
  out.machine.remote_reason = "none better";
  out.machine.sandbox_mode = "best";
  out.machine.sandbox = "landlock";
  out.machine.sandbox_reason = "no namespaces";
  out.pid = 99;
  out.uptime_seconds = 1.5;
  out.held = true;
  out.running = {{"convert", "a.png", 0.25}};
  out.failed = {{"b.png", "tool said no"}};
  out.failed_count = 3;
  out.channels = {{"main", some_head(), 1, 2}, {"empty", std::nullopt, 0, 0}};
  out.subscribers = {{"host:1", "main", 5, 6, 0.5}};
  return out;
}

kj::Array<capnp::word> encoded_status() {
  capnp::MallocMessageBuilder message;
  service_codec::encode(some_status(), message.initRoot<wire::Status>());
  return capnp::messageToFlatArray(message);
}

TEST(service_codec, a_status_survives_the_wire) {
  const auto words = encoded_status();
  capnp::FlatArrayMessageReader reader(words);
  const auto back = service_codec::decode(reader.getRoot<wire::Status>());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->root, "/home/ä");
  EXPECT_EQ(back->watch_reason, "nfs");
  ASSERT_EQ(back->machine.domains.size(), 2u);
  EXPECT_EQ(back->machine.domains[0].node, 3u);
  EXPECT_EQ(back->machine.domains[0].cpus, "0-3,8");
  EXPECT_EQ(back->machine.domains[1].threads, 1u);
  EXPECT_TRUE(back->machine.pinned);
  EXPECT_EQ(back->machine.pin_reason, "asked for");
  EXPECT_EQ(back->machine.placement_reason, "no mbind");
  EXPECT_EQ(back->machine.io_adapter, "threads");
  EXPECT_EQ(back->machine.io_reason, "no rings");
  EXPECT_EQ(back->machine.remote_access, 0.25);
  EXPECT_EQ(back->machine.sandbox_mode, "best");
  EXPECT_EQ(back->machine.sandbox, "landlock");
  EXPECT_EQ(back->machine.sandbox_reason, "no namespaces");
  EXPECT_EQ(back->machine.remote_source, "counters");
  EXPECT_EQ(back->machine.remote_reason, "none better");
  EXPECT_TRUE(back->held);
  EXPECT_EQ(back->running.at(0).path, "a.png");
  EXPECT_EQ(back->failed.at(0).message, "tool said no");
  EXPECT_EQ(back->failed_count, 3u);
  EXPECT_EQ(back->channels.at(0).newest, some_head());
  EXPECT_FALSE(back->channels.at(1).newest);
  EXPECT_EQ(back->subscribers.at(0).sequence, 6u);
}

TEST(service_codec, a_build_summary_survives_the_wire) {
  build_summary summary;
  summary.generation = some_head();
  summary.ran = 3;
  summary.seconds = 0.125;
  summary.bundle = "/b";
  summary.diagnostics = {{diagnostic_line::level::warning, "x", "dangling"}};
  capnp::MallocMessageBuilder message;
  service_codec::encode(summary, message.initRoot<wire::BuildSummary>());
  const auto back = service_codec::decode(message.getRoot<wire::BuildSummary>().asReader());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->generation, summary.generation);
  EXPECT_EQ(back->diagnostics.at(0).severity, diagnostic_line::level::warning);
  EXPECT_EQ(back->bundle, "/b");
}

TEST(service_codec, a_report_of_a_collection_survives_the_wire) {
  const gc_report report{1, 2, 1ull << 40, 4, 5, 6, 7, 0.125};
  capnp::MallocMessageBuilder message;
  service_codec::encode(report, message.initRoot<wire::Collected>());
  const auto back = service_codec::decode(message.getRoot<wire::Collected>().asReader());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->results, report.results);
  EXPECT_EQ(back->results_dropped, report.results_dropped);
  EXPECT_EQ(back->cache_bytes, report.cache_bytes);
  EXPECT_EQ(back->cache_bytes_dropped, report.cache_bytes_dropped);
  EXPECT_EQ(back->freed_bytes, report.freed_bytes);
  EXPECT_EQ(back->segments_removed, report.segments_removed);
  EXPECT_EQ(back->segment_bytes, report.segment_bytes);
  EXPECT_EQ(back->seconds, report.seconds);
}

trace_page some_trace() {
  trace_page out;
  out.head = {"generation 7", "edit: a.png", 3, 7, -5, seconds(2), seconds(3), 4'056, 8, 9};
  traced_action one;
  one.rule = "convert";
  one.path = "a.png";
  one.cause = "changed: a.png";
  one.node = "node-1";
  one.domain = 1;
  one.slot = 2;
  one.tries = 3;
  one.status = attempt_status::lost_input;
  one.critical = true;
  one.ready = milliseconds(1);
  one.begun = milliseconds(2);
  one.fetched = milliseconds(3);
  one.ran = milliseconds(4);
  one.stored = milliseconds(5);
  one.ended = milliseconds(6);
  one.cpu = milliseconds(7);
  traced_action other;
  other.found = true;
  out.actions = {one, other};
  out.next = 2'048;
  return out;
}

result<trace_page> decoded_again(const trace_page& page) {
  capnp::MallocMessageBuilder message;
  service_codec::encode(page, message.initRoot<wire::TracePage>());
  return service_codec::decode(message.getRoot<wire::TracePage>().asReader());
}

TEST(service_codec, a_page_of_a_trace_survives_the_wire) {
  const auto back = decoded_again(some_trace());
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(*back, some_trace());
}

TEST(service_codec, a_trace_whose_times_go_back_is_corrupt) {
  auto page = some_trace();
  page.actions[0].ran = milliseconds(2);
  EXPECT_EQ(decoded_again(page).error().code, errc::corrupt);
  page = some_trace();
  page.head.wall = milliseconds(1);
  EXPECT_EQ(decoded_again(page).error().code, errc::corrupt);
  page = some_trace();
  page.actions[1].ended = duration(-1);
  EXPECT_EQ(decoded_again(page).error().code, errc::corrupt);
}

TEST(service_codec, a_digest_of_a_wrong_length_is_corrupt) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<wire::Head>();
  service_codec::encode(some_head(), out);
  out.initRoot(31);
  EXPECT_EQ(service_codec::decode(out.asReader()).error().code, errc::corrupt);
}

TEST(service_codec, an_unknown_severity_is_corrupt) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<wire::BuildSummary>();
  out.initDiagnostics(1)[0].setSeverity(static_cast<wire::Diagnostic::Severity>(7));
  EXPECT_EQ(service_codec::decode(out.asReader()).error().code, errc::corrupt);
}

TEST(service_codec, an_error_code_of_the_future_is_unsupported) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<wire::Error>();
  out.setCode(999);
  EXPECT_EQ(service_codec::decode_error(out.asReader()).code, errc::unsupported);
  service_codec::encode({errc::busy, "later"}, out);
  EXPECT_EQ(service_codec::decode_error(out.asReader()).code, errc::busy);
}

/// Decodes what may be damaged; capnp reports damage by exceptions, which the client turns into `corrupt`.
void decode_damaged(kj::ArrayPtr<const capnp::word> words) {
  capnp::ReaderOptions limits;
  limits.traversalLimitInWords = 4096;
  try {
    capnp::FlatArrayMessageReader reader(words, limits);
    (void)service_codec::decode(reader.getRoot<wire::Status>());
  } catch (const kj::Exception&) {
  }
}

TEST(service_codec, damaged_answers_do_no_harm) {
  auto words = encoded_status();
  for (std::size_t length = 0; length < words.size(); ++length) decode_damaged(words.slice(0, length));
  auto bytes = words.asBytes();
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const int bit : {0, 3, 7}) {
      bytes[i] ^= static_cast<kj::byte>(1 << bit);
      decode_damaged(words);
      bytes[i] ^= static_cast<kj::byte>(1 << bit);
    }
}

}  // namespace
}  // namespace graphite
