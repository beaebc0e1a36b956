#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

#include "bindings/c/graphite.hpp"
#include "tests/bindings/bundle_on_disk.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

using test::bundle_on_disk;

/// Hears what the library says, until it ends.
class log_ear {
 public:
  explicit log_ear(graphite_log_level least) { graphite_set_log(&log_ear::hear, least, this); }
  ~log_ear() { graphite_set_log(nullptr, GRAPHITE_LOG_DEBUG, nullptr); }
  log_ear(const log_ear&) = delete;
  log_ear& operator=(const log_ear&) = delete;

  std::size_t count(graphite_log_level level) const {
    const std::lock_guard lock(mutex_);
    const auto found = lines_.find(level);
    return found == lines_.end() ? 0 : found->second.size();
  }
  std::string last(graphite_log_level level) const {
    const std::lock_guard lock(mutex_);
    return lines_.at(level).back();
  }

 private:
  static void hear(graphite_log_level level, const char* text, void* user_data) {
    auto& self = *static_cast<log_ear*>(user_data);
    const std::lock_guard lock(self.mutex_);
    self.lines_[level].emplace_back(text);
  }
  mutable std::mutex mutex_;
  std::map<graphite_log_level, std::vector<std::string>> lines_;
};

/// A watcher that is asked to destroy itself in its own callback: it says `debug` at first and then `error`.
void make_the_library_speak() {
  struct foolish {
    std::atomic<graphite_fs_watcher*> self{nullptr};
    std::atomic<bool> tried{false};
  } it;
  const test::temporary_folder folder;
  it.self = graphite_fs_watcher_create(
      folder.path().c_str(), true,
      [](const graphite_fs_event*, void* user_data) {
        auto& mine = *static_cast<foolish*>(user_data);
        if (mine.self.load() == nullptr) return;
        graphite_fs_watcher_destroy(mine.self.load());
        mine.tried.store(true);
      },
      &it);
  ASSERT_NE(it.self.load(), nullptr);
  folder.write("a", "");
  EXPECT_TRUE(test::wait_until([&] { return it.tried.load(); }));
  graphite_fs_watcher_destroy(it.self.load());
}

TEST(c_log, hears_from_a_level_on) {
  {
    const log_ear all(GRAPHITE_LOG_DEBUG);
    make_the_library_speak();
    EXPECT_GE(all.count(GRAPHITE_LOG_DEBUG), 1u);
    EXPECT_THAT(all.last(GRAPHITE_LOG_DEBUG), testing::HasSubstr("watching '"));
    EXPECT_GE(all.count(GRAPHITE_LOG_ERROR), 1u);
    EXPECT_THAT(all.last(GRAPHITE_LOG_ERROR), testing::HasSubstr("graphite_fs_watcher_destroy()"));
  }
  const log_ear errors(GRAPHITE_LOG_ERROR);
  make_the_library_speak();
  EXPECT_EQ(errors.count(GRAPHITE_LOG_DEBUG), 0u);
  EXPECT_GE(errors.count(GRAPHITE_LOG_ERROR), 1u);
}

TEST(c_log, nobody_hears_after_null) {
  log_ear once(GRAPHITE_LOG_DEBUG);
  graphite_set_log(nullptr, GRAPHITE_LOG_DEBUG, nullptr);
  make_the_library_speak();
  EXPECT_EQ(once.count(GRAPHITE_LOG_DEBUG) + once.count(GRAPHITE_LOG_ERROR), 0u);
}

TEST(c_log, an_exception_of_the_callback_stays_there) {
  std::atomic<int> calls{0};
  graphite_set_log(
      [](graphite_log_level, const char*, void* user_data) {
        static_cast<std::atomic<int>*>(user_data)->fetch_add(1);
        throw std::runtime_error("of the program");
      },
      GRAPHITE_LOG_DEBUG, &calls);
  make_the_library_speak();
  graphite_set_log(nullptr, GRAPHITE_LOG_DEBUG, nullptr);
  EXPECT_GE(calls, 2);
}

TEST(c_log, an_ear_that_was_replaced_is_not_called_any_more) {
  std::atomic<bool> done{false};
  std::thread speaker([&] {
    while (!done.load()) make_the_library_speak();
  });
  for (int i = 0; i < 200; ++i) const log_ear short_lived(GRAPHITE_LOG_DEBUG);
  done.store(true);
  speaker.join();
}

/// Counts what it gives out and checks what it gets back.
struct counting_memory {
  std::mutex mutex;
  std::map<void*, std::pair<size_t, size_t>> given;
  std::size_t calls = 0, wrong = 0;
  bool empty = false;

  graphite_allocator hooks() {
    return {[](size_t size, size_t alignment, void* user_data) -> void* {
              auto& self = *static_cast<counting_memory*>(user_data);
              const std::lock_guard lock(self.mutex);
              ++self.calls;
              if (self.empty) return nullptr;
              void* const out = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
              self.given[out] = {size, alignment};
              return out;
            },
            [](void* memory, size_t size, size_t alignment, void* user_data) {
              auto& self = *static_cast<counting_memory*>(user_data);
              const std::lock_guard lock(self.mutex);
              const auto found = self.given.find(memory);
              if (found == self.given.end() || found->second != std::pair{size, alignment})
                return void(++self.wrong);
              self.given.erase(found);
              std::free(memory);
            },
            this};
  }
};

