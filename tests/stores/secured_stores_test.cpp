#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "schemas/codec/store_messages.hpp"
#include "tests/stores/cluster_rig.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite::test {
namespace {

class secured_stores : public cluster_rig {
 protected:
  secured_stores() { use_keys(); }

  std::vector<sample_content> mixed(std::size_t small, std::size_t large) {
    std::vector<sample_content> out;
    for (std::size_t i = 0; i < small; ++i) out.push_back(make_content(i + 1, 200 + 37 * i));
    for (std::size_t i = 0; i < large; ++i) out.push_back(make_content(1000 + i, 3 * MiB + 977 * i));
    return out;
  }
  void put_all(node& into, const std::vector<sample_content>& all) {
    for (const auto& one : all) ASSERT_TRUE(into.store.put(one.bytes, one.chunks));
  }
  std::unique_ptr<node> keyed_node(const process_keys& keys, store_client::options client = {}) {
    return std::make_unique<node>(*this, cluster_store::options{}, client, keys);
  }
  std::unique_ptr<node> keyed_node(const std::string& name = "node-1") {
    store_client::options client;
    client.silent_after = seconds(2);
    return keyed_node(new_keys(role::node, name), client);
  }

  /// Who connects and says what he likes.
  struct stranger final : store_link_listener {
    void on_reply(const std::string&, std::uint64_t id, std::vector<byte_vector> frames) override {
      replies[id] = decode_store_reply(std::move(frames));
    }
    void on_connected(const std::string&) override { connected = true; }
    void on_lost(const std::string&) override {}
    std::map<std::uint64_t, result<stores::reply>> replies;
    bool connected = false;
  };
  /// What a store answers to one request of a key that has proved nothing else; nothing: no answer.
  std::optional<stores::reply> ask_as_stranger(const std::string& store, const stores::request& what,
                                               std::vector<byte_vector> raw = {}) {
    const auto link = link_of(process_keys{new_keys(role::node, "stranger")});
    const std::vector<store_endpoint> all{endpoint_of(store)};
    EXPECT_TRUE(link->connect(all));
    stranger heard;
    const auto poll_until = [&](auto done) {
      const auto end = std::chrono::steady_clock::now() + seconds(20);
      while (!done() && std::chrono::steady_clock::now() < end) (void)link->poll(milliseconds(20), heard);
      return done();
    };
    EXPECT_TRUE(poll_until([&] { return heard.connected; }));
    raw.insert(raw.begin(), encode_store_request(what));
    EXPECT_TRUE(link->send(store, 1, std::move(raw)));
    EXPECT_TRUE(poll_until([&] { return heard.replies.contains(1); }));
    if (!heard.replies.contains(1) || !heard.replies.at(1)) return std::nullopt;
    return *heard.replies.at(1);
  }
  static std::optional<errc> refused(const std::optional<stores::reply>& reply) {
    const auto* no = reply ? std::get_if<refusal>(&reply->header) : nullptr;
    return no == nullptr ? std::nullopt : std::optional(no->code);
  }
};

TEST_F(secured_stores, nodes_that_prove_their_role_move_contents) {
  start_store("a");
  start_store("b");
  const auto writer = keyed_node("node-1"), reader = keyed_node("node-2");
  for (auto* one : {writer.get(), reader.get()}) tell(*one, {"a", "b"}, 2);
  const auto all = mixed(30, 2);
  put_all(*writer, all);
  const auto synced = writer->store.sync();
  ASSERT_TRUE(synced) << synced.error().context;
  for (const auto& one : all) {
    EXPECT_TRUE(has("a", one) && has("b", one));
    EXPECT_EQ(read_all(reader->store, one.ref), one.bytes);
  }
  EXPECT_TRUE(log_.contains("node 'node-1'"));
}

TEST_F(secured_stores, a_process_has_nothing_to_prove_to_its_own_store) {
  start_store("a");
  const auto one = make_content(1, 1000);
  node self(*this, {}, {}, store_keys_.at("a"));
  tell(self, {"a"}, 1);
  put_all(self, {one});
  ASSERT_TRUE(self.store.sync());
  EXPECT_TRUE(has("a", one));
}

TEST_F(secured_stores, who_has_not_enrolled_gets_nothing) {
  start_store("a");
  const auto one = make_content(1, 1000);
  const auto writer = keyed_node();
  tell(*writer, {"a"}, 1);
  put_all(*writer, {one});
  ASSERT_TRUE(writer->store.sync());
  EXPECT_EQ(refused(ask_as_stranger("a", stores::have_request{{one.ref.id}})), errc::permission_denied);
  EXPECT_EQ(refused(ask_as_stranger("a", contents_request{{{one.ref.id, 0, 0, {}}}, 1000})),
            errc::permission_denied);
  EXPECT_EQ(refused(ask_as_stranger("a", list_request{one.ref.id, {}})), errc::permission_denied);
  const auto other = make_content(2, 100'000);
  EXPECT_EQ(refused(ask_as_stranger("a", stores::put_request{{}, {{other.ref, 0}}}, {other.bytes})),
            errc::permission_denied);
  EXPECT_FALSE(*running_.at("a").contents->find(other.ref.id));
}

TEST_F(secured_stores, a_store_that_does_not_prove_its_key_is_told_nothing) {
  start_store("a");
  const auto one = keyed_node();
  auto endpoint = endpoint_of("a");
  endpoint.key = make_curve_pair().value().key;
  one->traffic.set_stores({endpoint}, 1);
  const auto small = make_content(1, 1000);
  put_all(*one, {small});
  std::atomic<bool> done{false};
  std::thread syncing([&] {
    EXPECT_TRUE(one->store.sync());
    done.store(true);
  });
  EXPECT_TRUE(wait_until([&] { return log_.contains("store port"); })) << "it tells whom it has not heard";
  EXPECT_FALSE(done.load());
  EXPECT_EQ(running_.at("a").server->count().requests, 0U);
  tell(*one, {"a"}, 1);
  syncing.join();
}

TEST_F(secured_stores, a_client_that_submits_comes_in_with_its_pass) {
  start_store("a");
  const auto coordinator = keys_->identity(role::coordinator, "main", 500);
  process_keys client{std::make_shared<const curve_pair>(make_curve_pair().value()), std::nullopt};
  client.pass = keys_->pass(coordinator, client.curve->key, keys_->valid());
  const auto one = keyed_node(client);
  tell(*one, {"a"}, 1);
  const auto all = mixed(3, 1);
  put_all(*one, all);
  const auto synced = one->store.sync();
  EXPECT_TRUE(synced) << synced.error().context;
  EXPECT_TRUE(log_.contains("a client of tenant main"));
}

TEST_F(secured_stores, a_role_that_is_revoked_meanwhile_is_shut_out_and_let_in_again_when_it_counts) {
  start_store("a");
  store_client::options impatient;
  impatient.bringing.give_up_after = milliseconds(300);
  const auto keys = new_keys(role::node, "node-1");
  const auto one = keyed_node(keys, impatient);
  tell(*one, {"a"}, 1);
  put_all(*one, mixed(1, 0));
  EXPECT_TRUE(wait_until([&] { return one->store.sync().has_value(); }));
  running_.at("a").port->set_trust(keys_->trust({keys.self->said().serial}));
  const auto second = make_content(50, 1000), third = make_content(51, 1000);
  put_all(*one, {second});
  EXPECT_FALSE(one->store.sync());
  EXPECT_FALSE(*running_.at("a").contents->find(second.ref.id));
  EXPECT_TRUE(wait_until([&] { return log_.contains("is revoked"); }));
  running_.at("a").port->set_trust(keys_->trust());
  EXPECT_TRUE(wait_until([&] { return one->store.sync().has_value(); }));
  EXPECT_TRUE(has("a", second));
}

/// One of two stores dies amid the bringing, and amid the fetching: in the end all is there, and right.
TEST_F(secured_stores, a_store_that_dies_amid_uploads_and_reads_costs_nothing_but_time) {
  start_store("a");
  start_store("b");
  const auto writer = keyed_node("writer"), reader = keyed_node("reader");
  for (auto* one : {writer.get(), reader.get()}) tell(*one, {"a", "b"}, 2);
  const auto all = mixed(300, 12);
  put_all(*writer, all);
  std::atomic<bool> done{false};
  result<void> synced;
  std::thread syncing([&] {
    synced = writer->store.sync();
    done.store(true);
  });
  EXPECT_TRUE(wait_until([&] { return running_.at("b").server->count().bytes_taken > 8 * MiB; }));
  kill_store("b");
  EXPECT_FALSE(done.load()) << "one store is not enough";
  restart_store("b");
  syncing.join();
  ASSERT_TRUE(synced) << synced.error().context;
  for (const auto& one : all) EXPECT_TRUE(has("a", one) && has("b", one)) << one.ref.size;

  std::atomic<std::size_t> read{0};
  std::thread reading([&] {
    for (const auto& one : all) {
      EXPECT_EQ(read_all(reader->store, one.ref), one.bytes) << one.ref.size;
      ++read;
    }
  });
  EXPECT_TRUE(wait_until([&] { return read.load() > 100; }));
  kill_store("a");
  reading.join();
  EXPECT_EQ(read.load(), all.size());
}

TEST_F(secured_stores, a_corrupt_chunk_is_fetched_elsewhere) {
  start_store("a");
  start_store("b");
  const auto writer = keyed_node("writer"), reader = keyed_node("reader");
  for (auto* one : {writer.get(), reader.get()}) tell(*one, {"a", "b"}, 2);
  const auto all = mixed(20, 4);
  put_all(*writer, all);
  ASSERT_TRUE(writer->store.sync());
  const store_choice choice({"a", "b"});
  for (const auto& one : all) damage(choice.first_names(one.ref.id, 1).front(), one.ref, one.ref.size / 2);
  for (const auto& one : all) EXPECT_EQ(read_all(reader->store, one.ref), one.bytes) << one.ref.size;
}

}  // namespace
}  // namespace graphite::test
