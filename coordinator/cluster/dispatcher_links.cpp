#include <fmt/format.h>

#include <algorithm>

#include "coordinator/cluster/dispatcher_state.hpp"

// Who is there: links, joins, leaves.

namespace graphite {

using impl = dispatcher_impl;
using service = lease_table::service;

/// The node's last word, and no more of it.
void impl::refuse(link_id link, errc code, std::string why) {
  out.push_back(dispatch_commands::send{link, control::refusal{code, why}});
  unlink(link, why);
  out.push_back(dispatch_commands::hang_up{link, {code, std::move(why)}});
}

/// What ran there goes elsewhere, but what its next session lists.
void impl::unlink(link_id link, const std::string& why) {
  const auto found = links.find(link);
  if (found == links.end()) return;
  const auto session = found->second.session;
  links.erase(found);
  const auto its = sessions.find(session);
  if (its == sessions.end()) return;
  its->second.link = {};
  its->second.why = why;
  schedule.gone(session, now);
}

void impl::received(link_id link, to_coordinator&& message) {
  const auto found = links.find(link);
  if (found == links.end()) return;
  if (auto* joining = std::get_if<control::join>(&message)) {
    if (found->second.session != node_session{})
      return refuse(link, errc::corrupt, "the node has joined already in this session");
    return join(link, found->second, std::move(*joining));
  }
  const auto number = found->second.session;
  if (number == node_session{}) return refuse(link, errc::corrupt, "the node spoke before it had joined");
  if (const auto heard = schedule.heard(number, options.schedule.epoch, now); !heard)
    return refuse(link, heard.error().code == errc::not_found ? errc::timed_out : heard.error().code,
                  "this session is over: " + heard.error().context);
  auto& session = sessions.at(number);
  if (auto* ends = std::get_if<control::results>(&message)) {
    results(link, session, number, std::move(*ends));
  } else if (auto* leaving = std::get_if<control::leave>(&message)) {
    session.leaving = true;
    session.why = "it leaves: " + leaving->reason;
    schedule.leaving(number, now + options.leave_within, now);
  } else if (auto* question = std::get_if<control::need_question>(&message)) {
    out.push_back(dispatch_commands::asked{
        link, session.name, std::make_shared<const control::need_question>(std::move(*question))});
  } else if (const auto* state = std::get_if<control::store_state>(&message)) {
    out.push_back(dispatch_commands::store_told{session.name, *state});
  }
}

/// As the scheduler is told. Errors: corrupt.
result<node_hello> impl::hello_of(const std::string& name, const control::join& what) {
  node_hello told{name, what.incarnation, what.epoch_seen, {}, {}, recipe_book::offers_of(what)};
  for (const auto& domain : what.domains) told.domains.push_back(recipes.capacity_of(domain));
  for (const auto& one : what.running) {
    if (one.domain >= what.domains.size())
      return fail(errc::corrupt,
                  fmt::format("an attempt runs in domain {} of {}", one.domain, what.domains.size()));
    running_attempt running{one.was, one.key,  one.domain, {},
                            {},      one.rule, one.ran,    static_cast<running_attempt::state>(one.state)};
    if (one.pool != 0) running.pool = one.pool;
    // What it needs and nobody else knows of is nothing that a task waits for: it is not adopted.
    if (const auto needs = recipes.needs_of(one.needs))
      running.needs = *needs;
    else
      running.key = {};
    told.running.push_back(std::move(running));
  }
  return told;
}

void impl::join(link_id link, dispatch_link& from, control::join&& what) {
  if (what.protocol != control_limits::protocol)
    return refuse(link, errc::newer_version,
                  fmt::format("the node speaks protocol {} and this coordinator {}: upgrade the {}",
                              what.protocol, control_limits::protocol,
                              what.protocol < control_limits::protocol ? "node" : "coordinator"));
  const auto hello = hello_of(from.name, what);
  if (!hello) return refuse(link, hello.error().code, hello.error().context);
  const auto older = session_of.find(from.name);
  const auto answer = schedule.hello(*hello, now);
  if (!answer) return refuse(link, answer.error().code, answer.error().context);
  if (older != session_of.end()) {
    auto& before = sessions.at(older->second);
    if (before.link != link_id{} && !planted(planted_bug::older_link_kept))
      refuse(before.link, errc::already_exists,
             "the node " + from.name + " has begun another session: is it started twice?");
  }
  absorb(schedule.take());  // the older one is lost first
  joined(link, from, std::make_shared<const control::join>(std::move(what)), *answer);
}

void impl::joined(link_id link, dispatch_link& from, std::shared_ptr<const control::join> offer,
                  const welcome& answer) {
  from.session = answer.session;
  const bool draining = schedule.leases().service_of(answer.node) == service::draining;
  sessions.emplace(answer.session,
                   dispatch_session{.link = link,
                                    .name = from.name,
                                    .why = {},
                                    .node = answer.node,
                                    .offer = offer,
                                    .domains = answer.domains,
                                    .results = {},
                                    .work = work_batch(options.message_bytes, options.session_recipes_max),
                                    .acknowledge_by = {},
                                    .leaving = false,
                                    .draining = draining});
  session_of[from.name] = answer.session;
  control::welcome told{options.schedule.epoch, options.schedule.leases.ttl, {}, settings_of(draining)};
  std::uint64_t adopted = 0;
  for (std::size_t i = 0; i < answer.running.size(); ++i) {
    told.running.push_back(answer.running[i].now);
    if (!answer.running[i].now) continue;
    adopt(answer.session, offer->running[i], *answer.running[i].now);
    ++adopted;
  }
  out.push_back(dispatch_commands::send{link, std::move(told)});
  if (!revoked.list.empty()) out.push_back(dispatch_commands::send{link, revoked});
  out.push_back(dispatch_commands::node_came{from.name, std::move(offer), adopted});
  remember_due = true;
}

/// It goes on under this name.
void impl::adopt(node_session session, const control::still_running& one, const attempt_key& now_called) {
  auto& record = record_at(now_called.task);
  record.key = one.key;
  give(record, {now_called.number.value, session, one.domain, schedule_commands::assign::why::first,
                now - std::min(one.ran, now.time_since_epoch())});
}

control::settings impl::settings_of(bool draining) const { return {draining, copies, stores, store_away}; }

void impl::tell_settings() {
  for (auto& [number, session] : sessions) {
    if (session.link == link_id{}) continue;
    out.push_back(dispatch_commands::send{session.link, settings_of(session.draining)});
  }
}

void dispatcher::connected(link_id link, std::string name, time_point now) {
  impl_->advance(now);
  const bool made =
      impl_->links.emplace(link, dispatch_link{std::move(name), impl_->now + impl_->options.join_within, {}})
          .second;
  GRAPHITE_INVARIANT(made);
}

void dispatcher::received(link_id link, to_coordinator message, time_point now) {
  impl_->advance(now);
  impl_->received(link, std::move(message));
}

void dispatcher::disconnected(link_id link, time_point now) {
  impl_->advance(now);
  const auto found = impl_->links.find(link);
  if (found == impl_->links.end()) return;
  const auto its = impl_->sessions.find(found->second.session);
  const bool leaving = its != impl_->sessions.end() && its->second.leaving;
  impl_->unlink(link, leaving ? its->second.why : "its connection has ended");
}

result<void> dispatcher::set_service(const std::string& node, service how, time_point deadline,
                                     time_point now) {
  impl_->advance(now);
  GRAPHITE_CHECK(impl_->schedule.set_service(node, how, deadline, impl_->now));
  impl_->remember_due = true;
  const auto its = impl_->session_of.find(node);
  if (its == impl_->session_of.end()) return {};
  auto& session = impl_->sessions.at(its->second);
  const bool draining = how == service::draining;
  if (std::exchange(session.draining, draining) != draining && session.link != link_id{})
    impl_->out.push_back(dispatch_commands::send{session.link, impl_->settings_of(draining)});
  return {};
}

void dispatcher::set_stores(std::uint32_t copies, std::vector<control::store_address> stores, duration away) {
  GRAPHITE_INVARIANT(copies > 0 && stores.size() <= control_limits::stores_max);
  if (impl_->copies == copies && impl_->stores == stores && impl_->store_away == away) return;
  impl_->copies = copies;
  impl_->stores = std::move(stores);
  impl_->store_away = away;
  impl_->tell_settings();
}

void dispatcher::set_revocations(const control::revocations& list) {
  GRAPHITE_INVARIANT(list.list.size() <= control_limits::revocations_bytes_max);
  if (list == impl_->revoked) return;
  impl_->revoked = list;
  if (list.list.empty()) return;
  for (const auto& [number, session] : impl_->sessions)
    if (session.link != link_id{}) impl_->out.push_back(dispatch_commands::send{session.link, list});
}

void dispatcher::answer(link_id link, control::need_answer what) {
  const auto found = impl_->links.find(link);
  if (found == impl_->links.end() || found->second.session == node_session{}) return;
  impl_->out.push_back(dispatch_commands::send{link, std::move(what)});
}

}  // namespace graphite
