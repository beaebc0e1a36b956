#include "actors/watcher.hpp"

#include "tests/actors/actor_fixture.hpp"
#include "tests/actors/allocation_count.hpp"

namespace graphite {
namespace {

/// Files by path, in memory.
class memory_files final : public file_reader {
 public:
  class opened final : public open_file {
   public:
    explicit opened(std::string text, stat_signature signature)
        : text_(std::move(text)), signature_(signature) {}
    result<file_info> info() const override { return file_info{file_kind::regular, signature_}; }
    result<std::size_t> read(std::span<std::byte> out) override {
      const auto bytes = std::min(out.size(), text_.size() - at_);
      std::memcpy(out.data(), text_.data() + at_, bytes);
      at_ += bytes;
      return bytes;
    }

   private:
    std::string text_;
    stat_signature signature_;
    std::size_t at_ = 0;
  };

  result<file_info> info(const logical_path& path) const override {
    if (refused.contains(path.str())) return fail(errc::invalid_argument, "it leads nowhere");
    const auto found = texts.find(path.str());
    if (found == texts.end()) return fail(errc::not_found, path.str());
    auto now = signature(found->second);
    now.mtime_ns = mtime_ns;
    return file_info{file_kind::regular, now};
  }
  result<std::unique_ptr<open_file>> open(const logical_path& path) const override {
    GRAPHITE_TRY(const auto now, info(path));
    return std::unique_ptr<open_file>(new opened(texts.at(path.str()), now.signature));
  }
  bool open_for_writing(const logical_path&) const override { return false; }

  static stat_signature signature(const std::string& text) {
    return {1, std::hash<std::string>{}(text), text.size(), 5, 5, true};
  }
  std::map<std::string, std::string> texts;
  std::set<std::string> refused;
  std::int64_t mtime_ns = 5;  ///< of every file
};

class quiet_watcher final : public tree_watcher {
 public:
  result<void> start(callback on_events) override {
    if (failure) return tl::unexpected<error>(*failure);
    tell = std::move(on_events);
    return {};
  }
  void stop() override {}
  watch_status status() const override { return {}; }
  result<std::string> write_cookie() override {
    if (no_cookies) return tl::unexpected<error>(*no_cookies);
    return std::string("cookie");
  }
  callback tell;
  std::optional<error> failure, no_cookies;
};

class counting_random final : public random_source {
 public:
  std::uint64_t next() override { return ++n_; }

 private:
  std::uint64_t n_ = 0;
};

class watcher_actor_test : public test::actor_fixture {
 protected:
  using notices = std::vector<std::pair<std::string, std::string>>;

  void SetUp() override {
    config_->root = "/project";
    config_->state = "/project/.graphite";
    graph_ = system.spawn([this]() -> graph_actor::behavior_type {
      return {[this](atom::revise, const revision_ptr& what) { revisions.push_back(what); },
              [](atom::finish, const attempt_result_ptr&) {},
              [this](atom::answer, const query_ptr&) { answered_after.push_back(revisions.size()); },
              [](atom::watch, const watcher_actor&) {},
              [](atom::rest) {},
              [](atom::wake, std::uint64_t) {},
              [this](atom::notice, const std::string& path, const std::string& text) {
                said.emplace_back(path, text);
              }};
    });
    surveyor_ = system.spawn([this](surveyor_actor::pointer self) -> surveyor_actor::behavior_type {
      return {[this, self](atom::rescan) -> caf::result<survey_ptr> {
        auto mine = self->make_response_promise<survey_ptr>();
        if (answer_) {  // rescan_ends() says so: only an actor at work can answer
          std::exchange(asked, {})->deliver(std::exchange(answer_, {}));
          return mine;
        }
        EXPECT_FALSE(asked);
        asked = mine;
        return mine;
      }};
    });
  }
  void TearDown() override {
    asked.reset();
    end(watcher_);
    end(surveyor_);
    end(graph_);
  }

