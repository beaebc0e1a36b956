#include "cli/view_uploads.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <set>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "tests/bundle/snapshot_support.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

using namespace test;

content_ref content_of_text(const std::string& text) {
  return content_of(chunk_bytes(as_bytes(std::string_view(text)), sha()), sha());
}

/// A view of real files, and stores that take what has its digest.
class view_uploads_test : public testing::Test {
 protected:
  view_uploads_test() {
    uploads_.use({[this](std::span<const content_ref> asked) { return have(asked); },
                  [this](std::span<const content_ref> wanted) { return take(wanted); }});
  }

  result<std::vector<bool>> have(std::span<const content_ref> asked) {
    EXPECT_LE(asked.size(), view_uploads::asked_max);
    asked_ += asked.size();
    if (failure) return tl::unexpected<error>(*failure);
    std::vector<bool> out;
    for (const auto& one : asked) out.push_back(stored.contains(one));
    return out;
  }
  result<void> take(std::span<const content_ref> wanted) {
    EXPECT_LE(wanted.size(), view_uploads::sent_max);
    for (const auto& one : wanted) {
      if (failure) return tl::unexpected<error>(*failure);
      byte_vector bytes(one.size);
      GRAPHITE_CHECK(uploads_.contents().read(one.id, 0, bytes));
      if (content_of(chunk_bytes(bytes, sha()), sha()) != one) return fail(errc::corrupt, "other bytes");
      EXPECT_TRUE(stored.insert(one).second) << "twice";
      ++taken_;
    }
    return {};
  }

  watched_view::change write(const std::string& name, const std::string& text) {
    const auto file = std::filesystem::path(folder_.path()) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return {path(name), content_of_text(text)};
  }
  result<view_state> bring(bool thorough = false) {
    std::promise<result<view_state>> done;
    uploads_.bring(thorough, [&](result<view_state> how) { done.set_value(std::move(how)); });
    return done.get_future().get();
  }
  /// Every file and folder of the state is in the stores.
  bool is_all_there() {
    std::vector<std::string> next{""};
    while (!next.empty()) {
      const auto look = view_.look_into(next.back());
      next.pop_back();
      for (const auto& [name, bytes] : look.objects)
        if (!stored.contains(name)) return false;
      for (const auto& one : look.files)
        if (one.content.size > 0 && !stored.contains(one.content)) return false;
      for (const auto& one : look.folders) next.push_back(one);
    }
    return true;
  }

  temporary_folder folder_;
  recording_log log_;
  std::unique_ptr<posix_file_reader> files_ = posix_file_reader::open_root(folder_.path()).value();
  watched_view view_{sha()};
  std::set<content_ref> stored;
  std::optional<error> failure;
  std::vector<std::string> reread_;
  std::size_t asked_ = 0, taken_ = 0;
  view_uploads uploads_{
      {view_, *files_, sha(), log_, [this](std::vector<std::string> paths) { reread_ = paths; }}};
};

TEST_F(view_uploads_test, bring_all_that_lacks_and_then_what_changes) {
  std::vector<watched_view::change> changes;
  for (int i = 0; i < 2'500; ++i)
    changes.push_back(
        write("d" + std::to_string(i % 9) + "/e/" + std::to_string(i), "text " + std::to_string(i)));
  changes.push_back(write("large", std::string(20'000'000, 'x')));
  changes.push_back(write("empty", ""));
  const auto first = view_.apply(1, changes);
  EXPECT_EQ(bring().value(), first.value());
  EXPECT_TRUE(is_all_there());
  asked_ = taken_ = 0;
  const auto second = view_.apply(2, {write("d3/e/3", "other")});
  EXPECT_EQ(bring().value(), second.value());
  EXPECT_EQ(taken_, 4U) << "the file and the folders above it";
  EXPECT_EQ(asked_, 0U);
  EXPECT_TRUE(is_all_there());
}

TEST_F(view_uploads_test, ask_nothing_below_a_folder_that_is_there) {
  std::vector<watched_view::change> changes;
  for (int i = 0; i < 500; ++i)
    changes.push_back(
        write("d" + std::to_string(i % 9) + "/" + std::to_string(i), "text " + std::to_string(i)));
  ASSERT_TRUE(view_.apply(1, changes));
  ASSERT_TRUE(bring());
  view_.ask_for_walk();
  asked_ = taken_ = 0;
  ASSERT_TRUE(bring());
  EXPECT_EQ(asked_, 1U);
  EXPECT_EQ(taken_, 0U);
  ASSERT_TRUE(view_.apply(2, {write("d4/4", "other")}));
  view_.ask_for_walk();
  ASSERT_TRUE(bring());
  EXPECT_EQ(taken_, 3U);
  EXPECT_LT(asked_, 120U);
}

TEST_F(view_uploads_test, find_what_was_lost_below_folders_that_are_there_when_asked_to) {
  ASSERT_TRUE(view_.apply(1, {write("d/e/a", "one"), write("d/e/b", "two")}));
  ASSERT_TRUE(bring());
  stored.erase(content_of_text("one"));
  view_.ask_for_walk();
  ASSERT_TRUE(bring());
  EXPECT_FALSE(is_all_there()) << "nobody looked";
  ASSERT_TRUE(bring(true));
  EXPECT_TRUE(is_all_there());
}

TEST_F(view_uploads_test, of_a_file_that_changed_meanwhile_say_so_and_have_it_read_again) {
  ASSERT_TRUE(view_.apply(1, {write("d/a", "one"), write("d/b", "two")}));
  write("d/b", "its bytes are others");
  const auto failed = bring();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, errc::busy);
  EXPECT_EQ(reread_, std::vector<std::string>{"d/b"});
  EXPECT_FALSE(stored.contains(view_.look_into("").objects.at(0).first)) << "the root waits for its files";
  const auto second = view_.apply(2, {write("d/b", "three")});
  EXPECT_EQ(bring().value(), second.value());
  EXPECT_TRUE(is_all_there());
  std::filesystem::remove(folder_.path() + "/d/a");
  ASSERT_TRUE(view_.apply(3, {{path("d/a"), content_of_text("never there")}}));
  EXPECT_EQ(bring().error().code, errc::busy);
  EXPECT_EQ(reread_, std::vector<std::string>{"d/a"});
}

TEST_F(view_uploads_test, after_a_failure_bring_what_is_left) {
  ASSERT_TRUE(view_.apply(1, {write("a", "one"), write("d/b", "two")}));
  failure = error{errc::unavailable, "no store"};
  EXPECT_EQ(bring().error().code, errc::unavailable);
  failure.reset();
  ASSERT_TRUE(bring());
  ASSERT_TRUE(view_.apply(2, {write("a", "three")}));
  failure = error{errc::unavailable, "no store"};
  EXPECT_EQ(bring().error().code, errc::unavailable);
  failure.reset();
  const auto third = view_.apply(3, {write("d/b", "four")});
  EXPECT_EQ(bring().value(), third.value());
  EXPECT_TRUE(is_all_there());
}

}  // namespace
}  // namespace graphite
