#include <unistd.h>

#include <atomic>
#include <mutex>

#include "cli/console.hpp"
#include "cli/json.hpp"
#include "cli/line_queue.hpp"
#include "cli/live_progress.hpp"
#include "cli/log_setup.hpp"
#include "cli/signals.hpp"
#include "cli/watch_process.hpp"

namespace graphite {

namespace {

using telling = feed_commands::tell::what;

/// What a watcher tells, by threads of its own. Nobody waits for whoever reads standard output.
class watch_printer {
 public:
  watch_printer(console& out, std::string view)
      : out_(out), view_(std::move(view)), shown_(out), lines_(STDOUT_FILENO) {}

  void ready(const watch_process& watch) {
    say(fmt::format("watching {} for view {}; stop with Ctrl-C", printable(watch.root()), view_));
    put({{"event", "ready"},
         {"view", view_},
         {"watcher", watch.name()},
         {"root", watch.root()},
         {"pid", ::getpid()}});
  }
  void read(std::size_t done, std::size_t all, const std::string& now) { shown_.files(done, all, now); }
  void state(const view_state& now, std::size_t changed, std::size_t files) {
    shown_.finish();
    put({{"event", "revision"},
         {"revision", now.revision},
         {"snapshot", to_hex(now.snapshot.id)},
         {"changed", changed},
         {"files", files}});
  }
  void upload(std::uint64_t contents, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    contents_ = contents;
    bytes_ = bytes;
  }
  void tell(const feed_commands::tell& what) {
    const std::lock_guard lock(mutex_);
    json_object object{{"event", name_of(what.kind)}};
    if (what.revision != 0) object["revision"] = what.revision;
    if (what.kind == telling::in_stores) {
      object["contents"] = std::exchange(contents_, 0);
      object["bytes"] = std::exchange(bytes_, 0);
    }
    if (what.kind == telling::published) object["generation"] = what.text;
    if (is_trouble(what.kind)) object["code"] = to_string(what.code);
    if (is_trouble(what.kind)) object["message"] = what.text;
    put(std::move(object));
    say(what);
  }

 private:
  static const char* name_of(telling kind) {
    switch (kind) {
      case telling::connected:
        return "connected";
      case telling::away:
        return "away";
      case telling::in_stores:
        return "uploaded";
      case telling::accepted:
        return "accepted";
      case telling::published:
        return "published";
      case telling::refused:
        return "refused";
      case telling::missing:
        return "missing";
      case telling::upload_failed:
        return "upload_failed";
    }
    return "";
  }
  static bool is_trouble(telling kind) {
    return kind == telling::away || kind == telling::refused || kind == telling::missing ||
           kind == telling::upload_failed;
  }
  void put(json_object event) {
    if (!out_.json()) return;
    lines_.push([&](std::uint64_t dropped) {
      if (dropped > 0) event["dropped"] = dropped;
      return json_text(event);
    });
  }
  void say(const std::string& text) {
    if (out_.json()) return;
    lines_.push([&](std::uint64_t dropped) {
      return dropped == 0 ? text : fmt::format("({} lines were left out)\n{}", dropped, text);
    });
  }
  void say(const feed_commands::tell& what) {
    if (what.kind == telling::connected)
      say(fmt::format("the coordinator is there ({})", printable(what.text)));
    else if (what.kind == telling::published)
      say(fmt::format("revision {} is shown: {}", what.revision, printable(what.text)));
    else if (what.kind == telling::accepted)
      say(fmt::format("revision {} is taken", what.revision));
    else if (what.kind == telling::refused)
      out_.warn(fmt::format("revision {} is refused: {}", what.revision, what.text));
    else if (what.kind == telling::away)
      out_.warn("the coordinator is away: " + what.text + "; what changes is told when it is back");
    else if (is_trouble(what.kind))
      out_.warn(fmt::format("revision {}: {}; trying again", what.revision, what.text));
  }

  std::mutex mutex_;  ///< of standard error, and of what was uploaded
  console& out_;
  const std::string view_;
  live_progress shown_;
  line_queue lines_;
  std::uint64_t contents_ = 0, bytes_ = 0;
};

}  // namespace

int run_watch(const watch_options& options) {
  console out(options.json);
  stop_signals signals;
  const auto log = make_log(options.log_level, options.log_json);
  watch_printer printer(out, options.view);
  std::mutex mutex;
  std::optional<error> refused;
  std::atomic<bool> changed = false;
  watch_process::listener tell;
  tell.on_tell = [&](const auto& what) { printer.tell(what); };
  tell.on_state = [&](const auto& now, auto some, auto all) { printer.state(now, some, all); };
  tell.on_upload = [&](auto contents, auto bytes) { printer.upload(contents, bytes); };
  tell.on_read = [&](auto done, auto all, const auto& now) { printer.read(done, all, now); };
  tell.on_project_changed = [&] {
    changed = true;
    stop_signals::nudge();
  };
  tell.on_end = [&](const error& why) {
    {
      const std::lock_guard lock(mutex);
      refused = why;
    }
    stop_signals::nudge();
  };
  const auto opened = watch_process::open(options, *log, tell);
  if (!opened) return out.failed(opened.error());
  printer.ready(**opened);
  while (!signals.wait()) {
    {
      const std::lock_guard lock(mutex);
      if (refused) return out.failed(*refused);
    }
    if (!changed.exchange(false)) continue;
    if (const auto followed = (*opened)->follow_project(); !followed)
      log->error("{}\nthe project goes on as it was", followed.error().context);
    else
      log->info("the project file has changed: going on with it");
  }
  return 0;
}

}  // namespace graphite
