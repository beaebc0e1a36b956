#include <gmock/gmock.h>

#include "tests/runtime/subscriber_rig.hpp"

// A subscriber on demand: generations by their index alone, contents when they are asked for.

namespace graphite::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class subscriber_demand : public subscriber_test {
 protected:
  static subscriber_options on_demand(std::size_t demanded_max = 65'536) {
    auto out = rig::make_options({});
    out.on_demand = true;
    out.demanded_max = demanded_max;
    return out;
  }
  /// A file of a size that no announcement carries, published.
  content_ref publish(const std::string& path, std::size_t bytes) {
    const auto content = edit(path, bytes);
    publisher_.publish();
    return content;
  }
  content_ref edit(const std::string& path, std::size_t bytes) {
    const auto made = text(bytes);
    publisher_.edit(path, made);
    return content_of(chunk_bytes(as_bytes(made), hash_), hash_);
  }
  /// Whether requests for contents are answered, and the bytes of the answers.
  void watch(rig& r) {
    r.meddle = [this](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
      if (std::holds_alternative<list_reply>(reply.header))
        for (const auto& frame : reply.frames) sent_in_lists_ += frame.size();
      if (!std::holds_alternative<contents_request>(request)) return reply;
      if (!answering_) return std::nullopt;
      for (const auto& frame : reply.frames) sent_ += frame.size();
      return reply;
    };
  }
  void begin(rig& r) {
    r.serve(publisher_);
    watch(r);
    r.beat();
  }
  std::uint64_t sent_ = 0, sent_in_lists_ = 0;
  bool answering_ = true;
};

TEST_F(subscriber_demand, a_generation_is_shown_without_its_contents_and_each_is_fetched_when_it_is_wanted) {
  const auto a = publish("a", 60'000), b = publish("b", 3'000'000);
  rig r(hash_, on_demand(), {});
  begin(r);
  ASSERT_EQ(r.swaps.size(), 1u);
  EXPECT_EQ(sent_, 0u);
  r.want({b});
  r.advance(milliseconds(100));
  EXPECT_THAT(r.here, ElementsAre(b.id));
  EXPECT_GE(sent_, b.size);
  EXPECT_LT(sent_, b.size + a.size);
  EXPECT_GT(sent_in_lists_, 0u) << "of the large one";
  EXPECT_EQ(r.demanded_bytes, sent_ + sent_in_lists_);
  EXPECT_TRUE(r.sink.has(b));
  EXPECT_FALSE(r.sink.has(a));
  r.want({a, b});
  EXPECT_THAT(r.here, UnorderedElementsAre(b.id, b.id, a.id)) << "what is here is told at once";
  EXPECT_EQ(r.demanded_bytes, sent_ + sent_in_lists_) << "and is not fetched again";
  EXPECT_THAT(r.gone, IsEmpty());
}

TEST_F(subscriber_demand, the_next_generation_waits_for_no_content_that_is_wanted) {
  const auto a = publish("a", 2'000'000);
  rig r(hash_, on_demand(), {});
  begin(r);
  answering_ = false;
  r.want({a});
  const auto b = edit("b", 2'000'000);
  r.hear(publisher_.publish());
  ASSERT_EQ(r.swaps.size(), 2u);
  EXPECT_THAT(r.here, IsEmpty());
  answering_ = true;
  r.want({b});
  r.advance(seconds(5));
  EXPECT_THAT(r.here, UnorderedElementsAre(a.id, b.id)) << "those of a generation before come, too";
}

TEST_F(subscriber_demand, what_the_publisher_does_not_have_any_more_is_told_as_gone) {
  const auto a = publish("a", 60'000), b = publish("b", 2'000'000), c = publish("c", 50'000);
  rig r(hash_, on_demand(), {});
  r.serve(publisher_);
  r.beat();
  publisher_.store().remove(a.id);
  publisher_.store().remove(b.id);
  r.want({a, b, c});
  r.advance(seconds(1));
  EXPECT_THAT(r.gone, UnorderedElementsAre(a.id, b.id));
  EXPECT_THAT(r.here, ElementsAre(c.id));
  EXPECT_EQ(r.swaps.size(), 1u) << "the generation stays";
}

TEST_F(subscriber_demand, more_than_may_be_wanted_at_once_is_refused_and_may_be_wanted_later) {
  const auto a = publish("a", 60'000), b = publish("b", 60'000), c = publish("c", 60'000);
  rig r(hash_, on_demand(2), {});
  begin(r);
  answering_ = false;
  r.want({a, b, c});
  EXPECT_THAT(r.gone, ElementsAre(c.id));
  answering_ = true;
  r.advance(seconds(5));
  EXPECT_THAT(r.here, UnorderedElementsAre(a.id, b.id));
  r.want({c});
  EXPECT_TRUE(r.sink.has(c));
}

TEST_F(subscriber_demand, what_was_wanted_is_asked_for_again_of_another_publisher) {
  const auto a = publish("a", 2'000'000);
  rig r(hash_, on_demand(), {});
  begin(r);
  answering_ = false;
  r.want({a});
  answering_ = true;
  r.serve(publisher_, 2);
  r.beat();
  r.advance(seconds(5));
  EXPECT_EQ(r.connects, 2);
  EXPECT_THAT(r.here, ElementsAre(a.id));
}

TEST_F(subscriber_demand,
       a_large_content_of_equal_chunks_and_one_that_was_cut_off_are_finished_step_by_step) {
  std::map<digest, byte_vector> left;
  const auto noise = text(40 << 20);  // more than is copied in one step
  const std::string zeros(40 << 20, 0);
  publisher_.edit("noise", noise);
  publisher_.edit("zeros", zeros);
  publisher_.publish();
  const auto content = content_of(chunk_bytes(as_bytes(noise), hash_), hash_);
  const auto equal = content_of(chunk_bytes(as_bytes(zeros), hash_), hash_);
  left[content.id] = byte_vector(as_bytes(noise).begin(), as_bytes(noise).end() - (1 << 20));
  rig r(hash_, on_demand(), {});
  r.sink.left = &left;
  begin(r);
  r.want({content, equal});
  r.advance(seconds(1));
  EXPECT_THAT(r.here, UnorderedElementsAre(content.id, equal.id));
  EXPECT_LT(sent_, 4u << 20);
}

}  // namespace
}  // namespace graphite::test
