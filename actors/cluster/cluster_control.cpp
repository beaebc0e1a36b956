#include "actors/cluster/cluster_control.hpp"

#include <fmt/format.h>

#include <mutex>

#include "actors/cluster/cluster_rebuild.hpp"
#include "actors/cluster/view_port.hpp"
#include "actors/jobs/job_desk.hpp"
#include "actors/logger_guard.hpp"
#include "actors/system_extension.hpp"
#include "actors/tls.hpp"
#include "coordinator/action_key.hpp"
#include "coordinator/cluster/result_rows.hpp"
#include "coordinator/cluster/status_report.hpp"

namespace graphite {

namespace {

constexpr const char* cluster_row = "cluster";

/// Rows of table::meta that say what is to be known of the cluster after a restart.
commit_ptr remembered(const dispatcher& of) {
  auto out = std::make_shared<commit_request>();
  out->rows.push_back({table::meta, cluster_row, encode_cluster(of.remember())});
  return out;
}

class tls_cluster_control final : public cluster_control, public system_extension, public cluster_desk {
 public:
  explicit tls_cluster_control(cluster_control_options options) : options_(std::move(options)) {}
  ~tls_cluster_control() override { end(); }

  system_extension& extension() override { return *this; }

  result<void> configure(caf::actor_system_config& config) override {
    const auto& by = options_.security;
    return use_tls(config, by.files, {by.check_files, by.check_calls});
  }

  result<rebuild_actor> begin(caf::actor_system& system, journal_actor journal, epoch_number epoch) override {
    GRAPHITE_TRY(auto desk, make_desk(epoch));
    GRAPHITE_TRY(auto jobs, load_jobs(epoch));
    dispatch_ = system.spawn(dispatch, dispatching(journal), std::move(desk));
    if (jobs) jobs_.use(system.spawn(job_desk_of, building_jobs(system, journal, epoch), std::move(jobs)));
    if (options_.views != nullptr)
      views_ = system.spawn(view_port, view_port_dependencies{options_.log, options_.views},
                            view_sessions_options{epoch});
    gate_ = system.spawn(control_gate, guarding());
    caf::anon_send(dispatch_, atom::dial_v, gate_);
    if (views_) caf::anon_send(views_, atom::dial_v, gate_);
    GRAPHITE_TRY(port_, listen_tls(gate_, options_.port, options_.address));
    cluster_rebuild_dependencies with;
    with.dispatch = dispatch_;
    with.hash = options_.hash.get();
    with.tools = options_.tools;
    with.traffic = options_.traffic;
    return system.spawn(cluster_rebuild, std::move(with));
  }

  void end() override {
    jobs_.end();
    const std::lock_guard lock(mutex_);
    if (gate_) {
      stop_listening(gate_, port_);
      caf::anon_send_exit(gate_, caf::exit_reason::user_shutdown);
    }
    if (dispatch_) caf::anon_send_exit(dispatch_, caf::exit_reason::user_shutdown);
    if (views_) caf::anon_send_exit(views_, caf::exit_reason::user_shutdown);
    gate_ = nullptr;
    dispatch_ = nullptr;
    views_ = nullptr;
  }

  std::string address() const override {
    return port_ == 0 ? "" : options_.address + ":" + std::to_string(port_);
  }

  cluster_desk& desk() override { return *this; }

  void report(reply<cluster_report> done) override {
    const auto tell = [this, done](dispatch_desk& desk, time_point now) {
      done(told_.get([this] { return options_.clock->now(); },
                     [&] { return report_of(desk.core.status(now), epoch_); }));
    };
    if (!call(tell)) done(fail(errc::unavailable, "the cluster's schedule has ended"));
  }

  job_services jobs() override {
    return options_.jobs.stores != nullptr ? job_services{&jobs_, &jobs_} : job_services{};
  }

  void order(node_order what, reply<cluster_node> done) override {
    const auto set = [this, what, done](dispatch_desk& desk, time_point now) {
      done(ordered(what, desk, now));
    };
    if (!call(set)) done(fail(errc::unavailable, "the cluster's schedule has ended"));
  }

  bool set_revocations(control::revocations list) override {
    return call(
        [list = std::move(list)](dispatch_desk& desk, time_point) { desk.core.set_revocations(list); });
  }

  void needed(reply<needed_contents> done) override {
    const auto look = [this, done](dispatch_desk& desk, time_point) {
      std::vector<digest> attempts;
      desk.core.each_needed([&](const digest& content) { attempts.push_back(content); });
      if (options_.jobs.stores == nullptr) return done(needed_contents{std::move(attempts), {}, {}});
      jobs_.needed([done, attempts = std::move(attempts)](result<needed_contents> jobs) {
        if (jobs) jobs->contents.insert(jobs->contents.end(), attempts.begin(), attempts.end());
        done(std::move(jobs));
      });
    };
    if (!call(look)) done(fail(errc::unavailable, "the cluster's schedule has ended"));
  }

