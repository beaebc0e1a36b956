#include "cli/watch_process.hpp"

#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "actors/cluster/watch_system.hpp"
#include "actors/live_filter.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "cli/config/project_file.hpp"
#include "cli/control_keys.hpp"
#include "cli/discarding_contents.hpp"
#include "cli/job_source.hpp"
#include "cli/tree_surveyor.hpp"
#include "cli/view_uploads.hpp"
#include "cli/with_port.hpp"
#include "node/ingest.hpp"
#include "platform/crypto/curve_keys.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/crypto/ssl_calls.hpp"
#include "platform/linux/fresh_threads.hpp"
#include "platform/linux/inotify_watcher.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/zmq/store_link.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view watched_control_port = "7401";

bool may_be_run(const std::string& path) {
  std::error_code unknown;
  return (fs::status(path, unknown).permissions() & fs::perms::owner_exec) != fs::perms::none;
}

std::string text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// What depends on the project file, and is made anew when that changes.
struct watched_project {
  std::string file, text;  ///< of the project, absolute
  std::string top, prefix;
  std::shared_ptr<const project> config;
  std::unique_ptr<posix_file_reader> files;
  std::unique_ptr<live_filter> filter;
  std::unique_ptr<tree_surveyor> surveyor;
  std::unique_ptr<ingester> ingest;
  std::unique_ptr<inotify_watcher> events, project_events;
  std::unique_ptr<watch_system> system;  // first to end

  ~watched_project() {
    if (project_events) project_events->stop();
    if (events) events->stop();
  }
};

class linux_watch_process final : public watch_process {
 public:
  linux_watch_process(watch_options options, log_sink& log, listener tell)
      : options_(std::move(options)), log_(log), tell_(std::move(tell)), view_(hash_) {}
  ~linux_watch_process() override {
    end_life();
    traffic_.reset();  // ends what uploads wait for
    uploads_.reset();
  }

  result<void> open() {
    GRAPHITE_TRY(keys_, control_keys::load(options_.keys, role::watch, clock_));
    GRAPHITE_TRY(auto pair, make_curve_pair());
    curve_ = std::make_shared<const curve_pair>(std::move(pair));
    GRAPHITE_TRY(auto first, read_project());
    GRAPHITE_TRY(top_, posix_file_reader::open_root(first->top));
    top_folder_ = first->top;
    GRAPHITE_CHECK(open_stores());
    return begin(std::move(first));
  }

  result<void> follow_project() override {
    GRAPHITE_TRY(auto next, read_project());
    if (next->top != top_folder_)
      return fail(errc::unsupported, "the project file is elsewhere now: start `graphite watch` again");
    const bool other_root = next->config->root != now_->config->root;
    end_life();
    if (other_root) forget_files();
    return begin(std::move(next));
  }

  const std::string& root() const override { return now_->config->root; }
  const std::string& name() const override { return keys_->said().name; }

 private:
  result<std::unique_ptr<watched_project>> read_project() {
    auto out = std::make_unique<watched_project>();
    GRAPHITE_TRY(const auto absolute, absolute_folder());
    GRAPHITE_TRY(out->file, find_project_file(absolute));
    out->text = text_of_file(out->file);
    GRAPHITE_TRY(auto loaded, load_project({absolute, ""}));
    out->config = std::make_shared<const project>(std::move(loaded));
    out->top = fs::path(out->file).parent_path().string();
    GRAPHITE_TRY(out->prefix, source_prefix(out->top, out->config->root));
    GRAPHITE_TRY(out->files, posix_file_reader::open_root(out->config->root));
    out->filter = std::make_unique<live_filter>(out->config, *out->files);
    out->surveyor = std::make_unique<tree_surveyor>(out->config->root, *out->filter);
    out->ingest = std::make_unique<ingester>(*out->files, discarding_, hash_);
    inotify_watcher_options watch;
    watch.root = out->config->root;
    watch.prune = [filter = out->filter.get()](std::string_view folder) { return filter->prunes(folder); };
    watch.poll = out->config->watch.poll;
    if (const auto below = project_file_below(*out); !below.empty()) watch.lone_files.push_back(below);
    out->events = std::make_unique<inotify_watcher>(std::move(watch));
    return out;
  }

  result<std::string> absolute_folder() const {
    std::error_code code;
    auto out = fs::absolute(options_.directory, code).lexically_normal().string();
    if (code) return fail(errc::io, options_.directory + ": " + code.message());
    return out;
  }

