#include "schemas/codec/control_messages.hpp"

#include <gtest/gtest.h>

#include "tests/schemas/mutate.hpp"

namespace graphite {
namespace {

using test::bytes_of;
using test::digest_of_number;

logical_path path(std::string_view text) { return logical_path::parse(text).value(); }

attempt_needs some_needs() { return {1500, 2 * GiB, {{"gpu", 1}, {"licence", 2}}}; }

control::join joining() {
  control::join out;
  out.incarnation.value.bytes.fill(1);
  out.epoch_seen.value = 5;
  out.domains = {{4000, 8 * GiB, {{"gpu", 1}}, 8, "0-3"}, {2000, GiB, {}, 4, "4-5"}};
  out.running = {
      {{{5}, {6}, {7}}, digest_of_number(1), 1, some_needs(), 9, seconds(3), 44, control::run_state::ended}};
  out.chunks = "10.0.0.2:7403";
  out.chunks_key.bytes.fill(std::byte{9});
  out.store = true;
  out.tools = {{"cc", digest_of_number(2)}};
  out.properties = {{"os", "linux"}};
  return out;
}

control::results ended() {
  control::attempt_end good, bad;
  good.attempt = {{5}, {6}, {7}};
  good.result.status = attempt_status::succeeded;
  good.result.outputs = {
      {path("a/b.o"), {digest_of_number(3), 10}, {}},
      {path("c"), {digest_of_number(4), 20}, {{digest_of_number(5), 12}, {digest_of_number(6), 8}}}};
  good.result.discovered = {path("a/b.h"), path("x.h")};
  good.result.log = "a warning in Latin-1: \xe4";
  good.result.wall = milliseconds(5);
  good.result.cpu = milliseconds(4);
  good.result.sandbox = sandbox_tier::landlock;
  good.memory_peak_bytes = 100;
  good.bodies = {bytes_of("0123456789")};
  good.times = {milliseconds(1), milliseconds(2), milliseconds(3), milliseconds(4)};
  bad.attempt = {{5}, {8}, {1}};
  bad.result.status = attempt_status::failed;
  bad.result.message = "no such file";
  control::attempt_end without;
  without.attempt = {{5}, {9}, {1}};
  without.result.status = attempt_status::lost_input;
  without.result.lost = {digest_of_number(30), digest_of_number(31)};
  return {11, {good, bad, without}};
}

control::store_state some_state() { return {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, true}; }

control::settings some_settings() {
  control::settings out;
  out.draining = true;
  out.copies = 2;
  out.stores = {{"10.0.0.3:7403", {}}, {"10.0.0.4:7403", {}}};
  out.stores[1].key.bytes.fill(std::byte{7});
  out.store_away = seconds(30);
  return out;
}

control::work assigned() {
  command_spec command;
  command.argv = {"{tool:cc}", "-c", "{in}"};
  command.inputs = {"**/*.h"};
  command.depfile = "x.d";
  command.tools = {"cc"};
  command.program_tool = "cc";
  command.timeout = milliseconds(1234);
  built_in_spec texture;
  texture.name = "texture";
  texture.version = 3;
  texture.inputs = {"*.png"};
  control::work out;
  out.recipes = {{0,
                  "compile",
                  77,
                  std::make_shared<command_spec>(command),
                  nullptr,
                  {{"PATH", "/bin"}},
                  {{"cc", digest_of_number(2)}},
                  some_needs(),
                  44},
                 {1023, "textures", 78, nullptr, std::make_shared<built_in_spec>(texture), {}, {}, {}}};
  control::assignment one{.main_input = path("a/b.c")};
  one.attempt = {{5}, {6}, {7}};
  one.domain = 1;
  one.key = digest_of_number(9);
  one.trace.value = 3;
  one.inputs = {{path("a/b.c"), {digest_of_number(10), 4}, true, {}},
                {path("x.h"), {digest_of_number(11), 5}, true, {}}};
  one.bodies = {bytes_of("abcd")};
  one.outputs = {{"a/b.o", false}, {"a/*.log", true}};
  out.assignments = {one};
  out.stops = {{{{5}, {2}, {1}}, true}};
  out.acknowledged = 10;
  return out;
}

std::vector<to_coordinator> from_nodes() {
  return {joining(),
          ended(),
          control::beat{3},
          control::leave{"SIGTERM"},
          control::need_question{4, {digest_of_number(1), digest_of_number(2)}},
          some_state()};
}

std::vector<to_node> from_coordinators() {
  return {control::welcome{{5}, seconds(10), {attempt_key{{5}, {60}, {1}}, std::nullopt}, some_settings()},
          control::refusal{errc::stale_epoch, "an earlier reign"},
          assigned(),
          some_settings(),
          control::need_answer{4, {true, false, true}, seconds(2)},
          control::revocations{bytes_of("a signed list")}};
}

TEST(control_messages, what_can_be_compared_comes_back_the_same) {
  EXPECT_TRUE(std::get<control::join>(decode_to_coordinator(encode(to_coordinator(joining()))).value()) ==
              joining());
  for (const auto& message : from_nodes()) {
    const auto bytes = encode(message);
    const auto back = decode_to_coordinator(bytes);
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(back->index(), message.index());
    EXPECT_TRUE(encode(*back) == bytes) << message.index();
  }
  for (const auto& message : from_coordinators()) {
    const auto bytes = encode(message);
    const auto back = decode_to_node(bytes);
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(back->index(), message.index());
    EXPECT_TRUE(encode(*back) == bytes) << message.index();
  }
}

TEST(control_messages, what_each_step_of_an_attempt_took_comes_back_the_same) {
  const auto back = decode_to_coordinator(encode(to_coordinator(ended()))).value();
  const auto& ends = std::get<control::results>(back).ends;
  EXPECT_EQ(ends[0].times, ended().ends[0].times);
  EXPECT_EQ(ends[1].times, attempt_times{});
}

TEST(control_messages, what_is_said_of_stores_comes_back_the_same) {
  const auto back = [](const to_coordinator& message) {
    return decode_to_coordinator(encode(message)).value();
  };
  EXPECT_EQ(std::get<control::store_state>(back(some_state())), some_state());
  const control::need_question question{4, {digest_of_number(1), digest_of_number(2)}};
  EXPECT_EQ(std::get<control::need_question>(back(question)), question);
  const auto to = [](const to_node& message) { return decode_to_node(encode(message)).value(); };
  const control::need_answer answer{4, {true, false, true}, seconds(2)};
  EXPECT_EQ(std::get<control::need_answer>(to(answer)), answer);
  EXPECT_EQ(std::get<control::settings>(to(some_settings())), some_settings());
  const control::revocations list{bytes_of("a signed list")};
  EXPECT_EQ(std::get<control::revocations>(to(list)), list);
}

TEST(control_messages, what_is_said_of_stores_is_bounded) {
  using limits = control_limits;
  const auto code = [](const auto& decoded) { return decoded ? errc::io : decoded.error().code; };
  control::need_question much{1, std::vector<digest>(limits::asked_max)};
  EXPECT_TRUE(decode_to_coordinator(encode(to_coordinator(much))));
  much.contents.emplace_back();
  EXPECT_EQ(code(decode_to_coordinator(encode(to_coordinator(much)))), errc::too_large);
  control::need_answer answers{1, std::vector<bool>(limits::asked_max + 1), {}};
  EXPECT_EQ(code(decode_to_node(encode(to_node(answers)))), errc::too_large);
  control::revocations list{byte_vector(limits::revocations_bytes_max + 1)};
  EXPECT_EQ(code(decode_to_node(encode(to_node(list)))), errc::too_large);
  auto ends = ended();
  ends.ends[2].result.lost.clear();
  EXPECT_EQ(code(decode_to_coordinator(encode(to_coordinator(ends)))), errc::corrupt) << "nothing is lost";
  ends.ends[2].result.lost.resize(limits::lost_max + 1);
  EXPECT_EQ(code(decode_to_coordinator(encode(to_coordinator(ends)))), errc::too_large);
  ends = ended();
  ends.ends[0].result.lost = {digest_of_number(1)};
  EXPECT_EQ(code(decode_to_coordinator(encode(to_coordinator(ends)))), errc::corrupt) << "it succeeded";
}

TEST(control_messages, results_keep_what_a_tool_wrote) {
  const auto back =
      std::get<control::results>(decode_to_coordinator(encode(to_coordinator(ended()))).value());
  EXPECT_EQ(back.first, 11u);
  ASSERT_EQ(back.ends.size(), 3u);
  EXPECT_EQ(back.ends[0].attempt, ended().ends[0].attempt);
  EXPECT_EQ(back.ends[0].result.outputs, ended().ends[0].result.outputs);
  EXPECT_EQ(back.ends[0].result.discovered, ended().ends[0].result.discovered);
  EXPECT_EQ(back.ends[0].result.log, ended().ends[0].result.log);
  EXPECT_EQ(back.ends[0].result.sandbox, sandbox_tier::landlock);
  EXPECT_EQ(back.ends[0].bodies, ended().ends[0].bodies);
  EXPECT_EQ(back.ends[1].result.status, attempt_status::failed);
  EXPECT_EQ(back.ends[1].result.discovered, std::nullopt);
  EXPECT_EQ(back.ends[1].result.message, "no such file");
  EXPECT_EQ(back.ends[2].result.lost, ended().ends[2].result.lost);
}

TEST(control_messages, work_keeps_how_an_action_is_run) {
  const auto back = std::get<control::work>(decode_to_node(encode(to_node(assigned()))).value());
  ASSERT_EQ(back.recipes.size(), 2u);
  EXPECT_EQ(back.recipes[0].command->argv, assigned().recipes[0].command->argv);
  EXPECT_EQ(back.recipes[0].command->timeout, milliseconds(1234));
  EXPECT_EQ(back.recipes[0].environment, assigned().recipes[0].environment);
  EXPECT_EQ(back.recipes[0].needs, some_needs());
  EXPECT_EQ(back.recipes[1].built_in->name, "texture");
  ASSERT_EQ(back.assignments.size(), 1u);
  EXPECT_EQ(back.assignments[0].inputs[1].path, path("x.h"));
  EXPECT_EQ(back.assignments[0].outputs, assigned().assignments[0].outputs);
  EXPECT_EQ(back.stops, assigned().stops);
  EXPECT_EQ(back.acknowledged, 10u);
}

TEST(control_messages, survive_every_flip_and_truncation) {
  for (const auto& message : from_nodes())
    test::mutate(encode(message), 1000, [](byte_span bad) { (void)decode_to_coordinator(bad); });
  for (const auto& message : from_coordinators())
    test::mutate(encode(message), 1000, [](byte_span bad) { (void)decode_to_node(bad); });
}

template <class Change>
errc refused_join(Change&& change) {
  auto message = joining();
  change(message);
  const auto back = decode_to_coordinator(encode(to_coordinator(message)));
  return back ? errc{} : back.error().code;
}

TEST(control_messages, a_join_over_a_limit_is_refused) {
  using limits = control_limits;
  EXPECT_EQ(refused_join([](auto& m) { m.domains.clear(); }), errc::corrupt);
  EXPECT_EQ(refused_join([](auto& m) { m.domains.resize(limits::domains_max + 1); }), errc::too_large);
  EXPECT_EQ(refused_join([](auto& m) { m.running[0].domain = 2; }), errc::corrupt);
  EXPECT_EQ(refused_join([](auto& m) { m.running.resize(limits::running_max + 1, m.running[0]); }),
            errc::too_large);
  EXPECT_EQ(refused_join([](auto& m) { m.tools.resize(limits::tools_max + 1); }), errc::too_large);
  EXPECT_EQ(refused_join([](auto& m) { m.properties.resize(limits::properties_max + 1); }), errc::too_large);
  EXPECT_EQ(refused_join([](auto& m) { m.domains[0].resources.resize(limits::resources_max + 1); }),
            errc::too_large);
  EXPECT_EQ(refused_join([](auto& m) { m.chunks.resize(limits::name_bytes_max + 1, 'x'); }), errc::too_large);
}

template <class Change>
errc refused_end(Change&& change) {
  auto message = ended();
  change(message.ends[0]);
  const auto back = decode_to_coordinator(encode(to_coordinator(message)));
  return back ? errc{} : back.error().code;
}

TEST(control_messages, results_out_of_order_or_over_a_limit_are_refused) {
  EXPECT_EQ(refused_end([](auto& m) { std::swap(m.result.outputs[0], m.result.outputs[1]); }), errc::corrupt);
  EXPECT_EQ(refused_end([](auto& m) { m.result.outputs[1].path = m.result.outputs[0].path; }), errc::corrupt);
  EXPECT_EQ(refused_end([](auto& m) { std::swap((*m.result.discovered)[0], (*m.result.discovered)[1]); }),
            errc::corrupt);
  EXPECT_EQ(refused_end([](auto& m) { m.result.log.resize(control_limits::said_bytes_max + 1); }),
            errc::too_large);
  EXPECT_EQ(refused_end([](auto& m) { m.bodies[0].resize(inline_bytes_max + 1); }), errc::too_large);
  EXPECT_EQ(refused_end([](auto& m) { m.result.outputs[0].content.size = 65 * GiB; }), errc::too_large);
  EXPECT_EQ(refused_end([](auto& m) { m.result.outputs[1].parts.resize(control_limits::parts_max + 1); }),
            errc::too_large);
}

template <class Change>
errc refused_work(Change&& change) {
  auto message = assigned();
  change(message);
  const auto back = decode_to_node(encode(to_node(message)));
  return back ? errc{} : back.error().code;
}

TEST(control_messages, work_that_no_node_could_do_is_refused) {
  EXPECT_EQ(refused_work([](auto& m) { m.recipes[0].number = control_limits::recipes_max; }),
            errc::too_large);
  EXPECT_EQ(refused_work([](auto& m) { m.assignments[0].recipe = control_limits::recipes_max; }),
            errc::corrupt);
  EXPECT_EQ(refused_work([](auto& m) { m.assignments[0].domain = control_limits::domains_max; }),
            errc::corrupt);
  EXPECT_EQ(refused_work([](auto& m) { std::swap(m.assignments[0].inputs[0], m.assignments[0].inputs[1]); }),
            errc::corrupt);
  EXPECT_EQ(refused_work([](auto& m) { m.assignments[0].outputs[0].text = "../out"; }), errc::corrupt);
  EXPECT_EQ(refused_work([](auto& m) { m.assignments[0].bodies[0].resize(inline_bytes_max + 1); }),
            errc::too_large);
  EXPECT_EQ(refused_work([](auto& m) { m.stops.resize(control_limits::attempts_max + 1); }), errc::too_large);
}

}  // namespace
}  // namespace graphite
