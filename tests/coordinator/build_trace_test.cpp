#include "coordinator/build_trace.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "coordinator/kept_traces.hpp"

namespace graphite {
namespace {

/// "b from a" is an action named b that reads what a made.
class recorded {
 public:
  explicit recorded(std::uint64_t bytes_max = 64 * MiB) : recorder_({bytes_max}) {
    recorder_.stir("edit: a.txt", at(0), 1'000);
  }

  static time_point at(int ms) { return time_point{} + seconds(50) + milliseconds(ms); }

  void start(std::uint32_t action, int ms, const std::vector<std::uint32_t>& from = {},
             std::uint32_t attempt = 1) {
    attempt_spec spec{{}, {}, {}, {}, {}, path("in", action), {}, {}, {}, {}, {}, {}, {}};
    spec.action = action_id{action};
    spec.attempt = attempt_number{attempt};
    spec.rule = "r";
    spec.cause = "changed";
    for (const auto maker : from) {
      attempt_input input{path("out", maker), {}};
      input.generated = true;
      spec.inputs.push_back(input);
    }
    recorder_.started(spec, at(ms));
  }

  /// By `node`, which had it from `given` to `back` and took the times for each step.
  void end(std::uint32_t action, int ms, const attempt_story& story, std::uint32_t attempt = 1,
           attempt_status status = attempt_status::succeeded) {
    auto how = result(action, attempt, status);
    how.story = std::make_shared<const attempt_story>(story);
    recorder_.ended(how, at(ms));
  }
  void found(std::uint32_t action, int ms) {
    recorder_.ended(result(action, 1, attempt_status::succeeded), at(ms));
  }

  static attempt_story on(const std::string& node, int given, int back, std::array<int, 4> steps) {
    attempt_story out{node};
    out.given = at(given);
    out.back = at(back);
    out.times = {milliseconds(steps[0]), milliseconds(steps[1]), milliseconds(steps[2]),
                 milliseconds(steps[3])};
    return out;
  }

  trace_recorder& operator*() { return recorder_; }

 private:
  static logical_path path(const std::string& kind, std::uint32_t number) {
    return *logical_path::parse(kind + "/" + std::to_string(number));
  }
  static attempt_result result(std::uint32_t action, std::uint32_t attempt, attempt_status status) {
    attempt_result out;
    out.action = action_id{action};
    out.attempt = attempt_number{attempt};
    out.status = status;
    if (status == attempt_status::succeeded) out.outputs.push_back({path("out", action), {}, {}});
    return out;
  }

  trace_recorder recorder_;
};

const traced_action& named(const build_trace& trace, const std::string& path) {
  const auto found = std::ranges::find(trace.actions, path, &traced_action::path);
  EXPECT_NE(found, trace.actions.end()) << path;
  return *found;
}

std::string critical(const build_trace& trace) {
  std::string out;
  for (const auto& one : trace.actions)
    if (one.critical) out += one.path + " ";
  return out;
}

/// Along the chain every span ends where the next begins.
duration along_the_chain(const build_trace& trace) {
  duration out{}, last{};
  for (const auto& one : trace.actions) {
    if (!one.critical) continue;
    EXPECT_EQ(one.ready, last) << one.path;
    last = one.ended;
    out += one.ended - one.ready;
  }
  return out + (trace.head.wall - trace.head.settled);
}

TEST(build_trace, the_chain_that_determined_the_end_is_critical_and_adds_up_to_the_whole) {
  recorded build;
  build.start(1, 0);
  build.start(2, 0);
  build.end(1, 30, recorded::on("a", 5, 28, {0, 3, 10, 6}));
  build.end(2, 50, recorded::on("b", 5, 45, {0, 0, 40, 0}));
  build.start(3, 31, {1});
  build.start(4, 52, {1, 2});
  build.end(3, 40, recorded::on("a", 32, 39, {0, 0, 7, 0}));
  build.end(4, 90, recorded::on("a", 55, 88, {1, 2, 20, 4}));
  (*build).published(7, recorded::at(95));
  const auto trace = (*build).rest();
  ASSERT_TRUE(trace);
  EXPECT_EQ(critical(*trace), "in/2 in/4 ");
  EXPECT_EQ(along_the_chain(*trace), milliseconds(95));
  EXPECT_EQ(trace->head.wall, milliseconds(95));
  EXPECT_EQ(trace->head.settled, milliseconds(90));
  EXPECT_EQ(trace->head.build, "generation 7");
  EXPECT_EQ(trace->head.cause, "edit: a.txt");
}

TEST(build_trace, what_a_node_says_is_placed_between_assignment_and_result) {
  recorded build;
  build.start(1, 10);
  build.end(1, 120, recorded::on("a", 20, 100, {10, 20, 30, 6}));
  const auto trace = (*build).rest();
  const auto& one = named(*trace, "in/1");
  // 80 ms were between, 66 the node accounts for: half of the other 14 is the way there.
  EXPECT_EQ(one.ready, duration::zero());
  EXPECT_EQ(one.begun, milliseconds(20 + 7 + 10));
  EXPECT_EQ(one.fetched, milliseconds(57));
  EXPECT_EQ(one.ran, milliseconds(87));
  EXPECT_EQ(one.stored, milliseconds(100));
  EXPECT_EQ(one.ended, milliseconds(120));
}

TEST(build_trace, times_of_a_node_that_cannot_be_are_cut_to_what_is_known) {
  recorded build;
  build.start(1, 10);
  build.end(1, 50, recorded::on("a", -500, 4'000, {0, 10'000, 10'000, 0}));
  const auto one = (*build).rest()->actions.front();
  EXPECT_EQ(one.begun, milliseconds(10));
  EXPECT_EQ(one.fetched, milliseconds(50));
  EXPECT_EQ(one.stored, milliseconds(50));
}

TEST(build_trace, a_second_attempt_waits_for_the_end_of_the_first) {
  recorded build;
  build.start(1, 0);
  build.end(1, 20, recorded::on("a", 0, 20, {0, 0, 20, 0}), 1, attempt_status::refused);
  build.start(1, 60, {}, 2);
  auto story = recorded::on("b", 60, 80, {0, 0, 20, 0});
  story.tries = 2;
  story.cause = "tried again: the disk is full";
  build.end(1, 80, story, 2);
  const auto trace = (*build).rest();
  ASSERT_EQ(trace->actions.size(), 2U);
  EXPECT_EQ(trace->actions[1].ready, milliseconds(20));
  EXPECT_EQ(trace->actions[1].cause, "changed; tried again: the disk is full");
  EXPECT_EQ(along_the_chain(*trace), milliseconds(80));
}

TEST(build_trace, what_was_found_takes_no_slot_and_no_time_to_run) {
  recorded build;
  build.start(1, 0);
  build.found(1, 4);
  const auto one = (*build).rest()->actions.front();
  EXPECT_TRUE(one.found);
  EXPECT_EQ(one.begun, milliseconds(4));
  EXPECT_EQ(one.ended, milliseconds(4));
}

TEST(build_trace, slots_are_the_lowest_that_are_free) {
  recorded build;
  for (const std::uint32_t action : {1, 2, 3, 4}) build.start(action, 0);
  build.end(1, 30, recorded::on("a", 0, 30, {0, 0, 30, 0}));
  build.end(2, 10, recorded::on("a", 0, 10, {0, 0, 10, 0}));
  build.end(3, 20, recorded::on("a", 10, 20, {0, 0, 10, 0}));
  build.end(4, 20, recorded::on("b", 0, 20, {0, 0, 20, 0}));
  const auto trace = (*build).rest();
  EXPECT_EQ(named(*trace, "in/1").slot, 0U);
  EXPECT_EQ(named(*trace, "in/2").slot, 1U);
  EXPECT_EQ(named(*trace, "in/3").slot, 1U);
  EXPECT_EQ(named(*trace, "in/4").slot, 0U);
}

TEST(build_trace, a_build_in_which_nothing_ran_leaves_none) {
  recorded build;
  EXPECT_EQ((*build).rest(), nullptr);
  EXPECT_TRUE((*build).at_rest());
  build.start(1, 5);  // of no build
  build.found(1, 6);
  EXPECT_EQ((*build).rest(), nullptr);
}

TEST(build_trace, what_is_too_much_is_counted_and_the_chain_still_adds_up) {
  recorded build(400);
  for (std::uint32_t action = 1; action <= 50; ++action) {
    const int ms = static_cast<int>(action) * 10;
    build.start(action, ms,
                action == 1 ? std::vector<std::uint32_t>() : std::vector<std::uint32_t>{action - 1});
    build.end(action, ms + 10, recorded::on("a", ms, ms + 10, {0, 0, 10, 0}));
  }
  const auto trace = (*build).rest();
  EXPECT_LT(trace->actions.size(), 10U);
  EXPECT_EQ(trace->actions.size() + trace->head.left_out, 50U);
  EXPECT_LT(trace->bytes, 2'000U);
  EXPECT_EQ(along_the_chain(*trace), trace->head.wall);
}

std::shared_ptr<const build_trace> of_generations(std::uint64_t first, std::uint64_t last,
                                                  std::size_t actions = 1) {
  auto out = std::make_shared<build_trace>();
  out->first_generation = first;
  out->head.number = last;
  out->actions.resize(actions);
  out->bytes = 100;
  return out;
}

TEST(kept_traces, are_found_by_any_generation_that_they_published) {
  kept_traces kept;
  EXPECT_EQ(kept.page("latest", 0).error().code, errc::not_found);
  kept.add(of_generations(3, 5));
  kept.add(of_generations(0, 0));
  EXPECT_EQ(kept.page("4", 0)->head.number, 5U);
  EXPECT_EQ(kept.page("latest", 0)->head.number, 0U);
  EXPECT_EQ(kept.page("6", 0).error().code, errc::not_found);
  EXPECT_EQ(kept.page("0", 0).error().code, errc::invalid_argument);
  EXPECT_EQ(kept.page("4x", 0).error().code, errc::invalid_argument);
}

TEST(kept_traces, the_oldest_are_forgotten_first_and_counted) {
  kept_traces kept({.bytes_max = 250, .builds_max = 256});
  for (std::uint64_t i = 1; i <= 4; ++i) kept.add(of_generations(i, i));
  EXPECT_EQ(kept.page("2", 0).error().code, errc::not_found);
  EXPECT_EQ(kept.page("3", 0)->head.forgotten, 2U);
  const auto id = kept.page("3", 0)->head.id;
  kept.add(of_generations(5, 5));
  EXPECT_EQ(kept.page("#" + std::to_string(id), 0).error().code, errc::not_found);
  EXPECT_EQ(kept.page("#" + std::to_string(id + 1), 0)->head.number, 4U);
}

TEST(kept_traces, pages_follow_each_other_to_the_end) {
  kept_traces kept;
  kept.add(of_generations(1, 1, 2 * trace_page::actions_max + 3));
  std::size_t seen = 0;
  std::uint64_t after = 0;
  do {
    const auto page = kept.page("latest", after);
    seen += page->actions.size();
    after = page->next;
  } while (after != 0);
  EXPECT_EQ(seen, 2 * trace_page::actions_max + 3);
  EXPECT_EQ(kept.page("latest", seen + 1).error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace graphite
