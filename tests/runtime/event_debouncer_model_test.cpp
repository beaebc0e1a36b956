#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "runtime/event_debouncer.hpp"
#include "tests/runtime/watched_model.hpp"

namespace graphite {
namespace {

time_point moment(std::int64_t ms) { return time_point(milliseconds(ms)); }

/// A tree in which things happen at random, a debouncer, and somebody who is told. What must hold:
/// - nobody is told of a path before it was quiet, but for max_delay;
/// - he is wrong about no path for longer than max_delay, and about none in the end;
/// - kinds fit what he knows, where he knows from them alone.
class random_story {
 public:
  /// `looks`: folders and overflows, too.
  random_story(unsigned seed, const debounce_options& with, bool looks)
      : random_(seed), with_(with), looks_(looks), buffer_(with) {
    for (int i = 0; i < paths; i += 2) tree_.create(path(i));
    listener_ = test::model_listener(tree_.now());
    for (const auto& [name, content] : tree_.now()) present_.insert(name);
  }

  void run(int acts) {
    for (int i = 0; i < acts && !testing::Test::HasFailure(); ++i) {
      now_ += pick(4) == 0 ? pick(120) : pick(8);
      tell_until(now_);
      if (auto event = act()) note(std::move(*event));
    }
    tell_until(now_ + 1'000'000);
    EXPECT_EQ(listener_.known(), tree_.now()) << log_;
    EXPECT_EQ(buffer_.held(), 0u);
    if (looks_) return;
    EXPECT_EQ(present_, names_of(tree_.now())) << "taken by the word:" << log_;
  }
  std::size_t told() const { return told_; }

 private:
  static constexpr int paths = 6;

  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  static std::string path(int i) { return fmt::format("{}/{}", i % 2 == 0 ? "even" : "odd", i); }
  static std::set<std::string> names_of(const test::model_tree::files& files) {
    std::set<std::string> out;
    for (const auto& [name, content] : files) out.insert(name);
    return out;
  }

  std::optional<fs_event> act() {
    const auto a = path(pick(paths));
    const int what = pick(20);
    if (what < 4) return tree_.create(a);
    if (what < 8) return tree_.remove(a);
    if (what < 11) return tree_.move(a, path(pick(paths)));
    if (what < 12) return tree_.bring(a);
    if (what < 18 || !looks_) return tree_.write(a);
    if (what < 19) return fs_event{fs_event_kind::folder, pick(2) == 0 ? "even" : "odd", {}, {}};
    return pick(5) != 0 ? std::optional<fs_event>{} : fs_event{fs_event_kind::overflow, {}, {}, {}};
  }

  void note(fs_event event) {
    event.when = moment(now_);
    log_ += fmt::format(" {}:{}", now_, to_text(event));
    last_[event.path] = now_;
    if (event.kind == fs_event_kind::overflow) wrong_since_.clear();  // the time for that begins anew
    buffer_.note(std::move(event));
    check_who_is_wrong(now_);
  }

  void tell_until(std::int64_t ms) {
    while (true) {
      const auto next = buffer_.next();
      if (!next || *next > moment(ms)) break;
      woken_ = std::max(woken_, to_ns(*next) / 1'000'000);
      const auto event = buffer_.take(moment(woken_));
      ASSERT_TRUE(event) << "woken for nothing:" << log_;
      log_ += fmt::format(" [{}:{}]", woken_, to_text(*event));
      hear(*event);
    }
    check_who_is_wrong(ms);
  }

  void hear(const fs_event& event) {
    ++told_;
    const bool of_file = event.kind <= fs_event_kind::moved;
    const auto quiet = with_.max_delay == duration{} && of_file ? with_.quiet : duration{};
    EXPECT_GE(woken_ - last_[event.path], quiet / milliseconds(1)) << to_text(event) << " of" << log_;
    if (!with_.coalesce && of_file) {  // what an earlier event of several says may be so no more
      listener_.look(event.path, tree_.now());
      listener_.look(event.old_path, tree_.now());
    } else if (looks_) {
      listener_.hear(event, tree_.now());
    } else {
      listener_.hear_strictly(event, tree_.now());
    }
    present_.erase(event.old_path);
    if (event.kind == fs_event_kind::deleted)
      present_.erase(event.path);
    else
      present_.insert(event.path);
  }

  void check_who_is_wrong(std::int64_t ms) {
    const auto longest = with_.max_delay == duration{} ? ms : with_.max_delay / milliseconds(1);
    for (int i = 0; i < paths; ++i) {
      const auto name = path(i);
      const auto known = listener_.known().find(name), now = tree_.now().find(name);
      const bool knows = known != listener_.known().end(), exists = now != tree_.now().end();
      if (knows == exists && (!knows || known->second == now->second)) {
        wrong_since_.erase(name);
        continue;
      }
      const auto since = wrong_since_.try_emplace(name, ms).first->second;
      EXPECT_LE(ms - since, longest) << name << " is not told:" << log_;
    }
  }

  std::mt19937 random_;
  const debounce_options with_;
  const bool looks_;
  test::model_tree tree_;
  test::model_listener listener_;
  std::set<std::string> present_;  ///< for somebody who takes each word as it is
  event_debouncer buffer_;
  std::int64_t now_ = 0, woken_ = 0;
  std::map<std::string, std::int64_t> last_, wrong_since_;
  std::size_t told_ = 0;
  std::string log_;
};

void run_stories(bool coalesce, bool looks) {
  std::size_t told = 0;
  for (unsigned seed = 0; seed < 200 && !testing::Test::HasFailure(); ++seed) {
    const duration quiet = milliseconds(seed % 3 == 0 ? 0 : 20),
                   max_delay = milliseconds(seed % 2 == 0 ? 0 : 60);
    random_story story(seed, {quiet, max_delay, coalesce}, looks);
    story.run(150);
    told += story.told();
    if (testing::Test::HasFailure()) ADD_FAILURE() << "seed " << seed;
  }
  EXPECT_GT(told, 5'000u);
}

TEST(event_debouncer_model, coalesced) { run_stories(true, false); }
TEST(event_debouncer_model, coalesced_with_looks) { run_stories(true, true); }
TEST(event_debouncer_model, each_event) { run_stories(false, false); }
TEST(event_debouncer_model, each_event_with_looks) { run_stories(false, true); }

}  // namespace
}  // namespace graphite
