#include "node/store_client.hpp"

#include <algorithm>

namespace graphite {

static constexpr duration look_period = seconds(1);  ///< for what has waited in vain for too long

void store_client::set_stores(std::vector<std::string> names, std::size_t copies, time_point now) {
  choice_ = store_choice(std::move(names));
  copies_ = copies;
  for (auto one = peers_.begin(); one != peers_.end();) {
    const bool stays = std::binary_search(choice_.names().begin(), choice_.names().end(), one->first);
    if (!stays) drop_all(one->first, one->second);
    one = stays ? std::next(one) : peers_.erase(one);
  }
  for (const auto& name : choice_.names()) peers_.try_emplace(name);
  uploads_.place(choice_, copies_);
  questions_.place(choice_, copies_);
  placed_ = false;
  place(now);
}

void store_client::reached(const std::string& store) {
  const auto found = peers_.find(store);
  if (found == peers_.end()) return;
  found->second.reached = true;
  found->second.not_before = {};
}

void store_client::lost(const std::string& store) {
  const auto found = peers_.find(store);
  if (found == peers_.end()) return;
  found->second.reached = false;
  drop_all(store, found->second);
}

void store_client::unanswered(const std::string& store, const about& of) {
  if (const auto* fetching = std::get_if<content_fetches::about>(&of)) return fetches_.unanswered(*fetching);
  if (const auto* asking = std::get_if<content_questions::inquiry>(&of))
    return questions_.unanswered(store, *asking);
  uploads_.unanswered(store, std::get<content_uploads::about>(of));
}

bool store_client::took(const std::string& store, const about& of, stores::reply&& reply) {
  if (const auto* fetching = std::get_if<content_fetches::about>(&of))
    return fetches_.answered(store, *fetching, std::move(reply));
  if (const auto* asking = std::get_if<content_questions::inquiry>(&of))
    return questions_.answered(store, *asking, reply);
  return uploads_.answered(store, std::get<content_uploads::about>(of), reply);
}

void store_client::drop(const std::string& store, peer& of, std::uint64_t request) {
  auto taken = of.asked.extract(request);
  of.bytes -= taken.mapped().bytes;
  unanswered(store, taken.mapped().of);
}

void store_client::drop_all(const std::string& store, peer& of) {
  while (!of.asked.empty()) drop(store, of, of.asked.begin()->first);
}

/// Longer each time, until it answers well.
void store_client::rest(peer& of, time_point now) {
  if (now < of.not_before) return;
  of.pause = of.pause == duration::zero() ? options_.pause : std::min(of.pause * 2, options_.pause_max);
  of.not_before = now + of.pause;
}

void store_client::answered(const std::string& store, std::uint64_t request, result<stores::reply> reply,
                            time_point now) {
  const auto found = peers_.find(store);
  if (found == peers_.end() || !found->second.asked.contains(request)) return;
  auto& of = found->second;
  if (!reply) {
    drop(store, of, request);
    return rest(of, now);
  }
  auto taken = of.asked.extract(request);
  of.bytes -= taken.mapped().bytes;
  if (!took(store, taken.mapped().of, std::move(*reply))) return rest(of, now);
  of.pause = {};
}

/// One that is silent is asked for nothing else until it has rested.
void store_client::drop_silent(time_point now) {
  for (auto& [store, of] : peers_) {
    const auto late = std::find_if(of.asked.begin(), of.asked.end(),
                                   [&](const auto& one) { return now >= one.second.until; });
    if (late == of.asked.end()) continue;
    drop_all(store, of);
    rest(of, now);
  }
}

/// Tells the fetches who can be asked, where that has changed.
void store_client::place(time_point now) {
  std::set<std::string> can;
  for (const auto& [store, of] : peers_)
    if (may_ask(of, now)) can.insert(store);
  if (placed_ && can == can_) return;
  placed_ = true;
  can_ = std::move(can);
  fetches_.place(choice_, can_);
}

/// False: there is nothing to ask, or no room for it.
bool store_client::ask_next(const std::string& store, peer& of, time_point now, std::vector<command>& out) {
  if (of.asked.size() >= options_.requests_max || of.bytes >= options_.bytes_max) return false;
  const auto add = [&](about about, std::size_t bytes, stores::request what,
                       std::vector<byte_vector> frames) {
    of.asked[++last_request_] = {std::move(about), bytes, now + options_.silent_after};
    of.bytes += bytes;
    out.push_back({store, last_request_, std::move(what), std::move(frames)});
    return true;
  };
  if (auto fetching = fetches_.next(store))
    return add(std::move(fetching->of), fetching->bytes, std::move(fetching->what), {});
  if (auto asking = questions_.next(store)) return add(std::move(asking->of), 0, std::move(asking->what), {});
  if (auto bringing = uploads_.next(store))
    return add(std::move(bringing->of), bringing->bytes, std::move(bringing->what),
               std::move(bringing->frames));
  return false;
}

std::vector<store_client::command> store_client::step(time_point now) {
  drop_silent(now);
  place(now);
  if (now - looked_ >= look_period) {
    looked_ = now;
    fetches_.give_up(now);
    uploads_.give_up(now);
    questions_.give_up(now);
  }
  std::vector<command> out;
  for (auto& [store, of] : peers_)
    if (may_ask(of, now))
      while (ask_next(store, of, now, out)) {
      }
  return out;
}

std::vector<store_client::ended> store_client::take_ended() {
  std::vector<ended> out;
  for (auto& one : fetches_.take_ended())
    out.push_back({ended::what::fetched, one.content, std::move(one.how), {}});
  for (auto& one : uploads_.take_ended())
    out.push_back({ended::what::brought, one.content, std::move(one.how), {}});
  for (auto& one : questions_.take_ended()) {
    auto how = one.how ? result<void>() : tl::unexpected<error>(one.how.error());
    out.push_back({ended::what::asked, one.content, std::move(how), one.how.value_or(content_presence{})});
  }
  return out;
}

std::optional<time_point> store_client::next_step(time_point now) const {
  std::optional<time_point> out;
  const auto sooner = [&](time_point at) { out = out ? std::min(*out, at) : at; };
  if (!idle()) sooner(looked_ + look_period);
  for (const auto& [store, of] : peers_) {
    for (const auto& [request, one] : of.asked) sooner(one.until);
    if (of.reached && of.not_before > now) sooner(of.not_before);
  }
  return out;
}

}  // namespace graphite
