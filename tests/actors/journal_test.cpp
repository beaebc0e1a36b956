#include "actors/journal.hpp"

#include "tests/actors/actor_fixture.hpp"

namespace graphite {
namespace {

class journal_actor_test : public test::actor_fixture {
 protected:
  void SetUp() override {
    writer = system.spawn(
        journal, journal_dependencies{&rows, &contents, &log, [this](const error& e) { fatal = e; }});
    run();
  }
  void TearDown() override { end(writer); }

  /// Asks for a commit; the outcome arrives in `outcomes`.
  void commit(const std::string& key, bool sync_contents = false) {
    auto request =
        std::make_shared<const commit_request>(commit_request{{{table::meta, key, "value"}}, sync_contents});
    asker->request(writer, caf::infinite, atom::commit_v, commit_ptr(request));
    ++asked;
  }
  std::vector<outcome> answers() {
    std::vector<outcome> out;
    while (out.size() < asked && !asker->mailbox().empty()) {
      asker->receive([&](const outcome& how) { out.push_back(how); });
    }
    return out;
  }

  journal_actor writer;
  caf::scoped_actor asker{system};
  std::size_t asked = 0;
  std::optional<error> fatal;
};

TEST_F(journal_actor_test, batches_that_wait_share_one_sync) {
  for (const char* key : {"a", "b", "c"}) commit(key);
  run();
  EXPECT_EQ(rows.rows(table::meta), 3u);
  EXPECT_EQ(rows.options().synced_writes, 1u);
}

TEST_F(journal_actor_test, contents_are_on_disk_before_the_rows_that_name_them) {
  contents.options().fail_syncs = errc::out_of_space;
  commit("a", true);
  run();
  EXPECT_EQ(rows.rows(table::meta), 0u);
  EXPECT_FALSE(fatal);
}

TEST_F(journal_actor_test, a_full_disk_is_no_reason_to_end) {
  rows.options().fail_writes = errc::out_of_space;
  commit("a");
  run();
  EXPECT_FALSE(fatal);
  rows.options().fail_writes.reset();
  commit("b");
  run();
  EXPECT_EQ(rows.rows(table::meta), 1u);
}

TEST_F(journal_actor_test, any_other_failing_sync_is) {
  rows.options().fail_writes = errc::io;
  commit("a");
  run();
  ASSERT_TRUE(fatal);
  EXPECT_EQ(fatal->code, errc::io);
}

TEST_F(journal_actor_test, lazy_rows_cost_no_sync) {
  caf::anon_send(writer, atom::persist_v,
                 std::make_shared<const commit_request>(commit_request{{{table::meta, "k", "v"}}, false}));
  run();
  EXPECT_EQ(rows.rows(table::meta), 1u);
  EXPECT_EQ(rows.options().synced_writes, 0u);
}

}  // namespace
}  // namespace graphite
