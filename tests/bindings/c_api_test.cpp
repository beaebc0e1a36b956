#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "bindings/c/graphite.hpp"
#include "tests/bindings/bundle_on_disk.hpp"

namespace graphite {
namespace {

using namespace test;

std::string text(const byte_vector& bytes) { return std::string(as_text(bytes)); }

std::string shown(const graphite_bundle* in, const std::string& name) {
  const auto asset = find(in, name);
  return asset ? std::string(part(in, *asset)) : "absent";
}

graphite_result open_result(const std::string& path) {
  graphite_bundle* out = nullptr;
  const auto result = graphite_bundle_open(path.c_str(), &out);
  graphite_bundle_close(out);
  return result;
}

TEST(c_api, reads_a_folder_and_an_exported_file) {
  const bundle_on_disk disk(300);
  for (const auto& path : {disk.path(), disk.exported()}) {
    const bundle opened(path);
    graphite_bundle_info info;
    graphite_bundle_describe(opened.get(), &info);
    EXPECT_STREQ(info.channel, "main");
    EXPECT_EQ(info.assets, 300u);
    for (const std::size_t i : {0u, 1u, 13u, 17u, 299u}) {
      const auto asset = find(opened.get(), asset_name(i));
      ASSERT_TRUE(asset) << i;
      EXPECT_EQ(std::string_view(asset->path, asset->path_length), asset_name(i));
      EXPECT_EQ(part(opened.get(), *asset), as_text(bundle_on_disk::bytes_of(i))) << path << i;
      EXPECT_EQ(asset->reference_count, i == 1 ? 300u : 0u);
      graphite_part beyond;
      EXPECT_EQ(graphite_asset_part(opened.get(), &*asset, 1, &beyond), GRAPHITE_ERROR_NOT_FOUND);
    }
    const auto referring = *find(opened.get(), asset_name(1));
    EXPECT_EQ(graphite_asset_reference(&referring, 2), 15u);
    EXPECT_EQ(graphite_asset_reference(&referring, 300), 0u);
    EXPECT_FALSE(find(opened.get(), "no/such.png"));
    EXPECT_EQ(graphite_bundle_verify(opened.get(), nullptr), GRAPHITE_SUCCESS);
  }
}

TEST(c_api, lists_all_assets) {
  const bundle_on_disk disk(300);
  const bundle opened(disk.path());
  const auto ids = assets(opened.get());
  ASSERT_EQ(ids.size(), 300u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
  for (const auto id : ids) EXPECT_TRUE(find(opened.get(), id));
  std::uint64_t first[2] = {};
  std::size_t count = 0;
  ASSERT_EQ(graphite_bundle_assets(opened.get(), first, 2, &count), GRAPHITE_SUCCESS);
  EXPECT_EQ(count, 300u) << "all of them, though two have room";
  EXPECT_EQ(std::vector(first, first + 2), std::vector(ids.begin(), ids.begin() + 2));
  EXPECT_EQ(graphite_bundle_assets(nullptr, nullptr, 0, &count), GRAPHITE_ERROR_INVALID_ARGUMENT);
}

TEST(c_api, errors_have_a_code_and_a_text) {
  EXPECT_EQ(open_result("/no/such/bundle"), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_NE(std::string(graphite_last_error()).find("/no/such/bundle"), std::string::npos);
  EXPECT_STREQ(graphite_result_name(GRAPHITE_ERROR_NOT_FOUND), "not_found");
  EXPECT_STREQ(graphite_result_name(static_cast<graphite_result>(999)), "unknown");
  EXPECT_EQ(graphite_bundle_open(nullptr, nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
  const bundle_on_disk disk(20);
  std::filesystem::resize_file(disk.path() + "/head", 500);
  EXPECT_EQ(open_result(disk.path()), GRAPHITE_ERROR_CORRUPT);
  EXPECT_EQ(open_result(disk.path() + "/pages-00000003"), GRAPHITE_ERROR_CORRUPT);
  EXPECT_THROW(bundle(disk.path()), failure);
}

TEST(c_api, a_part_whose_segment_is_cut_off_is_an_error_and_no_signal) {
  const bundle_on_disk disk(100);
  std::filesystem::resize_file(disk.path() + "/segment-00000005", 4096);
  const bundle opened(disk.path());
  const auto asset = *find(opened.get(), asset_name(99));
  graphite_part out;
  EXPECT_EQ(graphite_asset_part(opened.get(), &asset, 0, &out), GRAPHITE_ERROR_CORRUPT);
}

TEST(c_api, damaged_contents_are_found_by_verify) {
  const bundle_on_disk disk(100);
  const bundle opened(disk.path());
  ASSERT_EQ(graphite_bundle_verify(opened.get(), nullptr), GRAPHITE_SUCCESS);
  std::fstream file(disk.path() + "/segment-00000005", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(200);  // in the data of the second record
  file.put('\x7f');
  file.close();
  EXPECT_EQ(graphite_bundle_verify(opened.get(), nullptr), GRAPHITE_ERROR_CORRUPT);
  EXPECT_EQ(graphite_bundle_verify(opened.get(), opened.get()), GRAPHITE_SUCCESS) << "nothing differs";
}

TEST(c_api, a_swap_leaves_readers_what_they_have) {
  bundle_on_disk disk(100);
  atomic_bundle place(bundle(disk.path()));
  const auto name = asset_name(7);
  const auto before = text(bundle_on_disk::bytes_of(7)), after = text(random_bytes(5000, 9));
  {
    const pinned old(place);
    EXPECT_EQ(old.version(), 1u);
    disk.change(name, as_bytes(std::string_view(after)));
    disk.remove(asset_name(8));
    place.swap(bundle(disk.path()));
    const pinned inner(place);
    EXPECT_EQ(inner.get(), old.get()) << "pins of a thread nest";
    EXPECT_EQ(shown(old.get(), name), before);
    std::thread([&] {
      const pinned now(place);
      EXPECT_EQ(now.version(), 2u);
      EXPECT_EQ(shown(now.get(), name), after);
      EXPECT_EQ(shown(now.get(), asset_name(8)), "absent");
    }).join();
    EXPECT_EQ(place.collect(), 1u);
  }
  EXPECT_EQ(place.collect(), 0u);
  uint64_t version = 0;
  EXPECT_EQ(shown(graphite_acquire_reader(&place.place(), &version), name), after);
  EXPECT_EQ(version, 2u);
  graphite_release_reader(&place.place());
}

TEST(c_api, calls_and_inline_pins_share_a_slot) {
  const bundle_on_disk disk(20);
  atomic_bundle place(bundle(disk.path()));
  const pinned outer(place);
  place.swap(bundle(disk.path()));
  EXPECT_EQ(graphite_acquire_reader(&place.place(), nullptr), outer.get());
  graphite_release_reader(&place.place());
  EXPECT_EQ(place.collect(), 1u) << "the outer pin is still there";
}

TEST(c_api, nothing_is_current_before_the_first_swap) {
  const bundle_on_disk disk(20);
  atomic_bundle place;
  EXPECT_EQ(pinned(place).get(), nullptr);
  graphite_pin token;
  EXPECT_EQ(graphite_reader_pin(&place.place(), &token), GRAPHITE_ERROR_NOT_FOUND);
  graphite_reader_unpin(&token);
  place.swap(bundle(disk.path()));
  EXPECT_EQ(pinned(place).version(), 1u);
}

TEST(c_api, a_token_is_given_up_in_another_thread_and_is_reported_till_then) {
  bundle_on_disk disk(20);
  atomic_bundle place(bundle(disk.path()));
  graphite_pin token;
  ASSERT_EQ(graphite_reader_pin(&place.place(), &token), GRAPHITE_SUCCESS);
  disk.change(asset_name(3), as_bytes(std::string_view("new")));
  place.swap(bundle(disk.path()));
  graphite_held held;
  ASSERT_EQ(graphite_atomic_bundle_held(&place.place(), &held, 1), 1u);
  EXPECT_EQ(held.version, 1u);
  EXPECT_EQ(held.thread, 0u);
  std::thread([&] {
    EXPECT_EQ(shown(token.bundle, asset_name(3)), text(bundle_on_disk::bytes_of(3)));
    graphite_reader_unpin(&token);
    graphite_reader_unpin(&token);  // does nothing
  }).join();
  EXPECT_EQ(place.collect(), 0u);
}

TEST(c_api, a_thread_that_ends_with_a_pin_gives_it_up) {
  const bundle_on_disk disk(20);
  atomic_bundle place(bundle(disk.path()));
  std::thread([&] { graphite_acquire_reader(&place.place(), nullptr); }).join();
  place.swap(bundle(disk.path()));
  EXPECT_EQ(place.collect(), 0u);
}

TEST(c_api, ten_thousand_threads_read) {
  const bundle_on_disk disk(50);
  atomic_bundle place(bundle(disk.path()));
  std::atomic<int> good{0};
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 500; ++i)
      threads.emplace_back([&] {
        const pinned now(place);
        if (shown(now.get(), asset_name(5)) == text(bundle_on_disk::bytes_of(5))) good.fetch_add(1);
      });
    place.swap(bundle(disk.path()));
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(good, 10'000);
  EXPECT_EQ(place.collect(), 0u);
}

TEST(c_api, a_child_of_fork_reads_on_and_forgets_the_other_threads) {
  const bundle_on_disk disk(50);
  atomic_bundle place(bundle(disk.path()));
  std::atomic<bool> pinned_there{false}, done{false};
  std::thread other([&] {
    const pinned held(place);
    pinned_there.store(true);
    while (!done.load()) std::this_thread::yield();
  });
  while (!pinned_there.load()) std::this_thread::yield();
  const pinned mine(place);
  const pid_t child = ::fork();
  if (child == 0) {
    place.swap(bundle(disk.path()));
    bool good = place.collect() == 1;  // what this thread has
    good = good && shown(mine.get(), asset_name(5)) == text(bundle_on_disk::bytes_of(5));
    graphite_release_reader(&place.place());  // of `mine`
    good = good && place.collect() == 0 && pinned(place).version() == 2;
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  done.store(true);
  other.join();
  EXPECT_EQ(status, 0);
}

TEST(c_api, readers_at_full_speed_read_whole_generations_over_many_swaps) {
  // Each generation says in every asset which one it is, and is opened for one swap only: so what is not read
  // any more is freed, 10,000 times.
  constexpr int assets = 8, kinds = 6, swaps = 10'000;
  std::vector<std::unique_ptr<bundle_on_disk>> disks;
  for (int kind = 0; kind < kinds; ++kind) {
    disks.push_back(std::make_unique<bundle_on_disk>(20));
    for (int i = 0; i < assets; ++i)
      disks.back()->change(fmt::format("set/{}.txt", i),
                           as_bytes(std::string_view("abcdef").substr(kind, 1)));
  }
  const auto opened = [&](int i) { return bundle(disks[static_cast<std::size_t>(i % kinds)]->path()); };
  atomic_bundle place(opened(0));
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> mixed{0}, reads{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r)
    readers.emplace_back([&] {
      std::uint64_t mine = 0;
      for (; !done.load(std::memory_order_relaxed); ++mine) {
        const pinned now(place);
        const char wanted = "abcdef"[(now.version() - 1) % kinds];
        for (int i = 0; i < assets; ++i)
          if (shown(now.get(), fmt::format("set/{}.txt", i)) != std::string(1, wanted)) mixed.fetch_add(1);
      }
      reads.fetch_add(mine);
    });
#if defined(__SANITIZE_THREAD__)
  constexpr int opened_again = 10;  // each takes its time there
#else
  constexpr int opened_again = 1;
#endif
  std::vector<bundle> kept;
  for (int kind = 0; kind < kinds; ++kind) kept.push_back(opened(kind));
  for (int i = 1; i <= swaps; ++i)
    place.swap(i % opened_again == 0 ? opened(i) : kept[static_cast<std::size_t>(i % kinds)]);
  done.store(true);
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(mixed, 0u);
  EXPECT_GT(reads, 0u);
  EXPECT_EQ(place.collect(), 0u);
}

}  // namespace
}  // namespace graphite
