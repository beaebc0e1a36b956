#include "cli/store_traffic.hpp"

#include <algorithm>
#include <utility>

#include "core/messages/zap.hpp"
#include "platform/linux/thread_name.hpp"
#include "schemas/codec/store_messages.hpp"

namespace graphite {

namespace {

constexpr std::uint64_t enrolment_bit = std::uint64_t{1} << 63;  ///< of the numbers of these requests
constexpr duration poll_max = seconds(1);
constexpr duration broken_delay = milliseconds(100);  ///< before a link that failed is tried again

std::vector<byte_vector> to_frames(store_client::command&& from) {
  std::vector<byte_vector> out{encode_store_request(from.what)};
  for (auto& frame : from.frames) out.push_back(std::move(frame));
  return out;
}

}  // namespace

store_traffic::store_traffic(ports with, incarnation_id self, store_client::options chosen,
                             std::optional<enrolling> keys)
    : with_(std::move(with)), keys_(std::move(keys)), client_(with_.local, with_.hash, self, chosen) {
  if (keys_) enrolments_.emplace(keys_->shown, keys_->how, *keys_->verifier);
  thread_ = std::thread([this] {
    name_thread("store-traffic");
    run();
  });
}

void store_traffic::stop() {
  stopping_.store(true);
  with_.link->wake();
  if (thread_.joinable()) thread_.join();
}

store_traffic::~store_traffic() {
  stop();
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

void store_traffic::set_stores(const control::settings& said) {
  std::vector<store_endpoint> stores;
  for (const auto& store : said.stores) {
    const bool keyed = store.key != curve_key{};
    stores.push_back({keyed ? user_id_of(store.key) : store.chunks, store.chunks,
                      keyed ? std::optional(store.key) : std::nullopt});
  }
  set_stores(std::move(stores), said.copies);
}

store_traffic::fetched store_traffic::fetch_all(std::span<const digest> contents) {
  std::unique_lock lock(mutex_);
  const auto until = std::make_shared<waiting>();
  for (const auto& content : contents) {
    fetching_.emplace(content, until);
    inbox_.fetch.push_back(content);
    ++until->left;
  }
  wait(lock, until);
  return {until->how, until->lost};
}

result<void> store_traffic::bring(std::span<const content_ref> contents, std::size_t copies) {
  std::unique_lock lock(mutex_);
  const auto until = std::make_shared<waiting>();
  for (const auto& content : contents) {
    bringing_.emplace(content.id, until);
    inbox_.bring.emplace_back(content, copies);
    ++until->left;
  }
  wait(lock, until);
  return until->how;
}

result<std::vector<content_presence>> store_traffic::ask(std::span<const digest> contents, bool thorough) {
  std::unique_lock lock(mutex_);
  const auto until = std::make_shared<waiting>();
  until->found.resize(contents.size());
  for (const auto& content : contents) {
    asking_.emplace(content, asker{until, until->left++});
    inbox_.ask.emplace_back(content, thorough);
  }
  wait(lock, until);
  GRAPHITE_CHECK(until->how);
  return std::move(until->found);
}

void store_traffic::wait(std::unique_lock<std::mutex>& lock, const std::shared_ptr<waiting>& until) {
  ++callers_;
  if (stopping_.load()) end_all_locked();
  with_.link->wake();
  ended_.wait(lock, [&] { return until->left == 0; });
  if (--callers_ == 0) ended_.notify_all();
}

void store_traffic::end_all_locked() {
  const store_client::ended over{{}, {}, fail(errc::cancelled, "the traffic with stores ends"), {}};
  for (auto* all : {&fetching_, &bringing_}) {
    for (auto& [content, one] : *all) tell(*one, over);
    all->clear();
  }
  for (auto& [content, one] : asking_) tell(*one.whom, over);
  asking_.clear();
  ended_.notify_all();
}

void store_traffic::run() {
  while (!stopping_.load()) {
    take_inbox();
    if (enrolments_) enrol();
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
  if (taken.has_stores) take_stores(std::move(taken.stores), taken.copies);
  for (const auto& content : taken.fetch) client_.fetch(content, now);
  for (const auto& [content, copies] : taken.bring) client_.bring(content, now, copies);
  for (const auto& [content, thorough] : taken.ask) client_.ask(content, thorough, now);
}

/// A store that has another address or key now is as good as one that was lost and comes anew.
void store_traffic::take_stores(std::vector<store_endpoint> stores, std::size_t copies) {
  std::map<std::string, store_endpoint> fresh;
  std::vector<std::string> names;
  for (const auto& store : stores) {
    fresh[store.name] = store;
    names.push_back(store.name);
  }
  for (const auto& [name, before] : stores_)
    if (!fresh.contains(name) || fresh.at(name) != before) on_lost(name);
  stores_ = std::move(fresh);
  if (const auto connected = with_.link->connect(stores); !connected)
    with_.log.warn("stores: {}", connected.error().context);
  client_.set_stores(std::move(names), copies, with_.clock.now());
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
  const auto delivered = client_.delivered();
  delivered_contents_.store(delivered.contents);
  delivered_bytes_.store(delivered.bytes);
  const auto all = client_.take_ended();
  if (all.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& one : all) {
    if (one.kind == store_client::ended::what::asked) {
      const auto [first, last] = asking_.equal_range(one.content);
      for (auto of = first; of != last; ++of) {
        of->second.whom->found[of->second.place] = one.found;
        tell(*of->second.whom, one);
      }
      asking_.erase(first, last);
      continue;
    }
    auto& waiters = one.kind == store_client::ended::what::fetched ? fetching_ : bringing_;
    const auto [first, last] = waiters.equal_range(one.content);
    for (auto of = first; of != last; ++of) {
      tell(*of->second, one);
      if (!one.how && (one.how.error().code == errc::not_found || one.how.error().code == errc::corrupt))
        of->second->lost.push_back(one.content);
    }
    waiters.erase(first, last);
  }
  ended_.notify_all();
}

void store_traffic::tell(waiting& whom, const store_client::ended& what) {
  --whom.left;
  if (whom.how && !what.how) whom.how = what.how;
}

void store_traffic::enrol() {
  for (auto& one : enrolments_->step(time())) {
    const auto number = enrolment_bit | ++last_enrolment_;
    enrolment_of_[one.store] = number;
    if (const auto sent = with_.link->send(one.store, number, {encode_store_request(one.what)}); !sent)
      took_enrolment(one.store, tl::unexpected(sent.error()));
  }
}

void store_traffic::took_enrolment(const std::string& store, const result<stores::reply>& reply) {
  const auto granted = enrolments_->answered(store, reply, *keys_->random, keys_->trust(), time());
  if (!granted) with_.log.warn("store {} does not take this process in: {}", store, granted.error().context);
  if (granted && *granted) client_.reached(store);
}

duration store_traffic::poll_timeout() const {
  const auto now = with_.clock.now();
  auto at = now + poll_max;
  if (const auto next = client_.next_step(now)) at = std::min(at, *next);
  if (enrolments_)
    if (const auto next = enrolments_->next_step()) at = std::min(at, *next);
  return std::max<duration>(at - now, duration::zero());
}

void store_traffic::wait_for_stores() {
  const auto polled = with_.link->poll(poll_timeout(), *this);
  if (polled || polled.error().code == errc::cancelled) return;
  with_.log.warn("stores: {}", polled.error().context);
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, broken_delay, [this] { return stopping_.load(); });
}

void store_traffic::on_reply(const std::string& store, std::uint64_t request,
                             std::vector<byte_vector> frames) {
  auto reply = decode_store_reply(std::move(frames));
  if ((request & enrolment_bit) != 0) {
    if (enrolments_ && enrolment_of_[store] == request) took_enrolment(store, reply);
    return;
  }
  const auto* no = reply ? std::get_if<refusal>(&reply->header) : nullptr;
  if (enrolments_ && no != nullptr && no->code == errc::permission_denied) {
    client_.lost(store);  // what is under way there is refused, too
    return enrolments_->refused(store, time());
  }
  client_.answered(store, request, std::move(reply), with_.clock.now());
}

void store_traffic::on_connected(const std::string& store) {
  if (!enrolments_) return client_.reached(store);
  const auto found = stores_.find(store);
  if (found != stores_.end() && found->second.key && enrolments_->connected(store, *found->second.key))
    client_.reached(store);
}

void store_traffic::on_lost(const std::string& store) {
  if (enrolments_) enrolments_->lost(store);
  client_.lost(store);
}

}  // namespace graphite
