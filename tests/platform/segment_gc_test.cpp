#include <set>
#include <thread>

#include "tests/platform/store_support.hpp"

namespace graphite {
namespace {

using test::make_content;
using test::store_fixture;

class segment_gc_test : public store_fixture {
 protected:
  /// Segments of two contents of 400 kB each; the last two contents lie in the open one.
  void fill(int count) {
    open();
    for (int i = 0; i < count; ++i) put(all_.emplace_back(make_content(i, 400'000)));
    ASSERT_TRUE(store_->sync());
  }
  gc_step collect(const std::vector<int>& live, const std::function<bool(segment_id)>& pinned = {}) {
    store_->begin_gc();
    for (int i : live) store_->mark({&all_[i].ref.id, 1});
    return finish(pinned);
  }
  gc_step finish(const std::function<bool(segment_id)>& pinned = {}) {
    gc_step total;
    for (bool more = true; more;) {
      auto step = store_->gc_step(pinned);
      EXPECT_TRUE(step) << step.error().context;
      if (!step) break;
      more = step->more;
      total.freed_bytes += step->freed_bytes;
      std::ranges::copy(step->unlinked, std::back_inserter(total.unlinked));
      std::ranges::copy(step->moved, std::back_inserter(total.moved));
    }
    return total;
  }
  bool file_exists(std::uint32_t id) { return std::filesystem::exists(store_->segment_path(segment_id{id})); }

  std::vector<test::sample_content> all_;
};

TEST_F(segment_gc_test, a_segment_without_live_contents_goes_and_the_rest_stays) {
  fill(6);
  const auto done = collect({2, 3, 4, 5});
  EXPECT_EQ(done.unlinked, std::vector{segment_id{1}});
  EXPECT_GE(done.freed_bytes, 800'000u);
  EXPECT_FALSE(file_exists(1));
  EXPECT_FALSE(knows(all_[0]));
  for (int i : {2, 3, 4, 5}) EXPECT_TRUE(readable(all_[i]));
  rows_.lose_unsynced();
  open();
  EXPECT_TRUE(store_->lost().empty());
  EXPECT_FALSE(knows(all_[1]));
  for (int i : {2, 3, 4, 5}) EXPECT_TRUE(readable(all_[i]));
}

TEST_F(segment_gc_test, open_mappings_outlive_the_file) {
  fill(4);
  auto view = store_->map(all_[0].ref.id);
  ASSERT_TRUE(view);
  collect({2, 3});
  EXPECT_FALSE(file_exists(1));
  EXPECT_TRUE(std::ranges::equal(view->bytes, all_[0].bytes));
}

TEST_F(segment_gc_test, a_segment_with_a_quarter_live_stays) {
  fill(4);
  EXPECT_TRUE(collect({0, 2, 3}).unlinked.empty());
  EXPECT_TRUE(readable(all_[0]) && readable(all_[1]));
}

TEST_F(segment_gc_test, a_segment_below_a_quarter_is_copied_out) {
  open();
  put(all_.emplace_back(make_content(0, 3'000)));
  put(all_.emplace_back(make_content(1, 100'000)));
  put(all_.emplace_back(make_content(2, 700'000)));
  put(all_.emplace_back(make_content(3, 400'000)));
  ASSERT_TRUE(store_->sync());
  const auto done = collect({0, 1, 3});
  ASSERT_EQ(done.moved.size(), 2u);
  EXPECT_EQ(done.unlinked, std::vector{segment_id{1}});
  EXPECT_TRUE(readable(all_[0]) && readable(all_[1]) && readable(all_[3]));
  EXPECT_FALSE(knows(all_[2]));
  rows_.lose_unsynced();
  open();
  EXPECT_TRUE(readable(all_[0]) && readable(all_[1]) && readable(all_[3]));
}

TEST_F(segment_gc_test, pages_that_point_into_a_segment_keep_its_file_and_one_is_copied_at_a_time) {
  open();
  for (int i = 0; i < 3; ++i) {
    put(all_.emplace_back(make_content(10 * i, 100'000)));
    put(all_.emplace_back(make_content(10 * i + 1, 700'000)));
    put(all_.emplace_back(make_content(10 * i + 2, 200'000)));
  }
  ASSERT_TRUE(store_->sync());
  const auto done = collect({0, 3, 6}, [](segment_id) { return true; });
  EXPECT_TRUE(done.unlinked.empty());
  EXPECT_EQ(done.moved.size(), 1u);
  EXPECT_TRUE(file_exists(1));
  const auto later = collect({0, 3, 6});
  EXPECT_FALSE(file_exists(1));
  for (int i : {0, 3, 6}) EXPECT_TRUE(readable(all_[i]));
}

TEST_F(segment_gc_test, segments_go_in_the_same_round_once_no_page_points_into_them) {
  open();
  for (int i = 0; i < 3; ++i) {
    put(all_.emplace_back(make_content(10 * i, 100'000)));
    put(all_.emplace_back(make_content(10 * i + 1, 700'000)));
    put(all_.emplace_back(make_content(10 * i + 2, 200'000)));
  }
  put(all_.emplace_back(make_content(100, 400'000)));
  ASSERT_TRUE(store_->sync());
  std::set<std::uint32_t> pinned{1, 2, 3};
  const auto is_pinned = [&](segment_id id) { return pinned.contains(id.value); };
  auto done = collect({3, 6, 9}, is_pinned);  // the first is dead, the others have little left
  EXPECT_TRUE(done.unlinked.empty());
  ASSERT_EQ(store_->gc_pinned().size(), 1u);
  EXPECT_EQ(store_->gc_pinned()[0].first, segment_id{1});
  EXPECT_GE(store_->gc_pinned()[0].second, 1'000'000u);
  put(all_[1]);  // comes back to life
  pinned = {2, 3};
  ASSERT_TRUE(store_->gc_again());
  done = finish(is_pinned);
  EXPECT_TRUE(readable(all_[1])) << "stored again during the round";
  pinned.clear();
  while (store_->gc_again()) finish(is_pinned);
  EXPECT_FALSE(file_exists(2));
  for (int i : {1, 3, 6, 9}) EXPECT_TRUE(readable(all_[i])) << i;
  store_->end_gc();
  EXPECT_FALSE(store_->gc_again());
}

TEST_F(segment_gc_test, the_segment_that_is_appended_to_can_be_ended_and_collected) {
  open();
  put(all_.emplace_back(make_content(0, 300'000)));
  put(all_.emplace_back(make_content(1, 300'000)));
  store_->begin_gc();
  ASSERT_TRUE(store_->end_segment(1 << 20)) << "too small to be ended";
  EXPECT_TRUE(finish().unlinked.empty());
  store_->begin_gc();
  ASSERT_TRUE(store_->end_segment(500'000));
  put(all_.emplace_back(make_content(2, 300'000)));
  EXPECT_EQ(finish().unlinked, std::vector{segment_id{1}});
  EXPECT_FALSE(knows(all_[0]));
  EXPECT_TRUE(readable(all_[2]));
  open();
  EXPECT_TRUE(readable(all_[2]));
  EXPECT_TRUE(store_->lost().empty());
}

TEST_F(segment_gc_test, pinned_contents_stay_until_the_pin_is_dropped) {
  fill(4);
  auto pin = store_->pin({all_[0].ref.id, all_[1].ref.id});
  auto second = store_->pin({all_[0].ref.id, all_[1].ref.id});
  EXPECT_TRUE(collect({2, 3}).unlinked.empty());
  pin.reset();
  EXPECT_TRUE(collect({2, 3}).unlinked.empty());
  second.reset();
  EXPECT_EQ(collect({2, 3}).unlinked.size(), 1u);
}

TEST_F(segment_gc_test, what_is_found_or_stored_during_a_round_stays) {
  fill(4);
  store_->begin_gc();
  EXPECT_TRUE(knows(all_[0]));
  put(all_[1]);
  EXPECT_TRUE(finish().unlinked.empty());
  EXPECT_TRUE(readable(all_[0]) && readable(all_[1]));
}

TEST_F(segment_gc_test, contents_stored_again_after_collection_are_whole) {
  fill(4);
  collect({});
  for (const auto& content : all_) put(content);
  ASSERT_TRUE(store_->sync());
  for (const auto& content : all_) EXPECT_TRUE(readable(content));
}

TEST_F(segment_gc_test, a_damaged_header_does_not_make_what_follows_it_dead) {
  fill(6);
  const auto path = only_segment();
  store_.reset();
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  {
    std::FILE* file = std::fopen(path.c_str(), "r+b");
    std::fseek(file, 64 + 8, SEEK_SET);
    std::fputc('!', file);
    std::fclose(file);
  }
  open();
  EXPECT_TRUE(collect({1, 2, 3, 4, 5}).unlinked.empty());
  EXPECT_TRUE(readable(all_[1]));
}

TEST_F(segment_gc_test, rows_that_cannot_be_erased_leave_all_as_it_was) {
  fill(4);
  store_->begin_gc();
  for (int i : {2, 3}) store_->mark({&all_[i].ref.id, 1});
  rows_.options().fail_writes = errc::out_of_space;
  EXPECT_EQ(store_->gc_step({}).error().code, errc::out_of_space);
  rows_.options().fail_writes.reset();
  EXPECT_TRUE(file_exists(1));
  EXPECT_TRUE(readable(all_[0]));
}

TEST_F(segment_gc_test, storing_and_collecting_side_by_side_loses_nothing_that_was_asked_for) {
  fill(10);
  std::vector<test::sample_content> fresh;
  std::thread writer([&] {
    for (int i = 0; i < 60; ++i) {
      put(all_[i % 10]);  // asked for again: must be readable from now on until the next round
      put(fresh.emplace_back(make_content(1000 + i, 50'000)));
      if (i % 7 == 0) {
        EXPECT_TRUE(store_->sync());
      }
    }
  });
  for (int round = 0; round < 5; ++round) {
    store_->begin_gc();
    finish();
  }
  writer.join();
  std::vector<digest> kept;
  for (const auto& content : all_) kept.push_back(put(content).ref.id);
  auto pin = store_->pin(kept);
  store_->begin_gc();
  finish();
  for (const auto& content : all_) EXPECT_TRUE(readable(content));
}

// The wrong one would lose what somebody reads, or is writing.
TEST_F(segment_gc_test, only_a_place_that_a_dropped_writer_kept_is_given_back) {
  open();
  const auto live = make_content(1, 300'000), cut_off = make_content(2, 2'000'000);
  const auto where = *put(live).where;
  auto writer = *store_->begin(cut_off.bytes.size());
  const auto kept = *writer->keep_cut_off(true);
  ASSERT_TRUE(writer->append(byte_span(cut_off.bytes).first(1'500'000)));
  ASSERT_TRUE(store_->discard(where));
  ASSERT_TRUE(store_->discard(kept));
  byte_vector read(1'500'000);
  ASSERT_TRUE(writer->read(0, read));
  EXPECT_TRUE(std::equal(read.begin(), read.end(), cut_off.bytes.begin())) << "it is being written";
  EXPECT_TRUE(readable(live));
  const auto blocks = [&] {
    struct stat info {};
    EXPECT_EQ(::stat(store_->segment_path(kept.segment).c_str(), &info), 0);
    return static_cast<std::uint64_t>(info.st_blocks) * 512;
  };
  writer.reset();
  const auto before = blocks();
  ASSERT_TRUE(store_->discard({kept.segment, kept.offset, kept.length - 1}));
  ASSERT_TRUE(store_->discard({segment_id{77}, kept.offset, kept.length}));
  EXPECT_EQ(blocks(), before);
  ASSERT_TRUE(store_->discard(kept));
  EXPECT_LE(blocks() + 1'900'000, before);
  EXPECT_TRUE(readable(live));
  ASSERT_TRUE(store_->sync());
  open();
  EXPECT_TRUE(readable(live));
}

}  // namespace
}  // namespace graphite
