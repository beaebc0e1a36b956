#include "cli/cluster_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "bundle/stored_bytes.hpp"
#include "cli/cluster_needs.hpp"
#include "cli/control_keys.hpp"
#include "cli/job_needs.hpp"
#include "cli/job_setups.hpp"
#include "cli/job_stores.hpp"
#include "cli/store_traffic.hpp"
#include "node/content_copy.hpp"
#include "platform/crypto/curve_keys.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/linux/thread_pool.hpp"
#include "platform/zmq/store_link.hpp"

namespace graphite {

namespace {

class tls_session_cluster final : public session_cluster {
 public:
  tls_session_cluster(session_cluster_ports with, cluster_session_options how)
      : with_(std::move(with)), how_(std::move(how)) {}
  ~tls_session_cluster() override { stop(); }

  result<void> open() {
    GRAPHITE_TRY(keys_, control_keys::load(how_.keys, role::coordinator, with_.clock));
    GRAPHITE_TRY(auto zmq, zmq_context::make({1, 256, 64}));
    GRAPHITE_TRY(auto pair, make_curve_pair());
    const auto own = std::make_shared<const curve_pair>(std::move(pair));
    zmq_store_link_options link_how;
    link_how.own = own;
    GRAPHITE_TRY(auto link, make_zmq_store_link(std::move(zmq), link_how));
    traffic_ = std::make_unique<store_traffic>(
        store_traffic::ports{std::move(link), with_.contents, *with_.hash, with_.clock, with_.log},
        keys_->incarnation(), store_client::options{}, keys_->enrolling(own->key));
    GRAPHITE_TRY(pool_, pinned_pool::make(
                            {.name = "stores", .threads = traffic_threads, .queued_max = traffic_queue_max}));
    GRAPHITE_CHECK(open_jobs());
    cluster_control_options control;
    control.address = how_.address;
    control.port = how_.port;
    control.security = keys_->security();
    control.clock = &with_.clock;
    control.log = &with_.log;
    control.rows = &with_.rows;
    control.hash = with_.hash;
    control.copies = how_.copies;
    control.tools = with_.tools;
    control.traffic.submit = [this](std::function<void()> job) {
      return pool_->submit(std::move(job)).has_value();
    };
    control.traffic.bring = [this](const attempt_spec& spec) { return bring(spec); };
    control.traffic.fetch = [this](const attempt_result& ended) { return fetch(ended); };
    control.traffic.lost = [this](const attempt_spec& spec, const std::vector<digest>& lost) {
      lose(spec, lost);
    };
    control.store_away = how_.store_away;
    control.on_stores = [this](const control::settings& now) { use_stores(now); };
    control.on_nodes = [this](const auto& nodes) { setups_->set_nodes(nodes); };
    control.on_asked = [this](const std::string& node, control::need_question what,
                              cluster_needs::reply answer) {
      needs_->ask(node, std::move(what), std::move(answer));
    };
    control.on_store = [this](const std::string& node, const control::store_state* state) {
      heard_of(node, state);
    };
    control.jobs.how.misfit_patience = how_.patience;
    control.jobs.stores = job_stores_.get();
    control.jobs.setups = &setups_->setups();
    control.jobs.quick = control.traffic.submit;
    control.jobs.slow = [this](std::function<void()> job) {
      return jobs_pool_->submit(std::move(job)).has_value();
    };
    control_ = make_cluster_control(std::move(control));
    needs_.emplace(
        cluster_needs::ports{
            with_.rows, with_.archives, with_.clock, with_.log, {[this](const content_marker& mark) {
              return mark_under_way(mark);
            }}},
        cluster_needs::options{});
    following_ = std::thread([this] {
      name_thread("revocations");
      follow_revocations();
    });
    return {};
  }

  system_extension& extension() override { return control_->extension(); }
  std::string address() const override { return control_->address(); }
  cluster_desk& desk() override { return control_->desk(); }
  job_services jobs() override { return control_->jobs(); }
  std::vector<store_report> stores() const override {
    const std::lock_guard lock(mutex_);
    std::vector<store_report> out;
    for (const auto& [name, one] : stores_) out.push_back(one);
    return out;
  }
  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (following_.joinable()) following_.join();
    if (traffic_) traffic_->stop();
    if (needs_) needs_->stop();
    if (jobs_pool_) jobs_pool_->stop();
    if (pool_) pool_->stop();
  }

