#include "platform/metrics/prometheus_registry.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

bool exposes(const metrics_registry& registry, const std::string& line) {
  return ("\n" + registry.exposition()).find("\n" + line + "\n") != std::string::npos;
}

TEST(prometheus_registry, values_appear_in_the_exposition) {
  const auto registry = make_prometheus_registry();
  registry->make_counter("graphite_builds_total", "Builds", {{"result", "ok"}}).add(3);
  registry->make_gauge("graphite_stale", "Stale actions").set(-2);
  auto& seconds =
      registry->make_histogram("graphite_stage_seconds", "Stages", {0.1, 1}, {{"stage", "build"}});
  seconds.observe(0.5);
  seconds.observe(5);
  EXPECT_TRUE(exposes(*registry, "graphite_builds_total{result=\"ok\"} 3")) << registry->exposition();
  EXPECT_TRUE(exposes(*registry, "graphite_stale -2"));
  EXPECT_TRUE(exposes(*registry, "graphite_stage_seconds_bucket{stage=\"build\",le=\"1\"} 1"));
  EXPECT_TRUE(exposes(*registry, "graphite_stage_seconds_count{stage=\"build\"} 2"));
}

TEST(prometheus_registry, the_same_series_is_the_same_object) {
  const auto registry = make_prometheus_registry();
  EXPECT_EQ(&registry->make_counter("a_total", "A"), &registry->make_counter("a_total", "A"));
  EXPECT_NE(&registry->make_counter("a_total", "A"), &registry->make_counter("a_total", "A", {{"x", "1"}}));
}

TEST(prometheus_registry, counters_never_fall) {
  const auto registry = make_prometheus_registry();
  auto& one = registry->make_counter("a_total", "A");
  one.add(2);
  one.add(-1);
  EXPECT_TRUE(exposes(*registry, "a_total 2"));
}

TEST(prometheus_registry, series_are_bounded) {
  const auto registry = make_prometheus_registry();
  for (std::size_t i = 0; i < metrics_registry::series_max + 10; ++i)
    registry->make_counter("many_total", "Many", {{"path", std::to_string(i)}}).add();
  EXPECT_TRUE(exposes(*registry, "graphite_metrics_series_refused_total 10"));
}

TEST(prometheus_registry, a_bad_or_clashing_name_harms_nothing) {
  const auto registry = make_prometheus_registry();
  registry->make_counter("x", "X").add();
  registry->make_gauge("x", "X").set(1);
  registry->make_counter("not a name", "?").add();
  EXPECT_TRUE(exposes(*registry, "graphite_metrics_series_refused_total 2")) << registry->exposition();
}

}  // namespace
}  // namespace graphite
