#include "cli/watch_process.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <mutex>

#include "actors/cluster/control_gate.hpp"
#include "actors/cluster/view_port.hpp"
#include "actors/logger_guard.hpp"
#include "actors/tls.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/snapshot_diff.hpp"
#include "cli/control_keys.hpp"
#include "platform/crypto/curve_keys.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/store/segment_store.hpp"
#include "platform/zmq/store_server.hpp"
#include "platform/zmq/zap_handler.hpp"
#include "tests/cli/commands/cli_support.hpp"
#include "tests/support/memory_key_value_store.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

using namespace test;
using verdict = views::verdict;
using telling = feed_commands::tell::what;

/// A store of the cluster, with keys.
class keyed_store {
 public:
  keyed_store(const std::string& part, log_sink& log)
      : log_(log), keys_(control_keys::load(part, role::node, clock_).value()) {
    start();
  }
  void start() {
    curve_ = std::make_shared<const curve_pair>(make_curve_pair().value());
    segment_store_options how;
    how.folder = folder_.path() + "/segments";
    how.segment_bytes = 4 << 20;
    how.on_failed_sync = [](const error& why) { ADD_FAILURE() << why.context; };
    contents_ = segment_store::open(how, rows_, hash_, log_).value();
    context_ = *zmq_context::make({1, 64, 64});
    port_ = std::make_unique<store_port>(*contents_, hash_, clock_, store_uploads::options{},
                                         keys_->store_security(curve_->key, log_));
    zmq_store_server_options options;
    options.listen = {"127.0.0.1", 0, false, curve_};
    options.connections.admission = port_.get();
    options.log = &log_;
    zap_ = zap_handler::start(context_, *port_, &log_).value();
    server_ = make_zmq_store_server(context_, options, *port_).value();
  }
  control::store_address address() const { return {server_->address(), curve_->key}; }
  bool has(const content_ref& one) const {
    const auto found = contents_->find(one.id);
    return one.size == 0 || (found && *found);
  }
  byte_vector read(const content_ref& one) const {
    byte_vector out(one.size);
    const auto got = contents_->read(one.id, 0, out);
    EXPECT_TRUE(got) << got.error().context;
    return out;
  }
  std::uint64_t bytes_taken() const { return server_->count().bytes_taken; }

 private:
  log_sink& log_;
  openssl_hasher hash_;
  system_clock_source clock_;
  std::unique_ptr<control_keys> keys_;
  curve_pair_ptr curve_;
  temporary_folder folder_{temporary_folder::quick_base()};
  memory_key_value_store rows_;
  std::shared_ptr<zmq_context> context_;
  std::unique_ptr<segment_store> contents_;
  std::unique_ptr<store_port> port_;
  std::unique_ptr<zap_handler> zap_;
  std::unique_ptr<store_server> server_;
};

/// Takes every snapshot of which all is in the store, and knows its files.
class kept_views final : public view_intake {
 public:
  explicit kept_views(const keyed_store& store) : store_(store) {}

  void open(feeding_id, view_feeding what, reply<content_ref> done) override {
    const std::lock_guard lock(mutex_);
    ++opened_;
    project_file_ = what.project_file;
    done(taken_);
  }
  void close(feeding_id) override {}
  void revise(feeding_id, views::revised revision, std::function<void(verdict)> judge) override {
    const std::lock_guard lock(mutex_);
    ++revisions_;
    if (lies_ > 0 && lies_-- > 0)
      return judge({revision.revision, verdict::what::missing, errc::not_found, "lost"});
    auto files = read(revision.snapshot);
    if (!files) return judge({revision.revision, verdict::what::refused, errc::corrupt, "not all is there"});
    taken_ = revision.snapshot;
    files_ = std::move(*files);
    judge({revision.revision, verdict::what::accepted});
  }

