#include "runtime/net_changes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "tests/runtime/watched_model.hpp"

namespace graphite {
namespace {

using test::event_of;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> told(const net_changes& net) { return test::texts_of(net.told()); }

std::vector<std::string> net(std::initializer_list<std::string_view> events) {
  net_changes out;
  std::uint64_t order = 0;
  for (const auto text : events) out.note(event_of(text), ++order);
  return told(out);
}

TEST(net_changes, of_one_file) {
  EXPECT_THAT(net({"+a"}), ElementsAre("+a"));
  EXPECT_THAT(net({"+a", ".a", "=a", "~a"}), ElementsAre("+a"));
  EXPECT_THAT(net({"+a", "=a", "-a"}), IsEmpty());
  EXPECT_THAT(net({"+a", "-a", "+a"}), ElementsAre("+a"));
  EXPECT_THAT(net({".a", "=a"}), ElementsAre("~a"));
  EXPECT_THAT(net({"=a", "-a"}), ElementsAre("-a"));
  EXPECT_THAT(net({"-a", "+a"}), ElementsAre("~a"));
  EXPECT_THAT(net({"-a", "+a", "-a"}), ElementsAre("-a"));
  EXPECT_THAT(net({"-a", "-a"}), ElementsAre("-a"));
}

TEST(net_changes, of_moves) {
  EXPECT_THAT(net({"b<a"}), ElementsAre("b<a"));
  EXPECT_THAT(net({"=a", "b<a", "=b"}), ElementsAre("b<a"));
  EXPECT_THAT(net({"b<a", "-b"}), ElementsAre("-a", "-b")) << "b may have been there before";
  EXPECT_THAT(net({"-b", "b<a"}), ElementsAre("b<a"));
  EXPECT_THAT(net({"b<"}), ElementsAre("b<"));
  EXPECT_THAT(net({"b<", "-b"}), ElementsAre("-b"));
  EXPECT_THAT(net({"b<", "c<b"}), ElementsAre("c<b"));
  EXPECT_THAT(net({"=b", "b<"}), ElementsAre("~b"));
}

TEST(net_changes, of_several_moves) {
  EXPECT_THAT(net({"b<a", "c<b"}), ElementsAre("-b", "c<a"));
  EXPECT_THAT(net({"+b", "b<a", "c<b"}), ElementsAre("c<a"));
  EXPECT_THAT(net({"b<a", "a<b"}), ElementsAre("~a", "-b"));
  EXPECT_THAT(net({"c<a", "c<b"}), ElementsAre("-a", "c<b"));
  EXPECT_THAT(net({"=b", "t<a", "a<b", "b<t"}), ElementsAre("~a", "b<t")) << "exchanged";
}

TEST(net_changes, of_how_editors_save) {
  EXPECT_THAT(net({"+a~", ".a~", "=a~", "a<a~"}), ElementsAre("a<")) << "a new file over the old one";
  EXPECT_THAT(net({"-a", "a<a~"}), ElementsAre("a<a~"));
  EXPECT_THAT(net({"a~<a", "+a", "=a"}), ElementsAre("a~<", "~a")) << "the old file kept as a backup";
  EXPECT_THAT(net({"a~<a", "+a", "=a", "-a~"}), ElementsAre("~a", "-a~"));
  EXPECT_THAT(net({"+4913", "-4913", "a~<a", "+a", "=a", "-a~"}), ElementsAre("~a", "-a~"));
}

TEST(net_changes, what_was_seen_is_told_as_deleted) {
  net_changes seen;
  seen.note(event_of("+a"), 1);
  seen.mark_seen("a");
  seen.mark_seen("never named");
  EXPECT_THAT(told(seen), ElementsAre("+a"));
  EXPECT_TRUE(seen.would_be_missed("a"));
  seen.note(event_of("-a"), 2);
  EXPECT_THAT(told(seen), ElementsAre("-a"));
}

TEST(net_changes, merged_tell_what_both_told) {
  net_changes a, b;
  a.note(event_of("+a"), 1);
  b.note(event_of("c<b"), 2);
  a.note(event_of("=d"), 3);
  a.merge(std::move(b));
  EXPECT_THAT(told(a), ElementsAre("+a", "c<b", "~d"));
  a.note(event_of("b<c"), 4);
  EXPECT_THAT(told(a), ElementsAre("+a", "~d", "~b", "-c"));
}

// ---- every story of a few acts on three files, from every beginning

struct story {
  test::model_tree tree;
  net_changes net;
  std::vector<std::string> acts;  ///< as reported
  std::set<std::string> touched;
};

void expect_truth(const story& s, const test::model_tree::files& at_first) {
  test::model_listener listener(at_first);
  for (const auto& e : s.net.told()) {
    EXPECT_TRUE(s.touched.contains(e.path));
    listener.hear_strictly(e, s.tree.now());
  }
  EXPECT_EQ(listener.known(), s.tree.now());
}

void tell_on(const story& before, int acts, const test::model_tree::files& at_first, std::size_t& stories) {
  if (testing::Test::HasFailure()) return;
  expect_truth(before, at_first);
  if (++stories; testing::Test::HasFailure()) {
    ADD_FAILURE() << testing::PrintToString(at_first) << ": " << testing::PrintToString(before.acts)
                  << " is told as " << testing::PrintToString(told(before.net));
    return;
  }
  if (acts == 0) return;
  const auto go_on = [&](const std::function<std::optional<fs_event>(test::model_tree&)>& act) {
    auto next = before;
    const auto event = act(next.tree);
    if (!event) return;
    next.net.note(*event, next.acts.size() + 1);
    next.acts.push_back(to_text(*event));
    next.touched.insert(event->path);
    if (!event->old_path.empty()) next.touched.insert(event->old_path);
    tell_on(next, acts - 1, at_first, stories);
  };
  for (const std::string path : {"a", "b", "c"}) {
    go_on([&](auto& tree) { return tree.create(path); });
    go_on([&](auto& tree) { return tree.write(path); });
    go_on([&](auto& tree) { return tree.remove(path); });
    go_on([&](auto& tree) { return tree.bring(path); });
    for (const std::string to : {"a", "b", "c"}) go_on([&](auto& tree) { return tree.move(path, to); });
  }
}

TEST(net_changes, a_listener_knows_the_truth_after_every_story) {
  std::size_t stories = 0;
  for (int present = 0; present < 8; ++present) {
    test::model_tree::files at_first;
    for (int i = 0; i < 3; ++i)
      if ((present & (1 << i)) != 0) at_first[std::string(1, static_cast<char>('a' + i))] = i;
    story beginning;
    beginning.tree = test::model_tree(at_first);
    tell_on(beginning, 4, at_first, stories);
  }
  EXPECT_GT(stories, 50'000u);
}

}  // namespace
}  // namespace graphite