  template <class What>
  void ask(What what) {
    caf::anon_send(watcher_, atom::sync_v, query_ptr(std::make_shared<const query>(query{std::move(what)})));
    run();
  }
  /// Without a timeout.
  std::optional<std::uint64_t> hold() {
    std::optional<std::uint64_t> token;
    ask(query::hold{duration{0}, [&](result<std::uint64_t> how) { token = *how; }});
    return token;
  }

  void start(known_sources known = {}) {
    watcher_dependencies with;
    with.config = config_;
    with.events = &events;
    with.files = &files;
    with.ingest = &ingest_;
    with.filter = &filter_;
    with.clock = &clock;
    with.random = &random_;
    with.log = &log;
    with.survey = [this](const std::string& folder, const guarded_sources&) -> result<tree_survey> {
      looks.push_back(folder);
      return std::exchange(next_look, {});
    };
    with.parallel = [](std::size_t count, const auto& job) {
      for (std::size_t i = 0; i < count; ++i) job(i);
    };
    with.is_input = [](std::string_view path) { return path == "tool.sh"; };
    with.outdated = [this] { return outdated_(); };
    with.graph = graph_;
    with.surveyor = surveyor_;
    watcher_ = system.spawn(watcher, std::move(with), std::make_shared<guarded_sources>(std::move(known)));
    caf::anon_send(watcher_, atom::watch_v);
    run();
  }
  void save(const std::string& path, const std::string& text) {
    files.texts[path] = text;
    tell({{fs_event_kind::closed, path, {}, clock.now()}});
  }
  void tell(std::vector<fs_event> batch) {
    events.tell(std::move(batch));
    run();
    pass(milliseconds(60));
  }
  void rescan_begins() { pass(config_->watch.rescan); }
  void rescan_ends(result<tree_survey> found) {
    ASSERT_TRUE(asked);
    answer_ = std::make_shared<const result<tree_survey>>(std::move(found));
    caf::anon_send(surveyor_, atom::rescan_v);
    run();
    pass(milliseconds(60));
  }
  std::vector<std::string> changed_paths(std::size_t which) const {
    std::vector<std::string> out;
    for (const auto& change : revisions.at(which)->changes) out.push_back(change.path.str());
    return out;
  }

  memory_files files;
  quiet_watcher events;
  tree_survey next_look;
  std::vector<std::string> looks;
  std::vector<revision_ptr> revisions;
  std::vector<std::size_t> answered_after;  ///< of each forwarded question: how many revisions there were
  notices said;
  std::optional<caf::typed_response_promise<survey_ptr>> asked;

