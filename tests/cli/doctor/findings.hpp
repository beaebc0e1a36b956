#pragma once

#include <gtest/gtest.h>

#include <string>

#include "cli/doctor/finding.hpp"

namespace graphite::test {

/// The finding of this name; a test without it fails. Each has advice exactly where it is not ok.
inline doctor::finding finding_of(const doctor::findings& all, const std::string& name) {
  for (const auto& one : all)
    EXPECT_EQ(one.advice.empty(), one.state == doctor::finding_state::ok) << one.name;
  for (const auto& one : all)
    if (one.name == name) return one;
  ADD_FAILURE() << "no finding " << name;
  return {};
}

inline bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace graphite::test
