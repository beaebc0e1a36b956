#include <gtest/gtest.h>

#include "engine_world.hpp"

namespace graphite::test {
namespace {

TEST(engine_lost, a_lost_input_is_made_again_by_its_action_whatever_the_cache_says) {
  engine_world w(
      {command_rule("first", {"*.a"}, {"{stem}.b"}), command_rule("second", {"*.b"}, {"{stem}.c"})});
  bool lost = false;
  int made = 0;
  w.tool = [&](const attempt_spec& spec) {
    auto out = concatenate(w, spec);
    if (spec.rule == "first") {
      ++made;
      if (made > 1) lost = false;
    } else if (lost) {
      out.status = attempt_status::lost_input;
      out.lost = {spec.inputs.at(0).content.id};
      out.outputs.clear();
    }
    return out;
  };
  w.save({{"1.a", "A"}});
  lost = true;
  w.settle();
  EXPECT_EQ(made, 2);
  EXPECT_TRUE(w.shows("1.c"));
  EXPECT_EQ(w.engine->status().failed, 0u);
  // The next time the cached result of it counts again.
  w.save({{"1.a", "B"}});
  w.settle();
  w.save({{"1.a", "A"}});
  w.settle();
  EXPECT_EQ(made, 3);
}

TEST(engine_lost, a_source_that_is_nowhere_is_named_and_waited_for) {
  engine_world w({command_rule("cc", {"*.c"}, {"{stem}.o"})});
  bool lost = true;
  w.tool = [&](const attempt_spec& spec) {
    auto out = concatenate(w, spec);
    if (lost) {
      out.status = attempt_status::lost_input;
      out.lost = {spec.inputs.at(0).content.id};
      out.outputs.clear();
    }
    return out;
  };
  w.save({{"m.c", "M"}});
  w.run_for(seconds(20));
  EXPECT_EQ(w.told("the source m.c is missing: no store has its bytes; it is tried again"), 1u);
  EXPECT_EQ(w.engine->status().failed, 1u);
  lost = false;
  w.settle();
  EXPECT_EQ(w.engine->status().failed, 0u);
  EXPECT_TRUE(w.shows("m.o"));
}

}  // namespace
}  // namespace graphite::test