struct c_allocator : testing::Test {
  ~c_allocator() override { EXPECT_EQ(graphite_set_allocator(nullptr), GRAPHITE_SUCCESS); }
  counting_memory memory;
  const graphite_allocator hooks = memory.hooks();
};

TEST_F(c_allocator, is_used_for_bundles_and_gets_all_of_it_back) {
  const bundle_on_disk disk(20);
  ASSERT_EQ(graphite_set_allocator(&hooks), GRAPHITE_SUCCESS);
  {
    const bundle opened(disk.path());
    EXPECT_TRUE(memory.given.contains(const_cast<graphite_bundle*>(opened.get())));
  }
  EXPECT_GE(memory.calls, 1u);
  EXPECT_TRUE(memory.given.empty());
  EXPECT_EQ(memory.wrong, 0u);
}

TEST_F(c_allocator, is_not_replaced_while_something_is_allocated) {
  const bundle_on_disk disk(20);
  counting_memory second;
  const auto other = second.hooks();
  {
    const bundle opened(disk.path());
    EXPECT_EQ(graphite_set_allocator(&hooks), GRAPHITE_ERROR_BUSY) << "the system's memory counts as well";
    EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_BUSY);
  }
  ASSERT_EQ(graphite_set_allocator(&hooks), GRAPHITE_SUCCESS);
  {
    const bundle opened(disk.path());
    EXPECT_EQ(graphite_set_allocator(&other), GRAPHITE_ERROR_BUSY);
    EXPECT_EQ(graphite_set_allocator(nullptr), GRAPHITE_ERROR_BUSY);
  }
  EXPECT_EQ(graphite_set_allocator(&other), GRAPHITE_SUCCESS);
  EXPECT_EQ(second.calls, 0u);
  EXPECT_TRUE(memory.given.empty());
}

TEST_F(c_allocator, null_is_out_of_memory_and_leaves_nothing_behind) {
  const bundle_on_disk disk(20);
  ASSERT_EQ(graphite_set_allocator(&hooks), GRAPHITE_SUCCESS);
  memory.empty = true;
  graphite_bundle* out = nullptr;
  EXPECT_EQ(graphite_bundle_open(disk.path().c_str(), &out), GRAPHITE_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(out, nullptr);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_OUT_OF_MEMORY);
  EXPECT_STREQ(graphite_last_error(), "out of memory");
  EXPECT_GE(memory.calls, 1u);
  EXPECT_EQ(graphite_set_allocator(nullptr), GRAPHITE_SUCCESS) << "what failed is not counted";
}

TEST_F(c_allocator, needs_both_functions) {
  auto half = hooks;
  half.release = nullptr;
  EXPECT_EQ(graphite_set_allocator(&half), GRAPHITE_ERROR_INVALID_ARGUMENT);
  half = hooks;
  half.allocate = nullptr;
  EXPECT_EQ(graphite_set_allocator(&half), GRAPHITE_ERROR_INVALID_ARGUMENT);
}

TEST_F(c_allocator, is_replaced_by_one_of_many_threads_at_a_time) {
  const bundle_on_disk disk(20);
  std::atomic<bool> done{false};
  std::vector<std::thread> openers;
  for (int i = 0; i < 3; ++i)
    openers.emplace_back([&] {
      while (!done.load()) const bundle opened(disk.path());
    });
  int replaced = 0;
  EXPECT_TRUE(test::wait_until([&] {
    for (int i = 0; i < 100; ++i)
      replaced += graphite_set_allocator(replaced % 2 == 0 ? &hooks : nullptr) == GRAPHITE_SUCCESS;
    return replaced >= 20;
  }));
  done.store(true);
  for (auto& opener : openers) opener.join();
  EXPECT_TRUE(memory.given.empty());
  EXPECT_EQ(memory.wrong, 0u);
}

TEST(c_results, are_remembered_by_thread_and_have_names) {
  graphite_bundle* out = nullptr;
  EXPECT_EQ(graphite_bundle_open("/no/such/bundle", &out), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_NOT_FOUND);
  std::thread([] {
    EXPECT_EQ(graphite_last_result(), GRAPHITE_SUCCESS);
    EXPECT_STREQ(graphite_last_error(), "");
  }).join();
  EXPECT_STREQ(graphite_result_name(GRAPHITE_ERROR_OUT_OF_MEMORY), "out_of_memory");
  EXPECT_STREQ(graphite_result_name(GRAPHITE_ERROR_REMOVED), "removed");
  EXPECT_STREQ(graphite_result_name(GRAPHITE_ERROR_STALE_HANDLE), "stale_handle");
  EXPECT_STREQ(graphite_result_name(GRAPHITE_ERROR_NOT_READY), "not_ready");
  for (int code = 0; code <= GRAPHITE_ERROR_NOT_READY; ++code)
    EXPECT_STRNE(graphite_result_name(static_cast<graphite_result>(code)), "unknown") << code;
  for (const int code : {-1, 21, 65'537})
    EXPECT_STREQ(graphite_result_name(static_cast<graphite_result>(code)), "unknown") << code;
}

}  // namespace
}  // namespace graphite
