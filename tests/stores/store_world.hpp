#pragma once

#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>

#include "node/store_client.hpp"
#include "relay/store_service.hpp"
#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/store_bytes.hpp"

namespace graphite::test {

/// A node's client and its stores in one thread, on virtual time. The network delays, loses and damages as it
/// is told; stores die and come back with what they had synced. One seed gives one history.
class store_world {
 public:
  struct faults {
    double lose = 0;    ///< of messages, each way
    double damage = 0;  ///< of answers with bytes: one bit of them
    duration delay = milliseconds(1), delay_more = milliseconds(3);
    duration sync = milliseconds(4);
  };
  struct site {
    explicit site(const hasher& hash) : disk(hash) {}
    memory_chunk_store disk;
    std::optional<store_service> service;
    std::map<store_service::ticket, std::uint64_t> put_off;
    std::uint64_t life = 0;                ///< grows with each death
    time_point last_there{}, last_back{};  ///< what is sent by one connection keeps its order
    bool syncing = false;
    bool silent = false;  ///< takes all and answers nothing
    std::function<void(stores::reply&)> lies;
    std::uint64_t requests = 0, raw_bytes_taken = 0, raw_bytes_sent = 0;
  };

  explicit store_world(std::uint64_t seed, std::size_t stores, std::size_t copies,
                       store_client::options chosen = {})
      : random_(seed), client(local, hash, {}, chosen) {
    for (std::size_t i = 0; i < stores; ++i) {
      names.push_back("store-" + std::to_string(i));
      sites.try_emplace(names.back(), hash);
    }
    client.set_stores(names, copies, now);
    for (const auto& name : names) start(name);
  }

  void start(const std::string& name) {
    auto& at = sites.at(name);
    at.service.emplace(at.disk, hash);
    later(milliseconds(1), [this, name, life = at.life] {
      if (sites.at(name).life == life) client.reached(name);
    });
  }
  /// What was not synced is gone, and so is all that was on its way.
  void kill(const std::string& name) {
    auto& at = sites.at(name);
    ++at.life;
    at.service.reset();
    at.put_off.clear();
    at.syncing = false;
    at.disk.lose_unsynced();
    later(milliseconds(1), [this, name] { client.lost(name); });
  }

  /// Goes on until `done`; false where nothing would happen any more, or not within `limit`.
  template <class Done>
  bool run(Done done, duration limit = seconds(600)) {
    const auto end = now + limit;
    while (!done()) {
      send();
      if (done()) return true;
      const auto next = client.next_step(now);
      if (events_.empty() && !next) return false;
      if (events_.empty() || (next && *next < events_.top().at)) {
        now = std::max(now, *next);
      } else {
        auto event = events_.top();
        events_.pop();
        now = std::max(now, event.at);
        event.what();
      }
      if (now > end) return false;
    }
    return true;
  }

  std::map<digest, result<void>> fetched, brought;
  std::map<digest, result<content_presence>> asked;
  bool ask(const std::vector<content_ref>& all, bool thorough) {
    for (const auto& content : all) client.ask(content.id, thorough, now);
    return run([&] { return asked.size() >= all.size(); });
  }
  bool fetch(const std::vector<content_ref>& all) {
    for (const auto& content : all) client.fetch(content.id, now);
    return run([&] { return fetched.size() >= all.size(); });
  }
  bool bring(const std::vector<content_ref>& all) {
    for (const auto& content : all) client.bring(content, now);
    return run([&] { return brought.size() >= all.size(); });
  }
  /// How many stores have it so that they would have it after a loss of power, too.
  std::size_t copies_of(const digest& content) {
    std::size_t out = 0;
    for (auto& [name, at] : sites) out += has_durably(at, content) ? 1 : 0;
    return out;
  }
  bool has_durably(site& at, const digest& content) {
    store_service fresh(at.disk, hash);
    const auto said =
        (at.service ? *at.service : fresh).answer(0, {}, stores::have_request{{content}}, {}, {now, 0});
    return std::get<stores::have_reply>(said->header).durable.at(0);
  }
  void later(duration delay, std::function<void()> what) {
    events_.push({now + delay, ++last_event_, std::move(what)});
  }

