#include "actors/jobs/job_desk.hpp"

#include <future>
#include <thread>

#include "bundle/asset_list.hpp"
#include "tests/actors/jobs/job_cluster.hpp"

namespace graphite::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

using files = std::map<std::string, std::string>;

TEST_F(job_cluster, a_job_is_built_and_what_it_made_can_be_fetched) {
  const auto job = submitted(
      files{{"graphite.toml", ""}, {"a.txt", "one"}, {"b/c.txt", "two"}, {"d.png", "as it is"}}, "k");
  const auto end = end_of(job);
  EXPECT_EQ(end.state, job_state::done) << end.message;
  EXPECT_EQ(end.progress, (job_progress{2, 2, 0, 0, 0}));
  EXPECT_EQ(end.assets, 3U);
  EXPECT_EQ(end.generation, to_hex(end.listing.id));
  EXPECT_EQ(made(end), (files{{"a.up", "ONE"}, {"b/c.up", "TWO"}, {"d.png", "as it is"}}));
}

TEST_F(job_cluster, the_next_snapshot_of_a_view_costs_what_has_changed) {
  const auto first = end_of(submitted(files{{"graphite.toml", ""}, {"a.txt", "one"}, {"b.txt", "two"}}, "1"));
  const auto second =
      end_of(submitted(files{{"graphite.toml", ""}, {"a.txt", "one"}, {"b.txt", "three"}}, "2"));
  EXPECT_EQ(second.progress, (job_progress{2, 1, 1, 0, 0}));
  EXPECT_EQ(made(second), (files{{"a.up", "ONE"}, {"b.up", "THREE"}}));
  const auto back = end_of(submitted(files{{"graphite.toml", ""}, {"a.txt", "one"}, {"b.txt", "two"}}, "3"));
  EXPECT_EQ(back.progress, (job_progress{2, 0, 2, 0, 0})) << "found in the cache";
  EXPECT_EQ(back.listing, first.listing) << "equal assets have one name";
  EXPECT_THAT(node_does.runs(), SizeIs(3));
}

TEST_F(job_cluster, jobs_of_one_view_at_the_same_time_do_not_disturb_each_other) {
  std::map<std::string, job_id> jobs;
  for (const auto* word : {"one", "two", "six"}) {
    files all{{"graphite.toml", ""}};
    for (int i = 0; i < 20; ++i)
      all["t/" + std::to_string(i) + ".txt"] = "hold " + std::string(word) + std::to_string(i);
    jobs[word] = submitted(all, word);
  }
  EXPECT_TRUE(wait_until([&] { return node_does.held() == 60; })) << node_does.held();
  node_does.release();
  for (const auto& [word, job] : jobs) {
    const auto end = end_of(job);
    EXPECT_EQ(end.state, job_state::done) << end.message;
    std::string shouted = word;
    for (auto& one : shouted) one = static_cast<char>(std::toupper(one));
    for (const auto& [path, text] : made(end)) EXPECT_THAT(text, HasSubstr("HOLD " + shouted)) << path;
  }
}

TEST_F(job_cluster, a_job_waits_for_what_is_not_uploaded_and_goes_on_when_it_is) {
  const auto root = stores.put_snapshot({{"graphite.toml", ""}, {"a.txt", "one"}});
  const auto text = fake_view_stores::name_of_text("one");
  stores.drop(text);
  const auto job = submitted(project_of(root, "k"));
  ASSERT_TRUE(reaches(job, job_state::waiting_for_blobs));
  EXPECT_EQ(status(job).missing, 1U);
  const auto missing = ask<missing_answer>([&](auto done) {
    desk.missing(ann, {job, {root, text}, {}}, std::move(done));
  });
  ASSERT_TRUE(missing) << missing.error().context;
  EXPECT_THAT(missing->missing, ElementsAre(1U));
  EXPECT_EQ(as_text(missing->ticket), "ticket of studio");
  stores.put("one");
  const auto looked = ask<job_info>([&](auto done) { desk.uploaded(ann, job, std::move(done)); });
  ASSERT_TRUE(looked);
  EXPECT_NE(looked->state, job_state::waiting_for_blobs);
  EXPECT_EQ(end_of(job).state, job_state::done);
  const auto late = ask<missing_answer>([&](auto done) {
    desk.missing(ann, {job, {text}, {}}, std::move(done));
  });
  EXPECT_EQ(late.error().code, errc::cancelled);
  const auto to_fetch = ask<missing_answer>([&](auto done) {
    desk.missing(ann, {job, {}, {}}, std::move(done));
  });
  EXPECT_TRUE(to_fetch && !to_fetch->ticket.empty()) << "of one that is over, too";
}

