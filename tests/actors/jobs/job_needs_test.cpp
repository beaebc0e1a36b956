#include "tests/actors/jobs/job_cluster.hpp"

namespace graphite::test {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using files = std::map<std::string, std::string>;

class job_needs : public job_cluster {
 protected:
  needed_contents needed() {
    auto out = ask<needed_contents>([&](auto done) { desk.needed(std::move(done)); });
    EXPECT_TRUE(out) << out.error().context;
    return out.value_or(needed_contents());
  }
};

TEST_F(job_needs, are_what_open_jobs_are_made_from_and_kept_ones_have_made) {
  EXPECT_THAT(needed().trees, IsEmpty());
  const auto root = stores.put_snapshot({{"graphite.toml", ""}, {"a.txt", "hold"}});
  const auto job = submitted(project_of(root, "k"));
  ASSERT_TRUE(wait_until([&] { return node_does.held() == 1; }));
  const auto open = needed();
  EXPECT_THAT(open.trees, UnorderedElementsAre(root));
  EXPECT_THAT(open.listings, IsEmpty());
  node_does.release();
  const auto end = end_of(job);
  const auto over = needed();
  EXPECT_THAT(over.listings, UnorderedElementsAre(end.listing, end.listing))
      << "the job's, and the view's, which may be kept for longer";
  EXPECT_THAT(over.trees, UnorderedElementsAre(root)) << "the next job of the view goes on from it";
}

TEST_F(job_needs, are_the_outputs_of_an_action) {
  job_request request;
  request.key = "an action........";
  action_job what;
  what.input_root = stores.put_snapshot({{"a.txt", "one"}});
  what.what = command_action{{"shout"}, {}, ""};
  what.outputs = {"a.up"};
  request.what = what;
  const auto end = end_of(submitted(request));
  ASSERT_EQ(end.state, job_state::done) << end.message;
  EXPECT_THAT(needed().contents, Contains(end.outputs.at(0).content.id));
}

TEST_F(job_needs, what_stores_have_lost_its_action_makes_again) {
  const auto first = end_of(submitted(files{{"graphite.toml", ""}, {"a.txt", "one"}}, "1"));
  ASSERT_EQ(first.state, job_state::done) << first.message;
  stores.set_trusting(true);
  stores.drop(stores.name_of_text("ONE"));
  const auto second = end_of(submitted(files{{"graphite.toml", "twice"}, {"a.txt", "one"}}, "2"));
  ASSERT_EQ(second.state, job_state::done) << second.message;
  EXPECT_EQ(made(second), (files{{"a.twice", "ONE"}}));
  EXPECT_EQ(node_does.runs()["a.txt one"], 2);
}

}  // namespace
}  // namespace graphite::test
