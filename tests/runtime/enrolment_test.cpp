#include "runtime/enrolment.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

constexpr std::int64_t unix_now = 1'760'000'000'000'000'000, day = 86'400'000'000'000;
constexpr link_event chunks_connected{served_port::chunks, link_event::what::connected},
    chunks_failed{served_port::chunks, link_event::what::failed},
    heads_connected{served_port::heads, link_event::what::connected},
    heads_refused{served_port::heads, link_event::what::refused},
    heads_failed{served_port::heads, link_event::what::failed};

struct enrolment_test : testing::Test {
  enrolment core{{}};
  time_point now{seconds(1000)};
  std::vector<enrolment::note> notes;

  enrolment::wishes keep(enrolment::wishes wishes) {
    notes.insert(notes.end(), wishes.notes.begin(), wishes.notes.end());
    return wishes;
  }
  enrolment::wishes event(link_event what) { return keep(core.on_event(what, now)); }
  enrolment::wishes granted(std::int64_t until = unix_now + 100 * day) {
    return keep(core.on_answer(welcome_reply{":7402", ":7403", {{"game", until}}, ""}, now, unix_now));
  }
  enrolment::wishes refused(const std::string& why) {
    return keep(core.on_answer(refusal{errc::permission_denied, why}, now, unix_now));
  }
  enrolment::wishes tick(duration by = {}) {
    now += by;
    return keep(core.on_tick(now, unix_now));
  }
  /// To the next deadline.
  enrolment::wishes wait() {
    now = core.next_deadline();
    return tick();
  }
  bool said(std::string_view part) const {
    return std::any_of(notes.begin(), notes.end(),
                       [&](const auto& note) { return note.text.find(part) != std::string::npos; });
  }
  void enrol() {
    core.on_connecting(now);
    EXPECT_TRUE(event(chunks_connected).ask);
    EXPECT_TRUE(granted().open_heads);
    event(heads_connected);
  }
};

TEST_F(enrolment_test, asks_once_connected_and_opens_heads_once_granted) {
  core.on_connecting(now);
  EXPECT_FALSE(tick().ask);
  EXPECT_TRUE(event(chunks_connected).ask);
  EXPECT_FALSE(core.granted());
  const auto after = granted();
  EXPECT_TRUE(after.open_heads);
  EXPECT_TRUE(core.granted());
  EXPECT_TRUE(said("enrolled for channel game until 2026-"));
  EXPECT_EQ(core.next_deadline(), time_point::max());
}

TEST_F(enrolment_test, enrols_again_after_each_new_connection) {
  enrol();
  const auto again = event(chunks_connected);
  EXPECT_TRUE(again.ask);
  EXPECT_FALSE(core.granted());
  EXPECT_FALSE(granted().open_heads) << "they are open";
}

TEST_F(enrolment_test, a_refusal_is_told_once_and_tried_again_more_and_more_seldom) {
  core.on_connecting(now);
  event(chunks_connected);
  duration last{};
  for (int i = 0; i < 20; ++i) {
    refused("ticket 7 for channel game has expired");
    const auto before = now;
    EXPECT_TRUE(wait().ask);
    EXPECT_GE(now - before, last);
    last = now - before;
  }
  EXPECT_EQ(last, seconds(30));
  EXPECT_EQ(
      std::count_if(notes.begin(), notes.end(),
                    [](const auto& note) { return note.text.find("has expired") != std::string::npos; }),
      1);
  granted();
  event(heads_connected);
  core.on_refused_request("revoked", now);
  const auto before = now;
  wait();
  EXPECT_LE(now - before, milliseconds(100)) << "after a success it begins anew";
}

TEST_F(enrolment_test, no_answer_makes_a_new_connection) {
  core.on_connecting(now);
  event(chunks_connected);
  const auto late = wait();
  EXPECT_TRUE(late.open_chunks);
  EXPECT_FALSE(granted().open_heads) << "an answer of the old connection";
  EXPECT_FALSE(core.granted());
  EXPECT_TRUE(event(chunks_connected).ask);
}

