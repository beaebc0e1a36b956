#include "cli/job_stores.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/stores/cluster_rig.hpp"

namespace graphite {
namespace {

using test::make_content;
using testing::ElementsAre;

class job_stores_test : public test::cluster_rig {
 protected:
  struct later_clock final : clock_source {
    explicit later_clock(const clock_source& clock) : of(clock) {}
    time_point now() const override { return of.now() + by; }
    std::int64_t unix_ns() const override { return of.unix_ns() + by.count(); }
    const clock_source& of;
    duration by{};
  };
  struct coordinator : node {
    explicit coordinator(job_stores_test& rig)
        : node(rig),
          clock(rig.clock_),
          stores({*local, traffic, rig.hash_, clock,
                  [](const std::string& tenant, const curve_key&, std::int64_t) -> result<byte_vector> {
                    const auto bytes = as_bytes(std::string_view(tenant));
                    return byte_vector(bytes.begin(), bytes.end());
                  }}) {}
    later_clock clock;
    job_stores stores;
  };
  bool say(coordinator& to, const std::vector<std::string>& names, std::uint32_t copies) {
    control::settings now;
    now.copies = copies;
    for (const auto& name : names) now.stores.push_back({addresses_.at(name), {}});
    tell(to, names, copies);
    return to.stores.set_stores(now);
  }
};

TEST_F(job_stores_test, know_what_lies_in_stores_and_read_it) {
  for (const auto* name : {"a", "b"}) start_store(name);
  coordinator one(*this);
  node other(*this);
  EXPECT_TRUE(say(one, {"a", "b"}, 2));
  EXPECT_FALSE(say(one, {"a", "b"}, 2)) << "none has come";
  tell(other, {"a", "b"}, 2);
  const auto here = make_content(1, 5'000), nowhere = make_content(2, 700), empty = make_content(3, 0);
  ASSERT_TRUE(other.store.put(here.bytes, here.chunks));
  ASSERT_TRUE(other.store.sync());
  const std::vector<content_ref> all{here.ref, nowhere.ref, empty.ref};
  EXPECT_THAT(one.stores.have(all).value(), ElementsAre(true, false, true)) << "an empty one needs no store";
  const auto read = one.stores.read(all, 100);
  ASSERT_TRUE(read) << read.error().context;
  ASSERT_TRUE(read->at(0));
  EXPECT_EQ(*read->at(0), byte_vector(here.bytes.begin(), here.bytes.begin() + 100)) << "its beginning";
  EXPECT_FALSE(read->at(1));
  EXPECT_EQ(read->at(2), byte_vector());
  auto other_size = here.ref;
  ++other_size.size;
  EXPECT_FALSE(one.stores.read(std::span(&other_size, 1), 100)->at(0)) << "a size that is not its own";
}

TEST_F(job_stores_test, what_a_store_has_taken_with_it_is_not_taken_to_be_there) {
  for (const auto* name : {"a", "b"}) start_store(name);
  coordinator one(*this);
  node other(*this);
  tell(other, {"b"}, 1);
  const auto here = make_content(1, 50'000);
  ASSERT_TRUE(other.store.put(here.bytes, here.chunks));
  ASSERT_TRUE(other.store.sync());
  say(one, {"a", "b"}, 1);
  EXPECT_THAT(one.stores.have(std::span(&here.ref, 1)).value(), ElementsAre(true));
  kill_store("b");
  say(one, {"a"}, 1);
  EXPECT_THAT(one.stores.have(std::span(&here.ref, 1)).value(), ElementsAre(false));
}

TEST_F(job_stores_test, what_was_seen_in_a_store_is_asked_for_again_in_time_and_where_it_is_doubted) {
  start_store("a");
  coordinator one(*this);
  node other(*this);
  tell(other, {"a"}, 1);
  say(one, {"a"}, 1);
  const auto first = make_content(1, 50'000), second = make_content(2, 50'000);
  for (const auto* content : {&first, &second}) {
    ASSERT_TRUE(other.store.put(content->bytes, content->chunks));
    ASSERT_TRUE(other.store.sync());
  }
  const std::vector<content_ref> all{first.ref, second.ref};
  EXPECT_THAT(one.stores.have(all).value(), ElementsAre(true, true));
  for (const auto& content : all) ASSERT_TRUE(running_.at("a").contents->forget(content.id));
  EXPECT_THAT(one.stores.have(all).value(), ElementsAre(true, true)) << "it is not asked";
  one.stores.doubt(std::span(&first.ref.id, 1));
  EXPECT_THAT(one.stores.have(all).value(), ElementsAre(false, true));
  one.clock.by = store_port_limits::seen_for;
  EXPECT_THAT(one.stores.have(all).value(), ElementsAre(false, false));
}

TEST_F(job_stores_test, say_what_a_client_has_to_upload_and_where) {
  for (const auto* name : {"a", "b"}) start_store(name);
  coordinator one(*this);
  EXPECT_EQ(one.stores.missing({}).error().code, errc::unavailable) << "no store";
  say(one, {"a"}, 2);
  EXPECT_EQ(one.stores.missing({}).error().code, errc::unavailable) << "too few of them";
  say(one, {"a", "b"}, 2);
  node half(*this), whole(*this);
  tell(half, {"a"}, 1);
  tell(whole, {"a", "b"}, 2);
  const auto once = make_content(1, 50'000), twice = make_content(2, 50'000), never = make_content(3, 9),
             empty = make_content(4, 0);
  ASSERT_TRUE(half.store.put(once.bytes, once.chunks));
  ASSERT_TRUE(half.store.sync());
  ASSERT_TRUE(whole.store.put(twice.bytes, twice.chunks));
  ASSERT_TRUE(whole.store.sync());
  const std::vector<content_ref> all{once.ref, twice.ref, never.ref, empty.ref};
  auto answer = one.stores.missing(all);
  ASSERT_TRUE(answer) << answer.error().context;
  EXPECT_THAT(answer->missing, ElementsAre(0U, 2U)) << "one copy of two is too few";
  EXPECT_EQ(answer->copies, 2U);
  EXPECT_EQ(answer->stores.size(), 2U);
  EXPECT_THAT(one.stores.have(all).value(), ElementsAre(true, true, false, true))
      << "to be planned one is enough";
  ASSERT_TRUE(one.stores.add_ticket("studio", {}, *answer));
  EXPECT_EQ(as_text(answer->ticket), "studio");
  EXPECT_GT(answer->until_unix_ns, clock_.unix_ns());
}

TEST_F(job_stores_test, keep_what_is_made_here_in_as_many_stores_as_have_to_have_it) {
  for (const auto* name : {"a", "b"}) start_store(name);
  coordinator one(*this);
  say(one, {"a", "b"}, 2);
  const auto list = make_content(5, 100'000);
  const auto kept = one.stores.keep(list.bytes);
  ASSERT_TRUE(kept) << kept.error().context;
  EXPECT_EQ(*kept, list.ref);
  EXPECT_TRUE(has("a", list) && has("b", list));
}

}  // namespace
}  // namespace graphite