TEST_F(job_cluster, stores_that_are_away_are_waited_for) {
  options.look_again = milliseconds(20);
  end_coordinator();
  stores.set_away(true);
  start_coordinator();
  content_ref root;
  {
    fake_view_stores elsewhere;
    root = elsewhere.put_snapshot({{"graphite.toml", ""}, {"a.txt", "one"}});
  }
  const auto job = submitted(project_of(root, "k"));
  EXPECT_EQ(status(job).state, job_state::accepted);
  stores.put_snapshot({{"graphite.toml", ""}, {"a.txt", "one"}});
  stores.set_away(false);
  EXPECT_EQ(end_of(job).state, job_state::done);
}

TEST_F(job_cluster, a_store_that_comes_may_have_what_is_missing) {
  const auto root = stores.put_snapshot({{"graphite.toml", ""}, {"a.txt", "one"}});
  stores.drop(fake_view_stores::name_of_text("one"));
  const auto job = submitted(project_of(root, "k"));
  ASSERT_TRUE(reaches(job, job_state::waiting_for_blobs));
  stores.put("one");
  desk.stores_came();
  EXPECT_EQ(end_of(job).state, job_state::done);
}

TEST_F(job_cluster, what_fails_is_told_with_what_the_tool_said) {
  auto request =
      project_of(stores.put_snapshot({{"graphite.toml", ""}, {"a.txt", "fail"}, {"b.txt", "two"}}), "k");
  std::get<project_job>(request.what).keep_going = true;
  const auto job = submitted(request);
  const auto end = end_of(job);
  EXPECT_EQ(end.state, job_state::failed);
  EXPECT_EQ(end.progress, (job_progress{2, 1, 0, 1, 0}));
  ASSERT_THAT(end.failures, SizeIs(2)) << "the action, and what is not made for it";
  EXPECT_EQ(end.failures[0].path, "a.txt");
  EXPECT_THAT(end.failures[0].message, HasSubstr("it says no"));
  EXPECT_THAT(end.message, HasSubstr("graphite logs"));
  EXPECT_EQ(end.listing, content_ref{}) << "all of it or nothing";
  const auto logs = ask<job_log_batch>([&](auto done) { desk.logs(ann, {job, 0, {}}, std::move(done)); });
  std::map<std::string, std::string> said;
  for (const auto& one : logs->items) said[one.path] = one.text;
  EXPECT_EQ(said, (files{{"a.up", "shouts a.txt"}, {"b.up", "shouts b.txt"}}));
  const auto events = ask<job_event_batch>([&](auto done) {
    desk.events(ann, {job, 0, {}}, std::move(done));
  });
  int failures = 0;
  for (const auto& one : events->items)
    failures += std::holds_alternative<job_events::action_failed>(one.what);
  EXPECT_EQ(failures, 1);
  const auto why = ask<why_answer>([&](auto done) { desk.why(ann, job, "a.up", std::move(done)); });
  ASSERT_TRUE(why) << why.error().context;
  EXPECT_EQ(why->rule, "shout");
  EXPECT_EQ(why->state, "failed");
}

TEST_F(job_cluster, a_mistake_in_the_project_ends_the_job_with_its_words) {
  const auto end = end_of(submitted(files{{"graphite.toml", "bad"}}, "k"));
  EXPECT_EQ(end.state, job_state::failed);
  EXPECT_EQ(end.message, "graphite.toml:1: bad");
  const auto none = end_of(submitted(files{{"a.txt", "one"}}, "l"));
  EXPECT_THAT(none.message, HasSubstr("no file graphite.toml"));
  auto request = project_of(stores.put("no snapshot"), "m");
  EXPECT_EQ(end_of(submitted(request)).state, job_state::failed);
}

TEST_F(job_cluster, what_no_node_fits_fails_and_says_why) {
  end_coordinator();
  options.misfit_patience = milliseconds(200);
  start_coordinator();
  const auto end = end_of(submitted(files{{"graphite.toml", "tool"}, {"a.txt", "one"}}, "k"));
  EXPECT_EQ(end.state, job_state::failed);
  ASSERT_FALSE(end.failures.empty());
  EXPECT_THAT(end.failures[0].message, HasSubstr("no node has the tool 'megaphone'"));
}

TEST_F(job_cluster, cancelling_ends_what_nobody_else_wants) {
  const files shared{{"graphite.toml", ""}, {"a.txt", "hold it"}};
  auto more = shared;
  more["b.txt"] = "hold that";
  const auto first = submitted(more, "1"), second = submitted(shared, "2");
  ASSERT_TRUE(wait_until([&] { return node_does.held() == 2; }));
  ASSERT_TRUE(wait_until([&] { return status(second).progress.running == 1; }));
  const auto cancelled = ask<job_info>([&](auto done) { desk.cancel(ann, first, std::move(done)); });
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->state, job_state::cancelled);
  EXPECT_TRUE(wait_until([&] { return node_does.held() == 1; }))
      << "what only the first wanted was told to stop";
  node_does.stop_cancelled();
  node_does.release();
  const auto end = end_of(second);
  EXPECT_EQ(end.state, job_state::done) << end.message;
  EXPECT_EQ(node_does.runs().at("a.txt hold it"), 1);
}

