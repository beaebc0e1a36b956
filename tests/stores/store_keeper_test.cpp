#include "cli/store_keeper.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tests/stores/cluster_rig.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite::test {
namespace {

/// Stores that keep themselves, and a coordinator that knows what is needed.
class store_keeper_test : public cluster_rig {
 protected:
  store_keeper_test() {
    keeping_.emplace();
    keeping_->grace = milliseconds(200);
  }
  ~store_keeper_test() override {
    for (auto& [name, one] : kept_) stop(name);
  }

  struct kept {
    std::unique_ptr<store_traffic> others;
    std::unique_ptr<store_keeper> keeper;
  };

  void start(const std::string& name, std::uint16_t at = 0) {
    start_store(name, at);
    auto& run = running_.at(name);
    auto& one = kept_[name];
    store_client::options client;
    client.bringing.asks_always = true;
    client.bringing.give_up_after = seconds(2);
    one.others = std::make_unique<store_traffic>(
        store_traffic::ports{make_zmq_store_link(context_, {}).value(), *run.contents, hash_, clock_, log_},
        next_incarnation(), client);
    store_keeper::options how;
    how.self = name;
    how.tick = milliseconds(20);
    how.tell_every = milliseconds(50);
    how.look_for_losses_every = milliseconds(100);
    how.upkeep.second_after = milliseconds(100);
    how.upkeep.failed_after = milliseconds(100);
    auto made = std::make_unique<store_keeper>(
        store_keeper::ports{*run.port, *run.contents, disks_.at(name).rows, *one.others, hash_, clock_, log_,
                            [this, name](const control::need_question& asked) { answer(name, asked); },
                            [](const auto&) {}},
        how);
    {
      const std::lock_guard lock(mutex_);
      one.keeper = std::move(made);
    }
    tell_all();
  }
  void stop(const std::string& name) {
    auto& one = kept_.at(name);
    std::unique_ptr<store_keeper> ended;
    {
      const std::lock_guard lock(mutex_);
      ended = std::move(one.keeper);
    }
    if (one.others) one.others->stop();
    ended.reset();
    one.others.reset();
    kill_store(name);
    tell_all();
  }
  void tell_all() {
    control::settings said;
    said.copies = copies_;
    said.store_away = away_;
    for (const auto& [name, one] : kept_)
      if (running_.contains(name)) said.stores.push_back({name, {}});  // so they are called here
    for (const auto& [name, one] : kept_) {
      if (!one.keeper) continue;
      std::vector<store_endpoint> others;
      for (const auto& store : said.stores)
        if (store.chunks != name) others.push_back(endpoint_of(store.chunks));
      one.others->set_stores(std::move(others), copies_);
      one.keeper->use(said);
    }
  }
  /// As the coordinator does; in a thread of the store's, which is soon enough.
  void answer(const std::string& name, const control::need_question& asked) {
    const std::lock_guard lock(mutex_);
    ++questions_;
    if (!answers_) return;
    control::need_answer out{asked.number, {}, age_};
    for (const auto& content : asked.contents) out.needed.push_back(all_needed_ || needed_.contains(content));
    if (const auto& keeper = kept_.at(name).keeper) keeper->answered(out);
  }
  void need(const content_ref& content) {
    const std::lock_guard lock(mutex_);
    needed_.insert(content.id);
  }
  void bring(const std::vector<sample_content>& all) {
    node writer(*this);
    std::vector<std::string> names;
    for (const auto& [name, one] : kept_)
      if (running_.contains(name)) names.push_back(name);
    tell(writer, names, copies_);
    for (const auto& one : all) ASSERT_TRUE(writer.store.put(one.bytes, one.chunks));
    const auto synced = writer.store.sync();
    ASSERT_TRUE(synced) << synced.error().context;
  }
  static std::vector<sample_content> some(std::size_t count, std::size_t bytes, std::uint64_t seed = 1) {
    std::vector<sample_content> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(make_content(seed + i, bytes + i));
    return out;
  }
  std::size_t copies_of(const sample_content& one) {
    std::size_t out = 0;
    for (const auto& [name, run] : running_) out += *run.contents->find(one.ref.id) ? 1 : 0;
    return out;
  }
  control::store_state state_of(const std::string& name) { return kept_.at(name).keeper->state(); }

