#include "coordinator/jobs/job_rows.hpp"

#include <gtest/gtest.h>

#include "tests/coordinator/jobs/job_world.hpp"

namespace graphite {
namespace {

using namespace test;

job_record open_record(job_request request) {
  job_record out;
  out.id = job_id{17};
  out.tenant = "studio";
  out.owner = "ann";
  out.key = request.key;
  out.label = request.label = "nightly é";
  out.priority = request.priority = job_priority::low;
  out.is_action = std::holds_alternative<action_job>(request.what);
  out.request_digest.bytes.fill(9);
  out.accepted_unix_ns = 1'700'000'000'000'000'000;
  out.deadline_unix_ns = -5;
  out.request = std::move(request);
  return out;
}

job_record over_record() {
  auto out = open_record(project_request("k"));
  out.request.reset();
  out.ended_unix_ns = 7;
  job_outcome outcome;
  outcome.state = job_state::failed;
  outcome.message = "no";
  outcome.progress = {1, 2, 3, 4, 5};
  outcome.failures = {{"a.png", "bad"}, {"b.png", ""}};
  outcome.outputs = {{"a.o", some_root(4)}};
  outcome.generation = "main 12";
  outcome.listing = some_root(5);
  outcome.assets = 17;
  out.outcome = outcome;
  return out;
}

std::vector<job_record> all_kinds() {
  auto project = project_request("one");
  std::get<project_job>(project.what).targets = {"a", "b/c"};
  std::get<project_job>(project.what).keep_going = true;
  project.deadline = milliseconds(90'000);
  auto transform = action_request("two");
  transform_action what{"texture", 3, "a.png", {}};
  what.options = option_values::decode(option_values().encode()).value();
  std::get<action_job>(transform.what).what = what;
  std::get<action_job>(transform.what).use_cache = false;
  return {open_record(project), open_record(action_request("three")), open_record(transform), over_record()};
}

TEST(job_rows, jobs_come_back_as_they_were_written) {
  for (const auto& record : all_kinds()) {
    const auto back = decode_job(record.id, encode_job(record));
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(*back, record);
  }
}

TEST(job_rows, a_row_that_is_cut_or_longer_is_damaged) {
  for (const auto& record : all_kinds()) {
    const auto row = encode_job(record);
    for (std::size_t length = 0; length < row.size(); ++length)
      EXPECT_FALSE(decode_job(record.id, std::string_view(row).substr(0, length))) << length;
    EXPECT_EQ(decode_job(record.id, row + '\0').error().code, errc::corrupt);
  }
}

TEST(job_rows, a_row_of_a_newer_program_says_so) {
  auto row = encode_job(over_record());
  row[0] = 2;
  EXPECT_EQ(decode_job(job_id{17}, row).error().code, errc::newer_version);
}

TEST(job_rows, a_request_that_nobody_could_have_made_is_damaged) {
  auto record = open_record(project_request("k"));
  std::get<project_job>(record.request->what).project_file = "../graphite.toml";
  EXPECT_EQ(decode_job(record.id, encode_job(record)).error().code, errc::corrupt);
}

TEST(job_rows, keys_ascend_with_the_numbers_and_tell_them) {
  EXPECT_LT(job_row_key(job_id{255}), job_row_key(job_id{256}));
  EXPECT_EQ(job_of_row_key(job_row_key(job_id{0x0102030405060708})), job_id{0x0102030405060708});
  EXPECT_FALSE(job_of_row_key("main\0\0\0\0\0\0\0\0"));
  EXPECT_FALSE(job_of_row_key(job_counter_key()));
  EXPECT_EQ(decode_job_counter(encode_job_counter(job_id{300})).value(), job_id{300});
  EXPECT_FALSE(decode_job_counter(""));
  EXPECT_FALSE(decode_job_counter(encode_job_counter(job_id{0})));
}

TEST(job_rows, equal_requests_are_equal_bytes_whatever_they_are_called) {
  auto one = action_request("k"), other = action_request("another key");
  other.label = "another label";
  EXPECT_EQ(encode_job_request(one), encode_job_request(other));
  std::get<action_job>(other.what).use_cache = false;
  EXPECT_NE(encode_job_request(one), encode_job_request(other));
}

TEST(job_requests, those_within_the_limits_are_taken) {
  for (const auto& record : all_kinds()) EXPECT_TRUE(!record.request || check_job_request(*record.request));
}

TEST(job_requests, what_makes_no_sense_or_is_over_a_limit_is_refused) {
  const auto project_refused = [](auto change) {
    auto request = project_request("k");
    change(request, std::get<project_job>(request.what));
    return !check_job_request(request);
  };
  EXPECT_TRUE(project_refused([](auto& of, auto&) { of.key = "fifteen bytes.."; }));
  EXPECT_TRUE(project_refused([](auto& of, auto&) { of.key = std::string(65, 'k'); }));
  EXPECT_TRUE(project_refused([](auto& of, auto&) { of.label = std::string(257, 'l'); }));
  EXPECT_TRUE(project_refused([](auto& of, auto&) { of.label = "\xff"; }));
  EXPECT_TRUE(project_refused([](auto& of, auto&) { of.deadline = milliseconds(-1); }));
  EXPECT_TRUE(
      project_refused([](auto& of, auto&) { of.deadline = job_limits::deadline_max + milliseconds(1); }));
  EXPECT_TRUE(project_refused([](auto&, auto& what) { what.snapshot = {}; }));
  EXPECT_TRUE(project_refused([](auto&, auto& what) { what.project_file = "/etc/passwd"; }));
  EXPECT_TRUE(project_refused([](auto&, auto& what) { what.view = "a/b"; }));
  EXPECT_TRUE(project_refused([](auto&, auto& what) { what.targets = {"../x"}; }));
  EXPECT_TRUE(project_refused([](auto&, auto& what) { what.targets.resize(1'025, "t"); }));
  EXPECT_TRUE(project_refused([](auto&, auto& what) { what.targets.resize(1'000, std::string(200, 't')); }));
}

TEST(job_requests, actions_that_make_no_sense_or_are_over_a_limit_are_refused) {
  const auto refused = [](auto change) {
    auto request = action_request("k");
    auto& what = std::get<action_job>(request.what);
    change(what, std::get<command_action>(what.what));
    return !check_job_request(request);
  };
  EXPECT_TRUE(refused([](auto& of, auto&) { of.input_root.size = 0; }));
  EXPECT_TRUE(refused([](auto& of, auto&) { of.outputs = {}; }));
  EXPECT_TRUE(refused([](auto& of, auto&) { of.outputs = {"b", "a"}; }));
  EXPECT_TRUE(refused([](auto& of, auto&) { of.outputs = {"a", "a"}; }));
  EXPECT_TRUE(refused([](auto& of, auto&) { of.outputs = {"a/../b"}; }));
  EXPECT_TRUE(refused([](auto& of, auto&) { of.timeout = milliseconds(0); }));
  EXPECT_TRUE(refused([](auto& of, auto&) { of.memory_bytes_max = 0; }));
  EXPECT_TRUE(refused([](auto& of, auto&) { of.platform = {{"a=b", "c"}}; }));
  EXPECT_TRUE(refused([](auto& of, auto&) { of.platform = {{"", "c"}}; }));
  EXPECT_TRUE(refused([](auto&, auto& run) { run.argv = {}; }));
  EXPECT_TRUE(refused([](auto&, auto& run) { run.argv = {""}; }));
  EXPECT_TRUE(refused([](auto&, auto& run) { run.argv.resize(4'097, "x"); }));
  EXPECT_TRUE(refused([](auto&, auto& run) { run.argv.push_back(std::string("a\0b", 3)); }));
  EXPECT_TRUE(refused([](auto&, auto& run) { run.argv.push_back(std::string(130 * KiB, 'x')); }));
  EXPECT_TRUE(refused([](auto&, auto& run) { run.working_folder = ".."; }));
  EXPECT_TRUE(refused([](auto& of, auto&) { of.what = transform_action{"", 1, "a.png", {}}; }));
  EXPECT_TRUE(refused([](auto& of, auto&) { of.what = transform_action{"texture", 1, "", {}}; }));
}

}  // namespace
}  // namespace graphite
