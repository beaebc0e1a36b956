#include "relay/store_service.hpp"

#include <gtest/gtest.h>

#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/store_bytes.hpp"

namespace graphite {
namespace {

using outcome = stores::put_outcome;
using test::make_content;
using test::sample_content;

constexpr curve_key key_of(int n) { return {{static_cast<std::byte>(n)}}; }

incarnation_id process(std::uint8_t n) {
  incarnation_id out;
  out.value.bytes.fill(n);
  return out;
}

class store_service_test : public testing::Test {
 protected:
  std::optional<stores::reply> ask(const stores::request& what, const std::vector<byte_vector>& frames = {},
                                   const curve_key& peer = {}) {
    const std::vector<byte_span> raw(frames.begin(), frames.end());
    return service_.answer(++ticket_, peer, what, raw, {now_, 0});
  }
  /// Answered, with a sync where it takes one.
  stores::reply reply_to(const stores::request& what, const std::vector<byte_vector>& frames = {},
                         const curve_key& peer = {}) {
    if (auto now = ask(what, frames, peer)) return *now;
    auto answers = sync();
    return answers.empty() ? stores::reply{} : std::move(answers.back().second);
  }
  store_service::answers sync() {
    auto covered = service_.take_waiting();
    const auto how = store_.sync();
    return service_.synced(std::move(covered), how);
  }
  static byte_vector slice(const sample_content& of, std::uint64_t from, std::uint64_t count) {
    return {of.bytes.begin() + static_cast<std::ptrdiff_t>(from),
            of.bytes.begin() + static_cast<std::ptrdiff_t>(from + count)};
  }
  outcome put(const content_ref& content, std::uint64_t offset, byte_vector bytes, const curve_key& peer = {},
              std::uint8_t who = 1) {
    const auto reply =
        reply_to(stores::put_request{process(who), {{content, offset}}}, {std::move(bytes)}, peer);
    const auto* header = std::get_if<stores::put_reply>(&reply.header);
    if (header == nullptr || header->pieces.size() != 1) return {};
    return header->pieces[0];
  }
  bool durable(const content_ref& content) {
    const auto reply = ask(stores::have_request{{content.id}});
    return std::get<stores::have_reply>(reply->header).durable.at(0);
  }

  openssl_hasher hash_;
  memory_chunk_store store_{hash_};
  time_point now_ = time_from_ns(1'000'000'000'000);
  store_uploads::options options_{
      .all_max = 6, .of_asker_max = 3, .bytes_of_asker_max = 10 * MiB, .lapse_after = seconds(60)};
  store_service service_{store_, hash_, options_};
  store_service::ticket ticket_ = 0;
};

TEST_F(store_service_test, answers_a_put_once_it_is_durable) {
  const auto one = make_content(1, 1000);
  EXPECT_FALSE(ask(stores::put_request{process(1), {{one.ref, 0}}}, {one.bytes})) << "not before the sync";
  EXPECT_FALSE(durable(one.ref));
  const auto first = ticket_ - 1;
  const auto answers = sync();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].first, first);
  EXPECT_EQ(answers[0].second.header, stores::reply_header(stores::put_reply{{{outcome::what::durable}}}));
  EXPECT_TRUE(durable(one.ref));
  store_.lose_unsynced();
  EXPECT_TRUE(durable(one.ref));
}

TEST_F(store_service_test, shares_a_sync_between_all_that_came_before_it) {
  std::vector<sample_content> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(make_content(i, 1000));
    EXPECT_FALSE(ask(stores::put_request{process(1), {{all.back().ref, 0}}}, {all.back().bytes}));
  }
  EXPECT_EQ(sync().size(), 20U);
  EXPECT_EQ(store_.options().syncs, 1U);
}

