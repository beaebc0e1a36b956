#include "platform/store/segment_store.hpp"

#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "platform/linux/durable_file.hpp"
#include "platform/store/index_row.hpp"
#include "tests/platform/store_support.hpp"
#include "tests/support/small_mount.hpp"

namespace graphite {
namespace {

using test::make_content;
using test::store_fixture;

class segment_store_test : public store_fixture {};

TEST_F(segment_store_test, contents_of_all_sizes_come_back_as_they_were) {
  open();
  std::vector<test::sample_content> all;
  for (std::size_t size : {0, 1, 63, 64, 65, 4095, 4096, 4097, 65536, 65537, 300'000, 900'000, 3'000'000})
    all.push_back(make_content(size, size));
  for (const auto& content : all) {
    const auto stored = put(content);
    ASSERT_TRUE(stored.where);
    EXPECT_EQ(stored.where->offset % (content.bytes.size() >= 4096 ? 4096 : 64), 0u);
    EXPECT_TRUE(readable(content)) << content.bytes.size();
  }
  ASSERT_TRUE(store_->sync());
  for (const auto& content : all) EXPECT_TRUE(readable(content)) << content.bytes.size();
  open();
  for (const auto& content : all) EXPECT_TRUE(readable(content)) << content.bytes.size();
}

TEST_F(segment_store_test, equal_content_is_stored_once) {
  open();
  const auto content = make_content(1, 100'000);
  const auto first = put(content);
  EXPECT_EQ(put(content).where, first.where);
  ASSERT_TRUE(store_->sync());
  EXPECT_EQ(put(content).where, first.where);
  open();
  EXPECT_EQ(put(content).where, first.where);
}

TEST_F(segment_store_test, a_list_that_does_not_fit_the_bytes_is_refused) {
  open();
  const auto content = make_content(1, 100'000);
  EXPECT_EQ(store_->put(byte_span(content.bytes).first(99'999), content.chunks).error().code,
            errc::invalid_argument);
  EXPECT_FALSE(knows(content));
}

TEST_F(segment_store_test, reads_outside_a_content_are_refused) {
  open();
  const auto content = make_content(1, 1000);
  put(content);
  byte_vector out(10);
  EXPECT_TRUE(store_->read(content.ref.id, 990, out));
  EXPECT_EQ(store_->read(content.ref.id, 991, out).error().code, errc::corrupt);
  EXPECT_EQ(store_->read(content.ref.id, ~std::uint64_t{0}, out).error().code, errc::corrupt);
  EXPECT_EQ(store_->read(make_content(2, 10).ref.id, 0, out).error().code, errc::not_found);
}

TEST_F(segment_store_test, a_writer_takes_slices_and_shows_nothing_before_its_commit) {
  open();
  for (std::size_t size : {0, 100, 5000, 2'000'000}) {
    const auto content = make_content(size + 7, size);
    auto writer = store_->begin(size);
    ASSERT_TRUE(writer);
    for (std::size_t at = 0; at < size; at += 70'000)
      ASSERT_TRUE(
          (*writer)->append(byte_span(content.bytes).subspan(at, std::min<std::size_t>(70'000, size - at))));
    EXPECT_FALSE(knows(content));
    EXPECT_EQ((*writer)->append(as_bytes("x")).error().code, errc::invalid_argument);
    ASSERT_TRUE((*writer)->commit(content.chunks));
    EXPECT_TRUE(readable(content));
  }
}

TEST_F(segment_store_test, a_writer_reads_what_it_has_appended) {
  open();
  const auto content = make_content(1, 300'000);
  auto writer = store_->begin(content.bytes.size());
  ASSERT_TRUE((*writer)->append(byte_span(content.bytes).first(200'000)));
  byte_vector out(50'000);
  ASSERT_TRUE((*writer)->read(150'000, out));
  EXPECT_TRUE(std::equal(out.begin(), out.end(), content.bytes.begin() + 150'000));
  EXPECT_EQ((*writer)->read(150'001, out).error().code, errc::invalid_argument);
  EXPECT_EQ((*writer)->read(~std::uint64_t{0}, out).error().code, errc::invalid_argument);
}

TEST_F(segment_store_test, a_writer_that_is_dropped_leaves_nothing) {
  open();
  const auto content = make_content(1, 2'000'000);
  {
    auto writer = store_->begin(content.bytes.size());
    ASSERT_TRUE((*writer)->append(content.bytes));
    EXPECT_EQ((*writer)->commit(make_content(2, 10).chunks).error().code, errc::invalid_argument);
  }
  EXPECT_FALSE(knows(content));
  EXPECT_EQ(store_->usage().segments, 0u) << "its own file is gone";
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "segments"));
}

TEST_F(segment_store_test, a_fold_seals_full_segments_read_only) {
  open();
  std::vector<test::sample_content> all;
  for (int i = 0; i < 5; ++i) put(all.emplace_back(make_content(i, 400'000)));
  ASSERT_TRUE(store_->fold());
  struct stat info {};
  ASSERT_EQ(::stat(only_segment().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0444u);
  EXPECT_EQ(store_->usage().segments, 3u) << "the one that was made ahead is not counted";
  open();
  for (const auto& content : all) EXPECT_TRUE(readable(content));
}

TEST_F(segment_store_test, the_segment_made_ahead_is_the_next_one_after_a_restart_too) {
  open();
  const auto first = make_content(1, 800'000), second = make_content(2, 800'000);
  put(first);
  ASSERT_TRUE(store_->fold());
  ASSERT_TRUE(std::filesystem::exists(store_->segment_path(segment_id{2})));
  EXPECT_EQ(store_->usage().segments, 1u);
  open();
  put(second);
  ASSERT_TRUE(store_->sync());
  EXPECT_EQ(store_->find(second.ref.id)->value().where->segment, segment_id{2});
  EXPECT_FALSE(std::filesystem::exists(store_->segment_path(segment_id{3})));
}

TEST_F(segment_store_test, no_more_of_the_disk_is_reserved_than_may_be) {
  std::uint64_t seed = 0;
  for (const std::uint64_t reserved : {0, 64 << 10}) {
    auto some = options();
    some.folder = folder_ / std::to_string(reserved);
    some.reserve_bytes_max = reserved;
    for (int start = 0; start < 2; ++start) {
      open(some);
      for (int i = 0; i < 8; ++i) {
        const auto stored = put(make_content(++seed, 20'000));
        struct stat info {};
        ASSERT_EQ(::stat(store_->segment_path(stored.where->segment).c_str(), &info), 0);
        const auto taken = static_cast<std::uint64_t>(info.st_blocks) * 512;
        EXPECT_LE(taken, static_cast<std::uint64_t>(info.st_size) + reserved + 4096) << i;
      }
    }
  }
}

TEST_F(segment_store_test, a_segment_made_ahead_and_removed_is_not_written_to) {
  open();
  const auto first = make_content(1, 800'000), second = make_content(2, 800'000);
  put(first);
  ASSERT_TRUE(store_->fold());
  ASSERT_TRUE(std::filesystem::remove(store_->segment_path(segment_id{2})));
  put(second);
  ASSERT_TRUE(store_->sync());
  EXPECT_TRUE(
      std::filesystem::exists(store_->segment_path(store_->find(second.ref.id)->value().where->segment)));
  EXPECT_TRUE(readable(second));
  open();
  EXPECT_TRUE(readable(second));
  EXPECT_TRUE(store_->lost().empty());
}

TEST_F(segment_store_test, writers_side_by_side_do_not_mix) {
  open();
  std::vector<std::vector<test::sample_content>> all(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 30; ++i) {
        put(all[t].emplace_back(make_content(t * 100 + i % 25, 1000 * (i + 1))));
        if (i % 5 == 0) {
          EXPECT_TRUE(store_->sync());
        }
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& one : all)
    for (const auto& content : one) EXPECT_TRUE(readable(content));
  ASSERT_TRUE(store_->sync());
  rows_.lose_unsynced();
  open();
  for (const auto& one : all)
    for (const auto& content : one) EXPECT_TRUE(readable(content));
}

TEST_F(segment_store_test, synced_contents_survive_the_loss_of_their_rows) {
  open();
  std::vector<test::sample_content> all;
  for (int i = 0; i < 8; ++i) put(all.emplace_back(make_content(i, 100 + i * 60'000)));
  ASSERT_TRUE(store_->sync());
  store_.reset();
  rows_.lose_unsynced();
  open();
  EXPECT_TRUE(store_->lost().empty());
  for (const auto& content : all) EXPECT_TRUE(readable(content));
  put(all.emplace_back(make_content(99, 5000)));
  for (const auto& content : all) EXPECT_TRUE(readable(content));
}

TEST_F(segment_store_test, a_torn_tail_is_dropped_and_written_over) {
  for (const std::uint64_t cut : {1, 63, 64, 100, 4096, 5000, 40'000, 40'063}) {
    std::filesystem::remove_all(folder_ / "segments");
    store_.reset();
    rows_.~memory_key_value_store();
    new (&rows_) memory_key_value_store();
    open();
    const auto whole = make_content(1, 50'000), torn = make_content(2, 40'000);
    put(whole);
    ASSERT_TRUE(store_->sync());
    put(torn);
    const auto path = only_segment();
    store_.reset();
    rows_.lose_unsynced();
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - cut);
    open();
    EXPECT_TRUE(readable(whole)) << cut;
    EXPECT_FALSE(knows(torn)) << cut;
    const auto next = make_content(3, 30'000);
    put(next);
    put(torn);
    ASSERT_TRUE(store_->sync());
    open();
    EXPECT_TRUE(readable(whole) && readable(torn) && readable(next)) << cut;
  }
}

TEST_F(segment_store_test, a_flipped_byte_behind_the_mark_hides_at_most_its_own_content) {
  open();
  const auto first = make_content(1, 320), second = make_content(2, 320), third = make_content(3, 320);
  put(first), put(second), put(third);
  ASSERT_TRUE(store_->sync());
  const auto path = only_segment();
  store_.reset();
  std::ifstream in(path, std::ios::binary);
  const std::string image((std::istreambuf_iterator<char>(in)), {});
  for (std::size_t at = 0; at < image.size(); at += 7) {
    auto damaged = image;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x5a);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << damaged;
    memory_key_value_store fresh;
    auto opened = segment_store::open(options(), fresh, hash_, log_);
    ASSERT_TRUE(opened) << at;
    int found = 0;
    for (const auto* content : {&first, &second, &third}) {
      auto known = (*opened)->find(content->ref.id);
      ASSERT_TRUE(known) << at;
      if (!*known) continue;
      ++found;
      byte_vector copy(content->bytes.size());
      ASSERT_TRUE((*opened)->read(content->ref.id, 0, copy)) << at;
      EXPECT_EQ(copy, content->bytes) << at;
    }
    EXPECT_LT(found, 3) << "the damage at " << at << " must show";
    opened->reset();
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    for (const auto& one : std::filesystem::directory_iterator(folder_ / "segments"))
      if (one.path() != path) std::filesystem::remove(one.path());
  }
}

TEST_F(segment_store_test, a_file_of_another_store_is_not_taken_in) {
  open();
  put(make_content(1, 1000));
  ASSERT_TRUE(store_->sync());
  const auto path = only_segment();
  store_.reset();
  memory_key_value_store others;
  auto foreign = options();
  foreign.folder = folder_ / "other";
  segment_store::open(foreign, others, hash_, log_)
      .value()
      ->put(make_content(2, 500).bytes, make_content(2, 500).chunks)
      .value();
  std::filesystem::copy(folder_ / "other/segment-00000001", folder_ / "segments/segment-00000007");
  open();
  EXPECT_FALSE(knows(make_content(2, 500)));
  EXPECT_TRUE(readable(make_content(1, 1000)));
  EXPECT_EQ(store_->lost().size(), 1u);
}

TEST_F(segment_store_test, lost_rows_are_made_again_from_the_segments) {
  open();
  std::vector<test::sample_content> all;
  for (int i = 0; i < 5; ++i) put(all.emplace_back(make_content(i, 400'000)));
  ASSERT_TRUE(store_->sync());
  store_.reset();
  memory_key_value_store fresh;
  auto again = segment_store::open(options(), fresh, hash_, log_);
  ASSERT_TRUE(again);
  for (const auto& content : all) EXPECT_TRUE((*again)->find(content.ref.id)->has_value());
}

TEST_F(segment_store_test, held_contents_are_readable_and_fold_gives_them_a_place) {
  open();
  const auto small = make_content(1, 2000), stored = make_content(2, 2000);
  put(stored);
  EXPECT_FALSE(store_->hold(small.bytes, small.chunks)->where);
  EXPECT_TRUE(store_->hold(stored.bytes, stored.chunks)->where) << "known already";
  EXPECT_TRUE(readable(small));
  EXPECT_FALSE((*store_->find(small.ref.id))->where);
  EXPECT_EQ(store_->usage().held_bytes, 2000u);
  ASSERT_TRUE(store_->fold());
  EXPECT_TRUE((*store_->find(small.ref.id))->where);
  EXPECT_TRUE(readable(small));
  EXPECT_EQ(store_->usage().held_bytes, 0u);
  open();
  EXPECT_TRUE(readable(small));
}

TEST_F(segment_store_test, holding_is_bounded) {
  auto few = options();
  few.held_bytes_max = 3000;
  open(few);
  const auto first = make_content(1, 2000), second = make_content(2, 2000), big = make_content(3, 40'000);
  EXPECT_TRUE(store_->hold(first.bytes, first.chunks));
  EXPECT_EQ(store_->hold(second.bytes, second.chunks).error().code, errc::busy);
  EXPECT_EQ(store_->hold(big.bytes, big.chunks).error().code, errc::too_large);
  ASSERT_TRUE(store_->fold());
  EXPECT_TRUE(store_->hold(second.bytes, second.chunks));
}

TEST_F(segment_store_test, a_full_disk_refuses_shows_nothing_half_and_recovers) {
  test::small_mount disk(6 << 20);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs is not permitted here";
  auto small = options();
  small.folder = disk.path() + "/segments";
  open(small);
  std::vector<test::sample_content> good;
  auto last = make_content(0, 0);
  result<stored_content> outcome;
  for (int i = 1; i < 100; ++i) {
    last = make_content(i, 150'000);
    outcome = store_->put(last.bytes, last.chunks);
    if (!outcome) break;
    good.push_back(last);
  }
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::out_of_space) << outcome.error().context;
  EXPECT_EQ(store_->put(last.bytes, last.chunks).error().code, errc::out_of_space);
  const auto huge = make_content(1000, 2'000'000);
  EXPECT_EQ(store_->put(huge.bytes, huge.chunks).error().code, errc::out_of_space);
  EXPECT_FALSE(knows(last));
  EXPECT_FALSE(knows(huge));
  ASSERT_TRUE(store_->sync());
  for (const auto& content : good) EXPECT_TRUE(readable(content));
  ASSERT_GT(good.size(), 20u);
  // Space comes back by collection.
  good.erase(good.begin(), good.begin() + 12);
  store_->begin_gc();
  for (const auto& content : good) store_->mark({&content.ref.id, 1});
  for (bool more = true; more;) more = store_->gc_step({})->more;
  good.push_back(last);
  put(last);
  ASSERT_TRUE(store_->sync());
  for (const auto& content : good) EXPECT_TRUE(readable(content));
  rows_.lose_unsynced();
  open(small);
  for (const auto& content : good) EXPECT_TRUE(readable(content));
  store_.reset();
}

TEST_F(segment_store_test, rows_that_cannot_be_written_are_written_by_the_next_sync) {
  open();
  const auto content = make_content(1, 1000);
  put(content);
  rows_.options().fail_writes = errc::out_of_space;
  EXPECT_EQ(store_->sync().error().code, errc::out_of_space);
  EXPECT_TRUE(readable(content));
  rows_.options().fail_writes.reset();
  ASSERT_TRUE(store_->sync());
  open();
  EXPECT_TRUE(readable(content));
}

TEST_F(segment_store_test, opening_reads_no_content_rows) {
  open();
  for (int i = 0; i < 200; ++i) put(make_content(i, 100));
  ASSERT_TRUE(store_->sync());
  store_.reset();
  rows_.options().gets = 0;
  open();
  EXPECT_LE(rows_.options().gets, 4u);
}

TEST_F(segment_store_test, a_reader_writes_nothing) {
  open();
  const auto content = make_content(1, 1000);
  put(content);
  ASSERT_TRUE(store_->sync());
  store_.reset();
  const auto writes = rows_.options().writes;
  auto looking = options();
  looking.read_only = true;
  open(looking);
  EXPECT_TRUE(readable(content));
  EXPECT_EQ(store_->put(make_content(2, 10).bytes, make_content(2, 10).chunks).error().code,
            errc::permission_denied);
  store_.reset();
  EXPECT_EQ(rows_.options().writes, writes);
}

TEST(index_row, survives_its_codec_and_refuses_every_mangled_form) {
  const auto content = make_content(1, 200'000);
  const stored_content row{content.ref, content.chunks, extent{segment_id{3}, 8192, 200'000}};
  const auto text = encode_index_row(row);
  const auto back = decode_index_row(content.ref.id, text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->where, row.where);
  EXPECT_EQ(back->chunks, row.chunks);
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(decode_index_row(content.ref.id, text.substr(0, length))) << length;
  EXPECT_FALSE(decode_index_row(content.ref.id, text + "x"));
  EXPECT_EQ(decode_index_row(content.ref.id, "\x02" + text.substr(1)).error().code, errc::newer_version);
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x80);
    auto decoded = decode_index_row(content.ref.id, damaged);
    EXPECT_TRUE(!decoded || encode_index_row(*decoded) != text) << at;
  }
}

TEST(segment_row, refuses_every_mangled_form) {
  const auto text = encode_segment_row({true, 12345});
  EXPECT_EQ(*decode_segment_row(text), (segment_row{true, 12345}));
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(decode_segment_row(text.substr(0, length)));
  EXPECT_FALSE(decode_segment_row(text + "x"));
  EXPECT_EQ(decode_segment_row("\x02" + text.substr(1)).error().code, errc::newer_version);
  EXPECT_FALSE(decode_segment_row("\x01\x02" + text.substr(2)));
  EXPECT_EQ(segment_of_row_key(segment_row_key(segment_id{0xabc})), segment_id{0xabc});
  EXPECT_FALSE(segment_of_row_key("store/segment/00000000"));
  EXPECT_FALSE(segment_of_row_key("store/segment/0000000G"));
  EXPECT_FALSE(segment_of_file_name("segment-1"));
}

}  // namespace
}  // namespace graphite
