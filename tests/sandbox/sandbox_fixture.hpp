#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/cancel_token.hpp"
#include "platform/linux/process_runner.hpp"
#include "platform/sandbox/sandboxed_runner.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite::test {

/// Runs programs in one tier; skips, and says so, where the machine does not have it.
class sandbox_test : public testing::TestWithParam<sandbox_tier> {
 protected:
  sandbox_test() {
    options_.program = GRAPHITE_SANDBOX_CELL;
    if (std::filesystem::exists("/usr/bin/bwrap")) options_.bubblewrap = "/usr/bin/bwrap";
  }
  void SetUp() override {
    const auto refused = try_sandbox(processes_, GetParam(), options_, work_.path());
    if (refused.empty()) return;
    std::fprintf(stderr, "NOT TESTED: the sandbox tier %s, which this machine refuses: %s\n",
                 std::string(to_string(GetParam())).c_str(), refused.c_str());
    GTEST_SKIP() << refused;
  }

  process_spec spec_of(std::vector<std::string> argv) const {
    process_spec spec;
    spec.argv = std::move(argv);
    spec.environment = {{"PATH", "/usr/bin:/bin"}};
    spec.working_folder = work_.path();
    spec.temporary_folder = temporary_.path();
    spec.inputs = inputs_;
    spec.timeout = timeout_;
    spec.memory_bytes_max = memory_bytes_max_;
    spec.nice = 0;
    return spec;
  }
  result<process_outcome> try_run(const process_spec& spec) {
    auto runner = sandboxed_runner::make(processes_, GetParam(), options_);
    if (!runner) return tl::unexpected(runner.error());
    return (*runner)->run(spec, cancel_token());
  }
  process_outcome run_program(std::vector<std::string> argv) {
    auto out = try_run(spec_of(std::move(argv)));
    if (!out) ADD_FAILURE() << out.error().context;
    return out.value_or(process_outcome{});
  }
  process_outcome run(std::vector<std::string> what) {
    what.insert(what.begin(), GRAPHITE_ESCAPE_TOOL);
    return run_program(std::move(what));
  }

  temporary_folder work_, temporary_, outside_;
  linux_process_runner processes_;
  sandbox_options options_;
  std::vector<tool_input> inputs_;
  milliseconds timeout_{60'000};
  std::uint64_t memory_bytes_max_ = 0;
};

}  // namespace graphite::test
