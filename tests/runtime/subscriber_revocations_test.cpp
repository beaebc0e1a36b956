#include "tests/runtime/trust_rig.hpp"

// Lists of revoked keys that are too long for a heartbeat.

namespace graphite {
namespace {

using test::authority;
using test::rig;
using test::small_publisher;

class long_revocations : public test::subscriber_trust {
 protected:
  /// Some pieces long.
  static constexpr std::size_t many = 30'000;

  void serve_list(small_publisher& p, chunk_service_sources::signed_list list) {
    p.revocations = std::move(list);
    signer_.replace(own_.keys_for("main"));
  }
  /// Counts what is asked of lists.
  void count_pieces(rig& r) {
    r.meddle = [this](const chunk_request& request, chunk_reply reply) {
      if (std::holds_alternative<revocations_request>(request)) ++pieces_;
      return std::optional(std::move(reply));
    };
  }
  std::size_t pieces_ = 0;
};

TEST_F(long_revocations, are_fetched_in_pieces_and_count) {
  const auto [r, p] = followed();
  count_pieces(*r);
  p->edit("a", "two");
  const auto by_revoked = p->publish();
  serve_list(*p, own_.revoke_many(1, {1}, many, hash_));
  ASSERT_GT(own_.news.longer.bytes, 3 * chunk_port_limits::revocations_piece_bytes);
  const auto changes = r->trust_changes;
  heartbeat told;
  told.news = own_.news;
  r->hear(told);
  EXPECT_EQ(pieces_, (own_.news.longer.bytes - 1) / chunk_port_limits::revocations_piece_bytes + 1);
  EXPECT_EQ(r->trust_changes, changes + 1) << "it is kept over restarts";
  r->hear(by_revoked);
  EXPECT_FALSE(shows(*r, *p));
  EXPECT_TRUE(said(*r, "which was revoked"));
  const auto before = pieces_;
  for (int i = 0; i < 10; ++i) r->beat();
  EXPECT_EQ(pieces_, before) << "it is here";
}

TEST_F(long_revocations, are_not_fetched_again_after_a_restart) {
  const auto [r, p] = followed();
  serve_list(*p, own_.revoke_many(1, {9}, many, hash_));
  r->beat();
  const auto known = gate_->known();
  ASSERT_EQ(known.revocations.size(), own_.news.longer.bytes);
  const auto again = pin(own_);
  gate_->learn(known, start_ns);
  again->serve(*p);
  count_pieces(*again);
  again->beat();
  EXPECT_EQ(pieces_, 0u);
  EXPECT_TRUE(shows(*again, *p));
}

TEST_F(long_revocations, go_on_where_an_answer_was_lost) {
  const auto [r, p] = followed();
  serve_list(*p, own_.revoke_many(1, {9}, many, hash_));
  std::size_t lost = 0;
  r->meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    const auto* piece = std::get_if<revocations_request>(&request);
    if (piece != nullptr && piece->offset > 0 && lost == 0 && ++lost == 1) return std::nullopt;
    if (piece != nullptr && piece->offset == 0) ++pieces_;
    return reply;
  };
  r->beat();
  EXPECT_TRUE(gate_->revocations().empty());
  r->advance(seconds(5));
  EXPECT_EQ(gate_->revocations().size(), own_.news.longer.bytes);
  EXPECT_EQ(pieces_, 1u) << "what had come is not asked for again";
}

TEST_F(long_revocations, give_way_to_a_newer_list) {
  const auto [r, p] = followed();
  serve_list(*p, own_.revoke_many(1, {9}, many, hash_));
  r->meddle = [](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (std::holds_alternative<revocations_request>(request)) return std::nullopt;
    return reply;
  };
  r->beat();
  serve_list(*p, own_.revoke_many(2, {9, 10}, many, hash_));
  r->meddle = nullptr;
  r->beat();
  r->advance(seconds(5));
  EXPECT_EQ(gate_->revocations(), *p->revocations.bytes);
}

TEST_F(long_revocations, of_others_or_older_ones_change_nothing) {
  const auto [r, p] = followed();
  own_.revoke(5, {9});
  signer_.replace(own_.keys_for("main"));
  r->beat();
  const auto in_force = gate_->revocations();
  authority other;
  own_.news.revocations.clear();
  for (auto list : {other.revoke_many(9, {1}, many, hash_), own_.revoke_many(4, {1}, many, hash_)}) {
    own_.news.longer = {list.id, static_cast<std::uint32_t>(list.bytes->size())};
    serve_list(*p, std::move(list));
    count_pieces(*r);
    pieces_ = 0;
    r->now += seconds(30);
    for (int i = 0; i < 20; ++i) r->beat();
    EXPECT_EQ(pieces_, (own_.news.longer.bytes - 1) / chunk_port_limits::revocations_piece_bytes + 1)
        << "one that teaches nothing is fetched once";
    EXPECT_EQ(gate_->revocations(), in_force);
  }
}

TEST_F(long_revocations, are_whole_or_nothing) {
  const auto [r, p] = followed();
  serve_list(*p, own_.revoke_many(1, {1}, many, hash_));
  const auto with = [&](auto change) {
    r->meddle = [change](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
      if (std::holds_alternative<revocations_request>(request)) change(reply.frames.front());
      return reply;
    };
    r->now += seconds(30);
    r->beat();
    EXPECT_TRUE(gate_->revocations().empty());
  };
  with([](byte_vector& piece) { piece.pop_back(); });
  with([](byte_vector& piece) { piece.push_back(std::byte{1}); });
  with([](byte_vector& piece) { piece.resize(1); });
  with([](byte_vector& piece) { piece[100] ^= std::byte{1}; });
  EXPECT_TRUE(said(*r, "fails its digest"));
  EXPECT_EQ(r->trust_changes, 0);
}

/// Ever new names, each with as many bytes as there may be.
TEST_F(long_revocations, do_not_keep_a_runtime_busy) {
  const auto [r, p] = followed();
  std::size_t bytes = 0;
  r->meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    const auto* piece = std::get_if<revocations_request>(&request);
    if (piece == nullptr) return reply;
    const auto left = revocations_bytes_max - piece->offset;
    bytes += std::min(left, chunk_port_limits::revocations_piece_bytes);
    return chunk_reply{revocations_reply{},
                       {byte_vector(std::min(left, chunk_port_limits::revocations_piece_bytes))}};
  };
  heartbeat names;
  for (int i = 0; i < 200; ++i) {
    names.news.longer = {hash_.sha256(as_bytes(std::to_string(i))), revocations_bytes_max};
    r->hear(names);
    r->advance(milliseconds(500));
  }
  EXPECT_LE(bytes, 25 * revocations_bytes_max) << "4 at once, and one each 5 s";
  EXPECT_TRUE(gate_->revocations().empty());
  EXPECT_LT(r->said.size(), 130u) << "20 at once, and one each second";
}

}  // namespace
}  // namespace graphite
