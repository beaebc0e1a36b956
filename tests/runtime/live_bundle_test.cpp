#include "runtime/live_bundle.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/runtime/memory_files.hpp"

namespace graphite {
namespace {

using namespace test;
using kind = live_event::kind;
using carried = live_bundle::carried;

/// A writer, a live_bundle and what its readers and its callbacks were shown.
class live_world {
 public:
  explicit live_world(live_options options = {}, std::size_t assets = 30)
      : live(options, point,
             [this](const change_set& changes, std::uint64_t) { visible += changes.size(); }) {
    tree_ = fill(files->bundle, assets);
    files->publish(tree_);
    for (std::size_t i = 0; i < assets; ++i) texts[asset_name(i)] = static_cast<int>(i % 50);
  }

  void change(const std::string& name, std::uint64_t seed) {
    tree_ = tree_.apply({{files->bundle.add(name, random_bytes(50, seed))}, {}}).value();
    texts[name] = static_cast<int>(seed);
    files->publish(tree_);
  }
  void remove(const std::string& name) {
    tree_ = tree_.apply({{}, {path(name)}}).value();
    texts.erase(name);
    files->publish(tree_);
  }
  std::shared_ptr<generation> opened() const { return generation::open(files, sha()).value(); }
  carried offer(bool going_back = false) { return offer(shown_ref::make(opened()), going_back); }
  carried offer(const shown_ref& next, bool going_back) {
    auto plan = live_bundle::plan(next, live.bases(), {}, std::pmr::get_default_resource()).value();
    plan.going_back = going_back;
    return live.carry_out(std::move(plan), {});
  }
  /// All that there is to tell, as "+new.png ~changed.png -gone.png", one line a generation.
  std::vector<std::string> tell_all() {
    std::vector<std::string> out;
    while (const auto event = live.next({})) out.emplace_back(text_of(*event));
    return out;
  }
  static std::string text_of(const live_event& event) {
    if (event.what == kind::generation)
      return fmt::format("{}>{} +{} ~{} -{}", event.old ? "old" : "nothing", "new",
                         event.changes->added.size(), event.changes->changed.size(),
                         event.changes->removed.size());
    const char* const sign = event.what == kind::added ? "+" : event.what == kind::changed ? "~" : "-";
    return fmt::format("{}{:016x}", sign, event.id);
  }
  static std::string asset(const char* sign, const std::string& name) {
    return fmt::format("{}{:016x}", sign, id_of(path(name)).value);
  }
  /// What a reader who pins now finds; -1: it is not there.
  std::size_t size_seen(const std::string& name) const {
    auto& slot = point.add_reader(1);
    const auto* const shown = static_cast<const shown_generation*>(point.acquire(slot)->payload);
    mapped_asset asset;
    mapped_part part;
    const auto id = id_of(path(name));
    const bool there = shown->source_of(id).find(id, asset) == lookup_result::found;
    EXPECT_TRUE(!there || mapped_index::part(asset, 0, part));
    const std::size_t size = there ? part.size : std::size_t(-1);
    point.release(slot);
    (void)point.remove_reader(slot);
    return size;
  }

  const std::shared_ptr<memory_files> files = std::make_shared<memory_files>();
  mutable pin_point point{{}};
  std::size_t visible = 0;
  std::map<std::string, int> texts;
  live_bundle live;