TEST_F(job_cluster, a_deadline_ends_what_runs) {
  auto request = project_of(stores.put_snapshot({{"graphite.toml", ""}, {"a.txt", "hold"}}), "k");
  request.deadline = milliseconds(300);
  const auto job = submitted(request);
  ASSERT_TRUE(wait_until([&] { return node_does.held() == 1; }));
  EXPECT_EQ(end_of(job).state, job_state::deadline_exceeded);
  EXPECT_TRUE(wait_until([&] { return node_does.held() == 0; }));
}

TEST_F(job_cluster, jobs_survive_their_coordinator_and_running_attempts_are_not_repeated) {
  files all{{"graphite.toml", ""}};
  for (int i = 0; i < 10; ++i) {
    all["held/" + std::to_string(i) + ".txt"] = "hold " + std::to_string(i);
    all["done/" + std::to_string(i) + ".txt"] = "done " + std::to_string(i);
  }
  const auto job = submitted(all, "k");
  ASSERT_TRUE(wait_until([&] { return node_does.held() == 10 && node_does.runs().size() == 20; }));
  ASSERT_TRUE(wait_until([&] { return status(job).progress.ran == 10; })) << status(job).progress.ran;
  end_coordinator();
  start_coordinator();
  EXPECT_FALSE(is_over(status(job).state)) << "it is there, and goes on";
  ASSERT_TRUE(reaches(job, job_state::building));
  ASSERT_TRUE(wait_until([&] { return status(job).progress.running == 10; }));
  node_does.release();
  const auto end = end_of(job);
  EXPECT_EQ(end.state, job_state::done) << end.message;
  EXPECT_EQ(end.assets, 20U);
  for (const auto& [what, times] : node_does.runs()) EXPECT_EQ(times, 1) << what;
  const auto again = submit(project_of(stores.put_snapshot(all), "k"));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->known);
  EXPECT_EQ(again->job.id, job);
}

TEST_F(job_cluster, what_was_committed_and_no_view_has_heard_of_is_not_run_again) {
  const files all{{"graphite.toml", ""}, {"a.txt", "one"}, {"b.txt", "two"}};
  const auto first = end_of(submitted(all, "1"));
  std::vector<row_write> of_views;
  EXPECT_TRUE(rows.scan(table::action_cache, "", [&](auto key, auto value) {
    if (!decode_cache_row(value).value().results.at(0).provenance.empty())
      of_views.push_back({table::action_cache, std::string(key), std::nullopt});
    return true;
  }));
  ASSERT_THAT(of_views, SizeIs(2));
  ASSERT_TRUE(rows.write(of_views, key_value_store::durability::lazy));
  end_coordinator();  // and with it its views
  start_coordinator();
  const auto second = end_of(submitted(all, "2"));
  EXPECT_EQ(second.progress, (job_progress{2, 0, 2, 0, 0}));
  EXPECT_EQ(second.listing, first.listing);
  EXPECT_THAT(node_does.runs(), SizeIs(2));
  for (const auto& [what, times] : node_does.runs()) EXPECT_EQ(times, 1) << what;
}

TEST_F(job_cluster, more_jobs_than_there_are_places_wait_their_turn) {
  end_coordinator();
  options.building_max = 1;
  start_coordinator();
  const auto first = submitted(files{{"graphite.toml", ""}, {"a.txt", "hold"}}, "1");
  ASSERT_TRUE(wait_until([&] { return node_does.held() == 1; }));
  auto low = project_of(stores.put_snapshot({{"graphite.toml", ""}, {"b.txt", "low"}}), "2");
  low.priority = job_priority::low;
  const auto second = submitted(low);
  auto high = project_of(stores.put_snapshot({{"graphite.toml", ""}, {"c.txt", "high"}}), "3");
  high.priority = job_priority::high;
  const auto third = submitted(high);
  ASSERT_TRUE(reaches(second, job_state::planning));
  ASSERT_TRUE(reaches(third, job_state::planning));
  node_does.release();
  const auto ended = [&](job_id job) {
    (void)end_of(job);
    return status(job).ended_unix_ns;
  };
  EXPECT_LT(ended(first), ended(third));
  EXPECT_LT(ended(third), ended(second)) << "priority, not the order in which they came";
  ask<job_info>([&](auto done) { desk.cancel(ann, second, std::move(done)); });
}

