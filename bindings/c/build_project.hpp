#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "cli/local_session.hpp"

namespace graphite::build_api {

/// What a project is opened with.
struct project_options {
  std::string directory, state;  ///< as in session_options
  std::uint32_t jobs = 0;
  bool scratch_in_memory = true;
  pin_mode pin = pin_mode::automatic;
};

struct watch_options {
  bool serve = false;
  std::uint16_t heads_port = 0, chunks_port = 0;  ///< 0: the usual ones, or any where these are taken
};

/// Told from any thread of the session; must not block.
struct project_events {
  std::function<void(std::size_t done, std::size_t all, const std::string&path)> reading, running;
  std::function<void(const diagnostic_line&)> diagnostic;
  std::function<void(const head&, const asset_changes&, const stage_times&)> generation;
};

/// Counts since the project was opened.
struct project_counts {
  std::uint64_t builds = 0, ran = 0, cached = 0, reopened = 0;
};

/// How a build ended, with what it cost.
struct finished_build {
  build_summary summary;
  duration elapsed{}, action_cpu{};
};

/// One project with at most one session over it at a time: one that builds on demand, or one that watches. A
/// session whose project file or tools have changed is replaced by the next who asks, or, where it watches,
/// by a thread of its own.
///
/// Thread-safe; every function may block but cancel(), watching() and config(). Each returns the errors of
/// local_session::open(), and, once something could not be synced, that error and nothing else.
class project_builder {
 public:
  /// `log` outlives it.
  project_builder(project_options options, project_events events, log_sink& log);
  /// Cancels what runs. Nobody may be in another function.
  ~project_builder();
  project_builder(const project_builder&) = delete;
  project_builder& operator=(const project_builder&) = delete;

  result<void> open();
  /// One at a time: others wait. Its token is replaced by one that cancel() knows. Errors: cancelled,
  /// not_found (a target), those of publishing.
  result<finished_build> build(build_request request);
  void cancel();
  result<asset_report> describe(const std::string& path);
  result<stale_list> stale();
  result<service_status> status();
  /// Errors: already_exists (it watches).
  result<void> watch(const watch_options& how);
  result<void> unwatch();
  bool watching() const;

  /// As the newest session has it; null before the first.
  std::shared_ptr<const project> config() const;
  std::string bundle() const;
  /// HOST:PORT each, empty where nothing is served.
  std::pair<std::string, std::string> addresses() const;
  /// What the last finished build had to say.
  std::vector<diagnostic_line> diagnostics() const;
  project_counts counts() const;

 private:
  template <class T>
  struct answer;
  class marked;
  using lock = std::unique_lock<std::mutex>;
  /// Sessions that are replaced while somebody asks: so often he asks again.
  static constexpr int asks_max = 8;

  struct nothing_after {
    void operator()(const local_session&) const {}
  };
  template <class T, class Ask, class After = nothing_after>
  result<T> ask(const Ask& what, const After& after = {});
  result<local_session*> usable_session(lock& held);
  result<void> replace(lock& held, const std::optional<watch_options>& watching);
  session_options session_for(const std::optional<watch_options>& watching);
  void note_opened(local_session& opened);
  void outdated(std::uint64_t number);
  void lost(const error& why);
  void supervise();
  bool usable();
  void end_supervisor();
  bool must_leave() const { return switching_ != 0 || lost_ || (outdated_ && !watching_); }
  void note_build(const finished_build& done);

  const project_options options_;
  const project_events events_;
  log_sink& log_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<local_session> session_;  ///< null: the next who enters opens one
  std::uint64_t number_ = 0;                ///< of the session
  std::size_t inside_ = 0;                  ///< who uses `session_`
  std::size_t switching_ = 0;               ///< 1: it is being replaced
  bool outdated_ = false;                   ///< it is to be
  std::size_t building_ = 0;                ///< 1: somebody builds
  std::optional<error> lost_;
  std::optional<watch_options> watching_;
  cancel_token current_;  ///< of the build under way
  std::shared_ptr<const project> config_;
  std::string bundle_, heads_, chunks_;
  std::vector<diagnostic_line> said_;
  project_counts counts_;
  bool stop_supervisor_ = false;
  std::mutex turning_;  ///< watch() and unwatch() one at a time
  std::thread supervisor_;
};

}  // namespace graphite::build_api