  int looked_at_inputs = 0;
  std::function<bool()> outdated_ = [] { return false; };
  std::shared_ptr<project> config_ = std::make_shared<project>();
  counting_random random_;
  live_filter filter_{config_, files};
  ingester ingest_{files, contents, hash};
  graph_actor graph_;
  surveyor_actor surveyor_;
  survey_ptr answer_;
  watcher_actor watcher_;
};

TEST_F(watcher_actor_test, a_save_during_the_rescan_does_not_wait_for_it) {
  start();
  rescan_begins();
  ASSERT_TRUE(asked);
  save("a.txt", "A");
  ASSERT_EQ(revisions.size(), 2u);  // the first is the start's
  EXPECT_EQ(changed_paths(1), std::vector<std::string>{"a.txt"});
  EXPECT_EQ(looks, std::vector<std::string>{""});  // the start's: nothing was looked at on this thread since
}

TEST_F(watcher_actor_test, only_what_was_saved_under_watch_has_a_time_of_its_edit) {
  pass(seconds(1));
  files.mtime_ns = clock.unix_ns();
  files.texts["old.txt"] = "O";
  next_look.differences = {{"old.txt", change_kind::written, false}};
  start();
  const auto saved = clock.now();
  save("new.txt", "N");
  ASSERT_EQ(revisions.size(), 2u);
  EXPECT_EQ(changed_paths(0), std::vector<std::string>{"old.txt"});
  EXPECT_EQ(revisions[0]->times.edited, time_point{});
  EXPECT_EQ(revisions[1]->times.edited, saved);
}

TEST_F(watcher_actor_test, a_rescan_reports_what_no_event_told) {
  start();
  files.texts["quiet.txt"] = "Q";
  rescan_begins();
  tree_survey found;
  found.differences = {{"quiet.txt", change_kind::written, false}};
  rescan_ends(std::move(found));
  ASSERT_EQ(revisions.size(), 2u);
  EXPECT_EQ(changed_paths(1), std::vector<std::string>{"quiet.txt"});
}

TEST_F(watcher_actor_test, what_was_saved_during_the_rescan_wins_over_what_it_saw) {
  start();
  rescan_begins();
  save("a.txt", "A");
  save("b.txt", "B");
  files.texts.erase("b.txt");
  tell({{fs_event_kind::deleted, "b.txt", {}, clock.now()}});
  const auto before = revisions.size();
  tree_survey stale;
  stale.differences = {{"a.txt", change_kind::removed, false}, {"b.txt", change_kind::written, false}};
  stale.skipped = {{"a.txt", "a link that leads nowhere"}};
  rescan_ends(std::move(stale));
  EXPECT_EQ(revisions.size(), before);
  EXPECT_TRUE(said.empty());
}

TEST_F(watcher_actor_test, a_folder_that_was_looked_at_meanwhile_is_newer_than_the_rescan) {
  start();
  rescan_begins();
  tell({{fs_event_kind::folder, "d", {}, clock.now()}});
  EXPECT_EQ(looks, (std::vector<std::string>{"", "d"}));
  tree_survey stale;
  stale.differences = {{"d/x", change_kind::written, false}};
  rescan_ends(std::move(stale));
  EXPECT_EQ(revisions.size(), 1u);
  save("d/x", "X");
  EXPECT_TRUE(revisions.back()->changes.at(0).now);
}

TEST_F(watcher_actor_test, rescans_go_on_and_never_overlap) {
  start();
  rescan_begins();
  ASSERT_TRUE(asked);
  pass(config_->watch.rescan * 3);  // the fixture's surveyor fails where it is asked again
  rescan_ends(tree_survey{});
  EXPECT_FALSE(asked);
  rescan_begins();
  EXPECT_TRUE(asked);
}

TEST_F(watcher_actor_test, a_rescan_that_fails_is_said_and_the_next_one_comes) {
  start();
  rescan_begins();
  rescan_ends(fail(errc::unavailable, "the folder was moved"));
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].second, "the folder was moved");
  rescan_begins();
  rescan_ends(tree_survey{});
  EXPECT_EQ(said.back(), (std::pair<std::string, std::string>{"", ""}));
}

TEST_F(watcher_actor_test, a_hold_without_a_timeout_lasts_until_it_is_released) {
  start();
  const auto token = hold();
  ASSERT_TRUE(token);
  save("a.txt", "A");
  pass(seconds(100));
  save("b.txt", "B");
  EXPECT_EQ(revisions.size(), 1u);
  bool released = false;
  ask(query::release{*token, [&](result<bool>) { released = true; }});
  EXPECT_EQ(revisions.size(), 1u) << "what was saved under it may not have been told yet";
  EXPECT_FALSE(released);
  save("c.txt", "C");
  tell({{fs_event_kind::cookie, "cookie", {}, clock.now()}});
  EXPECT_TRUE(released);
  ASSERT_EQ(revisions.size(), 2u);
  EXPECT_EQ(changed_paths(1), (std::vector<std::string>{"a.txt", "b.txt", "c.txt"}));
}

TEST_F(watcher_actor_test, a_hold_is_released_at_once_where_no_cookie_can_be_written) {
  start();
  const auto token = hold();
  ASSERT_TRUE(token);
  save("a.txt", "A");
  events.no_cookies = error{errc::out_of_space, "the disk is full"};
  bool released = false;
  ask(query::release{*token, [&](result<bool>) { released = true; }});
  EXPECT_TRUE(released);
  ASSERT_EQ(revisions.size(), 2u);
}

