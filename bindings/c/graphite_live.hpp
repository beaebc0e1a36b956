/* C++17 over graphite_live.h, header only; included by graphite.hpp. */
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graphite.hpp"

namespace graphite {

/// A part's bytes, held as long as this lives. Movable.
class view {
 public:
  view() = default;
  view(view&& other) noexcept : held_(std::exchange(other.held_, {})) {}
  view& operator=(view&& other) noexcept {
    view taken(std::move(other));
    std::swap(held_, taken.held_);  // what it held is given up now
    return *this;
  }
  ~view() { graphite_view_release(&held_); }

  std::string_view bytes() const noexcept {
    return {static_cast<const char*>(held_.data), static_cast<std::size_t>(held_.size)};
  }
  std::uint64_t version() const noexcept { return held_.version; }
  graphite_view* out() noexcept { return &held_; }

 private:
  graphite_view held_{};
};

/// What to follow, how, and whom to call back.
struct follow_options {
  follow_options() { graphite_hot_reload_config_init(&config); }

  graphite_hot_reload_config config;  ///< strings, callbacks and user_data are filled in from below
  std::string folder, file, state_folder;
  std::string keys_folder, root_pins;  ///< of a channel: see graphite_hot_reload_config
  std::function<void(const graphite_changes&)> on_generation;
  std::function<void(const graphite_asset_event&)> on_asset;
};

/// Memory that reloads use instead of allocating, one at a time; others allocate. Not movable: the library
/// writes into it. To outlive every reload() that has it.
class reload_buffers {
 public:
  /// `changed_assets`: for which there is room in the lists of a reload.
  explicit reload_buffers(std::size_t staging_bytes = 1 << 20, std::size_t changed_assets = 4096)
      : staging_(staging_bytes), copy_(changed_assets * 32) {
    held_ = {staging_.data(), staging_.size(), copy_.data(), copy_.size(), 0};
  }
  reload_buffers(const reload_buffers&) = delete;
  reload_buffers& operator=(const reload_buffers&) = delete;
  graphite_reload_buffers* get() noexcept { return &held_; }

 private:
  std::vector<std::byte> staging_, copy_;
  graphite_reload_buffers held_;
};

/// Owns a graphite_hot_reload_context. Not movable: callbacks point to it. A callback may throw: poll() then
/// throws it on, and what it was told counts as told.
class followed_bundle {
 public:
  /// Follows options.folder or options.file.
  explicit followed_bundle(follow_options options) : options_(std::move(options)) {
    prepare();
    context_ = graphite_hot_reload_init(&options_.config);
    if (context_ == nullptr) detail::check(graphite_last_result());
  }
  /// Follows a channel and keeps it in options.folder. `channel` empty: the only one.
  followed_bundle(const std::string& address, const std::string& channel, follow_options options)
      : options_(std::move(options)) {
    prepare();
    detail::check(graphite_subscribe(address.c_str(), channel.empty() ? nullptr : channel.c_str(),
                                     &options_.config, &context_));
  }
  ~followed_bundle() { graphite_hot_reload_shutdown(context_); }
  followed_bundle(const followed_bundle&) = delete;
  followed_bundle& operator=(const followed_bundle&) = delete;

  graphite_hot_reload_context* get() const noexcept { return context_; }
  /// For pinned.
  const graphite_atomic_bundle& place() const noexcept { return *graphite_hot_reload_bundle(context_); }
  /// How many asset callbacks are left.
  std::size_t poll(std::uint64_t budget_ns = UINT64_MAX) {
    std::size_t left = 0;
    const auto result = graphite_poll(context_, budget_ns, &left);
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    detail::check(result);
    return left;
  }
  /// False where no version above `version` came in time.
  bool wait(std::uint64_t version, std::uint64_t timeout_ns) {
    const auto result = graphite_wait(context_, version, timeout_ns);
    if (result != GRAPHITE_ERROR_TIMED_OUT) detail::check(result);
    return result == GRAPHITE_SUCCESS;
  }
  graphite_statistics statistics() const {
    graphite_statistics out{};
    out.size = sizeof out;
    detail::check(graphite_hot_reload_statistics(context_, &out));
    return out;
  }
  std::vector<graphite_generation_info> generations() const {
    std::vector<graphite_generation_info> out(graphite_hot_reload_generations(context_, nullptr, 0));
    out.resize(std::min(out.size(), graphite_hot_reload_generations(context_, out.data(), out.size())));
    return out;
  }
  void roll_back(std::uint32_t steps = 1) { detail::check(graphite_rollback(context_, steps)); }
  void resume() { detail::check(graphite_resume(context_)); }
  /// Makes the bundle at `path` current, as if it had come by itself. Throws stale_epoch where it is not
  /// newer.
  void reload(const std::string& path) {
    detail::check(graphite_optimized_reload(context_, path.c_str(), nullptr));
  }
  void reload(const std::string& path, reload_buffers& buffers) {
    detail::check(graphite_optimized_reload(context_, path.c_str(), buffers.get()));
  }
  /// On demand: asks for the bytes of these assets, and does not wait.
  void fetch(const std::vector<std::uint64_t>& ids) {
    detail::check(graphite_fetch(context_, ids.data(), ids.size()));
  }
  /// On demand: waits until the asset's bytes are here. False where they did not come in time.
  bool fetch_wait(std::uint64_t id, std::uint64_t timeout_ns) {
    const auto result = graphite_fetch_wait(context_, id, timeout_ns);
    if (result != GRAPHITE_ERROR_TIMED_OUT) detail::check(result);
    return result == GRAPHITE_SUCCESS;
  }
  /// Readable (poll(2)) while poll() has something to tell.
  int descriptor() const noexcept { return graphite_hot_reload_descriptor(context_); }