 private:
  index_tree tree_{sha()};
};

TEST(live_bundle, the_first_generation_is_told_without_lists) {
  live_world world;
  EXPECT_EQ(world.offer(), carried::shown);
  EXPECT_TRUE(world.live.has_news());
  EXPECT_EQ(world.tell_all(), std::vector<std::string>{"nothing>new +0 ~0 -0"});
  EXPECT_FALSE(world.live.has_news());
}

TEST(live_bundle, tells_exactly_what_changed) {
  live_world world;
  world.offer();
  world.tell_all();
  world.change(asset_name(3), 900);
  world.remove(asset_name(4));
  world.change("new.png", 901);
  EXPECT_EQ(world.offer(), carried::shown);
  EXPECT_EQ(world.visible, 3u);
  EXPECT_EQ(world.live.events_left(), 3u);
  EXPECT_EQ(world.tell_all(),
            (std::vector<std::string>{"old>new +1 ~1 -1", world.asset("+", "new.png"),
                                      world.asset("~", asset_name(3)), world.asset("-", asset_name(4))}));
  EXPECT_EQ(world.live.events_left(), 0u);
}

TEST(live_bundle, several_swaps_between_two_polls_are_told_as_one) {
  live_world world;
  world.offer();
  world.tell_all();
  world.change("comes.png", 1);
  world.offer();
  world.change(asset_name(3), 2);
  world.offer();
  world.remove("comes.png");
  world.offer();
  world.change(asset_name(3), 3);
  world.change(asset_name(3), 3);
  world.offer();
  EXPECT_EQ(world.tell_all(),
            (std::vector<std::string>{"old>new +0 ~1 -0", world.asset("~", asset_name(3))}));
}

TEST(live_bundle, a_swap_while_one_is_told_comes_after_it) {
  live_world world;
  world.offer();
  world.tell_all();
  world.change(asset_name(3), 900);
  world.change(asset_name(5), 901);
  world.offer();
  std::vector<std::string> told{world.text_of(*world.live.next({})), world.text_of(*world.live.next({}))};
  world.change(asset_name(3), 902);
  world.offer();
  for (auto& one : world.tell_all()) told.push_back(one);
  ASSERT_EQ(told.size(), 5u);
  EXPECT_EQ(told[0], "old>new +0 ~2 -0");
  EXPECT_EQ(told[3], "old>new +0 ~1 -0");
  EXPECT_EQ(told[4], world.asset("~", asset_name(3)));
}

TEST(live_bundle, a_plan_against_what_is_not_shown_any_more_is_not_carried_out) {
  live_world world;
  world.offer();
  world.change(asset_name(3), 900);
  auto plan = live_bundle::plan(shown_ref::make(world.opened()), world.live.bases(), {},
                                std::pmr::get_default_resource())
                  .value();
  world.tell_all();  // a poll
  EXPECT_EQ(world.live.carry_out(std::move(plan), {}), carried::again);
  EXPECT_EQ(world.offer(), carried::shown);
}

TEST(live_bundle, older_replayed_and_foreign_heads_are_refused_and_another_lineage_is_taken) {
  live_world world;
  world.change(asset_name(3), 900);
  world.offer();
  const auto refused = [&](auto edit) {
    auto head = world.live.newest()->what();
    edit(head);
    world.files->head_bytes =
        encode_head({head, world.live.newest()->tree()->root_location(), {}, {memory_bundle::page_file}},
                    sha())
            .value();
    return world.offer() == carried::refused;
  };
  EXPECT_TRUE(refused([](head&) {})) << "replayed";
  EXPECT_TRUE(refused([](head& h) { --h.sequence.value; }));
  EXPECT_TRUE(refused([](head& h) { --h.epoch.value, h.sequence.value += 100; }));
  EXPECT_TRUE(refused([](head& h) { h.channel = "other", ++h.sequence.value; }));
  EXPECT_EQ(world.point.version(), 1u);
  EXPECT_FALSE(refused([](head& h) { h.lineage.value.bytes[0] ^= 1, h.epoch.value = 1; }));
  EXPECT_EQ(world.point.version(), 2u);
}

TEST(live_bundle, swaps_in_poll_where_that_is_asked_for) {
  live_world world({true, true, 2});
  EXPECT_EQ(world.offer(), carried::shown) << "the first has nothing to wait for";
  world.tell_all();
  world.change("new.png", 901);
  EXPECT_EQ(world.offer(), carried::staged);
  EXPECT_EQ(world.size_seen("new.png"), std::size_t(-1));
  world.change("newer.png", 902);
  EXPECT_EQ(world.offer(), carried::staged);
  EXPECT_TRUE(world.live.staged());
  EXPECT_EQ(world.point.version(), 1u);
  EXPECT_EQ(world.text_of(*world.live.next({})), "old>new +2 ~0 -0");
  EXPECT_EQ(world.size_seen("new.png"), 50u);
  EXPECT_EQ(world.point.version(), 2u) << "what never was current is passed over";
}

TEST(live_bundle, without_atomic_reload_assets_move_as_they_are_told) {
  live_world world({false, false, 2});
  world.offer();
  world.tell_all();
  world.change("new.png", 901);
  world.change(asset_name(3), 902);
  world.remove(asset_name(4));
  EXPECT_EQ(world.offer(), carried::staged);
  const auto sees = [&] {
    return std::tuple(world.size_seen("new.png") == 50, world.size_seen(asset_name(3)) == 50,
                      world.size_seen(asset_name(4)) == std::size_t(-1));
  };
  EXPECT_EQ(sees(), std::tuple(false, false, false));
  EXPECT_EQ(world.live.next({})->what, kind::generation);
  EXPECT_EQ(sees(), std::tuple(false, false, false));
  EXPECT_EQ(world.live.next({})->what, kind::added);
  EXPECT_EQ(sees(), std::tuple(true, false, false));
  // One that comes meanwhile waits, and starts from what this one ends with.
  world.change("newer.png", 903);
  EXPECT_EQ(world.offer(), carried::staged);
  EXPECT_EQ(world.live.next({})->what, kind::changed);
  EXPECT_EQ(sees(), std::tuple(true, true, false));
  EXPECT_EQ(world.live.next({})->what, kind::removed);
  EXPECT_EQ(sees(), std::tuple(true, true, true));
  EXPECT_EQ(world.size_seen("newer.png"), std::size_t(-1));
  EXPECT_EQ(world.tell_all(), (std::vector<std::string>{"old>new +1 ~0 -0", world.asset("+", "newer.png")}));
  EXPECT_EQ(world.size_seen("newer.png"), 50u);
  EXPECT_EQ(world.visible, 4u);
}

TEST(live_bundle, goes_back_to_kept_generations_and_on_to_newer_ones) {
  live_world world({true, false, 3});
  for (std::uint64_t i = 0; i < 5; ++i) {
    world.change("at.png", i + 1);
    world.change(fmt::format("only-{}.png", i), 7);
    world.offer();
    world.tell_all();
    world.remove(fmt::format("only-{}.png", i));
  }
  EXPECT_EQ(world.live.kept().size(), 3u);
  EXPECT_FALSE(world.live.kept_before(3));
  EXPECT_EQ(world.offer(world.live.kept_before(2), true), carried::shown);
  EXPECT_EQ(world.size_seen("only-2.png"), 50u);
  EXPECT_EQ(world.tell_all().front(), "old>new +1 ~1 -1");
  // A replay of the newest is refused; it is there when it is asked for.
  EXPECT_EQ(world.offer(shown_ref::make(world.live.newest()), false), carried::refused);
  EXPECT_EQ(world.offer(world.live.newest_passed_over(), true), carried::shown);
  EXPECT_EQ(world.size_seen("only-4.png"), 50u);
  EXPECT_FALSE(world.live.newest_passed_over());
  EXPECT_EQ(world.offer(world.live.kept_before(1), true), carried::shown);
  world.change("at.png", 99);
  EXPECT_EQ(world.offer(), carried::shown) << "a newer one is taken";
  EXPECT_EQ(world.size_seen("only-3.png"), std::size_t(-1));
  EXPECT_EQ(world.offer(world.live.kept_before(1), true), carried::shown);
  EXPECT_EQ(world.size_seen("only-3.png"), 50u) << "what was gone back from is not met again";
}

/// A copy of the assets that is kept up to date by what is told is the newest generation, always.
TEST(live_bundle, what_is_told_adds_up) {
  for (const unsigned mode : {0u, 1u, 2u}) {
    live_world world({mode != 2, mode == 1, 2}, 12);
    std::mt19937 random(mode + 5);
    std::map<std::uint64_t, bool> copy;
    for (std::size_t i = 0; i < 12; ++i) copy[id_of(path(asset_name(i))).value] = true;
    world.offer();
    world.tell_all();  // the first is told as a whole
    for (int step = 0; step < 400; ++step) {
      const auto name = asset_name(random() % 20);
      switch (random() % 4) {
        case 0:
          world.change(name, random());
          break;
        case 1:
          world.remove(name);
          break;
        case 2:
          world.offer();
          break;
        default:
          for (auto events = random() % 5; events > 0; --events)
            if (const auto event = world.live.next({})) {
              auto& there = copy[event->id];
              if (event->what == kind::generation) continue;
              EXPECT_EQ(there, event->what != kind::added)
                  << mode << " step " << step << " " << world.text_of(*event);
              there = event->what != kind::removed;
            }
      }
    }
    world.offer();
    while (const auto event = world.live.next({}))
      if (event->what != kind::generation && event->what != kind::changed)
        copy[event->id] = event->what == kind::added;
    for (std::size_t i = 0; i < 20; ++i)
      EXPECT_EQ(copy[id_of(path(asset_name(i))).value], world.texts.contains(asset_name(i))) << mode << i;
  }
}

}  // namespace
}  // namespace graphite