  using file_list = std::map<std::string, snapshot_change::state>;
  file_list files() const {
    const std::lock_guard lock(mutex_);
    return files_;
  }
  int revisions() const {
    const std::lock_guard lock(mutex_);
    return revisions_;
  }
  int opened() const {
    const std::lock_guard lock(mutex_);
    return opened_;
  }
  void lie() {
    const std::lock_guard lock(mutex_);
    lies_ = 1;
  }
  std::string text_of(const std::string& path) const {
    const auto all = files();
    const auto found = all.find(path);
    return found == all.end() ? "(none)" : std::string(as_text(store_.read(found->second.content)));
  }

 private:
  std::optional<file_list> read(const content_ref& root) const {
    file_list out;
    auto diff = snapshot_diff::between({}, root, hash_).value();
    while (!diff.done())
      for (const auto& one : diff.wanted(64)) {
        if (!store_.has(one)) return std::nullopt;
        EXPECT_TRUE(diff.supply(one, store_.read(one)));
      }
    for (auto& change : diff.take_changes()) {
      if (!store_.has(change.after->content)) return std::nullopt;
      out.emplace(change.path.str(), *change.after);
    }
    return out;
  }

  const keyed_store& store_;
  openssl_hasher hash_;
  mutable std::mutex mutex_;
  content_ref taken_;
  file_list files_;
  std::string project_file_;
  int revisions_ = 0, opened_ = 0, lies_ = 0;
};

/// The control port of a coordinator with real keys.
class control_port {
 public:
  control_port(const std::string& part, view_intake& views, const control::store_address& store,
               log_sink& log, std::uint64_t epoch, std::uint16_t port = 0)
      : keys_(control_keys::load(part, role::coordinator, clock_).value()) {
    const logger_guard forget;
    const auto by = keys_->security();
    EXPECT_TRUE(use_tls(config_, by.files, {by.check_files, by.check_calls}));
    config_.set("scheduler.max-threads", std::size_t{1});
    config_.set("logger.verbosity", caf::atom("quiet"));
    system_ = std::make_unique<caf::actor_system>(config_);
    views_ = system_->spawn(view_port, view_port_dependencies{&log, &views},
                            view_sessions_options{epoch_number{epoch}});
    control_gate_dependencies how;
    how.self = by.self;
    how.hello.wanted = {role::node, role::watch};
    how.verifier = by.verifier;
    how.random = by.random;
    how.clock = &clock_;
    how.log = &log;
    how.trust = by.trust;
    how.sink = views_;
    how.watchers = views_;
    gate_ = system_->spawn(control_gate, std::move(how));
    caf::anon_send(views_, atom::dial_v, gate_);
    set_stores({store});
    port_ = listen_tls(gate_, port, "127.0.0.1").value();
  }
  ~control_port() {
    const logger_guard forget;
    stop_listening(gate_, port_);
    caf::anon_send_exit(gate_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(views_, caf::exit_reason::user_shutdown);
    gate_ = nullptr;
    views_ = nullptr;
  }
  void set_stores(std::vector<control::store_address> stores) {
    const logger_guard forget;
    caf::anon_send(
        views_, atom::notice_v,
        view_settings_ptr(std::make_shared<const views::settings>(views::settings{1, std::move(stores)})));
  }
  std::uint16_t port() const { return port_; }

 private:
  system_clock_source clock_;
  std::unique_ptr<control_keys> keys_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  view_port_actor views_;
  caf::actor gate_;
  std::uint16_t port_ = 0;
};

/// A project on one side, a coordinator with one store on the other, keys from `graphite keygen`.
class watch_process_test : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    keys_ = new temporary_folder;
    ASSERT_EQ(run_cli({"keygen", keys_->path() + "/k", "--json"}).code, 0);
    for (const auto& [name, what] : std::map<std::string, std::string>{
             {"main", "coordinator"}, {"store", "node"}, {"studio", "watch"}, {"node-1", "node"}})
      ASSERT_EQ(run_cli({"keys", "node", keys_->path() + "/k", name, "--role", what, "--json"}).code, 0);
  }
  static void TearDownTestSuite() {
    delete keys_;
    keys_ = nullptr;
  }
  static std::string part(const std::string& name) { return keys_->path() + "/k/nodes/" + name; }

  watch_process_test() { write("graphite.toml", "[project]\nname = \"p\"\n"); }

  void write(const std::string& name, const std::string& text) {
    const auto path = std::filesystem::path(project_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    // As an editor saves: never half of it.
    std::ofstream(path.string() + ".tmp~", std::ios::binary) << text;
    std::filesystem::rename(path.string() + ".tmp~", path);
  }
  void begin_control(std::uint64_t epoch = 5, std::uint16_t port = 0) {
    control_ = std::make_unique<control_port>(part("main"), views_, store_.address(), log_, epoch, port);
  }
  result<std::unique_ptr<watch_process>> open(const std::string& keys = "studio") {
    watch_options options;
    options.directory = project_.path();
    options.keys = part(keys);
    options.coordinator = "127.0.0.1:" + std::to_string(control_->port());
    watch_process::listener tell;
    tell.on_tell = [this](const feed_commands::tell& what) {
      const std::lock_guard lock(mutex_);
      told_.push_back(what);
    };
    tell.on_project_changed = [this] { project_changed_ = true; };
    return watch_process::open(options, log_, tell);
  }
  void watch() {
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().context;
    watch_ = std::move(*opened);
  }
  bool sees(const std::string& path, const std::string& text) {
    return wait_until([&] { return views_.files().contains(path) && views_.text_of(path) == text; });
  }
  bool told(telling kind) {
    return wait_until([&] {
      const std::lock_guard lock(mutex_);
      return std::any_of(told_.begin(), told_.end(), [&](const auto& one) { return one.kind == kind; });
    });
  }

  static temporary_folder* keys_;
  temporary_folder project_;
  recording_log log_;
  keyed_store store_{part("store"), log_};
  kept_views views_{store_};
  std::unique_ptr<control_port> control_;
  std::mutex mutex_;
  std::vector<feed_commands::tell> told_;
  std::atomic<bool> project_changed_ = false;
  std::unique_ptr<watch_process> watch_;
};
temporary_folder* watch_process_test::keys_ = nullptr;