TEST_F(store_service_test, what_comes_during_a_sync_waits_for_the_next_one) {
  const auto one = make_content(1, 1000), other = make_content(2, 1000);
  (void)ask(stores::put_request{process(1), {{one.ref, 0}}}, {one.bytes});
  auto covered = service_.take_waiting();
  EXPECT_FALSE(ask(stores::put_request{process(1), {{other.ref, 0}}}, {other.bytes}));
  EXPECT_FALSE(ask(stores::put_request{process(1), {{one.ref, 0}}}, {one.bytes})) << "it is under way";
  EXPECT_EQ(service_.synced(std::move(covered), {}).size(), 1U);
  EXPECT_TRUE(durable(one.ref));
  EXPECT_FALSE(durable(other.ref));
  EXPECT_TRUE(service_.has_waiting());
  EXPECT_EQ(sync().size(), 2U);
  EXPECT_TRUE(durable(other.ref));
}

TEST_F(store_service_test, a_sync_that_fails_is_told_and_nothing_counts_as_durable) {
  const auto one = make_content(1, 1000);
  store_.options().fail_syncs = errc::out_of_space;
  (void)ask(stores::put_request{process(1), {{one.ref, 0}}}, {one.bytes});
  const auto answers = sync();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(std::get<refusal>(answers[0].second.header).code, errc::out_of_space);
  EXPECT_FALSE(durable(one.ref));
  store_.options().fail_syncs.reset();
  EXPECT_EQ(put(one.ref, 0, one.bytes).state, outcome::what::durable);
  EXPECT_TRUE(durable(one.ref));
}

TEST_F(store_service_test, what_is_durable_already_is_answered_at_once) {
  const auto one = make_content(1, 1000);
  (void)put(one.ref, 0, one.bytes);
  EXPECT_TRUE(ask(stores::put_request{process(1), {{one.ref, 0}}}, {one.bytes}));
}

TEST_F(store_service_test, a_content_comes_in_pieces_and_is_seen_when_it_is_whole) {
  const auto one = make_content(1, 3'000'000);
  EXPECT_EQ(put(one.ref, 0, slice(one, 0, 1'000'000)), (outcome{outcome::what::partly, 1'000'000}));
  EXPECT_FALSE(*store_.find(one.ref.id));
  EXPECT_EQ(put(one.ref, 1'000'000, slice(one, 1'000'000, 1'000'000)),
            (outcome{outcome::what::partly, 2'000'000}));
  EXPECT_FALSE(*store_.find(one.ref.id));
  EXPECT_EQ(put(one.ref, 2'000'000, slice(one, 2'000'000, 1'000'000)).state, outcome::what::durable);
  byte_vector back(one.bytes.size());
  ASSERT_TRUE(store_.read(one.ref.id, 0, back));
  EXPECT_EQ(back, one.bytes);
}

