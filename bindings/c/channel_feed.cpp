#include <chrono>
#include <future>
#include <thread>

#include "bindings/c/demand.hpp"
#include "bindings/c/feed.hpp"
#include "cli/bundle_sink.hpp"
#include "cli/subscription.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/background_thread.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/store/mapped_bundle.hpp"

namespace graphite::c_api {
namespace {

/// Follows a channel into a bundle folder and offers what the folder shows.
class channel_feed final : public generation_feed, subscription_listener {
 public:
  channel_feed(feed_host& host, const channel_request& request) : host_(host), into_(request.folder) {
    options_.from = request.address;
    options_.channel = request.channel;
    options_.into = into_;
    options_.keys = request.keys;
    options_.root = request.root;
    options_.on_demand = request.on_demand;
    if (request.on_demand) demand_ = std::make_shared<demand>([this] { wake(); });
    options_.open_state = [this](state_trust trust) -> result<std::unique_ptr<subscriber_state>> {
      bundle_sink_options folder;
      folder.folder = into_;
      folder.contents_later = options_.on_demand;
      GRAPHITE_TRY(auto opened, bundle_sink::open(std::move(folder), trust, hash_, host_.log()));
      sink_ = opened.get();
      return opened;
    };
  }
  ~channel_feed() override {
    if (demand_) demand_->close();
    stopping_.store(true);
    wake();
    if (thread_.joinable()) thread_.join();
  }

  /// Waits until what the folder has from before is shown. Errors: those of run_subscription.
  result<void> start() {
    auto opened = opened_.get_future();
    thread_ = std::thread([this] {
      name_thread("graphite-feed");
      work_in_background();
      const auto ended = run_subscription(options_, hash_, host_.log(), *this);
      if (!is_open_) return opened_.set_value(ended ? fail(errc::cancelled, "stopped") : ended);
      if (!ended) host_.ended(ended.error());
    });
    return opened.get();
  }
  bool connected() const override { return connected_.load(std::memory_order_relaxed); }
  std::uint64_t fetched_bytes() const override { return fetched_.load(std::memory_order_relaxed); }
  result<void> want(std::span<const asset_id> ids) override {
    if (!demand_) return fail(errc::unsupported, "only what was subscribed on demand can be fetched");
    for (const auto id : ids)
      if (!demand_->want(id)) return fail(errc::too_large, "as many assets are asked for as there can be");
    return {};
  }
  void look_again() override {
    again_.store(true);
    wake();
  }

 private:
  void wake() {
    const std::lock_guard lock(mutex_);
    if (link_ != nullptr) link_->wake();
  }

  void on_link(runtime_link* link) override {
    const std::lock_guard lock(mutex_);
    link_ = link;
  }
  bool stopping() const override { return stopping_.load(); }
  void on_open(const std::optional<head>& active) override {
    // The folder may be another one now.
    if (demand_) {
      demand_->reopen();
      files_ = std::make_shared<const demand_files>(into_, demand_);
      book_.emplace(*demand_);
    } else {
      files_ = std::make_shared<const mapped_bundle_folder>(into_);
    }
    if (active) show();
    if (!std::exchange(is_open_, true)) opened_.set_value({});
  }
  void on_swap(const generation_swapped& swap, const swap_clock&) override {
    fetched_.fetch_add(swap.bytes_fetched, std::memory_order_relaxed);
    show();
  }
  void on_contents(const std::vector<digest>& contents, bool here, std::uint64_t bytes_fetched) override {
    fetched_.fetch_add(bytes_fetched, std::memory_order_relaxed);
    for (const auto& id : contents) {
      const auto* const content = book_->content(id);
      const auto place = here && content != nullptr ? sink_->place_of(*content) : std::nullopt;
      host_.arrived(book_->close(id, place), place.has_value());
    }
  }
  std::pair<subscriber::commands, time_point> between_events(subscriber& core, instant at) override {
    connected_.store(core.connected(), std::memory_order_relaxed);
    if (again_.exchange(false)) show();
    subscriber::commands commands;
    if (demand_)
      if (const auto asked = demand_->take(); !asked.empty()) commands = core.want(contents_of(asked), at);
    return {std::move(commands), host_.upkeep()};
  }

  /// As they are in the newest generation.
  std::vector<content_want> contents_of(const std::vector<asset_id>& assets) {
    std::vector<content_want> out;
    const auto tree = sink_->folder().tree();
    for (const auto id : assets) {
      const auto found = tree ? tree->find(id) : tl::unexpected(tree.error());
      if (!found || !*found) {
        demand_->settle(id);
        host_.arrived({&id, 1}, false);
        continue;
      }
      const auto contents = book_->open(id, (*found)->record);
      if (contents.empty()) {
        demand_->settle(id);
        host_.arrived({&id, 1}, true);
      }
      for (const auto& content : contents) out.push_back({content, std::nullopt, id});
    }
    return out;
  }

  void show() {
    const auto head = files_->head();
    const auto shown = head ? host_.offer(*head, files_, true) : tl::unexpected(head.error());
    if (!shown) host_.note_failure(shown.error());
  }

  feed_host& host_;
  const openssl_hasher hash_;
  const std::string into_;
  subscription_options options_;
  std::shared_ptr<const bundle_files> files_;
  bundle_sink* sink_ = nullptr;     ///< of the session that runs
  std::shared_ptr<demand> demand_;  ///< null: all contents come with their generation
  std::optional<demand_book> book_;
  std::promise<result<void>> opened_;
  bool is_open_ = false;  ///< of the thread
  std::atomic<bool> stopping_{false}, again_{false}, connected_{false};
  std::atomic<std::uint64_t> fetched_{0};
  std::mutex mutex_;
  runtime_link* link_ = nullptr;
  std::thread thread_;
};

}  // namespace

}  // namespace graphite::c_api

extern "C" __attribute__((visibility("default"))) void GRAPHITE_FOLLOW_CHANNEL(
    graphite::c_api::feed_host* host, const graphite::c_api::channel_request* request,
    graphite::result<std::unique_ptr<graphite::c_api::generation_feed>>* out) {
  auto feed = std::make_unique<graphite::c_api::channel_feed>(*host, *request);
  if (const auto started = feed->start(); started)
    *out = std::move(feed);
  else
    *out = tl::unexpected(started.error());
}