 private:
  struct event {
    time_point at;
    std::uint64_t number;
    std::function<void()> what;
    bool operator<(const event& other) const {  // the first is the greatest
      return at != other.at ? at > other.at : number > other.number;
    }
  };

  bool happens(double chance) { return std::uniform_real_distribution<>(0, 1)(random_) < chance; }
  duration some_delay() {
    return how.delay +
           duration(static_cast<std::int64_t>(
               random_() % std::max<std::uint64_t>(1, static_cast<std::uint64_t>(how.delay_more.count()))));
  }

  void send() {
    for (auto& command : client.step(now)) {
      if (happens(how.lose)) continue;
      auto shared = std::make_shared<store_client::command>(std::move(command));
      auto& at = sites.at(shared->store);
      at.last_there = std::max(at.last_there, now + some_delay());
      later(at.last_there - now, [this, shared, life = at.life] { arrive(*shared, life); });
    }
    for (auto& one : client.take_ended()) {
      if (one.kind == store_client::ended::what::asked)
        asked[one.content] = one.how.map([&] { return one.found; });
      else
        (one.kind == store_client::ended::what::fetched ? fetched : brought)[one.content] = one.how;
    }
  }

  void arrive(const store_client::command& command, std::uint64_t life) {
    auto& at = sites.at(command.store);
    if (at.life != life || !at.service || at.silent) return;
    ++at.requests;
    for (const auto& frame : command.frames) at.raw_bytes_taken += frame.size();
    const std::vector<byte_span> raw(command.frames.begin(), command.frames.end());
    const auto ticket = ++last_ticket_;
    auto reply = at.service->answer(ticket, {}, command.what, raw, {now, 0});
    if (reply) return answer(command.store, command.request, std::move(*reply));
    at.put_off[ticket] = command.request;
    begin_sync(command.store);
  }

  void begin_sync(const std::string& name) {
    auto& at = sites.at(name);
    if (at.syncing || !at.service->has_waiting()) return;
    at.syncing = true;
    auto covered = std::make_shared<store_service::waiting>(at.service->take_waiting());
    later(how.sync, [this, name, covered, life = at.life] {
      auto& site = sites.at(name);
      if (site.life != life) return;
      site.syncing = false;
      for (auto& [ticket, reply] : site.service->synced(std::move(*covered), site.disk.sync())) {
        const auto request = site.put_off.at(ticket);
        site.put_off.erase(ticket);
        answer(name, request, std::move(reply));
      }
      begin_sync(name);
    });
  }

  void answer(const std::string& name, std::uint64_t request, stores::reply reply) {
    auto& at = sites.at(name);
    if (at.lies) at.lies(reply);
    if (happens(how.lose)) return;
    for (auto& frame : reply.frames) {
      at.raw_bytes_sent += frame.size();
      if (!frame.empty() && happens(how.damage)) frame[random_() % frame.size()] ^= std::byte{4};
    }
    auto shared = std::make_shared<stores::reply>(std::move(reply));
    at.last_back = std::max(at.last_back, now + some_delay());
    later(at.last_back - now, [this, name, request, shared, life = at.life] {
      if (sites.at(name).life == life) client.answered(name, request, std::move(*shared), now);
    });
  }

  std::mt19937_64 random_;
  std::priority_queue<event> events_;
  std::uint64_t last_event_ = 0;
  store_service::ticket last_ticket_ = 0;

 public:
  openssl_hasher hash;
  faults how;
  std::vector<std::string> names;
  std::map<std::string, site> sites;
  memory_chunk_store local{hash};
  time_point now = time_from_ns(1'000'000'000'000);
  store_client client;
};

}  // namespace graphite::test