TEST_F(watch_process_test, the_coordinator_has_what_is_here_and_what_changes) {
  write("a.txt", "one");
  write("empty", "");
  write(".gitignore", "*.log\n");
  write("noise.log", "no source");
  write("deep/er/large.bin", std::string(5'000'000, 'x'));
  begin_control();
  watch();
  ASSERT_TRUE(sees("a.txt", "one"));
  EXPECT_EQ(views_.files().size(), 4U) << "with the project file";
  EXPECT_EQ(views_.text_of("deep/er/large.bin"), std::string(5'000'000, 'x'));
  EXPECT_FALSE(std::filesystem::exists(project_.path() + "/.graphite")) << "nothing is kept here";
  const auto before = store_.bytes_taken();
  write("a.txt", "two");
  write("new/b.txt", "three");
  ASSERT_TRUE(sees("a.txt", "two"));
  ASSERT_TRUE(sees("new/b.txt", "three"));
  EXPECT_LT(store_.bytes_taken() - before, 10'000U);
  std::filesystem::remove_all(project_.path() + "/deep");
  EXPECT_TRUE(wait_until([&] { return !views_.files().contains("deep/er/large.bin"); }));
  std::filesystem::permissions(project_.path() + "/a.txt", std::filesystem::perms::owner_all);
  EXPECT_TRUE(wait_until([&] { return views_.files().at("a.txt").executable; }));
}

TEST_F(watch_process_test, a_watcher_that_starts_again_brings_and_says_what_is_new) {
  for (int i = 0; i < 300; ++i) write("d/" + std::to_string(i), "text " + std::to_string(i));
  begin_control();
  watch();
  ASSERT_TRUE(sees("d/299", "text 299"));
  watch_.reset();
  const auto revisions = views_.revisions();
  const auto before = store_.bytes_taken();
  watch();
  ASSERT_TRUE(wait_until([&] { return views_.opened() == 2; }));
  write("d/7", "other");
  ASSERT_TRUE(sees("d/7", "other"));
  EXPECT_EQ(views_.revisions(), revisions + 1) << "the state that was taken is not said again";
  EXPECT_LT(store_.bytes_taken() - before, 50'000U);
}

TEST_F(watch_process_test, a_coordinator_that_comes_back_hears_what_happened_meanwhile) {
  write("a.txt", "one");
  begin_control(5);
  const auto port = control_->port();
  watch();
  ASSERT_TRUE(sees("a.txt", "one"));
  control_.reset();
  ASSERT_TRUE(told(telling::away));
  write("a.txt", "while it was away");
  begin_control(6, port);
  EXPECT_TRUE(sees("a.txt", "while it was away"));
}

TEST_F(watch_process_test, contents_that_the_coordinator_misses_are_asked_for_again) {
  write("a.txt", "one");
  begin_control();
  views_.lie();
  watch();
  ASSERT_TRUE(told(telling::missing));
  EXPECT_TRUE(sees("a.txt", "one"));
}

TEST_F(watch_process_test, a_changed_project_file_counts_and_a_broken_one_does_not) {
  write("a.txt", "one");
  write("b.log", "two");
  begin_control();
  watch();
  ASSERT_TRUE(sees("b.log", "two"));
  write("graphite.toml", "[project\n");
  ASSERT_TRUE(wait_until([&] { return project_changed_.exchange(false); }));
  EXPECT_FALSE(watch_->follow_project());
  write("a.txt", "it goes on as it was");
  ASSERT_TRUE(sees("a.txt", "it goes on as it was"));
  const std::string text = "[project]\nname = \"p\"\n[sources]\nignore = [\"*.log\"]\n";
  write("graphite.toml", text);
  ASSERT_TRUE(wait_until([&] { return project_changed_.exchange(false); }));
  const auto followed = watch_->follow_project();
  ASSERT_TRUE(followed) << followed.error().context;
  EXPECT_TRUE(sees("graphite.toml", text));
  EXPECT_TRUE(wait_until([&] { return !views_.files().contains("b.log"); }));
  EXPECT_EQ(views_.text_of("a.txt"), "it goes on as it was");
  write("a.txt", "and on");
  EXPECT_TRUE(sees("a.txt", "and on"));
}

TEST_F(watch_process_test, sources_in_another_folder_keep_their_place) {
  write("graphite.toml", "[project]\nname = \"p\"\n[sources]\nroot = \"assets\"\n");
  write("assets/a.txt", "one");
  write("other.txt", "no source");
  begin_control();
  watch();
  ASSERT_TRUE(sees("assets/a.txt", "one"));
  EXPECT_EQ(views_.files().size(), 2U);
  write("graphite.toml", "[project]\nname = \"q\"\n[sources]\nroot = \"assets\"\n");
  ASSERT_TRUE(wait_until([&] { return project_changed_.exchange(false); })) << "outside of the root";
  ASSERT_TRUE(watch_->follow_project());
  EXPECT_TRUE(sees("graphite.toml", "[project]\nname = \"q\"\n[sources]\nroot = \"assets\"\n"));
}

TEST_F(watch_process_test, keys_of_another_role_are_refused_at_the_start) {
  begin_control();
  const auto refused = open("node-1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::permission_denied);
  EXPECT_NE(refused.error().context.find("--role watch"), std::string::npos) << refused.error().context;
  std::filesystem::remove(project_.path() + "/graphite.toml");
  EXPECT_EQ(open().error().code, errc::not_found);
}

}  // namespace
}  // namespace graphite
