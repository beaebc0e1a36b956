#pragma once

#include <signal.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "bindings/c/graphite.hpp"
#include "bindings/c/graphite_build.h"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite::test {

/// `*.txt` with all `*.inc` becomes `.out`; everything else is copied.
inline constexpr const char* joining_project = R"([[rule]]
name = "join"
match = ["*.txt"]
outputs = ["{stem}.out"]
[rule.command]
argv = ["for f in \"$1\" *.inc; do test ! -e \"$f\" || cat \"$f\"; done > \"$2\"", "{in}", "{out}"]
shell = true
inputs = ["*.inc"]
)";

/// What a context has called back, for any thread to look at.
class told {
 public:
  struct generation {
    std::uint64_t sequence;
    std::vector<std::string> changed, removed;
  };
  struct progress {
    graphite_rebuild_stage stage;
    std::string path, rule;
  };
  struct line {
    graphite_log_level level;
    std::string path, text;
  };

  void listen(graphite_rebuild_config& config) {
    config.user_data = this;
    config.generation_callback = [](const graphite_rebuild_generation* now, void* self) {
      generation one{now->sequence, {}, {}};
      one.changed.assign(now->changed, now->changed + now->changed_listed);
      one.removed.assign(now->removed, now->removed + now->removed_listed);
      static_cast<told*>(self)->add(static_cast<told*>(self)->generations_, std::move(one));
    };
    config.progress_callback = [](const graphite_rebuild_progress* now, void* self) {
      const auto* const rule = now->task == nullptr ? "" : now->task->transform_config->rule;
      static_cast<told*>(self)->add(static_cast<told*>(self)->progress_, {now->stage, now->path, rule});
    };
    config.diagnostic_callback = [](const graphite_diagnostic* now, void* self) {
      static_cast<told*>(self)->add(static_cast<told*>(self)->lines_, {now->level, now->path, now->text});
    };
  }

  std::vector<generation> generations() const { return copy(generations_); }
  std::vector<progress> all_progress() const { return copy(progress_); }
  bool said(const std::string& text) const {
    return std::ranges::any_of(copy(lines_), [&](const line& one) {
      return (one.path + ": " + one.text).find(text) != std::string::npos;
    });
  }
  bool changed(const std::string& path) const {
    return std::ranges::any_of(copy(generations_), [&](const generation& one) {
      return std::ranges::count(one.changed, path) != 0;
    });
  }

 private:
  template <class T>
  void add(std::vector<T>& to, T what) {
    const std::lock_guard lock(mutex_);
    to.push_back(std::move(what));
  }
  template <class T>
  std::vector<T> copy(const std::vector<T>& from) const {
    const std::lock_guard lock(mutex_);
    return from;
  }

  mutable std::mutex mutex_;
  std::vector<generation> generations_;
  std::vector<progress> progress_;
  std::vector<line> lines_;
};

inline graphite_rebuild_summary empty_summary() {
  graphite_rebuild_summary out{};
  out.size = sizeof out;
  return out;
}

/// A project in a temporary folder, and a context over it.
class opened_project {
 public:
  explicit opened_project(const std::string& config = joining_project,
                          const std::vector<std::pair<std::string, std::string>>& files = {}) {
    folder.write("graphite.toml", config);
    for (const auto& [name, text] : files) folder.write(name, text);
    opened = open();
  }
  ~opened_project() { close(); }
  opened_project(const opened_project&) = delete;
  opened_project& operator=(const opened_project&) = delete;

  graphite_result open(graphite_rebuild_context** into = nullptr) {
    graphite_rebuild_config config;
    graphite_rebuild_config_init(&config);
    heard.listen(config);
    return graphite_rebuild_open(folder.path().c_str(), &config, into == nullptr ? &context : into);
  }
  void close() {
    graphite_rebuild_close(context);
    context = nullptr;
  }

  graphite_result build() { return graphite_rebuild_build(context, &built); }
  graphite_result process() { return graphite_process_rebuild_queue(context, &built); }
  graphite_result apply(const std::string& path, const graphite_transform_config* rule = nullptr) {
    return graphite_apply_transforms(context, path.c_str(), rule, &built);
  }
  /// False where the call failed, too.
  bool stale(const std::string& path) {
    bool out = false;
    return graphite_asset_needs_rebuild(context, path.c_str(), &out) == GRAPHITE_SUCCESS && out;
  }
  bool fresh(const std::string& path) {
    bool out = true;
    return graphite_asset_needs_rebuild(context, path.c_str(), &out) == GRAPHITE_SUCCESS && !out;
  }
  std::vector<std::string> queue() {
    std::vector<std::string> out;
    const auto add = [](const graphite_rebuild_task* task, void* to) {
      static_cast<std::vector<std::string>*>(to)->push_back(task->asset_path);
    };
    graphite_rebuild_queue(context, add, &out, nullptr);
    return out;
  }

  std::string bundle_folder() {
    std::string out(graphite_rebuild_bundle(context, nullptr, 0), '\0');
    graphite_rebuild_bundle(context, out.data(), out.size() + 1);
    return out;
  }
  /// What the newest generation has under this name.
  std::string shown(const std::string& name) {
    const bundle now(bundle_folder());
    const auto asset = find(now.get(), name);
    return asset ? std::string(part(now.get(), *asset)) : "(nothing)";
  }
  graphite_build_statistics statistics() {
    graphite_build_statistics out{};
    out.size = sizeof out;
    graphite_rebuild_statistics(context, &out);
    return out;
  }

  temporary_folder folder;
  told heard;
  graphite_rebuild_context* context = nullptr;
  graphite_result opened = GRAPHITE_SUCCESS;
  graphite_rebuild_summary built = empty_summary();
};

// It tells of itself by files beside the project, and by the number of its process.
inline constexpr const char* slow_project = R"([project]
sandbox = "off"
[[rule]]
name = "slow"
match = ["*.txt"]
outputs = ["{stem}.out"]
[rule.command]
argv = ["cat \"$1\" > \"$2\"; echo $$ > FOLDER/started; while test -e FOLDER/wait; do sleep 0.01; done", "{in}", "{out}"]
shell = true
)";

/// Its tool says that it has started, and ends once the file `wait` is gone.
class slow_tool {
 public:
  slow_tool() { signs.write("wait", ""); }
  std::string config() const {
    std::string out = slow_project;
    for (std::size_t at; (at = out.find("FOLDER")) != std::string::npos;) out.replace(at, 6, signs.path());
    return out;
  }
  bool started() const {
    return wait_until([&] { return signs.read("started").ends_with("\n"); });
  }
  bool is_gone() const {
    const auto pid = std::stoi(signs.read("started"));
    return wait_until([&] { return ::kill(pid, 0) != 0; });
  }
  temporary_folder signs;
};

inline std::string last_error() { return graphite_last_error(); }
inline bool said_last(const std::string& text) { return last_error().find(text) != std::string::npos; }

}  // namespace graphite::test
