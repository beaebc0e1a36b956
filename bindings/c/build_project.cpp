#include "bindings/c/build_project.hpp"

#include <functional>

#include "bindings/c/signal_shield.hpp"
#include "cli/config/project_file.hpp"
#include "cli/project_check.hpp"
#include "platform/linux/thread_name.hpp"

namespace graphite::build_api {

namespace {

std::uint16_t port_of(const std::string& address) {
  if (address.empty()) return 0;
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

listen_options at_port(std::uint16_t wanted, std::uint16_t usual) {
  return {"127.0.0.1", wanted != 0 ? wanted : usual, wanted == 0};
}

}  // namespace

/// One of the marks by which others are kept out; taken back under the lock however its block ends.
class project_builder::marked {
 public:
  marked(project_builder& of, lock& held, std::size_t& mark) : of_(of), held_(held), mark_(mark) { ++mark_; }
  marked(const marked&) = delete;
  marked& operator=(const marked&) = delete;
  ~marked() {
    if (!held_.owns_lock()) held_.lock();
    --mark_;
    of_.changed_.notify_all();
  }

 private:
  project_builder& of_;
  lock& held_;
  std::size_t& mark_;
};

/// What somebody waits for. Shared with the reply: where that is dropped unanswered, this says so.
template <class T>
struct project_builder::answer {
  std::optional<result<T>> value;

