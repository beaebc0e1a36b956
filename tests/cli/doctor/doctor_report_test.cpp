#include <gtest/gtest.h>

#include "cli/doctor/report.hpp"
#include "tests/cli/doctor/machines.hpp"

namespace graphite::doctor {
namespace {

const findings some{ok("a", "fine"), note("bb", "could be\x1b[31m better", "do this"),
                    warning("c", "slow", "do that")};

TEST(doctor_report, text_has_a_line_for_each_and_the_advice_below) {
  EXPECT_EQ(findings_text(some, {}),
            "ok      a   fine\n"
            "note    bb  could be?[31m better\n"
            "            → do this\n"
            "warning c   slow\n"
            "            → do that\n"
            "3 checks: 1 ok, 1 note, 1 warning, 0 bad\n");
}

TEST(doctor_report, long_lines_are_broken_between_words_where_there_is_a_width) {
  const findings all{
      note("a", "one two three four five six seven", "a-word-that-is-longer-than-all-of-it and more")};
  EXPECT_EQ(findings_text(all, {.columns = 34}),
            "note    a  one two three four five\n"
            "           six seven\n"
            "           → a-word-that-is-longer-than-all-of-it\n"
            "             and more\n"
            "1 check: 0 ok, 1 note, 0 warnings, 0 bad\n");
  EXPECT_NE(findings_text(all, {.columns = 10}).find("one two three four five six seven"), std::string::npos);
}

TEST(doctor_report, the_worst_state_counts) {
  EXPECT_EQ(worst_of({}), finding_state::ok);
  EXPECT_EQ(worst_of(some), finding_state::warning);
  EXPECT_EQ(worst_of({bad("x", "y", "z"), ok("a", "b")}), finding_state::bad);
}

TEST(doctor_report, the_object_has_checks_topology_and_affinity) {
  machine_plan plan;
  plan.topology = test::fake_machine({2, 2});
  plan.affinity = plan_affinity(plan.topology, pin_mode::automatic);
  const auto object = report_object(some, plan, lay_out(plan.topology, {}), pin_mode::automatic);
  EXPECT_EQ(object["event"], "doctor");
  EXPECT_EQ(object["state"], "warning");
  EXPECT_EQ(object["checks"].size(), 3u);
  EXPECT_EQ(object["checks"][1]["advice"], "do this");
  EXPECT_EQ(object["topology"]["usable_processors"], 4);
  EXPECT_TRUE(object["topology"]["quota"].is_null());
  EXPECT_EQ(object["topology"]["nodes"][1]["processors"], (std::vector<int>{2, 3}));
  EXPECT_EQ(object["affinity"]["pin"], "auto");
  EXPECT_EQ(object["affinity"]["domains"][1]["node"], 1);
}

TEST(doctor_report, forbidden_processors_and_siblings_are_in_the_object) {
  const auto machine = test::two_packages();
  machine_plan plan;
  for (const auto& node : machine.nodes) plan.topology.nodes.push_back(node.node);
  const auto nodes = report_object({}, plan, machine, pin_mode::never)["topology"]["nodes"];
  EXPECT_EQ(nodes[1]["forbidden"], (std::vector<int>{3, 7}));
  EXPECT_EQ(nodes[1]["cores"], (std::vector<std::vector<int>>{{2, 6}, {3, 7}}));
  EXPECT_EQ(nodes[2]["beside"], 1);
}

TEST(doctor_wording, sizes_are_short) {
  EXPECT_EQ(text_of_bytes(0), "0 B");
  EXPECT_EQ(text_of_bytes(1023), "1023 B");
  EXPECT_EQ(text_of_bytes(4096), "4 KiB");
  EXPECT_EQ(text_of_bytes(1536), "1.5 KiB");
  EXPECT_EQ(text_of_bytes(1024 * 1024 - 1), "1 MiB");
  EXPECT_EQ(text_of_bytes(~std::uint64_t{0}), "16 EiB");
}

}  // namespace
}  // namespace graphite::doctor
