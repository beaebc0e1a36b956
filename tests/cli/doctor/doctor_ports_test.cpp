#include <gtest/gtest.h>

#include "cli/doctor/port_checks.hpp"
#include "tests/cli/doctor/findings.hpp"

namespace graphite::doctor {
namespace {

using test::finding_of;
using test::says;

TEST(doctor_ports, free_ports_are_ok) {
  EXPECT_EQ(finding_of(judge_ports({{.port = 7402}}), "port_7402").found, "heads: free");
}

TEST(doctor_ports, a_port_that_another_program_has_is_a_warning_with_the_option) {
  const auto found =
      finding_of(judge_ports({{.port = 7403, .taken = true, .program = "nc", .process = 12}}), "port_7403");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.found, "taken by nc (12)")) << found.found;
  EXPECT_TRUE(says(found.advice, "--chunks-port")) << found.advice;
}

TEST(doctor_ports, who_cannot_be_seen_is_asked_for) {
  const auto found = finding_of(judge_ports({{.port = 7404, .taken = true}}), "port_7404");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.advice, "ss -ltnp")) << found.advice;
}

TEST(doctor_ports, a_service_of_ours_and_ports_of_no_use_are_ok) {
  EXPECT_EQ(
      finding_of(judge_ports({{.port = 7402, .taken = true, .program = "graphite-engine"}}), "port_7402")
          .state,
      finding_state::ok);
  EXPECT_EQ(finding_of(judge_ports({{.port = 7400, .taken = true, .program = "nc"}}), "port_7400").state,
            finding_state::ok);
}

TEST(doctor_ports, no_loopback_is_a_warning) {
  const auto found =
      finding_of(judge_ports({{.port = 7402, .refused = "Cannot assign requested address"}}), "port_7402");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.advice, "ip link set lo up")) << found.advice;
}

}  // namespace
}  // namespace graphite::doctor