 private:
  bool call(std::function<void(dispatch_desk&, time_point)> what) {
    const logger_guard forget;
    const std::lock_guard lock(mutex_);
    if (!dispatch_) return false;
    caf::anon_send(dispatch_, atom::answer_v,
                   std::make_shared<const dispatch_call>(dispatch_call{std::move(what)}));
    return true;
  }

  result<cluster_node> ordered(const node_order& what, dispatch_desk& desk, time_point now) const {
    GRAPHITE_TRY(auto known, node_of(report_of(desk.core.status(now), epoch_), what.node));
    const auto within = milliseconds(std::min<std::uint64_t>(what.within_ms, within_ms_max));
    GRAPHITE_CHECK(
        desk.core.set_service(what.node, static_cast<lease_table::service>(what.how), now + within, now));
    options_.log->info("node {} is {} by order", what.node, to_text(what.how));
    auto ordered = node_of(report_of(desk.core.status(now), epoch_), what.node);
    if (ordered) return ordered;
    known.service = what.how;  // it is away, and nothing holds for it any more
    return known;
  }

  result<std::shared_ptr<dispatch_desk>> make_desk(epoch_number epoch) {
    epoch_ = epoch;
    auto how = options_.dispatching;
    how.schedule.epoch = epoch;
    auto out = std::make_shared<dispatch_desk>(dispatcher(how, options_.hash));
    GRAPHITE_TRY(const auto rules, load_rules(*options_.rows, *options_.log));
    for (const auto& rule : rules) out->core.restore(rule);
    GRAPHITE_TRY(const auto row, options_.rows->get(table::meta, cluster_row));
    if (!row) return out;
    GRAPHITE_TRY(const auto known, decode_cluster(*row));
    out->core.recall(known, options_.clock->now());
    return out;
  }

  /// The table with all that is on disk; null where no jobs are taken.
  result<std::shared_ptr<job_table>> load_jobs(epoch_number epoch) const {
    if (options_.jobs.stores == nullptr) return nullptr;
    std::vector<std::pair<std::string, std::string>> rows;
    GRAPHITE_CHECK(options_.rows->scan(table::journal, job_row_prefix, [&](auto key, auto value) {
      rows.emplace_back(key, value);
      return true;
    }));
    auto out = std::make_shared<job_table>(options_.jobs.how.table, epoch, *options_.hash);
    GRAPHITE_CHECK(out->load(rows, {options_.clock->now(), options_.clock->unix_ns()}));
    if (out->open() > 0) options_.log->info("{} jobs are open: they go on", out->open());
    return out;
  }

  job_desk_dependencies building_jobs(caf::actor_system& system, journal_actor journal,
                                      epoch_number epoch) const {
    job_desk_dependencies out;
    out.how = options_.jobs.how;
    out.submit = options_.jobs.slow;
    auto& views = out.views;
    views.system = &system;
    views.dispatch = dispatch_;
    views.journal = std::move(journal);
    views.rows = options_.rows;
    views.clock = options_.clock;
    views.log = options_.log;
    views.hash = options_.hash;
    views.epoch = epoch;
    views.stores = options_.jobs.stores;
    views.setups = options_.jobs.setups;
    views.submit = options_.jobs.quick;
    views.misfit_patience = options_.jobs.how.misfit_patience;
    return out;
  }

  dispatch_dependencies dispatching(journal_actor journal) {
    dispatch_dependencies out;
    out.clock = options_.clock;
    out.log = options_.log;
    out.journal = journal;
    out.rows_of = [rows = options_.rows, clock = options_.clock](const commit_batch& batch) {
      return result_rows(batch, static_cast<std::uint64_t>(clock->unix_ns() / 1'000'000),
                         [rows](const digest& key) {
                           const auto row = rows->get(table::action_cache, cache_row_key(key));
                           return row && *row;
                         });
    };
    out.on_event = [this, journal](const dispatch_command& what, dispatch_desk& desk) {
      hear(what, desk, journal);
    };
    return out;
  }

  control_gate_dependencies guarding() const {
    control_gate_dependencies out;
    const auto& by = options_.security;
    out.self = by.self;
    out.hello.wanted = {role::node};
    if (views_) out.hello.wanted.insert(role::watch);
    if (views_) out.watchers = views_;
    out.verifier = by.verifier;
    out.random = by.random;
    out.clock = options_.clock;
    out.log = options_.log;
    out.trust = by.trust;
    out.refused_by_tls = by.refused_by_tls;
    out.sink = dispatch_;
    return out;
  }

