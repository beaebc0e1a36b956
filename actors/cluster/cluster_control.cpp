#include "actors/cluster/cluster_control.hpp"

#include <fmt/format.h>

#include <mutex>

#include "actors/cluster/cluster_rebuild.hpp"
#include "actors/logger_guard.hpp"
#include "actors/system_extension.hpp"
#include "actors/tls.hpp"
#include "coordinator/action_key.hpp"
#include "coordinator/cluster/result_rows.hpp"

namespace graphite {

namespace {

constexpr const char* cluster_row = "cluster";
constexpr std::string_view rule_prefix = "rule/";

std::string rule_key(std::uint64_t rule) { return fmt::format("{}{:016x}", rule_prefix, rule); }

/// Rows of table::meta that say what is to be known of the cluster after a restart.
commit_ptr remembered(const dispatcher& of) {
  auto out = std::make_shared<commit_request>();
  out->rows.push_back({table::meta, cluster_row, encode_cluster(of.remember())});
  return out;
}

class tls_cluster_control final : public cluster_control, public system_extension {
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
    dispatch_ = system.spawn(dispatch, dispatching(std::move(journal)), std::move(desk));
    gate_ = system.spawn(control_gate, guarding());
    caf::anon_send(dispatch_, atom::dial_v, gate_);
    GRAPHITE_TRY(port_, listen_tls(gate_, options_.port, options_.address));
    cluster_rebuild_dependencies with;
    with.dispatch = dispatch_;
    with.hash = options_.hash.get();
    with.tools = options_.tools;
    with.traffic = options_.traffic;
    return system.spawn(cluster_rebuild, std::move(with));
  }

  void end() override {
    const std::lock_guard lock(mutex_);
    if (gate_) {
      stop_listening(gate_, port_);
      caf::anon_send_exit(gate_, caf::exit_reason::user_shutdown);
    }
    if (dispatch_) caf::anon_send_exit(dispatch_, caf::exit_reason::user_shutdown);
    gate_ = nullptr;
    dispatch_ = nullptr;
  }

  std::string address() const override {
    return port_ == 0 ? "" : options_.address + ":" + std::to_string(port_);
  }

  void status(reply<dispatch_status> done) override {
    if (!call([done](dispatch_desk& desk, time_point now) { done(desk.core.status(now)); }))
      done(fail(errc::unavailable, "the cluster's schedule has ended"));
  }

  void set_service(std::string node, lease_table::service how, duration within, reply<bool> done) override {
    const auto set = [node = std::move(node), how, within, done](dispatch_desk& desk, time_point now) {
      done(desk.core.set_service(node, how, now + within, now).map([] { return true; }));
    };
    if (!call(set)) done(fail(errc::unavailable, "the cluster's schedule has ended"));
  }

  bool set_revocations(control::revocations list) override {
    return call(
        [list = std::move(list)](dispatch_desk& desk, time_point) { desk.core.set_revocations(list); });
  }

  void needed(reply<std::vector<digest>> done) override {
    const auto look = [done](dispatch_desk& desk, time_point) {
      std::vector<digest> out;
      desk.core.each_needed([&](const digest& content) { out.push_back(content); });
      done(std::move(out));
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

  result<std::shared_ptr<dispatch_desk>> make_desk(epoch_number epoch) const {
    auto how = options_.dispatching;
    how.schedule.epoch = epoch;
    auto out = std::make_shared<dispatch_desk>(dispatcher(how, options_.hash));
    GRAPHITE_CHECK(restore_rules(*out));
    GRAPHITE_TRY(const auto row, options_.rows->get(table::meta, cluster_row));
    if (!row) return out;
    GRAPHITE_TRY(const auto known, decode_cluster(*row));
    out->core.recall(known, options_.clock->now());
    return out;
  }

  /// What attempts of each rule took in earlier reigns. A row that cannot be read is learned anew.
  result<void> restore_rules(dispatch_desk& desk) const {
    return options_.rows->scan(table::meta, rule_prefix, [&](std::string_view key, std::string_view bytes) {
      if (const auto row = decode_rule(bytes))
        desk.core.restore(*row);
      else
        options_.log->warn("what was learned of a rule ({}) cannot be read: {}", key, row.error().context);
      return true;
    });
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
      if (came->offer->store) stores_[came->name] = {came->offer->chunks, came->offer->chunks_key};
      tell_stores(desk);
    } else if (const auto* lost = std::get_if<said::node_lost>(&what)) {
      options_.log->warn("node {} is gone: {}", lost->name, lost->why);
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
    } else if (std::holds_alternative<said::remember>(what)) {
      caf::anon_send(journal, atom::persist_v, remembered(desk.core));
    } else if (const auto* learned = std::get_if<said::learned>(&what)) {
      auto rows = std::make_shared<commit_request>();
      for (const auto& row : learned->rules)
        rows->rows.push_back({table::meta, rule_key(row.rule), encode_rule(row)});
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

  void tell_stores(dispatch_desk& desk) {
    std::vector<control::store_address> all;
    for (const auto& [name, address] : stores_)
      if (all.size() < control_limits::stores_max) all.push_back(address);
    desk.core.set_stores(options_.copies, all, options_.store_away);
    options_.on_stores({false, options_.copies, std::move(all), options_.store_away});
  }

  cluster_control_options options_;
  std::mutex mutex_;  ///< of the handles
  dispatch_actor dispatch_;
  caf::actor gate_;
  std::uint16_t port_ = 0;
  std::map<std::string, control::store_address> stores_;  ///< by node; of the dispatch actor's thread
};

}  // namespace

std::unique_ptr<cluster_control> make_cluster_control(cluster_control_options options) {
  return std::make_unique<tls_cluster_control>(std::move(options));
}

}  // namespace graphite