TEST_F(enrolment_test, an_answer_that_cannot_be_read_is_no_grant) {
  core.on_connecting(now);
  event(chunks_connected);
  keep(core.on_answer({}, now, unix_now));
  EXPECT_FALSE(core.granted());
  EXPECT_TRUE(said("cannot be read"));
  EXPECT_TRUE(wait().ask);
}

TEST_F(enrolment_test, a_wrong_server_key_is_told_and_tried_again) {
  core.on_connecting(now);
  EXPECT_FALSE(event(chunks_failed).ask);
  EXPECT_TRUE(said("did not prove the server's key"));
  EXPECT_TRUE(wait().open_chunks);
}

TEST_F(enrolment_test, refused_heads_enrol_again_and_are_opened_again) {
  enrol();
  event(heads_refused);
  EXPECT_FALSE(core.granted());
  EXPECT_TRUE(wait().ask);
  EXPECT_TRUE(granted().open_heads);
}

TEST_F(enrolment_test, failed_heads_are_opened_again) {
  enrol();
  event(heads_failed);
  EXPECT_TRUE(core.granted());
  EXPECT_TRUE(wait().open_heads);
}

TEST_F(enrolment_test, a_refused_request_enrols_again) {
  enrol();
  keep(core.on_refused_request("no grant", now));
  EXPECT_FALSE(core.granted());
  EXPECT_TRUE(wait().ask);
}

TEST_F(enrolment_test, other_tickets_are_shown_once_these_are_refused) {
  core.on_connecting(now);
  event(chunks_connected);
  EXPECT_TRUE(refused("ticket 7 for channel game was revoked").other_tickets);
  wait();
  EXPECT_FALSE(keep(core.on_answer(refusal{errc::busy, "too many"}, now, unix_now)).other_tickets);
  wait();
  EXPECT_FALSE(granted().other_tickets);
  EXPECT_TRUE(keep(core.on_refused_request("no grant for channel 'ui'", now)).other_tickets);
}

TEST_F(enrolment_test, new_tickets_are_shown_while_the_old_ones_count) {
  enrol();
  EXPECT_TRUE(keep(core.on_tickets(now)).ask);
  EXPECT_TRUE(core.granted()) << "requests go on";
  EXPECT_FALSE(granted(unix_now + 200 * day).open_heads);
  EXPECT_TRUE(said("enrolled for channel game until 2026-04-27"));
  EXPECT_TRUE(keep(core.on_tickets(now)).ask);
  EXPECT_FALSE(refused("ticket 9 for channel game was revoked").ask);
  EXPECT_TRUE(core.granted());
  EXPECT_TRUE(said("those before count on"));
  EXPECT_FALSE(granted().open_heads) << "an answer that nobody waits for";
}

TEST_F(enrolment_test, new_tickets_end_the_wait_after_a_refusal) {
  EXPECT_FALSE(keep(core.on_tickets(now)).ask) << "nobody is connected";
  core.on_connecting(now);
  event(chunks_connected);
  EXPECT_TRUE(keep(core.on_tickets(now)).ask) << "the answer to the old ones is not waited for";
  for (int i = 0; i < 10; ++i) {
    refused("ticket 7 for channel game has expired");
    wait();
  }
  refused("ticket 7 for channel game has expired");
  EXPECT_TRUE(keep(core.on_tickets(now)).ask);
  granted();
  EXPECT_TRUE(core.granted());
}

TEST_F(enrolment_test, a_ticket_about_to_end_is_told_once) {
  core.on_connecting(now);
  event(chunks_connected);
  granted(unix_now + 8 * day);
  EXPECT_FALSE(said("ends on"));
  keep(core.on_tick(now, unix_now + 2 * day));
  EXPECT_TRUE(said("the ticket for channel game ends on 2025-10-17"));
  const auto count = notes.size();
  keep(core.on_tick(now, unix_now + 3 * day));
  EXPECT_EQ(notes.size(), count);
}

}  // namespace
}  // namespace graphite
