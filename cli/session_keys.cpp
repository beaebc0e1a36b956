#include "cli/session_keys.hpp"

#include <fmt/format.h>

#include "platform/keys/key_file.hpp"
#include "platform/linux/thread_name.hpp"

namespace graphite {

namespace {

constexpr auto look_period = std::chrono::seconds(1);

/// What the signer needs. The secrets stay with `from`.
channel_signer::keys signer_keys(const std::shared_ptr<const publisher_keys>& from) {
  channel_signer::keys out;
  for (const auto& [channel, key] : from->channels)
    out.channels[channel] = {key.statement, std::shared_ptr<const message_signer>(from, key.signer.get())};
  const auto& vouchers = from->vouchers;
  const auto first = vouchers.size() - std::min(vouchers.size(), trust_news::vouchers_max);
  for (std::size_t i = first; i < vouchers.size(); ++i)
    out.news.vouchers.push_back(encode_signed(vouchers[i]));
  if (from->revocations.size() <= trust_news::revocations_bytes_max) out.news.revocations = from->revocations;
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
  GRAPHITE_TRY(out->version_, publisher_keys_version(folder));
  GRAPHITE_CHECK(out->load());
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
  for (const auto& channel : channels_)
    if (!loaded->channels.contains(channel))
      return fail(
          errc::permission_denied,
          fmt::format("channel {} has no key in {}: `graphite keys channel DIR {}` makes one, where the "
                      "root is",
                      channel, folder_, channel));
  if (loaded->revocations.size() > trust_news::revocations_bytes_max)
    log_.warn("{} bytes of revoked keys are too many for a heartbeat: runtimes are not told of them",
              loaded->revocations.size());
  if (signer_)
    signer_->replace(signer_keys(loaded));
  else
    signer_ = std::make_unique<channel_signer>(signer_keys(loaded));
  const std::lock_guard lock(mutex_);
  keys_ = std::move(loaded);
  return {};
}

/// One look. A version whose keys cannot be used is told once.
void session_keys::look() {
  auto version = publisher_keys_version(folder_);
  if (!version || *version == version_) return;
  version_ = std::move(*version);
  if (const auto loaded = load(); !loaded)
    log_.error("the keys have changed and cannot be used, the old ones stay: {}", loaded.error().context);
  else
    log_.info("the keys in {} have changed: they count from now on", folder_);
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
