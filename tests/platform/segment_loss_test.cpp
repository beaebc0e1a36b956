#include "platform/store/segment_store.hpp"

#include "platform/linux/durable_file.hpp"
#include "platform/store/index_row.hpp"
#include "tests/platform/store_support.hpp"

namespace graphite {
namespace {

using test::make_content;

class segment_loss_test : public test::store_fixture {};

TEST_F(segment_loss_test, a_removed_segment_is_linked_back_from_where_there_is_a_link) {
  open();
  const auto content = make_content(1, 400'000);
  put(content);
  ASSERT_TRUE(store_->sync());
  const auto path = only_segment();
  const auto bundle = folder_ / "bundle";
  std::filesystem::create_directory(bundle);
  std::filesystem::create_hard_link(path, std::string(bundle) + path.substr(path.rfind('/')));
  store_.reset();
  std::filesystem::remove(path);
  auto with_spare = options();
  with_spare.spare_folders = {folder_ / "none", bundle};
  open(with_spare);
  EXPECT_TRUE(store_->lost().empty());
  EXPECT_TRUE(readable(content));
  EXPECT_TRUE(log_.contains("linked back"));
}

TEST_F(segment_loss_test, a_removed_segment_is_named_and_its_contents_can_be_stored_again) {
  open();
  std::vector<test::sample_content> all;
  for (int i = 0; i < 5; ++i) put(all.emplace_back(make_content(i, 400'000)));
  ASSERT_TRUE(store_->sync());
  const auto path = only_segment();
  store_.reset();
  std::filesystem::remove(path);
  open();
  ASSERT_EQ(store_->lost().size(), 1u);
  EXPECT_EQ(store_->lost()[0].id, segment_id{1});
  EXPECT_EQ(store_->lost()[0].why.code, errc::not_found);
  EXPECT_NE(store_->lost()[0].why.context.find(path), std::string::npos);
  EXPECT_TRUE(log_.contains(path));
  int missing = 0;
  for (const auto& content : all) missing += !knows(content);
  EXPECT_EQ(missing, 2);
  for (const auto& content : all) put(content);
  ASSERT_TRUE(store_->sync());
  for (const auto& content : all) EXPECT_TRUE(readable(content));
  store_->begin_gc();
  for (const auto& content : all) store_->mark({&content.ref.id, 1});
  for (bool more = true; more;) more = store_->gc_step({})->more;
  open();
  EXPECT_TRUE(store_->lost().empty()) << "told until the next collection";
  for (const auto& content : all) EXPECT_TRUE(readable(content));
}

TEST_F(segment_loss_test, segments_removed_from_a_running_store_are_lost_and_can_be_forgotten) {
  open();
  std::vector<test::sample_content> all;
  for (int i = 0; i < 5; ++i) put(all.emplace_back(make_content(i, 400'000)));
  ASSERT_TRUE(store_->sync());
  store_->look_for_losses();
  EXPECT_EQ(store_->losses(), 0u);
  std::filesystem::remove(store_->segment_path(segment_id{1}));
  std::filesystem::remove(store_->segment_path(segment_id{3}));  // the one that is appended to
  store_->look_for_losses();
  store_->look_for_losses();
  EXPECT_EQ(store_->losses(), 2u);
  EXPECT_EQ(store_->lost().size(), 2u);
  for (int i : {0, 1, 4}) EXPECT_FALSE(knows(all[i])) << i;
  for (int i : {2, 3}) EXPECT_TRUE(readable(all[i])) << i;
  for (const auto& content : all) put(content);
  ASSERT_TRUE(store_->sync());
  open();
  EXPECT_EQ(store_->lost().size(), 2u) << "told until it is forgotten";
  ASSERT_TRUE(store_->forget_lost());
  EXPECT_TRUE(store_->lost().empty());
  for (const auto& content : all) EXPECT_TRUE(readable(content));
  open();
  EXPECT_TRUE(store_->lost().empty());
  EXPECT_EQ(store_->losses(), 0u);
  for (const auto& content : all) EXPECT_TRUE(readable(content));
}

TEST_F(segment_loss_test, a_shortened_segment_loses_only_what_was_cut_off) {
  open();
  const auto first = make_content(1, 400'000), second = make_content(2, 400'000),
             third = make_content(3, 400'000);
  put(first), put(second), put(third);
  ASSERT_TRUE(store_->sync());
  const auto path = only_segment();
  store_.reset();
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  std::filesystem::resize_file(path, 500'000);
  open();
  ASSERT_EQ(store_->lost().size(), 1u);
  EXPECT_EQ(store_->lost()[0].why.code, errc::corrupt);
  EXPECT_TRUE(readable(first));
  EXPECT_FALSE(knows(second));
  EXPECT_TRUE(readable(third));
  put(second);
  EXPECT_TRUE(readable(second));
}

TEST_F(segment_loss_test, a_segment_removed_behind_our_back_is_noticed_at_the_first_read) {
  open();
  const auto first = make_content(1, 900'000), second = make_content(2, 900'000);
  put(first), put(second);
  ASSERT_TRUE(store_->sync());
  open();
  std::filesystem::remove(only_segment());
  byte_vector out(10);
  EXPECT_EQ(store_->read(first.ref.id, 0, out).error().code, errc::not_found);
  EXPECT_FALSE(knows(first));
  EXPECT_TRUE(readable(second));
}

}  // namespace
}  // namespace graphite
