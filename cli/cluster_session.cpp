#include "cli/cluster_session.hpp"

#include <fmt/format.h>

#include <mutex>
#include <set>

#include "cli/control_keys.hpp"
#include "cli/job_setups.hpp"
#include "cli/job_stores.hpp"
#include "cli/store_traffic.hpp"
#include "node/content_copy.hpp"
#include "platform/crypto/curve_keys.hpp"
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
    control.on_stores = [this](const control::settings& now) { use_stores(now); };
    control.on_nodes = [this](const auto& nodes) { setups_->set_nodes(nodes); };
    control.jobs.how.misfit_patience = how_.patience;
    control.jobs.stores = job_stores_.get();
    control.jobs.setups = &setups_->setups();
    control.jobs.quick = control.traffic.submit;
    control.jobs.slow = [this](std::function<void()> job) {
      return jobs_pool_->submit(std::move(job)).has_value();
    };
    control_ = make_cluster_control(std::move(control));
    return {};
  }

  system_extension& extension() override { return control_->extension(); }
  std::string address() const override { return control_->address(); }
  cluster_desk& desk() override { return control_->desk(); }
  job_services jobs() override { return control_->jobs(); }
  void stop() override {
    if (traffic_) traffic_->stop();
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

  void use_stores(const control::settings& now) {
    traffic_->set_stores(now);
    job_stores_->set_stores(now);
    const std::lock_guard lock(mutex_);
    brought_.clear();  // who has what is another matter now
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

  result<void> bring(const attempt_spec& spec) {
    std::vector<content_ref> wanted;
    for (const auto& input : spec.inputs) {
      const auto before = wanted.size();
      {
        const std::lock_guard lock(mutex_);
        for (const auto& content : stored_contents(input.content, input.parts))
          if (!brought_.contains(content.id)) wanted.push_back(content);
      }
      if (!input.generated && wanted.size() > before) GRAPHITE_CHECK(take_in(input));
    }
    if (wanted.empty()) return {};
    GRAPHITE_CHECK(traffic_->bring(wanted));
    const std::lock_guard lock(mutex_);
    if (brought_.size() > brought_max) brought_.clear();
    for (const auto& content : wanted) brought_.insert(content.id);
    return {};
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
  std::mutex mutex_;
  std::set<digest> brought_;  ///< contents that the stores have: not asked for again
  std::unique_ptr<job_stores> job_stores_;
  std::unique_ptr<job_setups> setups_;
  std::unique_ptr<pinned_pool> pool_, jobs_pool_;
  std::unique_ptr<cluster_control> control_;
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