  std::map<std::string, kept> kept_;
  std::mutex mutex_;
  std::set<digest> needed_;
  bool all_needed_ = false, answers_ = true;
  duration age_{};
  std::size_t questions_ = 0;
  std::uint32_t copies_ = 1;
  duration away_ = milliseconds(200);
};

TEST_F(store_keeper_test, what_nobody_needs_goes_where_there_is_too_much_and_its_space_with_it) {
  keeping_->bytes_max = 10 * MiB;
  start("a");
  const auto all = some(12, 500'000);
  for (std::size_t i = 0; i < all.size(); i += 3) need(all[i].ref);
  bring(all);
  const auto before = running_.at("a").contents->usage().file_bytes;
  bring(some(8, 500'000, 100));  // 10 MB in all: more than nine tenths of the bound
  EXPECT_TRUE(wait_until([&] { return state_of("a").bytes <= 10 * MiB / 100 * 80; }));
  EXPECT_TRUE(wait_until([&] { return running_.at("a").contents->usage().file_bytes < before + 4 * MiB; }));
  for (std::size_t i = 0; i < all.size(); i += 3) EXPECT_TRUE(has("a", all[i])) << "needed";
  EXPECT_GT(state_of("a").dropped, 3U);
  EXPECT_FALSE(state_of("a").full);
}

TEST_F(store_keeper_test, nothing_goes_without_the_coordinators_word) {
  keeping_->bytes_max = 4 * MiB;
  answers_ = false;
  start("a");
  const auto all = some(8, 500'000);
  bring(all);
  EXPECT_TRUE(wait_until([&] {
    const std::lock_guard lock(mutex_);
    return questions_ > 0;
  }));
  for (const auto& one : all) EXPECT_TRUE(has("a", one));
}

/// The coordinator's word is as old as the use.
TEST_F(store_keeper_test, what_was_used_since_the_word_was_true_stays) {
  keeping_->bytes_max = 4 * MiB;
  age_ = std::chrono::hours(1);
  start("a");
  const auto all = some(8, 500'000);
  bring(all);
  EXPECT_TRUE(wait_until([&] {
    const std::lock_guard lock(mutex_);
    return questions_ > 3;
  }));
  for (const auto& one : all) EXPECT_TRUE(has("a", one));
}

TEST_F(store_keeper_test, a_full_store_refuses_and_takes_again_once_something_may_go) {
  keeping_->bytes_max = 2 * MiB;
  all_needed_ = true;
  start("a");
  const auto all = some(4, 500'000);
  bring(all);
  node writer(*this);
  tell(writer, {"a"}, 1);
  const auto more = make_content(500, 500'000);
  ASSERT_TRUE(writer.store.put(more.bytes, more.chunks));
  const auto refused = writer.store.sync();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::out_of_space) << refused.error().context;
  for (const auto& one : all) EXPECT_TRUE(has("a", one)) << "needed";
  {
    const std::lock_guard lock(mutex_);
    all_needed_ = false;
  }
  EXPECT_TRUE(wait_until([&] { return writer.store.sync().has_value(); }));
  EXPECT_TRUE(has("a", more));
}

TEST_F(store_keeper_test, uses_outlive_the_process_and_rows_of_what_went_do_not) {
  keeping_->bytes_max = 3 * MiB;
  keeping_->grace = milliseconds(100);
  all_needed_ = true;
  start("a");
  const auto all = some(5, 500'000);
  bring(all);
  const auto older = std::to_string(clock_.unix_ns() / 1'000'000 - 1'000'000);
  stop("a");
  std::size_t uses = 0;
  auto& rows = disks_.at("a").rows;
  ASSERT_TRUE(rows.scan(table::meta, "store/used/", [&](auto, auto) { return ++uses, true; }));
  EXPECT_EQ(uses, 5U);
  const auto key = [](const sample_content& one) {
    return "store/used/" + std::string(reinterpret_cast<const char*>(one.ref.id.bytes.data()), 32);
  };
  ASSERT_TRUE(rows.write({{table::meta, key(all[3]), older}}, key_value_store::durability::lazy));
  all_needed_ = false;
  start("a");
  bring(some(1, 400'000, 50));
  EXPECT_TRUE(wait_until([&] { return state_of("a").dropped > 0; }));
  EXPECT_FALSE(has("a", all[3])) << "the one that was used longest ago";
  EXPECT_TRUE(wait_until([&] { return !*rows.get(table::meta, key(all[3])); }));
}

TEST_F(store_keeper_test, a_store_that_dies_is_replaced_by_copies_of_the_others) {
  copies_ = 2;
  all_needed_ = true;
  for (const std::string name : {"a", "b", "c"}) start(name);
  auto all = some(60, 2000);
  all.push_back(make_content(900, 3 * MiB));
  bring(all);
  stop("b");
  EXPECT_TRUE(wait_until(
      [&] { return std::ranges::all_of(all, [&](const auto& one) { return copies_of(one) == 2; }); }));
  EXPECT_TRUE(wait_until([&] { return state_of("a").to_check == 0 && state_of("c").to_check == 0; }));
  EXPECT_GT(state_of("a").copied + state_of("c").copied, 20U);
  for (const auto& one : all) EXPECT_TRUE(has("a", one) && has("c", one)) << one.ref.size;
}

TEST_F(store_keeper_test, what_nobody_needs_is_not_copied) {
  copies_ = 2;
  for (const std::string name : {"a", "b", "c"}) start(name);
  const auto all = some(60, 2000);
  for (std::size_t i = 0; i < all.size(); i += 2) need(all[i].ref);
  bring(all);
  stop("b");
  EXPECT_TRUE(wait_until([&] {
    for (std::size_t i = 0; i < all.size(); i += 2)
      if (copies_of(all[i]) != 2) return false;
    return state_of("a").to_check == 0 && state_of("c").to_check == 0;
  }));
  std::size_t once = 0;
  for (std::size_t i = 1; i < all.size(); i += 2) once += copies_of(all[i]) == 1 ? 1 : 0;
  EXPECT_GT(once, 5U);
}

TEST_F(store_keeper_test, a_store_that_comes_back_gets_what_it_missed_and_what_is_too_much_goes) {
  copies_ = 1;
  all_needed_ = true;
  keeping_->bytes_max = 4 * MiB;
  for (const std::string name : {"a", "b"}) start(name);
  const auto first = some(20, 100'000);
  bring(first);
  const auto port = parse_host_port(addresses_.at("b"))->port;
  stop("b");
  const auto second = some(18, 100'000, 100);
  bring(second);  // all of it to the other one
  start("b", port);
  const store_choice choice({"a", "b"});
  EXPECT_TRUE(wait_until([&] {
    return std::ranges::all_of(second, [&](const auto& one) {
      return choice.first_names(one.ref.id, 1)[0] == "a" || has("b", one);
    });
  }));
  const auto before = state_of("a").contents;
  for (const auto& one : some(25, 100'000, 200))  // so that there is too much
    if (choice.first_names(one.ref.id, 1)[0] == "a") bring({one});
  EXPECT_TRUE(wait_until([&] { return state_of("a").dropped > 0; })) << before;
  for (const auto& one : second)
    EXPECT_TRUE(choice.first_names(one.ref.id, 1)[0] == "a" ? has("a", one) : has("b", one));
}

TEST_F(store_keeper_test, what_is_found_wrong_is_forgotten_and_can_be_brought_again) {
  start("a");
  const auto all = some(2, 200'000);
  bring(all);
  damage("a", all[0].ref, 150'000);
  node reader(*this);
  tell(reader, {"a"}, 1);
  const auto lost = reader.store.fetch(std::vector{all[0].ref, all[1].ref});
  ASSERT_TRUE(lost) << lost.error().context;
  EXPECT_EQ(*lost, std::vector{all[0].ref.id});
  EXPECT_TRUE(wait_until([&] { return state_of("a").damaged == 1; }));
  EXPECT_FALSE(*running_.at("a").contents->find(all[0].ref.id));
  EXPECT_TRUE(has("a", all[1]));
  bring(all);
  EXPECT_TRUE(has("a", all[0]));
  EXPECT_EQ(read_all(reader.store, all[0].ref), all[0].bytes);
}

/// Whoever says that contents are wrong is not believed.
TEST_F(store_keeper_test, what_is_right_stays_whatever_is_said_of_it) {
  start("a");
  const auto all = some(3, 5000);
  bring(all);
  running_.at("a").port->keep([&](store_service& service, store_ledger&) {
    stores::look_request what;
    for (const auto& one : all) what.contents.push_back(one.ref.id);
    service.answer(1, {}, what, {}, {clock_.now(), clock_.unix_ns()});
  });
  EXPECT_TRUE(wait_until([&] {
    bool taken = false;
    running_.at("a").port->keep([&](store_service& service, store_ledger&) {
      const auto left = service.take_doubted();
      taken = left.empty();
    });
    return taken;
  }));
  for (const auto& one : all) EXPECT_TRUE(has("a", one));
  EXPECT_EQ(state_of("a").damaged, 0U);
}

TEST_F(store_keeper_test, contents_of_a_file_that_is_gone_are_gone_and_come_from_others) {
  copies_ = 2;
  all_needed_ = true;
  start("a");
  start("b");
  const auto all = some(30, 2000);
  bring(all);
  const auto folder = disks_.at("a").folder / "segments";
  const auto port = parse_host_port(addresses_.at("a"))->port;
  stop("a");
  for (const auto& file : std::filesystem::directory_iterator(folder)) std::filesystem::remove(file.path());
  start("a", port);
  EXPECT_TRUE(
      wait_until([&] { return std::ranges::all_of(all, [&](const auto& one) { return has("a", one); }); }));
}

}  // namespace
}  // namespace graphite::test