TEST_F(store_service_test, says_where_to_go_on_whatever_was_sent) {
  const auto one = make_content(1, 3'000'000);
  EXPECT_EQ(put(one.ref, 1'000'000, slice(one, 1'000'000, 10)), (outcome{outcome::what::partly, 0}));
  EXPECT_EQ(put(one.ref, 0, slice(one, 0, 500'000)), (outcome{outcome::what::partly, 500'000}));
  EXPECT_EQ(put(one.ref, 0, {}), (outcome{outcome::what::partly, 500'000}));
  EXPECT_EQ(put(one.ref, 0, slice(one, 0, 500'000)), (outcome{outcome::what::partly, 500'000}));
  EXPECT_EQ(put(one.ref, 600'000, slice(one, 600'000, 9)), (outcome{outcome::what::partly, 500'000}));
  EXPECT_EQ(put(one.ref, 500'000, slice(one, 500'000, 1)), (outcome{outcome::what::partly, 500'001}));
}

TEST_F(store_service_test, wrong_bytes_are_refused_and_gone) {
  const auto small = make_content(1, 1000), large = make_content(2, 200'000);
  auto bytes = small.bytes;
  bytes[3] ^= std::byte{1};
  EXPECT_EQ(put(small.ref, 0, bytes), (outcome{outcome::what::refused, 0, errc::corrupt}));
  bytes = large.bytes;
  bytes[100'000] ^= std::byte{1};
  EXPECT_EQ(put(large.ref, 0, {bytes.begin(), bytes.begin() + 150'000}).state, outcome::what::partly);
  EXPECT_EQ(put(large.ref, 150'000, {bytes.begin() + 150'000, bytes.end()}),
            (outcome{outcome::what::refused, 0, errc::corrupt}));
  EXPECT_EQ(store_.contents(), 0U);
  EXPECT_EQ(put(large.ref, 0, {}), (outcome{outcome::what::partly, 0})) << "from the beginning";
}

TEST_F(store_service_test, a_size_that_is_a_lie_is_found_out) {
  const auto one = make_content(1, 1000);
  EXPECT_EQ(put({one.ref.id, 999}, 0, slice(one, 0, 999)),
            (outcome{outcome::what::refused, 0, errc::corrupt}));
  (void)put(one.ref, 0, one.bytes);
  EXPECT_EQ(put({one.ref.id, 2000}, 0, slice(one, 0, 500)),
            (outcome{outcome::what::refused, 0, errc::corrupt}));
}

TEST_F(store_service_test, askers_do_not_meet_each_others_uploads) {
  const auto one = make_content(1, 200'000);
  auto wrong = one.bytes;
  wrong[0] ^= std::byte{1};
  EXPECT_EQ(put(one.ref, 0, {wrong.begin(), wrong.begin() + 100'000}, key_of(1)).state,
            outcome::what::partly);
  EXPECT_EQ(put(one.ref, 0, slice(one, 0, 100'000), key_of(2)).state, outcome::what::partly);
  EXPECT_EQ(put(one.ref, 100'000, slice(one, 100'000, 100'000), key_of(1)),
            (outcome{outcome::what::refused, 0, errc::corrupt}));
  EXPECT_EQ(put(one.ref, 100'000, slice(one, 100'000, 100'000), key_of(2)).state, outcome::what::durable);
}

TEST_F(store_service_test, an_asker_goes_on_by_another_connection) {
  const auto one = make_content(1, 200'000);
  EXPECT_EQ(put(one.ref, 0, slice(one, 0, 50'000), key_of(1), 7).have, 50'000U);
  EXPECT_EQ(put(one.ref, 0, {}, key_of(1), 7).have, 50'000U);
  EXPECT_EQ(put(one.ref, 0, {}, key_of(1), 8).have, 0U) << "another process of the same key";
}

TEST_F(store_service_test, uploads_of_an_asker_are_bounded_and_others_have_room) {
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(put(make_content(i, 200'000).ref, 0, byte_vector(1), key_of(1), 1 + i).state,
              outcome::what::partly);
  EXPECT_EQ(put(make_content(9, 200'000).ref, 0, byte_vector(1), key_of(1), 9),
            (outcome{outcome::what::refused, 0, errc::busy}))
      << "whatever processes a key says it has";
  EXPECT_EQ(put(make_content(9, 200'000).ref, 0, byte_vector(1), key_of(2)).state, outcome::what::partly);
  EXPECT_EQ(put({make_content(9, 10).ref.id, 11 * MiB}, 0, byte_vector(1), key_of(3)),
            (outcome{outcome::what::refused, 0, errc::busy}))
      << "more bytes than an asker may have on their way";
  for (int i = 4; i < 6; ++i)
    EXPECT_EQ(put(make_content(i, 200'000).ref, 0, byte_vector(1), key_of(i)).state, outcome::what::partly);
  EXPECT_EQ(put(make_content(9, 200'000).ref, 0, byte_vector(1), key_of(7)).code, errc::busy) << "of all";
}

TEST_F(store_service_test, at_a_port_without_keys_each_process_has_its_bounds) {
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(put(make_content(i, 200'000).ref, 0, byte_vector(1), {}, 1).state, outcome::what::partly);
  EXPECT_EQ(put(make_content(9, 200'000).ref, 0, byte_vector(1), {}, 1).code, errc::busy);
  EXPECT_EQ(put(make_content(9, 200'000).ref, 0, byte_vector(1), {}, 2).state, outcome::what::partly);
}

TEST_F(store_service_test, uploads_that_nobody_goes_on_with_lapse) {
  const auto one = make_content(1, 200'000);
  EXPECT_EQ(put(one.ref, 0, slice(one, 0, 50'000)).have, 50'000U);
  now_ += seconds(59);
  service_.lapse(now_);
  EXPECT_EQ(put(one.ref, 50'000, slice(one, 50'000, 10)).have, 50'010U);
  now_ += seconds(59);
  service_.lapse(now_);
  EXPECT_EQ(put(one.ref, 0, {}).have, 50'010U);
  now_ += seconds(60);
  service_.lapse(now_);
  EXPECT_EQ(put(one.ref, 0, {}).have, 0U);
}

TEST_F(store_service_test, many_small_contents_are_put_at_once_and_each_has_its_outcome) {
  stores::put_request request{process(1), {}};
  std::vector<byte_vector> frames;
  for (int i = 0; i < 100; ++i) {
    const auto one = make_content(i, i * 10);
    request.pieces.push_back({one.ref, 0});
    frames.push_back(one.bytes);
  }
  frames[50][3] ^= std::byte{1};
  const auto reply = reply_to(request, frames);
  const auto& pieces = std::get<stores::put_reply>(reply.header).pieces;
  ASSERT_EQ(pieces.size(), 100U);
  for (std::size_t i = 0; i < pieces.size(); ++i)
    EXPECT_EQ(pieces[i].state, i == 50 ? outcome::what::refused : outcome::what::durable) << i;
  EXPECT_EQ(store_.contents(), 99U);
}

TEST_F(store_service_test, a_full_store_says_so) {
  store_.options().bytes_max = 100;
  const auto one = make_content(1, 1000), large = make_content(2, 200'000);
  EXPECT_EQ(put(one.ref, 0, one.bytes).code, errc::out_of_space);
  EXPECT_EQ(put(large.ref, 0, slice(large, 0, 100'000)).state, outcome::what::partly);
  EXPECT_EQ(put(large.ref, 100'000, slice(large, 100'000, 100'000)).code, errc::out_of_space);
}

TEST_F(store_service_test, lists_and_contents_are_read_as_at_the_chunk_port) {
  const auto one = make_content(1, 900'000);
  (void)put(one.ref, 0, one.bytes);
  const auto list = reply_to(list_request{one.ref.id, {}});
  ASSERT_TRUE(std::holds_alternative<list_reply>(list.header));
  const auto chunks = decode_chunk_list(one.ref, list.frames.at(0), {}, hash_);
  ASSERT_TRUE(chunks);
  EXPECT_EQ(*chunks, one.chunks);
  const auto contents = reply_to(contents_request{{{one.ref.id, 0, 0, {}}}, MiB});
  EXPECT_EQ(contents.frames.at(0), one.bytes);
  EXPECT_EQ(std::get<refusal>(reply_to(list_request{make_content(2, 5).ref.id, {}}).header).code,
            errc::not_found);
}

/// With a ledger of what there is.
class store_with_ledger : public store_service_test {
 protected:
  static store_ledger::options room() {
    store_ledger::options out;
    out.bytes_max = 300'000;
    out.place_bytes = 0;
    return out;
  }
  std::optional<stores::reply> ask_at(std::int64_t ms, const stores::request& what,
                                      const std::vector<byte_vector>& frames = {}) {
    const std::vector<byte_span> raw(frames.begin(), frames.end());
    return kept_.answer(++ticket_, {}, what, raw, {now_, ms * 1'000'000});
  }
  outcome put_at(std::int64_t ms, const sample_content& of, std::uint64_t from, std::uint64_t count) {
    auto reply = ask_at(ms, stores::put_request{process(1), {{of.ref, from}}}, {slice(of, from, count)});
    if (!reply) {
      auto answers = kept_.synced(kept_.take_waiting(), store_.sync());
      reply = std::move(answers.at(0).second);
    }
    return std::get<stores::put_reply>(reply->header).pieces.at(0);
  }
  store_ledger ledger_{room(), 0};
  store_service kept_{store_, hash_, options_, &ledger_};
  static constexpr std::int64_t hour = 3'600'000;
};

TEST_F(store_with_ledger, what_comes_is_known_and_each_verb_is_a_use) {
  const auto small = make_content(1, 1000), large = make_content(2, 100'000);
  EXPECT_EQ(put_at(0, small, 0, 1000).state, outcome::what::durable);
  EXPECT_EQ(put_at(0, large, 0, 50'000).state, outcome::what::partly);
  EXPECT_EQ(ledger_.size(), 1U) << "not before all of it is here";
  EXPECT_EQ(put_at(0, large, 50'000, 50'000).state, outcome::what::durable);
  EXPECT_EQ(ledger_.bytes(), 101'000U);
  std::int64_t now = 0;
  const auto is_use = [&](const stores::request& what, const std::vector<byte_vector>& frames = {}) {
    now += hour;
    EXPECT_TRUE(ledger_.may_go(small.ref.id, milliseconds(0), now));
    (void)ask_at(now, what, frames);
    return !ledger_.may_go(small.ref.id, milliseconds(0), now + hour / 12);
  };
  EXPECT_TRUE(is_use(stores::have_request{{small.ref.id}}));
  EXPECT_TRUE(is_use(list_request{small.ref.id, {}}));
  EXPECT_TRUE(is_use(contents_request{{{small.ref.id, 0, 0, {}}}, MiB}));
  EXPECT_TRUE(is_use(stores::put_request{process(1), {{small.ref, 0}}}, {small.bytes}));
  EXPECT_TRUE(is_use(stores::put_request{process(1), {{small.ref, 0}}}, {byte_vector()}));
  EXPECT_FALSE(is_use(stores::look_request{{small.ref.id}}));
}

TEST_F(store_with_ledger, takes_no_more_than_it_has_room_for_with_what_is_on_its_way) {
  const auto first = make_content(1, 200'000), second = make_content(2, 150'000),
             small = make_content(3, 90'000);
  EXPECT_EQ(put_at(0, first, 0, 1000).state, outcome::what::partly);
  EXPECT_EQ(put_at(0, second, 0, 1000).code, errc::out_of_space);
  EXPECT_EQ(put_at(0, first, 0, 0).have, 1000U) << "asking where to go on takes no room";
  EXPECT_EQ(put_at(0, small, 0, 90'000).state, outcome::what::durable);
  EXPECT_EQ(put_at(0, first, 1000, 199'000).state, outcome::what::durable);
  EXPECT_EQ(put_at(0, make_content(4, 20'000), 0, 20'000).code, errc::out_of_space);
  EXPECT_EQ(put_at(0, small, 0, 90'000).state, outcome::what::durable) << "it is here";
}

TEST_F(store_with_ledger, what_was_dropped_is_not_here_and_can_come_again) {
  const auto one = make_content(1, 1000);
  (void)put_at(0, one, 0, 1000);
  const auto forget = [&](const digest& content) -> result<void> {
    store_.remove(content);
    return {};
  };
  EXPECT_FALSE(kept_.drop(one.ref.id, [](const digest&) { return fail(errc::io, "no"); }));
  EXPECT_EQ(ledger_.size(), 1U);
  EXPECT_TRUE(kept_.drop(one.ref.id, forget));
  EXPECT_EQ(ledger_.size(), 0U);
  EXPECT_FALSE(
      std::get<stores::have_reply>(ask_at(0, stores::have_request{{one.ref.id}})->header).durable[0]);
  EXPECT_EQ(put_at(0, one, 0, 1000).state, outcome::what::durable);
  EXPECT_EQ(ledger_.size(), 1U);
}

TEST_F(store_with_ledger, what_somebody_doubts_is_told_once_and_bounded) {
  const auto one = make_content(1, 1000);
  const auto reply = ask_at(0, stores::look_request{{one.ref.id, one.ref.id}});
  EXPECT_TRUE(std::holds_alternative<stores::look_reply>(reply->header));
  EXPECT_EQ(kept_.take_doubted(), std::vector{one.ref.id});
  EXPECT_TRUE(kept_.take_doubted().empty());
  for (std::uint64_t i = 0; i < store_service::doubted_max + 50; ++i)
    (void)ask_at(0, stores::look_request{{make_content(i, 5).ref.id}});
  EXPECT_EQ(kept_.take_doubted().size(), store_service::doubted_max);
}

TEST_F(store_service_test, enrolment_is_not_served_here) {
  const auto reply = reply_to(stores::enrol_request{});
  EXPECT_EQ(std::get<refusal>(reply.header).code, errc::unsupported);
}

}  // namespace
}  // namespace graphite