TEST_F(watcher_actor_test, a_folder_whose_name_differs_in_case_hides_both_until_it_goes) {
  start();
  save("dir/a.txt", "A");
  save("rest", "R");
  ASSERT_EQ(revisions.size(), 3u);
  save("DIR/b.txt", "B");
  ASSERT_EQ(revisions.size(), 4u);
  ASSERT_EQ(changed_paths(3), std::vector<std::string>{"dir/a.txt"});
  EXPECT_FALSE(revisions[3]->changes[0].now);
  const std::string skipped = "skipped: differs only in case from another name ";
  EXPECT_EQ(said, (notices{{"DIR", skipped + "(dir)"}, {"dir", skipped + "(DIR)"}}));
  save("dir/a.txt", "A2");
  EXPECT_EQ(revisions.size(), 4u);
  files.texts.erase("DIR/b.txt");
  tell({{fs_event_kind::deleted, "DIR/b.txt", {}, clock.now()}});
  ASSERT_EQ(revisions.size(), 5u);
  ASSERT_EQ(changed_paths(4), std::vector<std::string>{"dir/a.txt"});
  EXPECT_EQ(revisions[4]->changes[0].now->content.size, 2u) << "as it is now";
  EXPECT_EQ(said.size(), 4u);
  EXPECT_EQ(said.back(), (std::pair<std::string, std::string>{"dir", ""}));
}

TEST_F(watcher_actor_test, what_is_asked_of_an_asset_waits_for_the_revision_and_a_status_does_not) {
  start();
  const auto ask = [this](auto what) {
    caf::anon_send(watcher_, atom::sync_v, query_ptr(std::make_shared<const query>(query{std::move(what)})));
  };
  files.texts["old.txt"] = "O";
  ask(query::describe{"old.txt", [](const result<asset_report>&) {}});
  ask(query::stale{1, [](const result<stale_list>&) {}});
  ask(query::status{std::make_shared<service_status>(), [](const result<service_status>&) {}});
  run();
  // A new file is acted upon only after a moment.
  tell({{fs_event_kind::created, "old.txt", {}, clock.now()},
        {fs_event_kind::cookie, "cookie", {}, clock.now()}});
  pass(seconds(1));
  ASSERT_EQ(revisions.size(), 2u);
  EXPECT_EQ(answered_after, (std::vector<std::size_t>{1, 2, 2}));
}

TEST_F(watcher_actor_test, what_cannot_be_held_any_more_is_stored) {
  start();
  save("a.txt", "A");
  EXPECT_EQ(contents.options().puts, 0u);
  contents.options().holds_full = true;
  save("b.txt", "B");
  ASSERT_EQ(revisions.size(), 3u);
  EXPECT_EQ(changed_paths(2), std::vector<std::string>{"b.txt"});
  EXPECT_EQ(contents.options().puts, 1u);
}

TEST_F(watcher_actor_test, a_tool_that_was_saved_is_looked_at_and_a_build_refused) {
  bool changed = false;
  outdated_ = [&] {
    ++looked_at_inputs;
    return changed;
  };
  start();
  const auto before = looked_at_inputs;
  save("source.txt", "S");
  EXPECT_EQ(looked_at_inputs, before);
  tell({{fs_event_kind::closed, "tool.sh", {}, clock.now()}});
  EXPECT_EQ(looked_at_inputs, before + 1);
  tell({{fs_event_kind::deleted, "tool.sh", {}, clock.now()},
        {fs_event_kind::created, "tool.sh", {}, clock.now()}});
  EXPECT_EQ(looked_at_inputs, before + 2) << "after a moment, once";
  tell({{fs_event_kind::overflow, {}, {}, clock.now()}});
  EXPECT_EQ(looked_at_inputs, before + 3);
  changed = true;
  std::optional<error> refused;
  caf::anon_send(
      watcher_, atom::sync_v,
      query_ptr(std::make_shared<const query>(query{query::build{{}, [&](result<build_summary> how) {
                                                                   if (!how) refused = how.error();
                                                                 }}})));
  run();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, errc::unavailable);
}

