#include "actors/cluster/watch_system.hpp"

#include "actors/cluster/tls_system_config.hpp"
#include "actors/cluster/view_watch.hpp"
#include "actors/logger_guard.hpp"
#include "actors/surveyor.hpp"
#include "actors/watcher.hpp"

namespace graphite {

namespace {

class tls_watch_system final : public watch_system {
 public:
  explicit tls_watch_system(watch_system_options options)
      : options_(std::move(options)), config_(options_.security, [] {}) {}
  ~tls_watch_system() override {
    const logger_guard forget;
    if (options_.events != nullptr) options_.events->stop();
    const auto stop = [](auto& handle) {
      if (handle) caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
      handle = nullptr;
    };
    stop(watcher_);
    stop(surveyor_);
    stop(dialler_);
    stop(view_);
  }

  const result<void>& ready() const { return config_.ready; }

  void begin() {
    const logger_guard forget;
    system_ = std::make_unique<caf::actor_system>(config_);
    view_watch_dependencies with;
    static_cast<view_watch_hooks&>(with) = options_.hooks;
    with.clock = options_.clock;
    with.log = options_.log;
    view_ = system_->spawn<caf::detached>(view_watch, std::move(with), options_.feed);
    spawn_watcher();
    dialler_ = spawn_dialler(*system_, options_, view_);
    caf::anon_send(view_, atom::watch_v, watcher_);
    caf::anon_send(view_, atom::dial_v, dialler_);
    caf::anon_send(watcher_, atom::watch_v);
  }

  void reread(std::vector<std::string> paths) override {
    const logger_guard forget;
    caf::anon_send(view_, atom::rescan_v,
                   paths_ptr(std::make_shared<const std::vector<std::string>>(std::move(paths))));
  }

 private:
  void spawn_watcher() {
    const auto known = options_.known;
    surveyor_ = system_->spawn<caf::detached>(
        surveyor, [survey = options_.watching.survey, known] { return survey("", *known); });
    watcher_dependencies look;
    static_cast<watcher_hooks&>(look) = options_.watching;
    look.config = options_.config;
    look.events = options_.events;
    look.files = options_.files;
    look.ingest = options_.ingest;
    look.filter = options_.filter;
    look.clock = options_.clock;
    look.random = options_.random;
    look.log = options_.log;
    look.graph = view_;
    look.surveyor = surveyor_;
    watcher_ = system_->spawn<caf::detached>(watcher, std::move(look), known);
  }

  watch_system_options options_;
  tls_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  view_watch_actor view_;
  surveyor_actor surveyor_;
  watcher_actor watcher_;
  caf::actor dialler_;
};

}  // namespace

result<std::unique_ptr<watch_system>> make_watch_system(watch_system_options options) {
  auto out = std::make_unique<tls_watch_system>(std::move(options));
  GRAPHITE_CHECK(out->ready());
  out->begin();
  return out;
}

}  // namespace graphite
