#include <deque>

#include "actors/cluster/view_port.hpp"
#include "actors/cluster/view_watch.hpp"
#include "tests/actors/cluster/control_fixture.hpp"
#include "tests/support/paths.hpp"

namespace graphite::test {
namespace {

using verdict = views::verdict;
using telling = feed_commands::tell::what;

content_ref snapshot_of(std::uint64_t number) {
  content_ref out;
  out.id.bytes.fill(static_cast<std::uint8_t>(number));
  out.size = 100;
  return out;
}

/// Views that take what the test lets them take. It outlives coordinators, as their disk does.
class some_views final : public view_intake {
 public:
  void open(feeding_id which, view_feeding what, reply<content_ref> done) override {
    const std::lock_guard lock(mutex_);
    feeding_[which] = what;
    done(taken_);
  }
  void close(feeding_id which) override {
    const std::lock_guard lock(mutex_);
    feeding_.erase(which);
  }
  void revise(feeding_id, views::revised revision, std::function<void(views::verdict)> judge) override {
    const std::lock_guard lock(mutex_);
    revisions_.push_back(revision);
    judge_ = judge;
    if (!accepts_) return;
    taken_ = revision.snapshot;
    judge({revision.revision, verdict::what::accepted});
    judge({revision.revision, verdict::what::published, errc::io, "generation"});
  }

  void set_accepting(bool accepts) {
    const std::lock_guard lock(mutex_);
    accepts_ = accepts;
  }
  void judge(verdict::what state) {
    const std::lock_guard lock(mutex_);
    judge_({revisions_.back().revision, state, errc::invalid_argument, "why"});
  }
  std::vector<views::revised> revisions() const {
    const std::lock_guard lock(mutex_);
    return revisions_;
  }
  std::map<feeding_id, view_feeding> feeding() const {
    const std::lock_guard lock(mutex_);
    return feeding_;
  }

 private:
  mutable std::mutex mutex_;
  bool accepts_ = true;
  content_ref taken_;
  std::map<feeding_id, view_feeding> feeding_;
  std::vector<views::revised> revisions_;
  std::function<void(views::verdict)> judge_;
};

/// A coordinator's control port, as far as watchers see it; nodes are heard, too.
class view_coordinator {
 public:
  view_coordinator(const certificate_authority& authority, const role_keys& keys, some_views& views,
                   std::uint64_t epoch, std::uint16_t port = 0)
      : system(authority.issue("coordinator")) {
    const logger_guard forget;
    nodes_ = system->spawn(keep_events, &heard);
    port_actor_ = system->spawn(view_port, view_port_dependencies{&log, &views},
                                view_sessions_options{epoch_number{epoch}});
    control_gate_dependencies how;
    how.hello.wanted = {role::node, role::watch};
    how.self = keys.identity(role::coordinator, "main", 1);
    how.verifier = &keys.verifier;
    how.random = &random_;
    how.clock = &time_;
    how.log = &log;
    how.trust = [&keys] { return keys.trust(); };
    how.sink = nodes_;
    how.watchers = port_actor_;
    gate_ = system->spawn(control_gate, std::move(how));
    caf::anon_send(port_actor_, atom::dial_v, gate_);
    port_ = listen_tls(gate_, port, "127.0.0.1").value();
    set_stores(1);
  }
  ~view_coordinator() {
    const logger_guard forget;
    stop_listening(gate_, port_);
    for (const auto& one :
         {gate_, caf::actor_cast<caf::actor>(port_actor_), caf::actor_cast<caf::actor>(nodes_)})
      caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    gate_ = nullptr;
    port_actor_ = nullptr;
    nodes_ = nullptr;
  }
  void set_stores(std::size_t count) {
    const logger_guard forget;
    views::settings now;
    for (std::size_t i = 0; i < count; ++i) now.stores.push_back({"127.0.0.1:" + std::to_string(i + 1), {}});
    caf::anon_send(port_actor_, atom::notice_v,
                   view_settings_ptr(std::make_shared<const views::settings>(std::move(now))));
  }
  std::uint16_t port() const { return port_; }