  /// Its path from the root of the sources; empty: it is not below that.
  static std::string project_file_below(const watched_project& of) {
    return of.prefix.empty() ? of.file.substr(of.config->root.size() + 1) : "";
  }

  result<void> open_stores() {
    zmq_store_link_options how;
    how.own = curve_;
    GRAPHITE_TRY(auto context, zmq_context::make({1, 256, 64}));
    GRAPHITE_TRY(auto link, make_zmq_store_link(std::move(context), how));
    uploads_ = std::make_unique<view_uploads>(view_uploads::ports{
        view_, *top_, hash_, log_, [this](std::vector<std::string> paths) { reread(std::move(paths)); },
        tell_.on_upload});
    traffic_ = std::make_unique<store_traffic>(
        store_traffic::ports{std::move(link), uploads_->contents(), hash_, clock_, log_},
        keys_->incarnation(), store_client::options{}, keys_->enrolling(curve_->key));
    uploads_->use({[this](std::span<const content_ref> contents) { return have(contents); },
                   [this](std::span<const content_ref> contents) { return traffic_->bring(contents); }});
    return {};
  }

  /// Its actors are heard to their end.
  void end_life() {
    std::unique_ptr<watched_project> old;
    {
      const std::lock_guard lock(mutex_);
      old = std::move(now_);
    }
  }

  result<std::vector<bool>> have(std::span<const content_ref> contents) {
    std::vector<digest> names;
    for (const auto& one : contents) names.push_back(one.id);
    GRAPHITE_TRY(const auto found, traffic_->ask(names, true));
    std::vector<bool> out;
    for (const auto& one : found) out.push_back(one.copies >= copies_.load());
    return out;
  }

  /// Of the sources nothing is known any more.
  void forget_files() {
    std::vector<watched_view::change> gone;
    for (const auto& folder : known_->folders(""))
      known_->each_file(folder, [&](const auto& file) {
        auto path = logical_path::parse(last_prefix_ + (folder.empty() ? "" : folder + "/") + file.name);
        if (path) gone.push_back({std::move(*path), std::nullopt});
      });
    (void)view_.apply(++revision_, gone);  // what it is now is told by the first revision
    known_ = std::make_shared<guarded_sources>();
  }

  result<void> begin(std::unique_ptr<watched_project> next) {
    auto& life = *next;
    last_prefix_ = life.prefix;
    GRAPHITE_TRY(project_change_, change_of_project_file(life));
    watch_system_options how;
    GRAPHITE_TRY(const auto where, parse_host_port(with_port(options_.coordinator, watched_control_port)));
    how.host = where.host;
    how.port = where.port;
    how.security = keys_->security();
    how.give_up = give_up_dials;
    how.why_refused = take_dial_refusal;
    how.clock = &clock_;
    how.log = &log_;
    how.random = &random_;
    how.config = life.config;
    how.events = life.events.get();
    how.files = life.files.get();
    how.ingest = life.ingest.get();
    how.filter = life.filter.get();
    how.watching = watching(life);
    how.known = known_;
    how.feed.self.incarnation = keys_->incarnation();
    how.feed.self.view = options_.view;
    how.feed.self.project_file = std::string(project_file_name);
    how.hooks = hooks(life);
    GRAPHITE_TRY(life.system, make_watch_system(std::move(how)));
    watch_project_file(life);
    const std::lock_guard lock(mutex_);
    now_ = std::move(next);
    return {};
  }

  watcher_hooks watching(watched_project& life) {
    watcher_hooks out;
    out.survey = [&life](const std::string& folder, const guarded_sources& known) {
      return life.surveyor->survey(folder, known);
    };
    out.refresh = [&life](const std::string& folder) {
      life.surveyor->forget();
      if (!folder.empty()) life.events->refresh(folder);
    };
    out.parallel = [](std::size_t count, const std::function<void(std::size_t)>& job) {
      fresh_threads(std::max(1u, std::thread::hardware_concurrency())).for_each(count, job);
    };
    out.scan = [](const rule_spec&, const logical_path&) {
      return std::function<std::vector<scanned_reference>(byte_span)>();
    };
    out.on_progress = tell_.on_read;
    out.is_input = [below = project_file_below(life)](std::string_view path) {
      return !below.empty() && path == below;
    };
    out.outdated = [this, &life] { return look_at_project_file(life); };
    return out;
  }