  /// The last copy of a reply tells that there will be no answer.
  static reply<T> reply_into(project_builder& of, const std::shared_ptr<answer>& into) {
    struct guard {
      project_builder& of;
      std::shared_ptr<answer> into;
      void set(result<T> how) {
        const std::lock_guard held(of.mutex_);
        if (into->value) return;
        into->value = std::move(how);
        of.changed_.notify_all();
      }
      guard(project_builder& o, std::shared_ptr<answer> i) : of(o), into(std::move(i)) {}
      guard(const guard&) = delete;
      guard& operator=(const guard&) = delete;
      ~guard() { set(fail(errc::unavailable, "the project was closed")); }
    };
    return [g = std::make_shared<guard>(of, into)](result<T> how) { g->set(std::move(how)); };
  }
};

project_builder::project_builder(project_options options, project_events events, log_sink& log)
    : options_(std::move(options)), events_(std::move(events)), log_(log) {}

project_builder::~project_builder() {
  end_supervisor();
  const signal_shield shield;
  if (session_) session_->cancel_attempts();
  session_ = nullptr;
}

session_options project_builder::session_for(const std::optional<watch_options>& watching) {
  session_options out;
  out.directory = options_.directory;
  out.state = options_.state;
  out.jobs = options_.jobs;
  out.scratch_in_memory = options_.scratch_in_memory;
  out.pin = options_.pin;
  out.watch = true;
  out.on_demand = !watching;
  if (watching) {
    out.serve = watching->serve;
    out.ports.heads = at_port(watching->heads_port, out.ports.heads.port);
    out.ports.chunks = at_port(watching->chunks_port, out.ports.chunks.port);
  }
  out.on_ingest = events_.reading;
  out.on_running = events_.running;
  out.on_diagnostic = events_.diagnostic;
  out.on_generation = events_.generation;
  out.on_outdated = [this, number = number_] { outdated(number); };
  out.on_failed_sync = [this](const error& why) { lost(why); };
  return out;
}

/// What a session says that is replaced already does not count.
void project_builder::outdated(std::uint64_t number) {
  const std::lock_guard held(mutex_);
  if (number != number_) return;
  outdated_ = true;
  changed_.notify_all();
}

void project_builder::lost(const error& why) {
  const std::lock_guard held(mutex_);
  lost_ =
      error{errc::io, "something could not be written for good, so nothing more is built: " + why.context +
                          "; close the project and open it again"};
  changed_.notify_all();
}

void project_builder::note_opened(local_session& opened) {
  config_ = std::make_shared<const project>(opened.config());
  bundle_ = opened.bundle();
  heads_ = opened.heads_address();
  chunks_ = opened.chunks_address();
}

/// Everybody has left when the session goes. On an error there is none.
result<void> project_builder::replace(lock& held, const std::optional<watch_options>& watching) {
  changed_.wait(held, [this] { return switching_ == 0; });
  const signal_shield shield;
  const marked mark(*this, held, switching_);
  changed_.notify_all();
  if (session_) session_->cancel_attempts();
  changed_.wait(held, [this] { return inside_ == 0; });
  auto old = std::move(session_);
  outdated_ = false;
  ++number_;
  const auto wanted = session_for(watching);
  held.unlock();
  const bool again = old != nullptr;
  old = nullptr;
  auto opened = local_session::open(wanted, log_);
  held.lock();
  if (!opened) return tl::unexpected<error>(opened.error());
  session_ = std::move(*opened);
  note_opened(*session_);
  if (again) ++counts_.reopened;
  return {};
}

result<void> project_builder::open() {
  lock held(mutex_);
  return replace(held, std::nullopt);
}

/// The session to ask, which is there while the lock is held.
result<local_session*> project_builder::usable_session(lock& held) {
  while (true) {
    if (lost_) return tl::unexpected<error>(*lost_);
    if (switching_ != 0) {
      changed_.wait(held);
      continue;
    }
    if (session_ && (!outdated_ || watching_)) return session_.get();
    GRAPHITE_CHECK(replace(held, std::nullopt));
  }
}

/// Asks the session, and once more where it was replaced before it could answer.
template <class T, class Ask, class After>
result<T> project_builder::ask(const Ask& what, const After& after) {
  for (int asked = 1;; ++asked) {
    lock held(mutex_);
    const auto waits = std::make_shared<answer<T>>();
    {
      GRAPHITE_TRY(auto* const session, usable_session(held));
      const marked mark(*this, held, inside_);
      held.unlock();
      what(*session, answer<T>::reply_into(*this, waits));
      held.lock();
      changed_.wait(held, [&] { return waits->value || must_leave(); });
      after(*session);
    }
    // Unavailable: it is about to be replaced.
    if (waits->value && (*waits->value || waits->value->error().code != errc::unavailable))
      return std::move(*waits->value);
    if (asked == asks_max)
      return fail(errc::busy, "the project file or a tool of it changes again and again");
    // One that watches is replaced by its supervisor, or goes on as it was.
    if (watching_)
      changed_.wait(held, [this] { return lost_ || !watching_ || (switching_ == 0 && !outdated_); });
  }
}

result<finished_build> project_builder::build(build_request request) {
  lock held(mutex_);
  changed_.wait(held, [this] { return building_ == 0; });
  const marked mark(*this, held, building_);
  current_ = request.cancel;
  held.unlock();
  const auto begin = std::chrono::steady_clock::now();
  finished_build out;
  duration cpu_before{};
  auto summary = ask<build_summary>(
      [&](local_session& session, reply<build_summary> done) {
        cpu_before = session.action_cpu();
        session.facade().build(request, std::move(done));
      },
      [&](const local_session& session) { out.action_cpu += session.action_cpu() - cpu_before; });
  out.elapsed = std::chrono::steady_clock::now() - begin;
  held.lock();
  if (!summary) return tl::unexpected<error>(summary.error());
  out.summary = std::move(*summary);
  note_build(out);
  return out;
}

void project_builder::note_build(const finished_build& done) {
  said_ = done.summary.diagnostics;
  ++counts_.builds;
  counts_.ran += done.summary.ran;
  counts_.cached += done.summary.cached;
}

void project_builder::cancel() {
  const std::lock_guard held(mutex_);
  if (building_ == 0) return;
  current_.cancel();
  if (session_) session_->system().cancel_builds();
}

result<asset_report> project_builder::describe(const std::string& path) {
  return ask<asset_report>([&](local_session& session, reply<asset_report> done) {
    session.system().describe(path, std::move(done));
  });
}

result<stale_list> project_builder::stale() {
  return ask<stale_list>([](local_session& session, reply<stale_list> done) {
    session.system().stale(stale_list::tasks_max, std::move(done));
  });
}

result<service_status> project_builder::status() {
  return ask<service_status>(
      [](local_session& session, reply<service_status> done) { session.facade().status(std::move(done)); });
}

result<void> project_builder::watch(const watch_options& how) {
  const std::lock_guard turn(turning_);
  lock held(mutex_);
  if (watching_) return fail(errc::already_exists, "the project is being watched already");
  if (lost_) return tl::unexpected<error>(*lost_);
  held.unlock();
  end_supervisor();  // of a watch that ended by itself
  held.lock();
  watching_ = how;
  if (auto opened = replace(held, watching_); !opened) {
    watching_.reset();
    changed_.notify_all();
    return opened;
  }
  watching_->heads_port = port_of(heads_);  // subscribers come back to the addresses they know
  watching_->chunks_port = port_of(chunks_);
  const signal_shield shield;
  supervisor_ = std::thread([this] {
    name_thread("graphite-super");
    supervise();
  });
  return {};
}

result<void> project_builder::unwatch() {
  const std::lock_guard turn(turning_);
  end_supervisor();
  lock held(mutex_);
  if (!watching_) return {};
  watching_.reset();
  if (lost_) return tl::unexpected<error>(*lost_);
  return replace(held, std::nullopt);
}

void project_builder::end_supervisor() {
  {
    const std::lock_guard held(mutex_);
    stop_supervisor_ = true;
    changed_.notify_all();
  }
  if (supervisor_.joinable()) supervisor_.join();
  const std::lock_guard held(mutex_);
  stop_supervisor_ = false;
}

/// Whether the project file, as it is now, can be used; what is wrong with it is told.
bool project_builder::usable() {
  const auto checked = check_project({options_.directory, options_.state});
  if (checked) return true;
  events_.diagnostic({diagnostic_line::level::error, std::string(project_file_name),
                      checked.error().context + "\nthe project goes on as it was"});
  return false;
}

/// Replaces a session that watches when its project file or a tool has changed.
void project_builder::supervise() {
  lock held(mutex_);
  while (true) {
    changed_.wait(held, [this] { return stop_supervisor_ || lost_ || outdated_; });
    if (stop_supervisor_ || lost_) return;
    held.unlock();
    const bool good = usable();
    held.lock();
    if (!good) {
      outdated_ = false;
      session_->go_on();
      changed_.notify_all();
      continue;
    }
    events_.diagnostic({diagnostic_line::level::info, std::string(project_file_name),
                        "the project file or a tool has changed: starting again with it"});
    if (const auto opened = replace(held, watching_); !opened) {
      events_.diagnostic({diagnostic_line::level::error, std::string(project_file_name),
                          "watching has ended: " + opened.error().context});
      watching_.reset();
      changed_.notify_all();
      return;
    }
  }
}

bool project_builder::watching() const {
  const std::lock_guard held(mutex_);
  return watching_.has_value();
}

std::shared_ptr<const project> project_builder::config() const {
  const std::lock_guard held(mutex_);
  return config_;
}

std::string project_builder::bundle() const {
  const std::lock_guard held(mutex_);
  return bundle_;
}

std::pair<std::string, std::string> project_builder::addresses() const {
  const std::lock_guard held(mutex_);
  return {heads_, chunks_};
}

std::vector<diagnostic_line> project_builder::diagnostics() const {
  const std::lock_guard held(mutex_);
  return said_;
}

project_counts project_builder::counts() const {
  const std::lock_guard held(mutex_);
  return counts_;
}

}  // namespace graphite::build_api
