// What graphite.hpp and graphite_live.hpp own and wrap, beyond what the other tests use of them.

#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include <thread>

#include "tests/bindings/following.hpp"
#include "tests/bindings/mapped_files.hpp"

namespace graphite {
namespace {

using namespace test;

template <class Call>
graphite_result code_of(Call call) {
  try {
    call();
  } catch (const failure& e) {
    return e.code();
  }
  return GRAPHITE_SUCCESS;
}

std::string read_from(const graphite_bundle* in, const std::string& name) {
  const auto asset = find(in, name);
  return asset ? std::string(part(in, *asset)) : "absent";
}

TEST(cpp_token, is_given_up_in_another_thread) {
  bundle_on_disk disk(20);
  disk.change("a", bytes_of("old"));
  atomic_bundle place(bundle(disk.path()));
  token first(place);
  EXPECT_EQ(first.version(), 1u);
  disk.change("a", bytes_of("new"));
  place.swap(bundle(disk.path()));
  ASSERT_EQ(place.held().size(), 1u);
  EXPECT_EQ(place.held()[0].version, 1u);
  EXPECT_EQ(place.held()[0].thread, 0u);
  std::thread([moved = std::move(first)] { EXPECT_EQ(read_from(moved.get(), "a"), "old"); }).join();
  EXPECT_EQ(first.get(), nullptr);
  EXPECT_EQ(place.collect(), 0u);
  EXPECT_TRUE(place.held().empty());
}

TEST(cpp_token, gives_up_what_it_had_when_another_is_moved_into_it) {
  const bundle_on_disk disk(20);
  atomic_bundle place(bundle(disk.path()));
  token kept(place);
  place.swap(bundle(disk.path()));
  EXPECT_EQ(place.collect(), 1u);
  token second(place);
  kept = std::move(second);
  EXPECT_EQ(place.collect(), 0u) << "at once, though `second` is still there";
  EXPECT_EQ(kept.version(), 2u);
  auto& itself = kept;
  kept = std::move(itself);
  EXPECT_EQ(kept.version(), 2u);
  EXPECT_NE(kept.get(), nullptr);
}

TEST(cpp_token, of_nothing_is_an_error_and_an_empty_one_is_none) {
  const atomic_bundle place;
  EXPECT_EQ(code_of([&] { token none(place); }), GRAPHITE_ERROR_NOT_FOUND);
  const token empty;
  EXPECT_EQ(empty.get(), nullptr);
  EXPECT_EQ(empty.version(), 0u);
}

TEST(cpp_held, names_threads_and_tokens) {
  const bundle_on_disk disk(20);
  atomic_bundle place(bundle(disk.path()));
  {
    const pinned mine(place);
    const token one(place), two(place);
    place.swap(bundle(disk.path()));
    std::vector<std::uint32_t> threads;
    for (const auto& holder : held(place.place())) threads.push_back(holder.thread);
    EXPECT_THAT(threads, testing::UnorderedElementsAre(static_cast<std::uint32_t>(::gettid()), 0u))
        << "the tokens of a generation are one";
  }
  EXPECT_EQ(place.collect(), 0u);
}

TEST(cpp_bundle, shared_ones_outlive_the_pin) {
  bundle_on_disk disk(20);
  disk.change("a", bytes_of("old"));
  atomic_bundle place(bundle(disk.path()));
  bundle kept;
  {
    const pinned now(place);
    kept = bundle::share(now.get());
  }
  disk.change("a", bytes_of("new"));
  place.swap(bundle(disk.path()));
  EXPECT_EQ(place.collect(), 0u) << "the place has nothing to do with it any more";
  EXPECT_EQ(read_from(kept.get(), "a"), "old");
  EXPECT_EQ(bundle::share(nullptr).get(), nullptr);
}

TEST(cpp_bundle, describes_verifies_and_refers) {
  bundle_on_disk disk(300);
  const bundle before(disk.path());
  const auto about = describe(before.get());
  EXPECT_STREQ(about.channel, "main");
  EXPECT_EQ(about.assets, 300u);
  EXPECT_EQ(about.epoch, disk.epoch());
  EXPECT_EQ(about.sequence, disk.sequence());
  verify(before.get());
  disk.damage_next();
  disk.change("a", bytes_of("not this"));
  const bundle now(disk.path());
  EXPECT_EQ(code_of([&] { verify(now.get()); }), GRAPHITE_ERROR_CORRUPT);
  EXPECT_EQ(code_of([&] { verify(now.get(), before.get()); }), GRAPHITE_ERROR_CORRUPT);
  verify(now.get(), now.get());
  const auto listed = references(*find(before.get(), asset_name(1)));
  ASSERT_EQ(listed.size(), 300u);
  EXPECT_EQ(listed[2], 15u);
  EXPECT_TRUE(references(*find(before.get(), asset_name(2))).empty());
}

/// A followed folder that does not notice anything by itself: its file is never replaced.
follow_options exported_once(const bundle_on_disk& disk) {
  follow_options out;
  out.file = disk.exported();
  return out;
}

TEST(cpp_followed, reloads_by_hand_with_and_without_buffers) {
  bundle_on_disk disk(20);
  followed_bundle live(exported_once(disk));
  reload_buffers buffers(1 << 16, 64);
  EXPECT_EQ(buffers.get()->staging_size, std::size_t{1} << 16);
  EXPECT_EQ(buffers.get()->copy_size, 64u * 32);
  disk.change("a", bytes_of("one"));
  live.reload(disk.path(), buffers);
  EXPECT_EQ(shown_now(live, "a"), "one");
  EXPECT_EQ(buffers.get()->buffer_in_use, 0u);
  EXPECT_EQ(code_of([&] { live.reload(disk.path(), buffers); }), GRAPHITE_ERROR_STALE_EPOCH);
  EXPECT_EQ(buffers.get()->buffer_in_use, 0u) << "after an error, too";
  disk.change("a", bytes_of("two"));
  live.reload(disk.path());
  EXPECT_EQ(shown_now(live, "a"), "two");
  EXPECT_EQ(code_of([&] { live.reload("/nowhere"); }), GRAPHITE_ERROR_NOT_FOUND);
}

TEST(cpp_followed, has_a_descriptor_that_is_readable_while_there_is_news) {
  const bundle_on_disk disk(20);
  followed_bundle live(exported_once(disk));
  pollfd on{live.descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&on, 1, 0), 1);
  live.poll();
  EXPECT_EQ(::poll(&on, 1, 0), 0);
}

TEST(cpp_followed, callbacks_of_the_c_structure_are_not_taken_over) {
  const bundle_on_disk disk(20);
  auto options = exported_once(disk);
  options.config.callback = [](const graphite_bundle*, const graphite_bundle*, void*) {
    ADD_FAILURE() << "with user_data that is not the program's";
  };
  options.config.changes_callback = [](const graphite_changes*, void*) { ADD_FAILURE(); };
  followed_bundle live(std::move(options));
  live.poll();
}

TEST(cpp_followed, what_is_not_on_demand_cannot_be_fetched) {
  const bundle_on_disk disk(20);
  followed_bundle live(exported_once(disk));
  EXPECT_EQ(code_of([&] { live.fetch({1}); }), GRAPHITE_ERROR_UNSUPPORTED);
  EXPECT_TRUE(live.fetch_wait(id_named(asset_name(3)), 0)) << "it is here";
  EXPECT_EQ(code_of([&] { live.fetch_wait(id_named("absent"), 0); }), GRAPHITE_ERROR_NOT_FOUND);
}

TEST(cpp_handle, tells_its_asset_and_reads_without_exceptions) {
  bundle_on_disk disk(20);
  disk.change("a", bytes_of("one"));
  followed_bundle live(exported_once(disk));
  const asset_handle handle(live, "a");
  EXPECT_EQ(handle.id(), id_named("a"));
  view bytes;
  EXPECT_EQ(handle.read_into(bytes), GRAPHITE_SUCCESS);
  EXPECT_EQ(bytes.bytes(), "one");
  disk.remove("a");
  live.reload(disk.path());
  EXPECT_EQ(handle.read_into(bytes), GRAPHITE_ERROR_REMOVED);
  EXPECT_TRUE(bytes.bytes().empty()) << "what it had is given up";
}

TEST(cpp_view, gives_up_what_it_had_when_another_is_moved_into_it) {
  bundle_on_disk disk(20), other(20);
  view kept, second;
  const auto read_alone = [](const bundle_on_disk& from) {
    followed_bundle live(exported_once(from));
    return asset_handle(live, asset_name(3)).read();
  };
  kept = read_alone(disk);
  second = read_alone(other);
  ASSERT_GE(mappings_with(disk.path()), 1u);
  kept = std::move(second);
  EXPECT_EQ(mappings_with(disk.path()), 0u) << "at once, though `second` is still there";
  EXPECT_GE(mappings_with(other.path()), 1u);
}

// A bundle that is given up while others have it stays until the last of them lets it go, and is gone then.
TEST(schedule_cleanup, frees_with_the_last_reader) {
  bundle_on_disk disk(60), other(60);
  disk.change("a", bytes_of("kept"));
  graphite_bundle* mine = nullptr;
  ASSERT_EQ(graphite_bundle_open(disk.path().c_str(), &mine), GRAPHITE_SUCCESS);
  const auto mapped = mappings_with(disk.path());
  ASSERT_GE(mapped, 1u);
  {
    atomic_bundle place(bundle::share(mine));
    token late(place);
    std::optional<pinned> early(std::in_place, place);
    place.swap(bundle(other.path()));
    graphite_schedule_cleanup(mine);
    EXPECT_EQ(place.collect(), 1u);
    EXPECT_EQ(read_from(early->get(), "a"), "kept");
    early.reset();
    EXPECT_EQ(place.collect(), 1u);
    EXPECT_EQ(read_from(late.get(), "a"), "kept");
    EXPECT_GE(mappings_with(disk.path()), mapped);
    late = {};
    EXPECT_EQ(place.collect(), 0u);
    EXPECT_EQ(mappings_with(disk.path()), 0u) << "nobody has it any more";
  }
  graphite_schedule_cleanup(nullptr);
}

TEST(schedule_cleanup, frees_at_once_what_nobody_else_has) {
  const bundle_on_disk disk(60);
  graphite_bundle* mine = nullptr;
  ASSERT_EQ(graphite_bundle_open(disk.path().c_str(), &mine), GRAPHITE_SUCCESS);
  ASSERT_GE(mappings_with(disk.path()), 1u);
  graphite_schedule_cleanup(mine);
  EXPECT_EQ(mappings_with(disk.path()), 0u);
}

}  // namespace
}  // namespace graphite
