#include "core/messages/control_sizes.hpp"

#include <gtest/gtest.h>

#include <random>

#include "schemas/codec/control_messages.hpp"

namespace graphite {
namespace {

/// Messages of all sizes, the texts of which have any length.
class any_messages {
 public:
  explicit any_messages(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t most) { return random_() % most; }
  std::string text() { return std::string(1 + below(60), 'a'); }
  logical_path path() { return logical_path::parse(text() + "/" + text()).value(); }
  content_ref content() { return {{}, random_() % 1'000}; }
  std::vector<byte_vector> bodies() {
    std::vector<byte_vector> out(below(3));
    for (auto& one : out) one.resize(below(below(2) == 0 ? 20 : 3'000));
    return out;
  }
  std::vector<content_ref> parts() { return std::vector<content_ref>(below(3) == 0 ? below(10) : 0); }

  control::attempt_end end() {
    control::attempt_end out;
    for (auto left = below(6); left > 0; --left) out.result.outputs.push_back({path(), content(), parts()});
    if (below(2) == 0) out.result.discovered = std::vector<logical_path>(1 + below(5), path());
    out.result.message = text();
    out.result.log = std::string(below(300), 'x');
    out.bodies = bodies();
    return out;
  }
  control::assignment assignment() {
    control::assignment out{.main_input = path()};
    for (auto left = below(8); left > 0; --left) out.inputs.push_back({path(), content(), true, parts()});
    out.bodies = bodies();
    for (auto left = below(4); left > 0; --left) out.outputs.push_back({text(), true});
    return out;
  }
  control::recipe recipe() {
    control::recipe out;
    out.rule = text();
    if (below(2) == 0) {
      command_spec command;
      for (auto left = 1 + below(6); left > 0; --left) command.argv.push_back(text());
      for (auto left = below(3); left > 0; --left) command.worker.push_back(text());
      for (auto left = below(3); left > 0; --left) command.inputs.push_back(text());
      for (auto left = below(3); left > 0; --left) command.tools.push_back(text());
      command.depfile = text();
      command.program_tool = text();
      out.command = std::make_shared<const command_spec>(command);
    } else {
      built_in_spec built_in;
      built_in.name = text();
      for (auto left = below(3); left > 0; --left) built_in.inputs.push_back(text());
      out.built_in = std::make_shared<const built_in_spec>(built_in);
    }
    for (auto left = below(4); left > 0; --left) out.environment[text()] = text();
    for (auto left = below(4); left > 0; --left) out.tools.push_back({text(), {}});
    for (auto left = below(3); left > 0; --left) out.needs.resources.push_back({text(), 1});
    return out;
  }

 private:
  std::mt19937_64 random_;
};

TEST(control_sizes, are_never_too_small_and_not_much_too_large) {
  std::size_t reckoned = 0, real = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    any_messages any(seed);
    const auto count = any.below(30);
    control::results results;
    control::work work;
    std::size_t ends = control::message_frame_bytes, works = control::message_frame_bytes;
    for (std::size_t i = 0; i < count; ++i) {
      results.ends.push_back(any.end());
      work.recipes.push_back(any.recipe());
      work.assignments.push_back(any.assignment());
      work.stops.push_back({});
      ends += control::bytes_of(results.ends.back());
      works += control::bytes_of(work.recipes.back()) + control::bytes_of(work.assignments.back()) +
               control::stop_bytes;
    }
    const auto first = encode(to_coordinator(results)).size(), second = encode(to_node(work)).size();
    ASSERT_LE(first, ends) << seed;
    ASSERT_LE(second, works) << seed;
    reckoned += ends + works;
    real += first + second;
  }
  EXPECT_LT(reckoned, 2 * real) << "messages would be half as large as they may be";
}

}  // namespace
}  // namespace graphite
