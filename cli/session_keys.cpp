#include "cli/session_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/keys/key_file.hpp"
#include "platform/linux/thread_name.hpp"

namespace graphite {

namespace {

constexpr auto look_period = std::chrono::seconds(1);

/// Why nothing can be signed for `channel`, and what to type.
error without_key(const publisher_keys& keys, const std::string& folder, const std::string& channel) {
  auto text = fmt::format(
      "channel {} has no key that counts in {}: `graphite keys channel DIR {}` makes one, "
      "where the root is",
      channel, folder, channel);
  for (const auto& why : keys.refused) text += fmt::format("; left out: {}", why);
  return {errc::permission_denied, std::move(text)};
}

/// What the signer needs. The secrets stay with `from`.
channel_signer::keys signer_keys(const std::shared_ptr<const publisher_keys>& from) {
  channel_signer::keys out;
  for (const auto& [channel, key] : from->channels)
    out.channels[channel] = {key.statement, std::shared_ptr<const message_signer>(from, key.signer.get())};
  const auto& vouchers = from->vouchers;
  const auto first = vouchers.size() - std::min(vouchers.size(), trust_news::vouchers_max);
  for (std::size_t i = first; i < vouchers.size(); ++i)
    out.news.vouchers.push_back(encode_signed(vouchers[i]));
  if (from->revocations.size() <= trust_news::revocations_bytes_max)
    out.news.revocations = from->revocations;
  else
    out.news.longer = {from->revocations_id, static_cast<std::uint32_t>(from->revocations.size())};
  return out;
}

}  // namespace

result<std::unique_ptr<session_keys>> session_keys::load(const std::string& folder, const project& of,
                                                         clock_source& clock, log_sink& log) {
  if (folder.empty()) return nullptr;
  leave_no_core_file();
  std::vector<std::string> channels;
  for (const auto& channel : of.channels) channels.push_back(channel.name);
  std::unique_ptr<session_keys> out(new session_keys(folder, std::move(channels), clock, log));
  GRAPHITE_TRY(auto version, publisher_keys_version(folder));
  GRAPHITE_CHECK(out->load());
  out->version_ = std::move(version);
  const auto first = out->now();
  for (const auto& channel : out->channels_)
    if (!first->channels.contains(channel)) return tl::unexpected(without_key(*first, folder, channel));
  out->tell_refused(*first);
  return out;
}

session_keys::~session_keys() { stop(); }

void session_keys::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const publisher_keys> session_keys::now() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

result<void> session_keys::load() {
  GRAPHITE_TRY(auto read, load_publisher_keys(folder_, clock_.unix_ns()));
  auto loaded = std::make_shared<const publisher_keys>(std::move(read));
  if (const auto before = now(); before && loaded->revoked.number < before->revoked.number)
    return fail(errc::permission_denied,
                fmt::format("{} has list {} of revoked keys, and {} is in force: copy the newest file "
                            "`revocations` there",
                            folder_, loaded->revoked.number, before->revoked.number));
  if (signer_)
    signer_->replace(signer_keys(loaded));
  else
    signer_ = std::make_unique<channel_signer>(signer_keys(loaded));
  const std::lock_guard lock(mutex_);
  keys_ = std::move(loaded);
  return {};
}

result<void> session_keys::load_if_changed() {
  // Before the files are read: what changes meanwhile is another change.
  GRAPHITE_TRY(auto version, publisher_keys_version(folder_));
  const bool changed = version != version_;
  if (!changed && !key_has_ended()) return {};
  GRAPHITE_CHECK(load());
  version_ = std::move(version);
  if (changed) log_.info("the keys in {} have changed: they count from now on", folder_);
  const auto loaded = now();
  tell_refused(*loaded);
  tell_silent(*loaded);
  return {};
}

/// One look. What fails is tried again at the next one; each reason is told once.
void session_keys::look() {
  const auto looked = load_if_changed();
  if (looked) {
    failure_.clear();
  } else if (looked.error().context != failure_) {
    failure_ = looked.error().context;
    log_.error("the keys may have changed and cannot be used, the old ones stay: {}", failure_);
  }
  tell_ends();
}

/// Of a channel or a root.
bool session_keys::key_has_ended() const {
  const auto keys = now();
  return roots_changed(*keys, clock_.unix_ns()) || std::ranges::any_of(keys->channels, [&](const auto& one) {
           const auto end = keys->ends.find(channel_key_name(one.first));
           return end != keys->ends.end() && end->second.unix_ns <= clock_.unix_ns();
         });
}

void session_keys::tell_refused(const publisher_keys& keys) {
  for (const auto& why : keys.refused)
    if (std::ranges::count(refused_, why) == 0) log_.warn("a key is left out: {}", why);
  refused_ = keys.refused;
}

/// Channels that lost their key; once each, until they have one again.
void session_keys::tell_silent(const publisher_keys& keys) {
  for (const auto& channel : channels_)
    if (keys.channels.contains(channel))
      silent_.erase(channel);
    else if (silent_.insert(channel).second)
      log_.error("nothing more is signed, so runtimes keep what they have: {}",
                 without_key(keys, folder_, channel).context);
}

void session_keys::tell_ends() {
  const auto now_ns = clock_.unix_ns();
  if (told_ends_unix_ns_ != 0 && now_ns - told_ends_unix_ns_ < ns_per_day) return;
  told_ends_unix_ns_ = now_ns;
  for (const auto& text : ends_told(*now(), now_ns)) log_.warn("{}", text);
}

std::function<chunk_service_sources::signed_list()> session_keys::revocations() const {
  return [this] {
    const auto keys = now();
    return chunk_service_sources::signed_list{keys->revocations_id,
                                              std::shared_ptr<const byte_vector>(keys, &keys->revocations)};
  };
}

void session_keys::on_change(std::function<void(const publisher_keys&)> use) {
  const std::lock_guard lock(using_);
  use_ = std::move(use);
  if (use_) use_(*now());
}

void session_keys::watch(std::function<result<void>()> changed) {
  thread_ = std::thread([this, changed = std::move(changed)] {
    name_thread("keys");
    std::unique_lock lock(mutex_);
    while (!stopping_.wait_for(lock, look_period, [this] { return stop_; })) {
      lock.unlock();
      const auto before = now();
      look();
      if (now() != before) {
        if (const auto done = changed(); !done)
          log_.error("what is shown is not signed with the new keys: {}", done.error().context);
        const std::lock_guard in_use(using_);
        if (use_) use_(*now());
      }
      lock.lock();
    }
  });
}

}  // namespace graphite