TEST_F(watcher_actor_test, questions_are_refused_where_nothing_is_watched) {
  events.failure = error{errc::permission_denied, "no"};
  start();
  std::optional<error> refused;
  caf::anon_send(watcher_, atom::sync_v,
                 query_ptr(std::make_shared<const query>(query{query::why{"a", [&](result<why_answer> how) {
                                                                            if (!how) refused = how.error();
                                                                          }}})));
  run();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, errc::permission_denied);
}

TEST_F(watcher_actor_test, a_warning_is_taken_back_when_its_cause_is_gone) {
  next_look.skipped = {{"fifo", "a FIFO"}, {"d/link", "a link that leads nowhere"}};
  start();
  EXPECT_EQ(said.size(), 2u);
  said.clear();
  tell({{fs_event_kind::deleted, "fifo", {}, clock.now()}});
  EXPECT_EQ(said, (notices{{"fifo", ""}}));
  tell({{fs_event_kind::folder, "d", {}, clock.now()}});  // looked at: nothing is strange there
  EXPECT_EQ(said, (notices{{"fifo", ""}, {"d/link", ""}}));
}

TEST_F(watcher_actor_test, a_link_that_leads_nowhere_is_said_once_and_again_when_it_comes_back) {
  start();
  files.refused.insert("link");
  const fs_event made{fs_event_kind::closed, "link", {}, clock.now()};
  tell({made});
  tell({made});
  EXPECT_EQ(said.size(), 1u);
  files.refused.erase("link");
  tell({{fs_event_kind::deleted, "link", {}, clock.now()}});
  EXPECT_EQ(said.size(), 2u);
  files.refused.insert("link");
  tell({made});
  EXPECT_EQ(said.size(), 3u);
}

TEST_F(watcher_actor_test, a_name_that_is_not_utf8_is_forgotten_with_its_file) {
  start();
  tell({{fs_event_kind::closed, "bad\xff", {}, clock.now()}});
  ASSERT_EQ(said.size(), 1u);
  tell({{fs_event_kind::deleted, "bad\xff", {}, clock.now()}});
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[1].second, "");
}

/// Bytes that an edit, a new file and a deletion ask for where `files` are known, after one of each.
class watcher_cost_test : public watcher_actor_test {
 protected:
  std::uint64_t bytes_of_three_saves(std::size_t files) {
    known_sources known;
    for (std::size_t folder = 0; folder < files / 100; ++folder) {
      std::vector<known_sources::file> all(100);
      for (std::size_t i = 0; i < all.size(); ++i) all[i].name = std::to_string(i) + ".txt";
      known.put_folder("folder" + std::to_string(folder), std::move(all));
    }
    start(std::move(known));
    three_saves("1");
    const auto before = test::allocated_bytes(), told = revisions.size();
    three_saves("2");
    EXPECT_GE(revisions.size(), told + 2);
    const auto out = test::allocated_bytes() - before;
    end(watcher_);
    return out;
  }

 private:
  void three_saves(const std::string& text) {
    save("folder3/7.txt", text);
    save("folder5/new" + text, text);
    files.texts.erase("folder3/8.txt");
    tell({{fs_event_kind::deleted, "folder3/8.txt", {}, clock.now()}});
    pass(milliseconds(100));
    save("folder3/8.txt", text);
  }
};

TEST_F(watcher_cost_test, a_save_costs_the_same_with_a_thousand_files_and_with_200_000) {
  const auto few = bytes_of_three_saves(1'000), many = bytes_of_three_saves(200'000);
  EXPECT_LT(many, few + 16 * KiB) << "a list of all files has over a megabyte";
}

}  // namespace
}  // namespace graphite