  view_watch_hooks hooks(watched_project& life) {
    view_watch_hooks out;
    out.apply = [this, &life](const revision& what) { return apply(life, what); };
    out.bring = [this](bool thorough, std::function<void(result<view_state>)> done) {
      uploads_->bring(thorough, std::move(done));
    };
    out.skip = [this](const view_state& state) { view_.all_there(state); };
    out.settle = [this](const views::settings& now) {
      control::settings stores;
      stores.copies = now.copies;
      copies_ = now.copies;
      stores.stores = now.stores;
      traffic_->set_stores(stores);
    };
    out.on_tell = tell_.on_tell;
    out.on_notice = [this](const std::string& path, const std::string& why) {
      if (!why.empty()) log_.warn("{}: {}", path, why);
    };
    out.on_end = tell_.on_end;
    return out;
  }

  /// By the actors' thread.
  result<view_state> apply(const watched_project& life, const revision& what) {
    std::vector<watched_view::change> changes;
    if (project_change_) changes.push_back(*std::exchange(project_change_, std::nullopt));
    for (const auto& one : what.changes) {
      auto path = logical_path::parse(life.prefix + one.path.str());
      if (!path) {
        log_.warn("{}{}: {}", life.prefix, one.path.str(), path.error().context);
        continue;
      }
      watched_view::change change{std::move(*path), std::nullopt};
      if (one.now) {
        change.now = one.now->content;
        change.executable = may_be_run(life.config->root + "/" + one.path.str());
      }
      changes.push_back(std::move(change));
    }
    for (const auto& one : what.unread) log_.warn("{}: {}; it stays as it was", one.path.str(), one.why);
    auto state = view_.apply(++revision_, changes);
    if (state) tell_.on_state(*state, changes.size(), view_.files());
    return state;
  }

  result<watched_view::change> change_of_project_file(const watched_project& life) const {
    const auto bytes = as_bytes(std::string_view(life.text));
    GRAPHITE_TRY(auto path, logical_path::parse(project_file_name));
    return watched_view::change{std::move(path), content_of(chunk_bytes(bytes, hash_), hash_),
                                may_be_run(life.file)};
  }

  void reread(std::vector<std::string> paths) {
    std::vector<std::string> below;
    const std::lock_guard lock(mutex_);
    if (!now_) return;
    for (auto& path : paths) {
      if (path == project_file_name)
        look_at_project_file(*now_);
      else if (path.starts_with(now_->prefix))
        below.push_back(path.substr(now_->prefix.size()));
    }
    if (!below.empty()) now_->system->reread(std::move(below));
  }

  /// What lies below the root is watched with it.
  void watch_project_file(watched_project& life) {
    if (life.prefix.empty()) return;
    inotify_watcher_options watch;
    watch.root = life.top;
    watch.recursive = false;
    watch.poll = life.config->watch.poll;
    life.project_events = std::make_unique<inotify_watcher>(std::move(watch));
    const auto started = life.project_events->start([this, &life](const std::vector<fs_event>& seen) {
      const auto is_it = [](const fs_event& one) {
        return one.path == project_file_name || one.kind == fs_event_kind::overflow;
      };
      if (std::any_of(seen.begin(), seen.end(), is_it)) look_at_project_file(life);
    });
    if (!started) log_.warn("changes of {} are not noticed: {}", life.file, started.error().context);
  }

  /// True where it is another now.
  bool look_at_project_file(const watched_project& life) {
    if (text_of_file(life.file) == life.text) return false;
    tell_.on_project_changed();
    return true;
  }

  const watch_options options_;
  log_sink& log_;
  const listener tell_;
  const openssl_hasher hash_;
  system_clock_source clock_;
  system_random_source random_;
  discarding_contents discarding_;
  std::unique_ptr<control_keys> keys_;
  curve_pair_ptr curve_;
  std::string top_folder_;
  std::unique_ptr<posix_file_reader> top_;  ///< of the project file's folder
  watched_view view_;
  std::atomic<std::uint64_t> revision_ = 0;
  std::optional<watched_view::change> project_change_;  ///< not told yet
  std::shared_ptr<guarded_sources> known_ = std::make_shared<guarded_sources>();
  std::string last_prefix_;
  std::atomic<std::uint32_t> copies_ = 1;  ///< of each content
  std::unique_ptr<view_uploads> uploads_;
  std::unique_ptr<store_traffic> traffic_;
  std::mutex mutex_;  ///< of now_'s system, which uploads use
  std::unique_ptr<watched_project> now_;
};

}  // namespace

result<std::unique_ptr<watch_process>> watch_process::open(const watch_options& options, log_sink& log,
                                                           listener tell) {
  auto out = std::make_unique<linux_watch_process>(options, log, std::move(tell));
  GRAPHITE_CHECK(out->open());
  return out;
}

}  // namespace graphite
