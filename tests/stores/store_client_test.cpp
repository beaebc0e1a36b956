#include "node/store_client.hpp"

#include <gtest/gtest.h>

#include "tests/stores/sample_contents.hpp"

namespace graphite::test {
namespace {

TEST(store_client, brings_contents_to_as_many_stores_as_they_have_to_be_in) {
  store_world world(1, 5, 3);
  const auto all = of_all_sizes();
  store_here(world, all);
  ASSERT_TRUE(world.bring(refs(all)));
  expect_well(world.brought, all.size());
  const store_choice choice(world.names);
  for (const auto& one : all) {
    EXPECT_EQ(world.copies_of(one.ref.id), 3U);
    for (const auto& name : choice.first_names(one.ref.id, 3))
      EXPECT_TRUE(world.has_durably(world.sites.at(name), one.ref.id)) << name << " should hold it";
  }
  EXPECT_TRUE(world.client.idle());
}

TEST(store_client, fetches_what_others_have_brought) {
  store_world world(2, 3, 2);
  const auto all = of_all_sizes();
  store_here(world, all);
  ASSERT_TRUE(world.bring(refs(all)));
  forget_here(world, all);
  ASSERT_TRUE(world.fetch(refs(all)));
  expect_well(world.fetched, all.size());
  expect_here(world, all);
}

TEST(store_client, sends_many_small_contents_in_few_messages) {
  store_world world(3, 1, 1);
  const auto all = many_small(2'000);
  store_here(world, all);
  ASSERT_TRUE(world.bring(refs(all)));
  expect_well(world.brought, all.size());
  EXPECT_LE(world.sites.at("store-0").requests, 10U);
  EXPECT_LE(world.sites.at("store-0").disk.options().syncs, 5U) << "syncs are shared";
  forget_here(world, all);
  const auto before = world.sites.at("store-0").requests;
  ASSERT_TRUE(world.fetch(refs(all)));
  expect_here(world, all);
  EXPECT_LE(world.sites.at("store-0").requests - before, 10U);
}

TEST(store_client, sends_no_large_content_that_is_there_already) {
  store_world world(4, 2, 2);
  const auto one = make_content(7, large_bytes);
  ASSERT_TRUE(world.local.put(one.bytes, one.chunks));
  ASSERT_TRUE(world.bring({one.ref}));
  const auto taken = [&] { return world.sites.at("store-0").raw_bytes_taken; };
  EXPECT_EQ(taken(), large_bytes);
  world.brought.clear();
  ASSERT_TRUE(world.bring({one.ref}));
  expect_well(world.brought, 1);
  EXPECT_EQ(taken(), large_bytes);
}

TEST(store_client, fetches_a_content_once_whoever_wants_it) {
  store_world world(5, 2, 2);
  const auto one = make_content(7, large_bytes);
  store_here(world, {one});
  ASSERT_TRUE(world.bring({one.ref}));
  forget_here(world, {one});
  for (int i = 0; i < 5; ++i) world.client.fetch(one.ref.id, world.now);
  ASSERT_TRUE(world.fetch({one.ref}));
  world.client.fetch(one.ref.id, world.now);
  ASSERT_TRUE(world.run([&] { return world.client.idle(); }));
  std::uint64_t sent = 0;
  for (const auto& [name, at] : world.sites) sent += at.raw_bytes_sent;
  EXPECT_LT(sent, large_bytes + MiB) << "beside it the list and a first chunk";
}

TEST(store_client, what_nobody_has_is_not_found) {
  store_world world(6, 3, 2);
  const auto small = make_content(1, 10);
  ASSERT_TRUE(world.fetch({small.ref}));
  ASSERT_FALSE(world.fetched.at(small.ref.id));
  EXPECT_EQ(world.fetched.at(small.ref.id).error().code, errc::not_found);
}

TEST(store_client, a_content_that_lies_elsewhere_than_in_its_first_stores_is_found) {
  store_world world(7, 6, 2);
  const auto all = of_all_sizes();
  const store_choice choice(world.names);
  for (const auto& one : all) {
    const auto last = choice.first_names(one.ref.id, 6).back();
    ASSERT_TRUE(world.sites.at(last).disk.put(one.bytes, one.chunks));
  }
  ASSERT_TRUE(world.fetch(refs(all)));
  expect_here(world, all);
}

TEST(store_client, a_store_that_sends_other_bytes_is_passed_over) {
  store_world world(8, 2, 2);
  const auto all = of_all_sizes();
  store_here(world, all);
  ASSERT_TRUE(world.bring(refs(all)));
  forget_here(world, all);
  for (const auto& name : world.names) {
    SCOPED_TRACE(name);
    world.fetched.clear();
    world.sites.at(name).lies = [](stores::reply& reply) {
      for (auto& frame : reply.frames)
        if (!frame.empty()) frame[frame.size() / 2] ^= std::byte{1};
    };
    ASSERT_TRUE(world.fetch(refs(all)));
    expect_well(world.fetched, all.size());
    expect_here(world, all);
    forget_here(world, all);
    world.sites.at(name).lies = nullptr;
  }
}

TEST(store_client, where_every_store_sends_other_bytes_nothing_is_believed) {
  store_world world(9, 2, 2);
  const auto all = of_all_sizes();
  store_here(world, all);
  ASSERT_TRUE(world.bring(refs(all)));
  forget_here(world, all);
  for (auto& [name, at] : world.sites)
    at.lies = [](stores::reply& reply) {
      for (auto& frame : reply.frames)
        if (!frame.empty()) frame.back() ^= std::byte{1};
    };
  ASSERT_TRUE(world.fetch(refs(all)));
  for (const auto& one : all) {
    if (one.ref.size == 0) continue;  // nothing is sent of it
    ASSERT_FALSE(world.fetched.at(one.ref.id)) << one.ref.size;
    EXPECT_EQ(world.fetched.at(one.ref.id).error().code, errc::corrupt);
    EXPECT_FALSE(*world.local.find(one.ref.id));
  }
}

TEST(store_client, a_store_that_sent_other_bytes_is_told_so_and_no_other_one) {
  store_world world(9, 2, 2);
  const auto all = of_all_sizes();
  store_here(world, all);
  ASSERT_TRUE(world.bring(refs(all)));
  forget_here(world, all);
  world.sites.at("store-1").lies = [](stores::reply& reply) {
    for (auto& frame : reply.frames)
      if (!frame.empty()) frame.back() ^= std::byte{1};
  };
  ASSERT_TRUE(world.fetch(refs(all)));
  for (const auto& one : all) EXPECT_TRUE(world.fetched.at(one.ref.id)) << one.ref.size;
  world.run([] { return false; });
  std::set<digest> asked;
  for (const auto& one : all)
    if (one.ref.size != 0 && store_choice(world.names).first_names(one.ref.id, 1)[0] == "store-1")
      asked.insert(one.ref.id);
  const auto doubted = world.sites.at("store-1").service->take_doubted();
  EXPECT_EQ(std::set<digest>(doubted.begin(), doubted.end()), asked);
  EXPECT_FALSE(asked.empty());
  EXPECT_TRUE(world.sites.at("store-0").service->take_doubted().empty());
}

TEST(store_client, a_store_that_says_that_it_has_what_it_has_not_gives_no_false_content) {
  store_world world(10, 2, 2);
  for (auto& [name, at] : world.sites)
    at.lies = [](stores::reply& reply) {
      if (auto* header = std::get_if<contents_reply>(&reply.header)) {
        for (auto& piece : header->pieces) piece = {false, 1};
        reply.frames.assign(header->pieces.size(), byte_vector(100));
      }
    };
  const auto all = of_all_sizes();
  ASSERT_TRUE(world.fetch(refs(all)));
  for (const auto& one : all) EXPECT_FALSE(world.fetched.at(one.ref.id)) << one.ref.size;
  EXPECT_EQ(world.local.contents(), 0U);
}

TEST(store_client, waits_for_stores_and_says_when_there_are_too_few_for_long) {
  store_world world(11, 2, 3);
  const auto one = make_content(1, 1000);
  store_here(world, {one});
  const auto begun = world.now;
  ASSERT_TRUE(world.bring({one.ref}));
  ASSERT_FALSE(world.brought.at(one.ref.id));
  EXPECT_EQ(world.brought.at(one.ref.id).error().code, errc::unavailable);
  EXPECT_NE(world.brought.at(one.ref.id).error().context.find("is in 2 stores, and has to be in 3"),
            std::string::npos)
      << world.brought.at(one.ref.id).error().context;
  EXPECT_GE(world.now - begun, seconds(60));
  EXPECT_LT(world.now - begun, seconds(65));
}

TEST(store_client, a_store_that_comes_meanwhile_is_enough) {
  store_world world(12, 3, 3);
  const auto all = of_all_sizes();
  store_here(world, all);
  world.client.set_stores({"store-0", "store-1"}, 3, world.now);
  world.later(seconds(20), [&] {
    world.client.set_stores(world.names, 3, world.now);
    world.client.reached("store-2");
  });
  ASSERT_TRUE(world.bring(refs(all)));
  expect_well(world.brought, all.size());
  for (const auto& one : all) EXPECT_EQ(world.copies_of(one.ref.id), 3U);
}

TEST(store_client, a_silent_store_costs_time_and_nothing_else) {
  store_world world(13, 3, 2);
  const auto all = of_all_sizes();
  store_here(world, all);
  ASSERT_TRUE(world.bring(refs(all)));
  forget_here(world, all);
  world.sites.at("store-1").silent = true;
  ASSERT_TRUE(world.fetch(refs(all)));
  expect_well(world.fetched, all.size());
  expect_here(world, all);
}

TEST(store_client, what_a_store_has_got_is_not_sent_again_after_a_broken_connection) {
  store_world world(14, 1, 1);
  const auto one = make_content(7, large_bytes);
  store_here(world, {one});
  auto& site = world.sites.at("store-0");
  world.client.bring(one.ref, world.now);
  ASSERT_TRUE(world.run([&] { return site.raw_bytes_taken >= 5 * MiB; }));
  world.client.lost("store-0");
  world.later(milliseconds(500), [&] { world.client.reached("store-0"); });
  ASSERT_TRUE(world.run([&] { return !world.brought.empty(); }));
  expect_well(world.brought, 1);
  EXPECT_LE(site.raw_bytes_taken, large_bytes) << "it asks how far the store is before it sends";
  EXPECT_EQ(world.copies_of(one.ref.id), 1U);
}

TEST(store_client, a_fetch_goes_on_elsewhere_from_the_chunk_that_is_missing) {
  store_world world(15, 2, 2);
  const auto one = make_content(7, large_bytes);
  store_here(world, {one});
  ASSERT_TRUE(world.bring({one.ref}));
  forget_here(world, {one});
  const auto first = store_choice(world.names).first_names(one.ref.id, 1).front();
  world.client.fetch(one.ref.id, world.now);
  auto& dies = world.sites.at(first);
  ASSERT_TRUE(world.run([&] { return dies.raw_bytes_sent >= 5 * MiB; }));
  world.kill(first);
  ASSERT_TRUE(world.run([&] { return !world.fetched.empty(); }));
  expect_well(world.fetched, 1);
  expect_here(world, {one});
  std::uint64_t sent = 0;
  for (const auto& [name, at] : world.sites) sent += at.raw_bytes_sent;
  EXPECT_LE(sent, large_bytes + 6 * MiB);
}

TEST(store_client, a_full_store_is_replaced_by_the_next_of_the_order) {
  store_world world(16, 4, 2);
  const auto all = of_all_sizes();
  store_here(world, all);
  world.sites.at("store-2").disk.options().bytes_max = 10;
  ASSERT_TRUE(world.bring(refs(all)));
  expect_well(world.brought, all.size());
  for (const auto& one : all) EXPECT_EQ(world.copies_of(one.ref.id), 2U) << one.ref.size;
}

TEST(store_client, where_all_are_full_it_says_so_at_once) {
  store_world world(17, 2, 2);
  const auto one = make_content(1, 1000);
  store_here(world, {one});
  for (auto& [name, at] : world.sites) at.disk.options().bytes_max = 10;
  ASSERT_TRUE(world.bring({one.ref}));
  ASSERT_FALSE(world.brought.at(one.ref.id));
  EXPECT_EQ(world.brought.at(one.ref.id).error().code, errc::out_of_space);
}

TEST(store_client, wrong_bytes_here_are_found_out_and_told) {
  store_world world(18, 2, 2);
  memory_chunk_store liar([](const chunk_list&) { return make_content(5, 50'000).ref.id; });
  const auto other = make_content(6, 50'000);
  ASSERT_TRUE(liar.put(other.bytes, other.chunks));
  store_client client(liar, world.hash, {}, {});
  const content_ref claimed{make_content(5, 50'000).ref.id, 50'000};
  content_uploads uploads(liar, world.hash, {}, {});
  uploads.want(claimed, world.now);
  uploads.place(store_choice({"a"}), 1);
  const auto asked = uploads.next("a");
  ASSERT_TRUE(asked);
  ASSERT_TRUE(uploads.answered("a", asked->of, {stores::have_reply{{false}}, {}}));
  const auto sent = uploads.next("a");
  ASSERT_TRUE(sent);
  stores::put_reply wrong{{{stores::put_outcome::what::refused, 0, errc::corrupt}}};
  EXPECT_TRUE(uploads.answered("a", sent->of, {wrong, {}}));
  const auto ended = uploads.take_ended();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].how.error().code, errc::corrupt);
}

TEST(store_client, a_store_that_calls_right_bytes_wrong_is_replaced) {
  store_world world(19, 3, 2);
  const auto all = of_all_sizes();
  store_here(world, all);
  world.sites.at("store-1").lies = [](stores::reply& reply) {
    if (auto* put = std::get_if<stores::put_reply>(&reply.header))
      for (auto& piece : put->pieces) piece = {stores::put_outcome::what::refused, 0, errc::corrupt};
  };
  ASSERT_TRUE(world.bring(refs(all)));
  expect_well(world.brought, all.size());
}

TEST(store_client, a_store_that_is_slow_and_gets_on_is_waited_for) {
  store_client::options options;
  options.silent_after = seconds(30);
  store_world world(21, 1, 1, options);
  world.how.delay = seconds(13);  // for each of nine pieces, four at a time, and others behind them
  const auto all = of_all_sizes();
  store_here(world, all);
  const auto begun = world.now;
  ASSERT_TRUE(world.bring(refs(all)));
  expect_well(world.brought, all.size());
  EXPECT_GT(world.now - begun, seconds(60));
  forget_here(world, all);
  ASSERT_TRUE(world.fetch(refs(all)));
  expect_well(world.fetched, all.size());
}

TEST(store_client, a_fetch_from_a_store_that_says_nothing_ends) {
  store_world world(22, 1, 1);
  const auto one = make_content(1, 1000);
  world.sites.at("store-0").silent = true;
  const auto begun = world.now;
  ASSERT_TRUE(world.fetch({one.ref}));
  EXPECT_EQ(world.fetched.at(one.ref.id).error().code, errc::unavailable);
  EXPECT_LT(world.now - begun, seconds(70));
}

TEST(store_client, a_store_that_never_gets_on_does_not_keep_a_content_for_ever) {
  store_world world(20, 1, 1);
  const auto one = make_content(7, large_bytes);
  store_here(world, {one});
  world.sites.at("store-0").lies = [](stores::reply& reply) {
    if (auto* put = std::get_if<stores::put_reply>(&reply.header))
      for (auto& piece : put->pieces) piece = {stores::put_outcome::what::partly, 0, errc::unavailable};
  };
  ASSERT_TRUE(world.bring({one.ref}));
  EXPECT_FALSE(world.brought.at(one.ref.id));
  EXPECT_LT(world.sites.at("store-0").requests, 500U) << "it rests between its tries";
}

TEST(store_client, asks_which_contents_are_there) {
  store_world world(31, 4, 2);
  const auto there = many_small(1'500);
  store_here(world, there);
  ASSERT_TRUE(world.bring(refs(there)));
  const auto nowhere = make_content(99'999, 50'000);
  std::uint64_t before = 0, after = 0;
  for (const auto& [name, at] : world.sites) before += at.requests;
  auto all = refs(there);
  all.push_back(nowhere.ref);
  ASSERT_TRUE(world.ask(all, true));
  for (const auto& one : there) EXPECT_EQ(world.asked.at(one.ref.id).value(), (content_presence{2, true}));
  EXPECT_EQ(world.asked.at(nowhere.ref.id).value(), (content_presence{0, false}));
  for (const auto& [name, at] : world.sites) after += at.requests;
  EXPECT_LE(after - before, 12U) << "many in a message";
  EXPECT_TRUE(world.client.idle());
}

TEST(store_client, a_content_behind_its_first_stores_is_told_to_be_there) {
  store_world world(32, 5, 2);
  const auto one = make_content(7, 1'000);
  const store_choice choice(world.names);
  const auto order = choice.first_names(one.ref.id, 5);
  ASSERT_TRUE(world.sites.at(order.back()).disk.put(one.bytes, one.chunks));
  ASSERT_TRUE(world.sites.at(order.back()).disk.sync());
  ASSERT_TRUE(world.ask({one.ref}, false));
  EXPECT_EQ(world.asked.at(one.ref.id).value(), (content_presence{0, true}));
  ASSERT_TRUE(world.sites.at(order.front()).disk.put(one.bytes, one.chunks));
  ASSERT_TRUE(world.sites.at(order.front()).disk.sync());
  world.asked.clear();
  ASSERT_TRUE(world.ask({one.ref}, true));
  EXPECT_EQ(world.asked.at(one.ref.id).value(), (content_presence{1, true})) << "one copy of two";
}

TEST(store_client, where_nobody_answers_it_is_not_said_that_a_content_is_missing) {
  store_world world(33, 2, 1);
  for (auto& [name, at] : world.sites) at.silent = true;
  const auto one = make_content(7, 1'000);
  ASSERT_TRUE(world.ask({one.ref}, false));
  ASSERT_FALSE(world.asked.at(one.ref.id));
  EXPECT_EQ(world.asked.at(one.ref.id).error().code, errc::unavailable);
}

}  // namespace
}  // namespace graphite::test
