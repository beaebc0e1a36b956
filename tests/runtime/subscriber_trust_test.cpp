#include <limits>

#include "tests/runtime/trust_rig.hpp"

// What can be done to a runtime by whoever is between it and its publisher: the attacks that package managers
// are tested against (J. Samuel, N. Mathewson, J. Cappos, R. Dingledine, CCS 2010), one test each.

namespace graphite {
namespace {

using test::authority;
using test::rig;
using test::small_publisher;
using test::subscriber_trust;

TEST_F(subscriber_trust, takes_what_a_key_of_its_root_signed) {
  const auto [r, p] = followed();
  EXPECT_TRUE(shows(*r, *p));
  p->edit("a", "two");
  r->hear(p->publish());
  EXPECT_TRUE(shows(*r, *p));
}

TEST_F(subscriber_trust, refuses_content_of_anybody_else) {
  const authority other;
  const channel_signer theirs(other.keys_for("main"));
  for (const head_signer* by :
       {static_cast<const head_signer*>(&theirs), static_cast<const head_signer*>(nullptr)}) {
    const auto r = pin(own_);
    small_publisher p({"main", {}, first_epoch, by}, hash_);
    r->serve(p);
    p.edit("a", "planted");
    r->hear(p.publish());
    r->beat();
    r->advance(seconds(5));
    EXPECT_TRUE(r->swaps.empty());
    EXPECT_FALSE(r->core.connected()) << "nothing was heard that counts";
    EXPECT_TRUE(said(*r, "refused a heartbeat"));
    EXPECT_TRUE(r->requests.empty()) << "nobody is asked for anything";
  }
}

TEST_F(subscriber_trust, never_goes_back) {
  const auto r = pin(own_);
  const auto p = serving(signer_);
  r->serve(*p);
  p->edit("a", "one");
  const auto first = p->publish();
  const auto first_beat = p->beat(7403, {}, start_ns);
  p->edit("a", "two");
  p->publish();
  r->beat();
  ASSERT_TRUE(shows(*r, *p));
  r->hear(first);
  r->hear(first_beat);
  EXPECT_TRUE(shows(*r, *p));
  const auto again = pin(own_, memory_of(*r));
  again->serve(*p);
  again->hear(first);
  EXPECT_TRUE(again->swaps.empty()) << "nor after a restart";
}

TEST_F(subscriber_trust, takes_who_repeats_an_old_state_for_silent) {
  const auto r = pin(own_);
  const auto p = serving(signer_);
  r->serve(*p);
  p->edit("a", "one");
  p->publish();
  const auto frozen = p->beat(7403, {}, r->unix_ns);
  r->beat();
  ASSERT_TRUE(r->core.connected());
  p->edit("a", "two");
  p->publish();
  for (int i = 0; i < 40; ++i) {
    r->advance(milliseconds(500));
    r->unix_ns += 500'000'000;
    r->hear(frozen);
  }
  EXPECT_FALSE(r->core.connected());
  EXPECT_TRUE(said(*r, "expired"));
  r->beat();
  EXPECT_TRUE(shows(*r, *p)) << "the true one is heard again";
}

TEST_F(subscriber_trust, shows_no_mixture) {
  const auto r = pin(own_);
  const auto p = serving(signer_);
  r->serve(*p);
  p->edit("a", "one");
  p->edit("b", "one");
  const auto first = p->publish();
  r->hear(first);
  r->beat();
  p->edit("a", "two");
  const auto second = p->publish();
  p->edit("b", "three");
  auto mixed = p->publish();
  mixed.upserts = second.upserts;
  mixed.chunks = second.chunks;
  r->hear(mixed);
  r->advance(seconds(5));
  EXPECT_TRUE(shows(*r, *p)) << "what the signed root names, or nothing";
}

TEST_F(subscriber_trust, bounds_what_a_stolen_key_can_burn) {
  const auto r = pin(own_);
  const auto future = serving(signer_, epoch_number{first_epoch.value + 86'400 + 60});
  r->serve(*future);
  future->edit("a", "from next year");
  r->hear(future->publish());
  EXPECT_TRUE(r->swaps.empty());
  EXPECT_TRUE(said(*r, "future"));
  const auto huge = serving(signer_, epoch_number{std::numeric_limits<std::uint64_t>::max()});
  r->serve(*huge);
  huge->edit("a", "from the end of time");
  r->hear(huge->publish());
  EXPECT_TRUE(r->swaps.empty());
}

TEST_F(subscriber_trust, refuses_a_key_of_another_channel) {
  const auto r = pin(own_);
  const channel_signer other(own_.keys_for("ui"));
  /// Signs heads of main with the key of ui.
  class confused final : public head_signer {
   public:
    explicit confused(const channel_signer& real) : real_(real) {}
    result<byte_vector> sign_head(std::string_view, byte_span shared) const override {
      return real_.sign_head("ui", shared);
    }
    result<byte_vector> sign_state(const channel_state& state, const publisher_place& place) const override {
      auto theirs = state;
      theirs.channel = "ui";
      return real_.sign_state(theirs, place);
    }
    trust_news news() const override { return {}; }

   private:
    const channel_signer& real_;
  } signer(other);
  const auto p = serving(signer);
  r->serve(*p);
  p->edit("a", "of another channel");
  r->hear(p->publish());
  EXPECT_TRUE(said(*r, "signed by a key of channel ui"));
  r->beat();
  EXPECT_TRUE(r->swaps.empty());
}

TEST_F(subscriber_trust, refuses_an_expired_key_and_keeps_what_it_has) {
  const auto [r, p] = followed();
  const auto before = r->sink.shown;
  r->unix_ns = start_ns + 61 * day;
  p->edit("a", "with the stolen key");
  r->hear(p->publish());
  r->beat();
  EXPECT_TRUE(said(*r, "expired"));
  EXPECT_TRUE(r->sink.shown == before);
}

TEST_F(subscriber_trust, refuses_a_revoked_key_once_it_has_heard) {
  const auto [r, p] = followed();
  own_.revoke(4, {1});
  signer_.replace(own_.keys_for("main", 2));
  p->edit("a", "two");
  p->publish();
  r->beat();
  ASSERT_TRUE(shows(*r, *p));
  EXPECT_EQ(r->trust_changes, 1);
  const auto good = r->sink.shown;
  own_.revoke(3, {});
  signer_.replace(own_.keys_for("main", 1));  // the thief's, with a list from before
  p->edit("a", "three");
  r->hear(p->publish());
  r->beat();
  EXPECT_TRUE(said(*r, "key 1, which was revoked"));
  EXPECT_TRUE(r->sink.shown == good);
  head_gate next({own_.root->key()}, verifier_);
  EXPECT_TRUE(next.learn(gate_->known(), start_ns)) << "and after a restart";
  EXPECT_FALSE(next.check_state(p->beat(7403, {}, start_ns).channels.front(),
                                p->beat(7403, {}, start_ns).place, start_ns));
}

TEST_F(subscriber_trust, does_not_believe_a_forged_heartbeat) {
  const auto r = pin(own_);
  const auto p = serving(signer_);
  r->serve(*p);
  p->edit("a", "one");
  p->publish();
  const auto real = p->beat(7403, {}, start_ns);
  using forge = std::function<void(channel_state&)>;
  const forge forgeries[] = {[](auto& s) { ++s.sequence.value; },
                             [](auto& s) { ++s.epoch.value; },
                             [](auto& s) { s.root.bytes[0] ^= 1; },
                             [](auto& s) { s.expires_unix_ns += day; },
                             [](auto& s) { s.lineage.value.bytes[0] ^= 1; },
                             [](auto& s) { s.signature.back() ^= std::byte{1}; },
                             [](auto& s) { s.signature.clear(); }};
  for (const auto& change : forgeries) {
    auto message = real;
    change(message.channels.front());
    r->hear(message);
    EXPECT_FALSE(r->core.connected());
    EXPECT_EQ(r->connects, 0) << "nor where it says chunks are";
  }
  r->hear(real);
  EXPECT_TRUE(r->core.connected());
}

TEST_F(subscriber_trust, is_sent_to_no_chunk_port_that_its_publisher_did_not_name) {
  const auto [r, p] = followed();
  const auto connects = r->connects;
  const auto real = p->beat(7403, {}, start_ns);
  using forge = std::function<void(publisher_place&)>;
  const forge forgeries[] = {[](auto& place) { ++place.chunk_port; },
                             [](auto& place) { place.chunk_host = "thief.example"; },
                             [](auto& place) { place.publisher.value.bytes[0] ^= 1; }};
  for (const auto& change : forgeries) {
    auto message = real;
    change(message.place);
    r->hear(message);
    EXPECT_EQ(r->connects, connects);
    EXPECT_TRUE(said(*r, "the signature is not of what came"));
    r->advance(seconds(2));
    EXPECT_FALSE(r->core.connected()) << "it is as good as none";
    r->hear(real);
    EXPECT_TRUE(r->core.connected());
    EXPECT_EQ(r->connects, connects + 1) << "after the silence";
    r->connects = connects;
  }
}

TEST_F(subscriber_trust, leaves_a_lineage_only_where_a_root_said_so) {
  const auto [r, p] = followed();
  const auto anew = serving(signer_, epoch_number{first_epoch.value + 10}, 2);
  anew->edit("a", "after rm -rf .graphite");
  const auto told = anew->publish();
  r->serve(*anew, 2);
  r->hear(told);
  r->beat();
  EXPECT_TRUE(shows(*r, *p)) << "the old one stays";
  EXPECT_TRUE(said(*r,
                   "graphite keys follow DIR --channel main --from 01010101-0101-0101-0101-010101010101 --to "
                   "02020202-0202-0202-0202-020202020202"));
  const auto voucher =
      sign_succession({"main", p->newest()->lineage, anew->newest()->lineage, first_epoch}, *own_.root);
  own_.news.vouchers.push_back(encode_signed(voucher.value()));
  signer_.replace(own_.keys_for("main"));
  r->beat();
  EXPECT_TRUE(shows(*r, *anew));
  r->serve(*p, 1);
  p->edit("a", "the old state is back");
  r->hear(p->publish());
  r->beat();
  EXPECT_TRUE(shows(*r, *anew)) << "and there is no way back";
}

TEST_F(subscriber_trust, follows_lineages_over_several_steps) {
  const auto [r, p] = followed();
  const auto third = serving(signer_, epoch_number{first_epoch.value + 20}, 3);
  third->edit("a", "three");
  third->publish();
  for (std::uint8_t step = 1; step < 3; ++step) {
    succession_statement says{"main", {}, {}, first_epoch};
    says.before.value.bytes.fill(step);
    says.after.value.bytes.fill(static_cast<std::uint8_t>(step + 1));
    own_.news.vouchers.push_back(encode_signed(sign_succession(says, *own_.root).value()));
  }
  signer_.replace(own_.keys_for("main"));
  r->serve(*third, 3);
  r->beat();
  EXPECT_TRUE(shows(*r, *third));
}

TEST_F(subscriber_trust, wakes_after_a_month_and_takes_the_newest) {
  const auto [r, p] = followed();
  const auto later = serving(signer_, epoch_number{first_epoch.value + 30 * 86'400});
  for (int i = 0; i < 50; ++i) {
    later->edit("a", std::to_string(i));
    later->publish();
  }
  const auto awake = pin(own_, memory_of(*r));
  awake->unix_ns = start_ns + 31 * day;
  signer_.replace(own_.keys_for("main", 2, {start_ns + 20 * day, start_ns + 90 * day}));
  awake->serve(*later);
  awake->beat();
  EXPECT_TRUE(shows(*awake, *later));
}

/// The publisher's disk is a month old: its sequence is, its epoch is not.
TEST_F(subscriber_trust, follows_a_publisher_that_was_restored_from_a_backup) {
  const auto r = pin(own_);
  const auto p = serving(signer_);
  r->serve(*p);
  for (int i = 0; i < 5; ++i) {
    p->edit("a", std::to_string(i));
    p->publish();
  }
  r->beat();
  ASSERT_TRUE(shows(*r, *p));
  const auto restored = serving(signer_, epoch_number{first_epoch.value + 100});
  restored->edit("a", "of the backup");
  restored->publish();
  r->serve(*restored, 2);
  r->beat();
  EXPECT_TRUE(shows(*r, *restored));
}

TEST_F(subscriber_trust, takes_a_new_root_while_the_old_one_vouches_for_it) {
  authority next;
  next.news.vouchers.push_back(encode_signed(
      sign_root_succession({next.root->key(), {start_ns - day, start_ns + 30 * day}}, *own_.root).value()));
  signer_.replace(next.keys_for("main"));
  const auto [r, p] = followed();
  EXPECT_TRUE(shows(*r, *p));
  r->unix_ns = start_ns + 31 * day;
  p->edit("a", "two");
  p->publish();
  r->beat();
  EXPECT_FALSE(shows(*r, *p)) << "the time of both has ended";
  const auto repinned = pin(next);
  repinned->unix_ns = r->unix_ns;
  repinned->serve(*p);
  repinned->beat();
  EXPECT_TRUE(shows(*repinned, *p));
}

/// The heartbeats are true ones, who answers is not.
TEST_F(subscriber_trust, believes_no_snapshot_that_others_signed) {
  const auto r = pin(own_);
  const auto p = serving(signer_);
  const authority other;
  const channel_signer theirs(other.keys_for("main"));
  const auto liar = serving(theirs);
  p->edit("a", "one");
  p->publish();
  liar->edit("a", "planted");
  liar->publish();
  r->serve(*liar);
  r->hear(p->beat(7403, {}, start_ns));
  r->advance(seconds(5));
  EXPECT_TRUE(r->swaps.empty());
  EXPECT_TRUE(said(*r, "a snapshot that may not be believed"));
  r->serve(*p);
  r->beat();
  r->advance(seconds(5));
  EXPECT_TRUE(shows(*r, *p));
}

/// The list came while what the revoked key signed was being fetched.
TEST_F(subscriber_trust, drops_what_is_under_way_when_its_key_is_revoked) {
  const auto r = pin(own_);
  const auto p = serving(signer_), thief = serving(signer_, epoch_number{first_epoch.value + 1});
  r->serve(*p);
  p->edit("a", "one");
  p->publish();
  r->beat();
  r->serve(*thief);
  thief->edit("large", text(3'000'000));
  r->meddle = [](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (std::holds_alternative<contents_request>(request)) return std::nullopt;
    return reply;
  };
  r->hear(thief->publish());
  ASSERT_FALSE(r->core.idle());
  own_.revoke(1, {1});
  heartbeat news;
  news.news = own_.news;
  r->hear(news);
  EXPECT_TRUE(r->core.idle()) << "it is fetched no further";
  r->meddle = nullptr;
  r->advance(seconds(5));
  EXPECT_TRUE(shows(*r, *p));
}

TEST_F(subscriber_trust, keeps_revocations_that_a_root_signed_whose_time_has_ended) {
  authority next;
  own_.news.vouchers.push_back(encode_signed(
      sign_root_succession({next.root->key(), {start_ns - day, start_ns + 30 * day}}, *own_.root).value()));
  next.revoke(1, {5});
  head_gate gate({own_.root->key()}, verifier_);
  ASSERT_TRUE(gate.learn({own_.news.vouchers, next.news.revocations}, start_ns));
  head_gate later({own_.root->key()}, verifier_);
  later.learn(gate.known(), start_ns + 31 * day);
  EXPECT_EQ(later.known().revocations, next.news.revocations);
}

TEST_F(subscriber_trust, chooses_among_channels_only_where_all_are_signed) {
  gate_ = std::make_unique<head_gate>(std::vector<pinned_root>{own_.root->key()}, verifier_);
  auto options = rig::make_options("");
  options.gate = gate_.get();
  rig r(hash_, options, {});
  r.serve(publisher_);
  heartbeat forged;
  for (const auto* name : {"main", "ui"}) {
    channel_state state;
    state.channel = name;
    state.expires_unix_ns = start_ns + day;
    forged.channels.push_back(state);
  }
  r.hear(forged);
  EXPECT_FALSE(r.gave_up) << "a stranger ends no subscription";
}

TEST_F(subscriber_trust, is_not_made_to_write_for_ever) {
  const auto r = pin(own_);
  const auto p = serving(signer_);
  r->serve(*p);
  for (int i = 0; i < 1'000; ++i) {
    heartbeat rubbish;
    channel_state state;
    state.channel = "main";
    if (i % 2 == 0) state.signature = byte_vector(40, std::byte{1});
    rubbish.channels.push_back(state);
    r->hear(rubbish);
  }
  EXPECT_LT(r->said.size(), 30u);
}

TEST_F(subscriber_trust, knows_what_it_keeps_by_its_signature) {
  const auto p = serving(signer_);
  p->edit("a", "one");
  p->publish();
  const auto head = *p->newest();
  const auto block = signature_of(head, hash_, &signer_).value();
  head_gate gate({own_.root->key()}, verifier_), others({authority().root->key()}, verifier_);
  EXPECT_TRUE(gate.check_kept(head, block, hash_));
  EXPECT_FALSE(gate.check_kept(head, {}, hash_));
  EXPECT_FALSE(others.check_kept(head, block, hash_));
  auto changed = head;
  ++changed.sequence.value;
  EXPECT_FALSE(gate.check_kept(changed, block, hash_));
}

/// Each answer is as large as it may be and of no use.
TEST_F(subscriber_trust, is_not_kept_busy_by_endless_data) {
  const auto r = pin(own_);
  const auto p = serving(signer_);
  r->serve(*p);
  p->edit("large", text(400'000));
  p->publish();
  std::size_t answers = 0;
  r->meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (!std::holds_alternative<contents_request>(request)) return reply;
    ++answers;
    for (auto& frame : reply.frames) frame.assign(1 * MiB, std::byte{7});
    return reply;
  };
  for (int i = 0; i < 40; ++i) {
    r->beat();
    r->advance(milliseconds(500));
  }
  EXPECT_TRUE(r->swaps.empty());
  EXPECT_LT(answers, 100u);
  EXPECT_LT(r->core.bytes_missing(), 1u * MiB);
}

}  // namespace
}  // namespace graphite
