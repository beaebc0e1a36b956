#include "cli/store_traffic.hpp"

#include <algorithm>
#include <utility>

#include "platform/linux/thread_name.hpp"
#include "schemas/codec/store_messages.hpp"

namespace graphite {

namespace {

constexpr duration poll_max = seconds(1);
constexpr duration broken_delay = milliseconds(100);  ///< before a link that failed is tried again

std::vector<byte_vector> to_frames(store_client::command&& from) {
  std::vector<byte_vector> out{encode_store_request(from.what)};
  for (auto& frame : from.frames) out.push_back(std::move(frame));
  return out;
}

}  // namespace

store_traffic::store_traffic(ports with, incarnation_id self, store_client::options chosen)
    : with_(std::move(with)), client_(with_.local, with_.hash, self, chosen), thread_([this] {
        name_thread("store-traffic");
        run();
      }) {}

store_traffic::~store_traffic() {
  stopping_.store(true);
  with_.link->wake();
  thread_.join();
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return callers_ == 0; });
}

void store_traffic::set_stores(std::vector<store_endpoint> stores, std::size_t copies) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.has_stores = true;
    inbox_.stores = std::move(stores);
    inbox_.copies = copies;
  }
  with_.link->wake();
}

result<void> store_traffic::fetch(std::span<const digest> contents) {
  std::unique_lock lock(mutex_);
  const auto until = std::make_shared<waiting>();
  for (const auto& content : contents) {
    fetching_.emplace(content, until);
    inbox_.fetch.push_back(content);
    ++until->left;
  }
  return wait(lock, until);
}

result<void> store_traffic::bring(std::span<const content_ref> contents) {
  std::unique_lock lock(mutex_);
  const auto until = std::make_shared<waiting>();
  for (const auto& content : contents) {
    bringing_.emplace(content.id, until);
    inbox_.bring.push_back(content);
    ++until->left;
  }
  return wait(lock, until);
}

result<void> store_traffic::wait(std::unique_lock<std::mutex>& lock, const std::shared_ptr<waiting>& until) {
  ++callers_;
  if (stopping_.load()) end_all_locked();
  with_.link->wake();
  ended_.wait(lock, [&] { return until->left == 0; });
  if (--callers_ == 0) ended_.notify_all();
  return until->how;
}

void store_traffic::end_all_locked() {
  for (auto* all : {&fetching_, &bringing_}) {
    for (auto& [content, one] : *all) {
      --one->left;
      if (one->how) one->how = fail(errc::cancelled, "the traffic with stores ends");
    }
    all->clear();
  }
  ended_.notify_all();
}

void store_traffic::run() {
  while (!stopping_.load()) {
    take_inbox();
    const bool sent = send_all();
    tell_ended();
    if (sent) wait_for_stores();
  }
  const std::lock_guard lock(mutex_);
  end_all_locked();
}

void store_traffic::take_inbox() {
  inbox taken;
  {
    const std::lock_guard lock(mutex_);
    taken = std::exchange(inbox_, {});
  }
  const auto now = with_.clock.now();
  if (taken.has_stores) {
    if (const auto connected = with_.link->connect(taken.stores); !connected)
      with_.log.warn("stores: {}", connected.error().context);
    std::vector<std::string> names;
    for (auto& store : taken.stores) names.push_back(std::move(store.name));
    client_.set_stores(std::move(names), taken.copies, now);
  }
  for (const auto& content : taken.fetch) client_.fetch(content, now);
  for (const auto& content : taken.bring) client_.bring(content, now);
}

/// False: there may be more to send at once.
bool store_traffic::send_all() {
  bool well = true;
  for (auto& one : client_.step(with_.clock.now())) {
    const auto store = one.store;
    const auto request = one.request;
    if (const auto sent = with_.link->send(store, request, to_frames(std::move(one))); !sent) {
      client_.answered(store, request, tl::unexpected(sent.error()), with_.clock.now());
      well = false;
    }
  }
  return well;
}

void store_traffic::tell_ended() {
  const auto all = client_.take_ended();
  if (all.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& one : all) {
    auto& waiters = one.kind == store_client::ended::what::fetched ? fetching_ : bringing_;
    const auto [first, last] = waiters.equal_range(one.content);
    for (auto of = first; of != last; ++of) {
      --of->second->left;
      if (of->second->how && !one.how) of->second->how = one.how;
    }
    waiters.erase(first, last);
  }
  ended_.notify_all();
}

void store_traffic::wait_for_stores() {
  const auto now = with_.clock.now();
  const auto next = client_.next_step(now);
  const auto timeout = next ? std::clamp<duration>(*next - now, duration::zero(), poll_max) : poll_max;
  const auto polled = with_.link->poll(timeout, *this);
  if (polled || polled.error().code == errc::cancelled) return;
  with_.log.warn("stores: {}", polled.error().context);
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, broken_delay, [this] { return stopping_.load(); });
}

void store_traffic::on_reply(const std::string& store, std::uint64_t request,
                             std::vector<byte_vector> frames) {
  client_.answered(store, request, decode_store_reply(std::move(frames)), with_.clock.now());
}

void store_traffic::on_connected(const std::string& store) { client_.reached(store); }

void store_traffic::on_lost(const std::string& store) { client_.lost(store); }

}  // namespace graphite
