#pragma once

#include <chrono>
#include <thread>

namespace graphite::test {

/// Waits for a condition that something else makes true; false after a deadline so long that only a real
/// failure meets it.
template <class Condition>
bool wait_until(Condition condition, std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace graphite::test
