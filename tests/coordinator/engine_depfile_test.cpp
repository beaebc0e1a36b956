#include <gtest/gtest.h>

#include "engine_world.hpp"

// A depfile says which of the inputs were read; what could be read in their stead counts, too.

namespace graphite::test {
namespace {

/// Compiles *.c, may read inc/*.h and says that it read inc/a.h.
struct reads_one_header {
  engine_world w{{rule(), copy_rule("h", {"**/*.h"}, false)}};

  reads_one_header() {
    w.tool = [this](const attempt_spec& spec) {
      auto out = concatenate(w, spec);
      out.discovered = std::vector<logical_path>{path_of("inc/a.h")};
      return out;
    };
  }
  static rule_spec rule() {
    auto out = command_rule("cc", {"*.c"}, {"{stem}.o"}, {"inc/*.h"});
    out.command.depfile = "d";
    return out;
  }
};

TEST(engine_depfile, a_depfile_narrows_what_counts) {
  reads_one_header fixture;
  auto& w = fixture.w;
  w.save({{"m.c", "M"}, {"inc/a.h", "A"}, {"inc/b.h", "B"}});
  w.settle();
  w.save({{"inc/b.h", "B2"}});
  w.settle();
  EXPECT_EQ(w.started.size(), 1u);
  w.save({{"inc/a.h", "A2"}});
  w.settle();
  EXPECT_EQ(w.started.size(), 2u);
  w.save({{"inc/a.h", "A"}});
  w.settle();
  EXPECT_EQ(w.started.size(), 2u);  // the path set is found by the weak key
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:A,B,)");
}

TEST(engine_depfile, a_failed_action_is_tried_again_when_a_file_that_it_may_have_read_goes) {
  reads_one_header fixture;
  auto& w = fixture.w;
  w.save({{"m.c", "M"}, {"inc/a.h", "A"}});
  w.settle();
  w.save({{"m.c", "M2"}, {"inc/b.h", "bad"}});
  w.settle();
  ASSERT_EQ(w.idles.back().failed, 1u);
  w.save({{"inc/b.h", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.idles.back().failed, 0u);
  EXPECT_EQ(w.shown_text("m.o"), "cc(M2:A,)");
}

/// Compiles *.c: reads v.h of the first folder that has one.
struct search_path {
  engine_world w{{rule(), copy_rule("h", {"**/*.h"}, false)}};

  static rule_spec rule() {
    auto out = command_rule("cc", {"*.c"}, {"{stem}.o"}, {"*.h"});
    out.command.depfile = "d";
    return out;
  }
  search_path() {
    w.tool = [this](const attempt_spec& spec) {
      attempt_result out;
      out.status = attempt_status::failed;
      for (const auto* folder : {"a", "b"}) {
        for (const auto& input : spec.inputs) {
          if (input.path.str() != folder + std::string("/v.h")) continue;
          const auto text = w.texts[input.content];
          w.texts[content_of("o " + text)] = "o " + text;
          out.status = attempt_status::succeeded;
          out.outputs = {{path_of("m.o"), content_of("o " + text)}};
          out.discovered = {input.path};
          return out;
        }
      }
      return out;
    };
  }
};

TEST(engine_depfile, a_header_that_newly_shadows_another_is_taken) {
  search_path s;
  auto& w = s.w;
  w.save({{"m.c", "M"}, {"b/v.h", "b"}, {"a/other.h", "o"}});
  w.settle();
  EXPECT_EQ(w.shown_text("m.o"), "o b");
  w.save({{"a/v.h", "a"}});
  w.settle();
  EXPECT_EQ(w.shown_text("m.o"), "o a");
  w.save({{"a/v.h", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.shown_text("m.o"), "o b");
  EXPECT_EQ(w.started.size(), 2u);  // known from before
}

TEST(engine_depfile, a_shadowing_header_that_appears_between_two_runs_is_taken) {
  search_path s;
  auto& w = s.w;
  w.save({{"m.c", "M"}, {"b/v.h", "b"}});
  w.settle();
  w.restart();
  w.save({{"m.c", "M"}, {"b/v.h", "b"}, {"a/v.h", "a"}}, true);
  w.settle();
  EXPECT_EQ(w.shown_text("m.o"), "o a");
  w.restart();
  w.save({});
  w.settle();
  EXPECT_EQ(w.started.size(), 2u);
}

TEST(engine_depfile, a_new_file_of_another_name_makes_nothing_run) {
  search_path s;
  auto& w = s.w;
  w.save({{"m.c", "M"}, {"b/v.h", "b"}});
  w.settle();
  w.save({{"a/w.h", "w"}});
  w.settle();
  EXPECT_EQ(w.started.size(), 1u);
  EXPECT_EQ(w.engine->status().stale, 0u);
}

TEST(engine_depfile, a_header_that_is_gone_and_found_elsewhere_is_taken) {
  search_path s;
  auto& w = s.w;
  w.save({{"m.c", "M"}, {"a/v.h", "a"}});
  w.settle();
  w.save({{"a/v.h", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.engine->status().failed, 1u);
  w.save({{"b/v.h", "b"}});
  w.settle();
  EXPECT_EQ(w.shown_text("m.o"), "o b");
}

}  // namespace
}  // namespace graphite::test
