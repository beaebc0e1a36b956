#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "coordinator/engine.hpp"
#include "platform/crypto/sha256.hpp"
#include "tests/support/paths.hpp"

namespace graphite::test {

content_ref content_of(const std::string& text);

/// Makes a rule: `name`, patterns to match, output templates, input globs.
rule_spec command_rule(std::string name, std::vector<std::string> match, std::vector<std::string> outputs,
                       std::vector<std::string> inputs = {});
rule_spec copy_rule(std::string name, std::vector<std::string> match, bool publish);

/// Everything around an engine, in virtual time: a store of rows, a cache, a channel, and tools that take
/// `tool_time` and whose outputs are a function of what they read.
class engine_world {
 public:
  struct shown_event {
    time_point when;
    publication what;
  };
  struct running_attempt {
    attempt_spec spec;
    time_point end;
  };

  explicit engine_world(std::vector<rule_spec> rules, std::function<void(engine_options&)> adjust = {});

  /// A revision of these changes: content text, references by "a|b" (candidates) with "!" in front if
  /// required, "@" behind that if needed at run time.
  void save(std::map<std::string, std::optional<std::string>> changes, bool complete = false);
  void refer(const std::string& path, const std::string& content, std::vector<std::string> references);
  void apply(revision what);
  /// Ends the attempts due up to `until`, in order of their ends.
  void run_until(time_point until);
  void run_for(duration how_long) { run_until(now + how_long); }
  /// Runs until nothing is in flight and no wake-up is due.
  void settle();
  /// What a build on demand asks for: run() and, once settled, rest().
  void build(run_options how = {});
  void start(const run_options& how = {});  ///< its run() alone
  void cancel() { handle(engine->cancel(now)); }
  /// Of stale(): "path: reason" of each task.
  std::vector<std::string> stale() const;
  /// Ends one attempt now, out of order.
  void end(std::size_t which);
  /// The store has lost the contents of these texts; no cached result is usable any more.
  void lose(std::set<std::string> texts_gone);
  /// A new engine over the same stored rows; nothing applied yet.
  void restart();

  why_report why(const std::string& path) const;
  bool shows(const std::string& path) const { return channel.count(path) != 0; }
  std::string shown_text(const std::string& path) const;
  /// Number of diagnostics whose message contains `text`.
  std::size_t told(const std::string& text) const;

  project config;
  std::function<void(engine_options&)> adjust;
  std::function<attempt_result(const attempt_spec&)> tool;
  std::function<duration(const attempt_spec&)> tool_time = [](const attempt_spec&) {
    return milliseconds(100);
  };
  std::unique_ptr<build_engine> engine;
  std::map<table, std::map<std::string, std::string>> stored;
  std::map<std::string, asset_record> channel;
  std::vector<shown_event> publications;
  std::vector<engine_commands::diagnostic> diagnostics;
  std::vector<engine_commands::idle> idles;
  std::vector<running_attempt> running;
  std::vector<attempt_spec> started;
  std::map<std::string, content_ref> contents_seen;
  std::function<void()> on_publication;
  std::size_t rows_last = 0, cancels = 0;
  time_point now = time_from_ns(1'000'000'000);
  std::optional<time_point> wake;
  std::uint64_t revisions = 0;
  std::map<content_ref, std::string> texts;

 private:
  void handle(engine_command_list commands);
  void write(const std::vector<row_write>& rows);
  void perform(engine_command& command);
  void make_engine();

  std::deque<engine_command> queue_;
  bool handling_ = false;
};

/// Outputs are "NAME(main,inputs…)" by their contents' texts.
attempt_result concatenate(engine_world& world, const attempt_spec& spec);

}  // namespace graphite::test