  heard_events heard;  ///< of nodes
  recording_log log;

 private:
  steady_time time_;
  seeded_random random_{1};

 public:
  tls_system system;  // after all that its actors use

 private:
  control_sink nodes_;
  view_port_actor port_actor_;
  caf::actor gate_;
  std::uint16_t port_ = 0;
};

/// A watcher's process without a tree: the test closes revisions, uploads go well.
class watching_process {
 public:
  watching_process(const certificate_authority& authority, const role_keys& keys, std::uint16_t port,
                   const std::string& name = "beside", std::uint64_t serial = 7)
      : system(authority.issue(name)) {
    const logger_guard forget;
    view_watch_dependencies with;
    with.clock = &time_;
    with.log = &log;
    with.apply = [this](const revision& what) -> result<view_state> {
      newest_ = {what.id.value, snapshot_of(what.id.value)};
      return newest_;
    };
    with.bring = [this](bool thorough, auto done) {
      {
        const std::lock_guard lock(mutex_);
        thorough_.push_back(thorough);
      }
      done(newest_);
    };
    with.settle = [this](const views::settings& now) {
      const std::lock_guard lock(mutex_);
      stores_ = now.stores.size();
    };
    with.on_tell = [this](const feed_commands::tell& what) {
      const std::lock_guard lock(mutex_);
      told_.push_back(what);
    };
    with.on_end = [this](const error& why) {
      const std::lock_guard lock(mutex_);
      ended_ = why.context;
    };
    view_feed_options feed;
    feed.self.view = "main";
    feed.self.project_file = "graphite.toml";
    feed.again_after = milliseconds(10);
    view_ = system->spawn<caf::detached>(view_watch, std::move(with), feed);
    control_dialler_dependencies how;
    how.self = keys.identity(role::watch, name, serial);
    how.verifier = &keys.verifier;
    how.random = &random_;
    how.clock = &time_;
    how.log = &log;
    how.trust = [&keys] { return keys.trust(); };
    how.sink = view_;
    how.dial = [this, port] { return dial_tls(*system, to(port, seconds(5))); };
    how.again_max = milliseconds(200);
    dialler_ = system->spawn(control_dialler, std::move(how));
    caf::anon_send(view_, atom::dial_v, dialler_);
  }
  ~watching_process() {
    const logger_guard forget;
    caf::anon_send_exit(dialler_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(view_, caf::exit_reason::user_shutdown);
    dialler_ = nullptr;
    view_ = nullptr;
  }

  void close(std::uint64_t number) {
    const logger_guard forget;
    auto what = std::make_shared<revision>();
    what->id.value = number;
    caf::anon_send(view_, atom::revise_v, revision_ptr(std::move(what)));
  }
  bool wait_for(telling kind, std::uint64_t revision) {
    return wait_until([&] {
      const std::lock_guard lock(mutex_);
      return std::any_of(told_.begin(), told_.end(),
                         [&](const auto& one) { return one.kind == kind && one.revision == revision; });
    });
  }
  std::size_t stores() const {
    const std::lock_guard lock(mutex_);
    return stores_;
  }
  std::string ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  std::vector<bool> thorough() const {
    const std::lock_guard lock(mutex_);
    return thorough_;
  }

  recording_log log;

 private:
  steady_time time_;
  seeded_random random_{2};
  mutable std::mutex mutex_;
  view_state newest_;  ///< of the actor's thread
  std::vector<feed_commands::tell> told_;
  std::vector<bool> thorough_;
  std::size_t stores_ = 0;
  std::string ended_;

 public:
  tls_system system;  // after all that its actors use

 private:
  view_watch_actor view_;
  caf::actor dialler_;
};

class watched_views : public control_connection {
 protected:
  some_views views_;
};

TEST_F(watched_views, a_watcher_says_what_closes_and_hears_what_becomes_of_it) {
  view_coordinator coordinator(authority_, keys_, views_, 5);
  watching_process beside(authority_, keys_, coordinator.port());
  beside.close(1);
  ASSERT_TRUE(beside.wait_for(telling::published, 1));
  ASSERT_EQ(views_.revisions().size(), 1U);
  EXPECT_EQ(views_.revisions()[0].snapshot, snapshot_of(1));
  ASSERT_EQ(views_.feeding().size(), 1U);
  EXPECT_EQ(views_.feeding().begin()->second, (view_feeding{"main", "graphite.toml", "beside"}));
  EXPECT_TRUE(coordinator.heard.of<came>().empty()) << "nodes are others";
  coordinator.set_stores(3);
  EXPECT_TRUE(wait_until([&] { return beside.stores() == 3; }));
}

TEST_F(watched_views, nodes_are_heard_by_whom_they_belong_to) {
  view_coordinator coordinator(authority_, keys_, views_, 5);
  dialling_process node_1(authority_, keys_, coordinator.port(), node());
  EXPECT_TRUE(wait_until([&] { return coordinator.heard.of<came>().size() == 1; }));
  EXPECT_TRUE(views_.feeding().empty());
}

TEST_F(watched_views, a_coordinator_that_comes_back_is_told_what_it_has_not_taken) {
  auto coordinator = std::make_unique<view_coordinator>(authority_, keys_, views_, 5);
  const auto port = coordinator->port();
  watching_process beside(authority_, keys_, port);
  beside.close(1);
  ASSERT_TRUE(beside.wait_for(telling::accepted, 1));
  views_.set_accepting(false);
  beside.close(2);
  ASSERT_TRUE(wait_until([&] { return views_.revisions().size() == 2; }));
  coordinator.reset();
  ASSERT_TRUE(beside.wait_for(telling::away, 0));
  views_.set_accepting(true);
  beside.close(3);
  view_coordinator again(authority_, keys_, views_, 6, port);
  ASSERT_TRUE(beside.wait_for(telling::accepted, 3));
  EXPECT_EQ(views_.revisions().size(), 3U);
}

TEST_F(watched_views, what_is_missing_is_brought_again) {
  view_coordinator coordinator(authority_, keys_, views_, 5);
  watching_process beside(authority_, keys_, coordinator.port());
  views_.set_accepting(false);
  beside.close(1);
  ASSERT_TRUE(wait_until([&] { return views_.revisions().size() == 1; }));
  views_.judge(verdict::what::missing);
  ASSERT_TRUE(wait_until([&] { return views_.revisions().size() == 2; }));
  EXPECT_EQ(beside.thorough(), (std::vector<bool>{false, true}));
  views_.judge(verdict::what::refused);
  EXPECT_TRUE(beside.wait_for(telling::refused, 1));
}

TEST_F(watched_views, a_second_watcher_of_a_view_is_refused_until_the_first_has_gone) {
  view_coordinator coordinator(authority_, keys_, views_, 5);
  auto first = std::make_unique<watching_process>(authority_, keys_, coordinator.port());
  first->close(1);
  ASSERT_TRUE(first->wait_for(telling::accepted, 1));
  watching_process second(authority_, keys_, coordinator.port(), "other", 8);
  second.close(7);
  EXPECT_TRUE(wait_until([&] { return second.log.contains("is fed by the watcher beside"); }));
  first.reset();
  EXPECT_TRUE(second.wait_for(telling::accepted, 7));
  EXPECT_EQ(second.ended(), "") << "time has mended it";
}

TEST_F(watched_views, who_sends_what_is_no_message_is_left) {
  view_coordinator coordinator(authority_, keys_, views_, 5);
  dialling_process stranger(authority_, keys_, coordinator.port(), keys_.identity(role::watch, "bad", 9));
  ASSERT_TRUE(wait_until([&] { return stranger.heard.of<came>().size() == 1; }));
  say(stranger.dialler, stranger.heard.of<came>()[0].first, "rubbish");
  EXPECT_TRUE(wait_until([&] { return coordinator.log.contains("a watcher is left"); }));
  EXPECT_TRUE(wait_until([&] { return stranger.heard.of<gone>().size() == 1; }));
}

}  // namespace
}  // namespace graphite::test