  /// By the dispatch actor's thread.
  void hear(const dispatch_command& what, dispatch_desk& desk, const journal_actor& journal) {
    namespace said = dispatch_commands;
    if (const auto* came = std::get_if<said::node_came>(&what)) {
      options_.log->info("node {} has joined with {} domains{}", came->name, came->offer->domains.size(),
                         came->adopted == 0 ? "" : ", and what it runs goes on");
      nodes_[came->name] = came->offer;
      tell_nodes();
      if (came->offer->store) stores_[came->name] = {came->offer->chunks, came->offer->chunks_key};
      tell_stores(desk);
      if (came->offer->store) jobs_.stores_came();
    } else if (const auto* lost = std::get_if<said::node_lost>(&what)) {
      options_.log->warn("node {} is gone: {}", lost->name, lost->why);
      nodes_.erase(lost->name);
      tell_nodes();
      if (stores_.erase(lost->name) != 0) {
        options_.on_store(lost->name, nullptr);
        tell_stores(desk);
      }
    } else if (const auto* refuses = std::get_if<said::refuses>(&what)) {
      options_.log->warn("node {} refuses attempts, which are tried again: {}", refuses->node, refuses->why);
    } else if (const auto* drained = std::get_if<said::drained>(&what)) {
      options_.log->info("node {} is drained: nothing of ours is there any more", drained->name);
    } else if (const auto* differs = std::get_if<said::differs>(&what)) {
      options_.log->warn("an action is not deterministic: {} and {} made other outputs of the same inputs",
                         differs->what->first.node, differs->what->second.node);
    } else if (const auto* waits = std::get_if<said::unplaceable>(&what)) {
      options_.log->warn("{}", unplaceable_text(*waits));
    } else if (std::holds_alternative<said::remember>(what)) {
      caf::anon_send(journal, atom::persist_v, remembered(desk.core));
    } else if (const auto* learned = std::get_if<said::learned>(&what)) {
      auto rows = std::make_shared<commit_request>();
      for (const auto& row : learned->rules)
        rows->rows.push_back({table::meta, rule_row_key(row.rule), encode_rule(row)});
      caf::anon_send(journal, atom::persist_v, commit_ptr(std::move(rows)));
    } else if (const auto* asked = std::get_if<said::asked>(&what)) {
      options_.on_asked(asked->node, *asked->what, [this, link = asked->link](control::need_answer answer) {
        (void)call([link, answer = std::move(answer)](dispatch_desk& at, time_point) {
          at.core.answer(link, answer);
        });
      });
    } else if (const auto* store = std::get_if<said::store_told>(&what)) {
      options_.on_store(store->node, &store->what);
    } else if (std::holds_alternative<said::deposed>(what)) {
      options_.log->error("a later coordinator reigns: this one gives out nothing any more");
    }
  }

  void tell_nodes() const {
    std::vector<std::shared_ptr<const control::join>> all;
    for (const auto& [name, offer] : nodes_) all.push_back(offer);
    options_.on_nodes(all);
  }

  void tell_stores(dispatch_desk& desk) {
    std::vector<control::store_address> all;
    for (const auto& [name, address] : stores_)
      if (all.size() < control_limits::stores_max) all.push_back(address);
    desk.core.set_stores(options_.copies, all, options_.store_away);
    if (const auto port = view_port_now())
      caf::anon_send(port, atom::notice_v,
                     std::make_shared<const views::settings>(views::settings{options_.copies, all}));
    options_.on_stores({false, options_.copies, std::move(all), options_.store_away});
  }

  view_port_actor view_port_now() {
    const std::lock_guard lock(mutex_);
    return views_;
  }

  static constexpr std::uint64_t within_ms_max = 1'000'000'000;

  cluster_control_options options_;
  epoch_number epoch_;
  kept_report told_;  ///< of the dispatch actor's thread
  std::mutex mutex_;  ///< of the handles
  dispatch_actor dispatch_;
  view_port_actor views_;
  caf::actor gate_;
  std::uint16_t port_ = 0;
  /// By their names; of the dispatch actor's thread.
  std::map<std::string, control::store_address> stores_;
  std::map<std::string, std::shared_ptr<const control::join>> nodes_;
  job_desk_facade jobs_;
};

}  // namespace

std::unique_ptr<cluster_control> make_cluster_control(cluster_control_options options) {
  return std::make_unique<tls_cluster_control>(std::move(options));
}

}  // namespace graphite