 private:
  static const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }
  template <class Call>
  static void call(void* self, Call callback) {
    auto& context = *static_cast<followed_bundle*>(self);
    try {
      callback(context.options_);
    } catch (...) {
      context.thrown_ = std::current_exception();
    }
  }
  void prepare() {
    auto& config = options_.config;
    config.watch_directory = or_null(options_.folder);
    config.bundle_path = or_null(options_.file);
    config.state_directory = or_null(options_.state_folder);
    config.keys_directory = or_null(options_.keys_folder);
    config.root_pins = or_null(options_.root_pins);
    config.user_data = this;
    config.callback = nullptr;  // on_generation tells all that it would
    config.changes_callback = nullptr;
    config.asset_callback = nullptr;
    if (options_.on_generation)
      config.changes_callback = [](const graphite_changes* changes, void* self) {
        call(self, [&](follow_options& options) { options.on_generation(*changes); });
      };
    if (options_.on_asset)
      config.asset_callback = [](const graphite_asset_event* event, void* self) {
        call(self, [&](follow_options& options) { options.on_asset(*event); });
      };
  }

  follow_options options_;
  graphite_hot_reload_context* context_ = nullptr;
  std::exception_ptr thrown_;
};

/// Owns one reference to an asset's handle. Its context must outlive it.
class asset_handle {
 public:
  asset_handle() = default;
  asset_handle(const followed_bundle& in, std::string_view path)
      : asset_handle(in, graphite_asset_id(path.data(), path.size())) {}
  asset_handle(const followed_bundle& in, std::uint64_t id) : context_(in.get()) {
    detail::check(graphite_handle_open(context_, id, &handle_));
  }
  asset_handle(asset_handle&& other) noexcept
      : context_(other.context_), handle_(std::exchange(other.handle_, 0)) {}
  asset_handle& operator=(asset_handle&& other) noexcept {
    asset_handle taken(std::move(other));
    std::swap(context_, taken.context_);  // what it had is given up now
    std::swap(handle_, taken.handle_);
    return *this;
  }
  ~asset_handle() {
    if (handle_ != 0) graphite_handle_close(context_, handle_);
  }

  graphite_handle get() const noexcept { return handle_; }
  /// Throws failure: removed, stale_handle, not_ready …
  view read(std::uint32_t part = 0) const {
    view out;
    detail::check(graphite_handle_read(context_, handle_, part, out.out()));
    return out;
  }
  /// The same without exceptions, for reads on demand; `into` is empty where it is no success.
  graphite_result read_into(view& into, std::uint32_t part = 0) const noexcept {
    view out;
    const auto result = graphite_handle_read(context_, handle_, part, out.out());
    into = std::move(out);
    return result;
  }
  /// The version with which it last changed; 0: not since it was opened.
  std::uint64_t changed() const {
    std::uint64_t version = 0;
    detail::check(graphite_handle_changed(context_, handle_, &version, nullptr));
    return version;
  }
  /// Of its asset.
  std::uint64_t id() const {
    std::uint64_t out = 0;
    detail::check(graphite_handle_changed(context_, handle_, nullptr, &out));
    return out;
  }

 private:
  graphite_hot_reload_context* context_ = nullptr;
  graphite_handle handle_ = 0;
};

}  // namespace graphite