TEST_F(job_cluster, one_that_waits_for_its_turn_can_be_cancelled) {
  end_coordinator();
  options.building_max = 1;
  start_coordinator();
  const auto first = submitted(files{{"graphite.toml", ""}, {"a.txt", "hold"}}, "1");
  const auto second = submitted(files{{"graphite.toml", ""}, {"b.txt", "two"}}, "2");
  ASSERT_TRUE(reaches(second, job_state::planning));
  ASSERT_TRUE(ask<job_info>([&](auto done) { desk.cancel(ann, second, std::move(done)); }));
  node_does.release();
  EXPECT_EQ(end_of(first).state, job_state::done);
  EXPECT_EQ(end_of(second).state, job_state::cancelled);
  EXPECT_THAT(node_does.runs(), SizeIs(1));
}

TEST_F(job_cluster, an_action_gives_the_files_that_it_was_asked_for) {
  job_request request;
  request.key = std::string(16, 'k');
  action_job what;
  what.input_root = stores.put_snapshot({{"a.txt", "one"}, {"b.png", "two"}});
  what.what = command_action{{"shout"}, {}, ""};
  what.outputs = {"a.up"};
  request.what = what;
  const auto end = end_of(submitted(request));
  EXPECT_EQ(end.state, job_state::done) << end.message;
  ASSERT_THAT(end.outputs, SizeIs(1));
  EXPECT_EQ(end.outputs[0].path, "a.up");
  EXPECT_EQ(stores.text_of(end.outputs[0].content), "ONE");
  what.outputs = {"else.up"};
  request.what = what;
  request.key = std::string(16, 'l');
  const auto other = end_of(submitted(request));
  EXPECT_EQ(other.state, job_state::failed);
  EXPECT_THAT(other.message, HasSubstr("made no else.up"));
}

TEST_F(job_cluster, what_is_not_to_be_cached_is_nobody_elses) {
  job_request request;
  action_job what;
  what.input_root = stores.put_snapshot({{"a.txt", "one"}});
  what.what = command_action{{"shout"}, {}, ""};
  what.outputs = {"a.up"};
  what.use_cache = false;
  request.what = what;
  for (const char key : {'k', 'l'}) {
    request.key = std::string(16, key);
    EXPECT_EQ(end_of(submitted(request)).state, job_state::done);
  }
  EXPECT_EQ(node_does.runs().at("a.txt one"), 2);
  EXPECT_EQ(rows.rows(table::action_cache), 0U);
}

TEST_F(job_cluster, events_come_when_they_happen_and_nobody_waits_for_ever) {
  const auto job = submitted(files{{"graphite.toml", ""}, {"a.txt", "hold"}}, "k");
  ASSERT_TRUE(reaches(job, job_state::building));
  auto batch = ask<job_event_batch>([&](auto done) {
    desk.events(ann, {job, 0, seconds(10)}, std::move(done));
  });
  ASSERT_TRUE(batch && batch->summary);
  auto last = batch->last;
  // What comes while nobody looks is found by the next question.
  while (ask<job_event_batch>([&](auto done) {
           desk.events(ann, {job, last, {}}, std::move(done));
         })->last != last)
    last = ask<job_event_batch>([&](auto done) { desk.events(ann, {job, last, {}}, std::move(done)); })->last;
  const auto empty = ask<job_event_batch>([&](auto done) {
    desk.events(ann, {job, last + 1'000, milliseconds(50)}, std::move(done));
  });
  EXPECT_TRUE(empty && empty->items.empty() && !empty->over);
  auto waits = std::async(std::launch::async, [&] {
    return ask<job_event_batch>([&](auto done) {
      desk.events(ann, {job, last, seconds(20)}, std::move(done));
    });
  });
  node_does.release();
  EXPECT_FALSE(waits.get()->items.empty());
}

TEST_F(job_cluster, what_belongs_to_others_is_not_there) {
  const auto job = submitted(files{{"graphite.toml", ""}, {"a.txt", "one"}}, "k");
  EXPECT_EQ(ask<job_info>([&](auto done) { desk.status(eve, job, std::move(done)); }).error().code,
            errc::not_found);
  EXPECT_EQ(ask<job_info>([&](auto done) { desk.cancel(eve, job, std::move(done)); }).error().code,
            errc::not_found);
  EXPECT_EQ(ask<missing_answer>([&](auto done) {
              desk.missing(eve, {job, {}, {}}, std::move(done));
            })
                .error()
                .code,
            errc::not_found);
  EXPECT_EQ(ask<why_answer>([&](auto done) { desk.why(eve, job, "a.up", std::move(done)); }).error().code,
            errc::not_found);
  (void)end_of(job);
}

TEST_F(job_cluster, a_desk_that_has_ended_is_unavailable) {
  desk.end();
  EXPECT_EQ(submit(project_of(stores.put_snapshot({}), "k")).error().code, errc::unavailable);
}

}  // namespace
}  // namespace graphite::test
