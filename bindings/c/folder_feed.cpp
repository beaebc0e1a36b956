#include <chrono>
#include <filesystem>
#include <thread>

#include "bindings/c/live_context.hpp"
#include "bundle/head_codec.hpp"
#include "platform/linux/background_thread.hpp"
#include "platform/linux/name_watch.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/store/mapped_bundle.hpp"
#include "runtime/settle_timer.hpp"

namespace graphite::c_api {
namespace {

constexpr duration look_period = seconds(1);  ///< where the system tells nothing
constexpr duration retry_first = milliseconds(20), retry_last = seconds(2);

time_point feed_now() { return std::chrono::steady_clock::now(); }

/// Follows the file `head` in a bundle folder, or an exported file.
class folder_feed final : public generation_feed {
 public:
  explicit folder_feed(live_context& context)
      : context_(context),
        path_(path_of(context.config())),
        watch_(watched_folder(context.config()), watched_name(context.config())) {
    look();
    thread_ = std::thread([this] {
      name_thread("graphite-follow");
      run();
    });
  }
  ~folder_feed() override {
    stopping_.store(true);
    watch_.wake();
    thread_.join();
  }
  bool connected() const override { return true; }
  result<void> want(std::span<const asset_id>) override {
    return fail(errc::unsupported, "only what was subscribed on demand can be fetched");
  }
  void look_again() override {
    again_.store(true);
    watch_.wake();
  }

 private:
  static std::string path_of(const live_config& config) {
    if (config.bundle_path.empty()) return config.watch_directory;
    return (std::filesystem::path(config.watch_directory) / config.bundle_path).string();
  }
  static std::string watched_folder(const live_config& config) {
    if (config.bundle_path.empty()) return config.watch_directory;
    const auto folder = std::filesystem::path(path_of(config)).parent_path().string();
    return folder.empty() ? "." : folder;
  }
  static std::string watched_name(const live_config& config) {
    if (config.bundle_path.empty()) return "head";
    return std::filesystem::path(config.bundle_path).filename().string();
  }

  void run() {
    work_in_background();
    settle_timer settled(milliseconds(context_.config().raw.debounce_ms));
    auto look_at = feed_now() + look_period;  // whatever is told
    while (!stopping_.load()) {
      const auto upkeep = context_.upkeep();
      const auto until = std::min({settled.due(), upkeep, look_at, retry_at_});
      const auto why = watch_.wait(std::max(duration::zero(), until - feed_now()));
      const bool again = again_.exchange(false);
      if (again) seen_.clear();
      if (why == name_watch::reason::changed) settled.changed(feed_now());
      const bool due = std::min(settled.due(), retry_at_) <= feed_now();
      const bool waits = settled.due() != time_point::max();
      if (!again && !due && (waits || feed_now() < look_at)) continue;
      settled.done();
      look_at = feed_now() + look_period;
      look();
    }
  }

  /// Takes up what is newest, unless it was looked at already.
  void look() {
    const auto looked = look_once();
    if (looked || looked.error().code == errc::not_found) {
      retry_after_ = retry_first;
      retry_at_ = time_point::max();
      return;
    }
    if (failing_ != looked.error().context) context_.note_failure(looked.error());
    failing_ = looked.error().context;
    retry_at_ = feed_now() + retry_after_;
    retry_after_ = std::min(2 * retry_after_, retry_last);
  }

  result<void> look_once() {
    // An exported file is another one each time; a folder's mappings are shared from generation to
    // generation.
    if (!files_ || !context_.config().bundle_path.empty()) {
      GRAPHITE_TRY(files_, map_bundle(path_));
    }
    GRAPHITE_TRY(auto head, files_->head());
    if (head == seen_) return {};
    GRAPHITE_TRY([[maybe_unused]] const auto how, context_.offer(head, files_, false));
    seen_ = std::move(head);
    failing_.clear();
    return {};
  }

  live_context& context_;
  const std::string path_;
  name_watch watch_;
  std::atomic<bool> stopping_{false}, again_{false};
  std::shared_ptr<const bundle_files> files_;
  byte_vector seen_;  ///< head that was taken up or refused
  std::string failing_;
  duration retry_after_ = retry_first;
  time_point retry_at_ = time_point::max();
  std::thread thread_;
};

}  // namespace

std::unique_ptr<generation_feed> follow_folder(live_context& context) {
  return std::make_unique<folder_feed>(context);
}

}  // namespace graphite::c_api
