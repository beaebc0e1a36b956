#include "sim/network.hpp"

#include <algorithm>

namespace graphite::sim {

duration network::latency(host from, host to) {
  auto out = any_.between(microseconds(50), microseconds(900));
  for (const auto which : {from, to})
    if (const auto found = slow_.find(which); found != slow_.end() && found->second > duration{})
      out += any_.between(duration{}, found->second), ++delayed;
  return out;
}

link_id network::open(link_end dialled, link_end listens) {
  const link_id link{++last_};
  auto& made = links_[link];
  made.ends[0].what = std::move(dialled);
  made.ends[1].what = std::move(listens);
  for (auto& one : made.ends) one.life = one.what.owner->life();
  return link;
}

void network::put(link_id link, std::size_t to, std::optional<byte_vector> message) {
  auto& one = links_.at(link);
  auto& in = one.ends[to].in;
  auto ready = all_.now() + latency(one.ends[1 - to].what.at, one.ends[to].what.at);
  if (!in.waiting.empty()) ready = std::max(ready, in.waiting.back().first);
  in.waiting.emplace_back(ready, std::move(message));
  if (!std::exchange(in.pumping, true)) all_.at(ready, [this, link, to] { pump(link, to); });
}

void network::send(link_id link, bool from_dialler, byte_vector message) {
  const auto found = links_.find(link);
  const std::size_t from = from_dialler ? 0 : 1;
  if (found == links_.end() || !found->second.ends[from].open) return;
  put(link, 1 - from, std::move(message));
}

void network::close(link_id link, bool by_dialler) {
  const auto found = links_.find(link);
  const std::size_t from = by_dialler ? 0 : 1;
  if (found == links_.end() || !std::exchange(found->second.ends[from].open, false)) return;
  put(link, 1 - from, std::nullopt);
}

void network::reset(link_id link) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  for (std::size_t to = 0; to < 2; ++to) {
    found->second.ends[to].in.waiting.clear();
    put(link, to, std::nullopt);
  }
}

void network::crashed(host which, bool told) {
  for (const auto link : links_of(which)) {
    auto& one = links_.at(link);
    const std::size_t dead = one.ends[0].what.at == which ? 0 : 1;
    one.ends[dead].open = false;
    if (told) put(link, 1 - dead, std::nullopt);
  }
}

std::vector<link_id> network::links_of(host which) const {
  std::vector<link_id> out;
  for (const auto& [link, one] : links_)
    if (one.ends[0].what.at == which || one.ends[1].what.at == which) out.push_back(link);
  return out;
}

/// The first of what waits. False: the link is gone.
bool network::deliver(link_id link, std::size_t to) {
  auto& one = links_.at(link).ends[to];
  auto message = std::move(one.in.waiting.front().second);
  one.in.waiting.pop_front();
  if (!one.open || one.life != one.what.owner->life()) {
    one.open = false;
  } else if (message) {
    one.what.message(link, std::move(*message));
  } else {
    one.open = false;
    one.what.closed(link);
  }
  const auto found = links_.find(link);
  if (found == links_.end()) return false;
  auto& both = found->second;
  if (both.ends[0].open || both.ends[1].open || !both.ends[0].in.waiting.empty() ||
      !both.ends[1].in.waiting.empty())
    return true;
  links_.erase(found);
  return false;
}

void network::pump(link_id link, std::size_t to) {
  for (;;) {
    const auto found = links_.find(link);
    if (found == links_.end()) return;
    auto& one = found->second.ends[to];
    const auto from = found->second.ends[1 - to].what.at;
    if (one.in.waiting.empty()) {
      one.in.pumping = false;
      return;
    }
    auto next = one.in.waiting.front().first;
    if (blocked(from, one.what.at)) next = std::max(next, all_.now() + milliseconds(50));
    if (one.what.owner->paused()) next = std::max(next, one.what.owner->paused_until());
    if (next > all_.now()) return all_.at(next, [this, link, to] { pump(link, to); });
    if (!deliver(link, to)) return;
  }
}

void network::post(host from, host to, process& receiver, std::function<void()> what) {
  if (blocked(from, to) || any_.chance(lost_percent)) {
    ++lost;
    return;
  }
  const bool twice = any_.chance(doubled_percent);
  if (twice) ++doubled;
  if (lost_percent + doubled_percent > 0) ++reordered;
  for (int times = twice ? 2 : 1; times > 0; --times) {
    const auto spread = lost_percent + doubled_percent > 0 ? milliseconds(20) : milliseconds(0);
    receiver.after(latency(from, to) + any_.between(duration{}, spread), what);
  }
}

void network::block(host from, host to, bool blocked) {
  if (blocked)
    blocked_[{from, to}] = true;
  else
    blocked_.erase({from, to});
}

void network::heal() {
  blocked_.clear();
  slow_.clear();
  lost_percent = doubled_percent = 0;
}

}  // namespace graphite::sim
