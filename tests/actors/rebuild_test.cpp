#include "actors/rebuild.hpp"

#include "tests/actors/actor_fixture.hpp"

namespace graphite {
namespace {

attempt_ptr attempt_of(std::uint32_t action) {
  return std::make_shared<const attempt_spec>(attempt_spec{action_id{action},
                                                           attempt_number{1},
                                                           {},
                                                           {},
                                                           "rule",
                                                           *logical_path::parse("in"),
                                                           {},
                                                           {},
                                                           nullptr,
                                                           nullptr,
                                                           {},
                                                           {},
                                                           {}});
}

class rebuild_actor_test : public test::actor_fixture {
 protected:
  void SetUp() override {
    domain = system.spawn(rebuild,
                          rebuild_dependencies{[this](const attempt_spec& spec, const cancel_token& token) {
                                                 attempt_result out;
                                                 out.action = spec.action;
                                                 out.attempt = spec.attempt;
                                                 out.status = token.cancelled() ? attempt_status::cancelled
                                                                                : attempt_status::succeeded;
                                                 ++ran;
                                                 return out;
                                               },
                                               [this](std::function<void()> job) {
                                                 if (queue.size() == 2) return false;
                                                 queue.push_back(std::move(job));
                                                 return true;
                                               }});
    graph = system.spawn([this]() -> graph_actor::behavior_type {
      return {[](atom::revise, const revision_ptr&) {},
              [this](atom::finish, const attempt_result_ptr& how) { finished.push_back(how); },
              [](atom::answer, const query_ptr&) {},
              [](atom::watch, const watcher_actor&) {},
              [](atom::rest) {},
              [](atom::wake, std::uint64_t) {},
              [](atom::notice, const std::string&, const std::string&) {}};
    });
    run();
  }
  void TearDown() override {
    queue.clear();
    finished.clear();
    end(domain);
    end(graph);
  }
  void work() {
    for (auto& job : std::exchange(queue, {})) job();
    run();
  }

  rebuild_actor domain;
  graph_actor graph;
  std::vector<std::function<void()>> queue;
  std::vector<attempt_result_ptr> finished;
  int ran = 0;
};

TEST_F(rebuild_actor_test, reports_every_attempt_to_who_asked) {
  caf::anon_send(domain, atom::attempt_v, attempt_of(1), graph);
  caf::anon_send(domain, atom::attempt_v, attempt_of(2), graph);
  run();
  EXPECT_TRUE(finished.empty());
  work();
  ASSERT_EQ(finished.size(), 2u);
  EXPECT_EQ(finished[1]->action, action_id{2});
}

TEST_F(rebuild_actor_test, a_full_pool_refuses_instead_of_waiting) {
  for (std::uint32_t i = 1; i <= 3; ++i) caf::anon_send(domain, atom::attempt_v, attempt_of(i), graph);
  run();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0]->status, attempt_status::refused);
  EXPECT_EQ(finished[0]->action, action_id{3});
}

TEST_F(rebuild_actor_test, a_cancelled_attempt_still_reports) {
  caf::anon_send(domain, atom::attempt_v, attempt_of(1), graph);
  run();
  caf::anon_send(domain, atom::cancel_v, std::uint32_t{1}, std::uint32_t{1});
  run();
  work();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0]->status, attempt_status::cancelled);
}

}  // namespace
}  // namespace graphite
