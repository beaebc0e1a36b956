#include "runtime/event_buffer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/watched_model.hpp"

namespace graphite {
namespace {

using test::event_of;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> taken(event_buffer& from) {
  std::vector<std::string> out;
  while (auto event = from.take(time_point{})) out.push_back(to_text(*event));
  return out;
}

TEST(event_queue, tells_at_once_and_in_order_what_is_finished) {
  event_queue queue(100);
  EXPECT_FALSE(queue.next());
  for (const auto text : {"+a", ".a", "=a", "b<a", "~b", "d/", "-b"}) queue.note(event_of(text));
  queue.note({fs_event_kind::cookie, "1", {}, {}});
  EXPECT_TRUE(queue.next());
  EXPECT_THAT(taken(queue), ElementsAre("+a", "~a", "b<a", "~b", "d/", "-b"));
  EXPECT_FALSE(queue.next());
}

TEST(event_queue, one_overflow_takes_the_place_of_what_is_too_much) {
  event_queue queue(3);
  for (const auto text : {"+a", "+b", "+c", "+d", "+e"}) queue.note(event_of(text));
  EXPECT_THAT(taken(queue), ElementsAre("!", "+e"));
  for (const auto text : {"+a", "!", "+b", "!", "+c"}) queue.note(event_of(text));
  EXPECT_THAT(taken(queue), ElementsAre("!", "+c"));
  queue.note(event_of("+a"));
  queue.lose(time_from_ns(7));
  const auto lost = queue.take(time_point{});
  ASSERT_TRUE(lost);
  EXPECT_EQ(to_text(*lost), "!");
  EXPECT_EQ(lost->when, time_from_ns(7));
  EXPECT_THAT(taken(queue), IsEmpty());
}

std::string left_of(std::string_view event, const ignore_rules& rules) {
  const auto out = without_ignored(event_of(event), rules);
  return out ? to_text(*out) : "nothing";
}

TEST(without_ignored, leaves_what_is_not_ignored) {
  ignore_rules rules;
  EXPECT_EQ(left_of("+a.tmp", rules), "+a.tmp");
  rules.add({}, "*.tmp\nbuild/\n!keep.tmp");
  EXPECT_EQ(left_of("+a.tmp", rules), "nothing");
  EXPECT_EQ(left_of("+d/a.tmp", rules), "nothing");
  EXPECT_EQ(left_of("=a.png", rules), "=a.png");
  EXPECT_EQ(left_of("+keep.tmp", rules), "+keep.tmp");
  EXPECT_EQ(left_of("-build/x", rules), "nothing");
  EXPECT_EQ(left_of("build/", rules), "nothing");
  EXPECT_EQ(left_of("+build", rules), "+build") << "a file of that name";
  EXPECT_EQ(left_of("!", rules), "!");
}

TEST(without_ignored, a_move_keeps_its_known_end) {
  ignore_rules rules;
  rules.add({}, "*.tmp");
  EXPECT_EQ(left_of("a<a.tmp", rules), "a<");
  EXPECT_EQ(left_of("a.tmp<a", rules), "-a");
  EXPECT_EQ(left_of("b.tmp<a.tmp", rules), "nothing");
  EXPECT_EQ(left_of("b.tmp<", rules), "nothing");
  EXPECT_EQ(left_of("b<a", rules), "b<a");
}

}  // namespace
}  // namespace graphite
