#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "core/ports/parallel_calls.hpp"
#include "platform/linux/thread_name.hpp"

namespace graphite {

/// As many threads as asked for, whatever the machine has, started for each use and at most one a call;
/// those beside the calling one are called "fresh-N". Calls must not throw.
class fresh_threads final : public parallel_calls {
 public:
  explicit fresh_threads(std::size_t width) : width_(width) {}
  std::size_t width() const override { return width_; }
  void for_each(std::size_t count, const std::function<void(std::size_t)>& call) override {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (auto i = next++; i < count; i = next++) call(i);
    };
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(width_, count); ++i)
      others.emplace_back([&work, i] {
        name_thread(fmt::format("fresh-{}", i).c_str());
        work();
      });
    work();
  }

 private:
  std::size_t width_;
};

}  // namespace graphite
