#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/bindings/following.hpp"

namespace graphite {
namespace {

using namespace test;

TEST(hot_reload, follows_a_folder_and_tells_exactly_what_changed) {
  bundle_on_disk disk(60);
  told said;
  followed_bundle live(said.options(disk.path()));
  EXPECT_EQ(shown_now(live, asset_name(3)), as_text(bundle_on_disk::bytes_of(3))) << "at once";
  live.poll();
  EXPECT_EQ(said.take(), std::vector<std::string>{"0>1 +0 ~0 -0"});
  EXPECT_EQ(live.poll(), 0u);
  EXPECT_TRUE(said.take().empty());

  disk.change(asset_name(3), bytes_of("three"));
  ASSERT_TRUE(live.wait(1, long_ns));
  EXPECT_EQ(shown_now(live, asset_name(3)), "three");
  live.poll();
  EXPECT_EQ(said.take(), (std::vector<std::string>{"1>2 +0 ~1 -0", line('~', asset_name(3))}));
  disk.remove(asset_name(3));
  ASSERT_TRUE(live.wait(2, long_ns));
  disk.change("new.png", bytes_of("new"));
  ASSERT_TRUE(live.wait(3, long_ns));
  live.poll();
  EXPECT_EQ(said.take(),
            (std::vector<std::string>{"2>4 +1 ~0 -1", line('+', "new.png"), line('-', asset_name(3))}));
}

TEST(hot_reload, a_folder_may_come_later_and_be_replaced) {
  const temporary_folder parent;
  const auto folder = parent.path() + "/bundle";
  told said;
  followed_bundle live(said.options(folder));
  EXPECT_EQ(live.poll(), 0u);
  {
    const pinned now(live.place());
    EXPECT_EQ(now.get(), nullptr);
  }
  bundle_on_disk first(20);
  std::filesystem::rename(first.path(), folder);
  ASSERT_TRUE(live.wait(0, long_ns));
  EXPECT_EQ(shown_now(live, asset_name(3)), as_text(bundle_on_disk::bytes_of(3)));

  bundle_on_disk second(20);
  second.change(asset_name(3), bytes_of("of another folder"));
  std::filesystem::rename(folder, parent.path() + "/old");
  std::filesystem::rename(second.path(), folder);
  ASSERT_TRUE(live.wait(1, long_ns));
  EXPECT_EQ(shown_now(live, asset_name(3)), "of another folder");
}

TEST(hot_reload, what_cannot_be_read_at_first_is_no_error_and_is_looked_at_again) {
  bundle_on_disk disk(20);
  const auto head = disk.path() + "/head", aside = disk.path() + "/aside";
  std::filesystem::copy_file(head, aside);
  std::filesystem::resize_file(head, 500);
  follow_options options;
  options.folder = disk.path();
  followed_bundle live(std::move(options));
  EXPECT_EQ(live.statistics().failed, 1u);
  EXPECT_EQ(live.statistics().version, 0u);
  std::filesystem::rename(aside, head);
  ASSERT_TRUE(live.wait(0, long_ns));
  EXPECT_EQ(shown_now(live, asset_name(3)), as_text(bundle_on_disk::bytes_of(3)));
}

// A subscriber that heals makes its folder anew, and counts its page files from 1 again.
TEST(hot_reload, a_page_file_of_the_same_number_may_be_another_file) {
  constexpr std::size_t count = 5'000;
  bundle_on_disk bundle(count), anew(count + 1'000);
  anew.publish_as(bundle.epoch(), bundle.sequence() + 1);
  follow_options options;
  options.folder = bundle.path();
  followed_bundle live(std::move(options));
  const auto all_are_right = [&] {
    const pinned now(live.place());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto asset = find(now.get(), asset_name(i));
      const auto bytes = bundle_on_disk::bytes_of(i);
      const bool right = asset && std::string_view(asset->path, asset->path_length) == asset_name(i) &&
                         part(now.get(), *asset) == as_text(bytes);
      wrong += right ? 0 : 1;
    }
    return wrong == 0;
  };
  EXPECT_TRUE(all_are_right());
  for (const auto& name : {segment_file_name(memory_bundle::segment),
                           page_file_name(memory_bundle::page_file), std::string("head")})
    std::filesystem::rename(anew.path() + "/" + name, bundle.path() + "/" + name);
  ASSERT_TRUE(test::wait_until([&] { return live.poll(), live.statistics().sequence == anew.sequence(); }));
  EXPECT_TRUE(all_are_right());
}

TEST(hot_reload, follows_an_exported_file_that_is_replaced) {
  bundle_on_disk disk(20);
  const temporary_folder place;
  const auto file = place.path() + "/game.grph";
  const auto replace = [&] {
    std::filesystem::rename(disk.exported(), file + ".new");
    std::filesystem::rename(file + ".new", file);
  };
  replace();
  follow_options options;
  options.file = file;
  followed_bundle live(std::move(options));
  EXPECT_EQ(shown_now(live, asset_name(3)), as_text(bundle_on_disk::bytes_of(3)));
  disk.change(asset_name(3), bytes_of("three"));
  replace();
  ASSERT_TRUE(live.wait(1, long_ns));
  EXPECT_EQ(shown_now(live, asset_name(3)), "three");
}

TEST(hot_reload, refuses_heads_that_are_older_or_of_another_channel) {
  bundle_on_disk disk(20);
  disk.change("a.png", bytes_of("good"));
  told said;
  followed_bundle live(said.options(disk.path()));
  live.poll();
  const auto epoch = disk.epoch();
  std::uint64_t refused = 0;
  for (const auto& [e, s, channel] :
       {std::tuple(epoch - 1, std::uint64_t{99}, "main"), std::tuple(epoch, std::uint64_t{1}, "main"),
        std::tuple(epoch + 1, std::uint64_t{1}, "other")}) {
    disk.publish_as(e, s, channel);
    ++refused;
    ASSERT_TRUE(wait_until([&] { return live.statistics().refused == refused; })) << channel << s;
  }
  EXPECT_EQ(live.statistics().version, 1u);
  disk.publish_as(epoch + 1, 1);
  ASSERT_TRUE(live.wait(1, long_ns));
  EXPECT_EQ(live.statistics().epoch, epoch + 1);
}

TEST(hot_reload, damaged_contents_never_become_current) {
  bundle_on_disk disk(20);
  followed_bundle live([&] {
    follow_options options;
    options.folder = disk.path();
    return options;
  }());
  disk.damage_next();
  disk.change("a.png", bytes_of("what it should be"));
  ASSERT_TRUE(wait_until([&] { return live.statistics().failed > 0; }));
  EXPECT_EQ(live.statistics().version, 1u);
  EXPECT_EQ(shown_now(live, "a.png"), "absent");
  disk.change("a.png", bytes_of("good"));
  ASSERT_TRUE(live.wait(1, long_ns)) << "the next good one is taken up";
  EXPECT_EQ(shown_now(live, "a.png"), "good");
}

TEST(hot_reload, a_budget_spreads_callbacks_over_polls) {
  bundle_on_disk disk(20);
  told said;
  followed_bundle live(said.options(disk.path()));
  live.poll();
  for (int i = 0; i < 10; ++i) disk.change(fmt::format("{}.png", i), bytes_of("x"));
  ASSERT_TRUE(wait_until([&] { return live.statistics().sequence == disk.sequence(); }));
  said.take();
  std::size_t polls = 0;
  while (live.poll(0) > 0) {
    ++polls;
    EXPECT_EQ(said.take().size(), 1u) << "one step";
  }
  EXPECT_EQ(polls, 10u) << "the generation and nine assets; the tenth left nothing";
}

TEST(hot_reload, handles_stay_across_swaps_and_views_keep_old_bytes) {
  bundle_on_disk disk(60);
  told said;
  followed_bundle live(said.options(disk.path()));
  live.poll();
  asset_handle changed(live, asset_name(3)), same(live, asset_name(5)), gone(live, asset_name(7));
  EXPECT_THROW(asset_handle(live, "no/such.png"), failure);
  view old = changed.read(), old_gone = gone.read();
  EXPECT_EQ(old.bytes(), as_text(bundle_on_disk::bytes_of(3)));
  disk.change(asset_name(3), bytes_of("three"));
  disk.remove(asset_name(7));
  ASSERT_TRUE(wait_until([&] { return live.statistics().sequence == disk.sequence(); }));
  EXPECT_EQ(old.bytes(), as_text(bundle_on_disk::bytes_of(3))) << "until it is released";
  EXPECT_EQ(changed.read().bytes(), "three");
  EXPECT_GT(changed.changed(), 1u);
  EXPECT_EQ(same.changed(), 0u);
  EXPECT_GT(gone.changed(), 1u) << "that it went is a change, and no error";
  try {
    (void)gone.read();
    FAIL() << "a removed asset was read";
  } catch (const failure& e) {
    EXPECT_EQ(e.code(), GRAPHITE_ERROR_REMOVED);
  }
  EXPECT_EQ(old_gone.bytes(), as_text(bundle_on_disk::bytes_of(7)));
  disk.change(asset_name(7), bytes_of("back"));
  ASSERT_TRUE(wait_until([&] { return live.statistics().sequence == disk.sequence(); }));
  EXPECT_EQ(gone.read().bytes(), "back");
  // Closed handles and ended contexts leave views alone.
  const auto number = same.get();
  view kept = same.read();
  same = {};
  graphite_view out;
  EXPECT_EQ(graphite_handle_read(live.get(), number, 0, &out), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(kept.bytes(), as_text(bundle_on_disk::bytes_of(5)));
}

TEST(hot_reload, without_preservation_handles_of_changed_assets_are_stale) {
  bundle_on_disk disk(60);
  follow_options options;
  options.folder = disk.path();
  options.config.preserve_handle_state = false;
  followed_bundle live(std::move(options));
  asset_handle changed(live, asset_name(3)), same(live, asset_name(5));
  disk.change(asset_name(3), bytes_of("three"));
  ASSERT_TRUE(live.wait(1, long_ns));
  graphite_view out;
  EXPECT_EQ(graphite_handle_read(live.get(), changed.get(), 0, &out), GRAPHITE_ERROR_STALE_HANDLE);
  std::uint64_t version = 0, id = 0;
  EXPECT_EQ(graphite_handle_changed(live.get(), changed.get(), &version, &id), GRAPHITE_ERROR_STALE_HANDLE);
  EXPECT_EQ(version, 2u);
  EXPECT_EQ(id, id_named(asset_name(3)));
  EXPECT_EQ(same.read().bytes(), as_text(bundle_on_disk::bytes_of(5)));
  EXPECT_EQ(asset_handle(live, asset_name(3)).read().bytes(), "three");
}

TEST(hot_reload, swaps_asset_by_asset_where_atomic_reload_is_off) {
  bundle_on_disk disk(60);
  std::vector<std::string> seen;
  told said;
  followed_bundle* at = nullptr;
  auto options = said.options(disk.path());
  options.config.atomic_reload = false;
  options.on_asset = [&](const graphite_asset_event&) {
    seen.push_back(shown_now(*at, "a.png") + " " + shown_now(*at, "b.png"));
  };
  followed_bundle live(std::move(options));
  at = &live;
  live.poll();
  disk.change("a.png", bytes_of("a"));
  ASSERT_TRUE(wait_until([&] { return live.statistics().reload_pending; }));
  disk.change("b.png", bytes_of("b"));
  ASSERT_TRUE(wait_until([&] { return live.statistics().changes_left == 2; }));
  EXPECT_EQ(shown_now(live, "a.png"), "absent") << "not before a poll";
  live.poll(0);
  EXPECT_EQ(listed_now(live), 60u) << "neither has moved";
  live.poll();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_NE(seen[0], "a b") << "the first came alone";
  EXPECT_NE(seen[0], "absent absent");
  EXPECT_EQ(seen[1], "a b");
  EXPECT_EQ(listed_now(live), 62u);
  disk.remove("a.png");
  ASSERT_TRUE(wait_until([&] { return live.statistics().changes_left == 1; }));
  live.poll(0);
  EXPECT_EQ(listed_now(live), 62u) << "it is still there";
  live.poll();
  EXPECT_EQ(listed_now(live), 61u);
}

TEST(hot_reload, goes_back_and_on) {
  bundle_on_disk disk(20);
  told said;
  auto options = said.options(disk.path());
  options.config.kept_generations = 3;
  followed_bundle live(std::move(options));
  for (const auto* text : {"one", "two", "three"}) {
    disk.change("a.png", bytes_of(text));
    ASSERT_TRUE(wait_until([&] { return live.statistics().sequence == disk.sequence(); }));
  }
  live.poll();
  said.take();
  EXPECT_EQ(live.generations().size(), 3u);
  live.roll_back();
  EXPECT_EQ(shown_now(live, "a.png"), "two");
  live.poll();
  EXPECT_EQ(said.take().back(), line('~', "a.png"));
  EXPECT_TRUE(live.generations()[1].current);
  EXPECT_THROW(live.roll_back(2), failure);
  live.resume();
  EXPECT_EQ(shown_now(live, "a.png"), "three");
  live.roll_back(2);
  EXPECT_EQ(shown_now(live, "a.png"), "one");
  disk.change("a.png", bytes_of("four"));
  ASSERT_TRUE(wait_until([&] { return shown_now(live, "a.png") == "four"; }));
  EXPECT_EQ(live.statistics().rollbacks, 3u);
}

TEST(hot_reload, a_callback_may_call_the_library) {
  bundle_on_disk disk(60);
  disk.change("a.png", bytes_of("one"));
  followed_bundle* at = nullptr;
  int calls = 0;
  follow_options options;
  options.folder = disk.path();
  options.on_asset = [&](const graphite_asset_event& event) {
    ++calls;
    EXPECT_EQ(graphite_poll(at->get(), 0, nullptr), GRAPHITE_ERROR_BUSY);
    EXPECT_EQ(shown_now(*at, "a.png"), "two");
    asset_handle handle(*at, event.id);
    EXPECT_EQ(handle.read().bytes(), "two");
    EXPECT_EQ(at->statistics().changes_left, 0u);
    at->roll_back();
    EXPECT_EQ(handle.read().bytes(), "one");
    EXPECT_EQ(part(event.old_bundle, *find(event.old_bundle, "a.png")), "one");
    EXPECT_EQ(part(event.new_bundle, *find(event.new_bundle, "a.png")), "two");
    if (calls == 1) at->resume();
  };
  followed_bundle live(std::move(options));
  at = &live;
  live.poll();
  disk.change("a.png", bytes_of("two"));
  ASSERT_TRUE(live.wait(1, long_ns));
  live.poll();
  EXPECT_GE(calls, 1);
}

TEST(hot_reload, a_callback_may_shut_the_context_down) {
  bundle_on_disk disk(20);
  struct state {
    graphite_hot_reload_context* context = nullptr;
    int calls = 0;
  } seen;
  graphite_hot_reload_config config;
  graphite_hot_reload_config_init(&config);
  const auto folder = disk.path();
  config.watch_directory = folder.c_str();
  config.user_data = &seen;
  config.asset_callback = [](const graphite_asset_event*, void* data) {
    auto& at = *static_cast<state*>(data);
    ++at.calls;
    graphite_hot_reload_shutdown(at.context);
  };
  seen.context = graphite_hot_reload_init(&config);
  ASSERT_NE(seen.context, nullptr);
  ASSERT_EQ(graphite_poll(seen.context, UINT64_MAX, nullptr), GRAPHITE_SUCCESS);
  disk.change("a.png", bytes_of("one"));
  ASSERT_EQ(graphite_wait(seen.context, 1, long_ns), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_poll(seen.context, UINT64_MAX, nullptr), GRAPHITE_SUCCESS);
  EXPECT_EQ(seen.calls, 1) << "and nothing is called back afterwards";
}

TEST(hot_reload, the_descriptor_is_readable_while_there_is_something_to_tell) {
  bundle_on_disk disk(20);
  told said;
  followed_bundle live(said.options(disk.path()));
  const auto readable = [&] {
    pollfd on{graphite_hot_reload_descriptor(live.get()), POLLIN, 0};
    return ::poll(&on, 1, 0) == 1;
  };
  EXPECT_TRUE(readable());
  live.poll();
  EXPECT_FALSE(readable());
  disk.change("a.png", bytes_of("one"));
  EXPECT_TRUE(wait_until(readable));
  live.poll(0);
  EXPECT_TRUE(readable()) << "an asset is left";
  live.poll();
  EXPECT_FALSE(readable());
}

}  // namespace
}  // namespace graphite