 private:
  static constexpr std::size_t traffic_threads = 4, traffic_queue_max = 65'536;
  static constexpr std::size_t jobs_threads = 4, jobs_queue_max = 16'384;

  result<void> open_jobs() {
    job_stores_ = std::make_unique<job_stores>(
        job_stores::ports{with_.contents, *traffic_, *with_.hash, with_.clock,
                          [this](const std::string& tenant, const curve_key& client, std::int64_t until) {
                            return keys_->store_ticket(tenant, client, until);
                          }});
    setups_ = std::make_unique<job_setups>(with_.hash);
    GRAPHITE_TRY(jobs_pool_,
                 pinned_pool::make({.name = "jobs", .threads = jobs_threads, .queued_max = jobs_queue_max}));
    return {};
  }
  /// To all nodes, within a second.
  void follow_revocations() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      if (auto list = keys_->revocations(); list != told_) {
        const bool fits = list.size() <= control_limits::revocations_bytes_max;
        if (!fits)
          with_.log.error(
              "the list of revoked keys has {} bytes, and nodes are told {} at most: copy it to them",
              list.size(), control_limits::revocations_bytes_max);
        if (!fits || control_->set_revocations({list})) told_ = std::move(list);
      }
      lock.lock();
      wake_.wait_for(lock, seconds(1), [this] { return stopping_; });
    }
  }

  result<void> mark_under_way(const content_marker& mark) {
    auto said = std::make_shared<std::promise<result<needed_contents>>>();
    auto answer = said->get_future();
    control_->needed([said](result<needed_contents> how) { said->set_value(std::move(how)); });
    if (answer.wait_for(seconds(5)) != std::future_status::ready)
      return fail(errc::timed_out, "the schedule does not say what is under way");
    GRAPHITE_TRY(const auto needed, answer.get());
    return mark_needed(needed, *job_stores_, *with_.hash, with_.log, mark);
  }

  void heard_of(const std::string& node, const control::store_state* state) {
    const std::lock_guard lock(mutex_);
    auto& known = stores_[node];
    known.node = node;
    known.here = state != nullptr;
    if (state != nullptr) known.state = *state;
  }

  void use_stores(const control::settings& now) {
    traffic_->set_stores(now);
    job_stores_->set_stores(now);
    const std::lock_guard lock(mutex_);
    brought_.clear();  // who has what is another matter now
  }

  /// What the stores have lost is to be brought again.
  void lose(const attempt_spec& spec, const std::vector<digest>& lost) {
    for (const auto& input : spec.inputs)
      for (const auto& content : stored_contents(input.content, input.parts)) {
        if (std::ranges::find(lost, content.id) == lost.end()) continue;
        with_.log.warn("no store has the bytes of {} any more (content {})", input.path.str(),
                       to_hex(content.id));
        const std::lock_guard lock(mutex_);
        brought_.erase(content.id);
      }
  }

  /// A source is read from the view when an attempt needs it: what nobody builds travels nowhere.
  result<void> take_in(const attempt_input& source) {
    GRAPHITE_TRY(const auto known, with_.contents.find(source.content.id));
    if (known) return {};
    auto file = with_.files.open(source.path);
    if (!file && file.error().code != errc::not_found) return tl::unexpected<error>(file.error());
    if (file) {
      GRAPHITE_TRY(const auto info, (*file)->info());
      GRAPHITE_TRY(const auto stored,
                   store_file(**file, info.signature.size, 0, with_.contents, *with_.hash, cancel_token()));
      if (stored.content == source.content) return {};
    }
    return fail(errc::corrupt, "the bytes of " + source.path.str() + " are not those of the revision");
  }

  /// Those of its inputs of which it is not known that the stores have them.
  std::vector<content_ref> unknown_of(const attempt_input& input) {
    const std::lock_guard lock(mutex_);
    const auto since = with_.clock.now() - store_port_limits::seen_for;
    std::vector<content_ref> out;
    for (const auto& content : stored_contents(input.content, input.parts))
      if (const auto known = brought_.find(content.id); known == brought_.end() || known->second < since)
        out.push_back(content);
    return out;
  }

  /// What is not here any more comes from the stores. Which of it nobody has.
  result<std::vector<digest>> fetch_missing(const std::vector<content_ref>& contents) {
    std::vector<digest> missing;
    for (const auto& content : contents) {
      GRAPHITE_TRY(const auto known, with_.contents.find(content.id));
      if (!known && content.size != 0) missing.push_back(content.id);
    }
    if (missing.empty()) return missing;
    auto done = traffic_->fetch_all(missing);
    if (!done.how && done.lost.empty()) return tl::unexpected<error>(done.how.error());
    return std::move(done.lost);
  }

  /// Whether some of them were.
  bool forget_wrong(const std::vector<content_ref>& contents) {
    bool some = false;
    for (const auto& content : contents) {
      const auto known = with_.contents.find(content.id);
      if (!known || !*known || has_right_bytes(with_.contents, content, *with_.hash)) continue;
      with_.log.error("content {} is damaged here", to_hex(content.id));
      const auto gone = with_.forget(content.id);
      if (!gone) with_.log.warn("content {} is not forgotten: {}", to_hex(content.id), gone.error().context);
      some = some || gone;
    }
    return some;
  }

  result<std::vector<digest>> bring(const attempt_spec& spec) {
    for (bool again = false;; again = true) {
      std::vector<content_ref> wanted, made;
      for (const auto& input : spec.inputs) {
        const auto unknown = unknown_of(input);
        if (!input.generated && !unknown.empty()) GRAPHITE_CHECK(take_in(input));
        if (input.generated) made.insert(made.end(), unknown.begin(), unknown.end());
        wanted.insert(wanted.end(), unknown.begin(), unknown.end());
      }
      if (wanted.empty()) return std::vector<digest>();
      GRAPHITE_TRY(auto lost, fetch_missing(made));
      if (!lost.empty()) return lost;
      const auto done = traffic_->bring(wanted);
      if (done) return note_brought(wanted), std::vector<digest>();
      // Where it is wrong here it is taken in, or fetched, once more.
      if (again || done.error().code != errc::corrupt || !forget_wrong(wanted))
        return tl::unexpected<error>(done.error());
    }
  }

  void note_brought(const std::vector<content_ref>& contents) {
    const std::lock_guard lock(mutex_);
    if (brought_.size() > brought_max) brought_.clear();
    for (const auto& content : contents) brought_[content.id] = with_.clock.now();
  }

  result<void> fetch(const attempt_result& ended) {
    std::vector<digest> missing;
    for (const auto& output : ended.outputs)
      for (const auto& content : output.stored()) {
        GRAPHITE_TRY(const auto known, with_.contents.find(content.id));
        if (!known) missing.push_back(content.id);
      }
    return missing.empty() ? result<void>() : traffic_->fetch(missing);
  }

  static constexpr std::size_t brought_max = 1'000'000;

  const session_cluster_ports with_;
  const cluster_session_options how_;
  std::unique_ptr<control_keys> keys_;
  std::unique_ptr<store_traffic> traffic_;
  std::unique_ptr<job_stores> job_stores_;
  std::unique_ptr<job_setups> setups_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::map<digest, time_point> brought_;  ///< contents that the stores had then: not asked for again soon
  std::map<std::string, store_report> stores_;
  byte_vector told_;  ///< of revoked keys; of the thread that follows them
  std::unique_ptr<pinned_pool> pool_, jobs_pool_;
  std::unique_ptr<cluster_control> control_;
  std::optional<cluster_needs> needs_;
  std::thread following_;
};

}  // namespace

make_session_cluster cluster_of(cluster_session_options options) {
  return [options](session_cluster_ports with) -> result<std::unique_ptr<session_cluster>> {
    auto out = std::make_unique<tls_session_cluster>(std::move(with), options);
    GRAPHITE_CHECK(out->open());
    return out;
  };
}

}  // namespace graphite
