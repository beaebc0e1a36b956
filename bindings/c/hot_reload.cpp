#include <atomic>
#include <chrono>

#include "bindings/c/live_context.hpp"
#include "bindings/c/sibling_library.hpp"
#include "platform/store/mapped_bundle.hpp"

using namespace graphite;
using namespace graphite::c_api;

#define GRAPHITE_TEXT_(name) #name
#define GRAPHITE_TEXT(name) GRAPHITE_TEXT_(name)

namespace {

constexpr std::uint32_t kept_max = 64;

/// The configuration of this version of the structure, from an older or this one.
result<graphite_hot_reload_config> checked(const graphite_hot_reload_config* from, const char* who) {
  const auto wrong = [&](const char* what) {
    return fail(errc::invalid_argument, std::string(who) + ": " + what);
  };
  if (from == nullptr) return wrong("a null configuration");
  if (from->size != sizeof *from)
    return wrong("the configuration's size is not this version's: call graphite_hot_reload_config_init()");
  if (from->kept_generations == 0 || from->kept_generations > kept_max)
    return wrong("kept_generations must be 1 to 64");
  return *from;
}

duration duration_of(std::uint64_t ns) {
  return duration(static_cast<duration::rep>(std::min<std::uint64_t>(ns, INT64_MAX / 4)));
}

/// By the library beside this one that subscribes.
result<std::unique_ptr<generation_feed>> follow_channel(feed_host& host, const channel_request& request) {
  GRAPHITE_TRY(void* const found,
               load_sibling("graphite-subscribe", GRAPHITE_TEXT(GRAPHITE_FOLLOW_CHANNEL), "subscribing"));
  auto* const follow = reinterpret_cast<follow_channel_function*>(found);
  result<std::unique_ptr<generation_feed>> out = nullptr;
  follow(&host, &request, &out);
  return out;
}

/// Of a function that needs the context's thread or locks.
graphite_result check_context(const graphite_hot_reload_context* context, const char* if_null) {
  if (context == nullptr) return invalid(if_null);
  if (context->is_of_this_process()) return GRAPHITE_SUCCESS;
  return failed(errc::cancelled, "the context is of the process that forked: this one needs its own");
}

std::span<const asset_id> ids_of(const std::uint64_t* ids, std::size_t count) {
  static_assert(sizeof(asset_id) == sizeof(std::uint64_t));
  return {reinterpret_cast<const asset_id*>(ids), count};
}

}  // namespace

void graphite_hot_reload_config_init(graphite_hot_reload_config* config) {
  if (config == nullptr) return;
  *config = {};
  config->size = sizeof *config;
  config->atomic_reload = true;
  config->preserve_handle_state = true;
  config->kept_generations = 2;
  config->held_pin_warning_ms = 10'000;
  config->crash_window_seconds = 10;
  config->crashes_max = 3;
}

graphite_hot_reload_context* graphite_hot_reload_init(const graphite_hot_reload_config* config) {
  graphite_hot_reload_context* out = nullptr;
  (void)guarded([&] {
    const auto good = checked(config, "graphite_hot_reload_init");
    if (!good) return failed(good.error());
    if (good->watch_directory == nullptr && good->bundle_path == nullptr)
      return invalid("graphite_hot_reload_init: neither watch_directory nor bundle_path says what to follow");
    if (good->on_demand) return invalid("graphite_hot_reload_init: on_demand is for graphite_subscribe()");
    if (good->keys_directory != nullptr || good->root_pins != nullptr)
      return invalid("graphite_hot_reload_init: keys_directory and root_pins are for graphite_subscribe()");
    auto made = live_context::make(live_config(*good));
    if (!made) return failed(made.error());
    (*made)->start(follow_folder(**made));
    out = new graphite_hot_reload_context{std::move(*made)};
    return GRAPHITE_SUCCESS;
  });
  return out;
}

graphite_result graphite_subscribe(const char* address, const char* channel,
                                   const graphite_hot_reload_config* config,
                                   graphite_hot_reload_context** out) {
  return guarded([&] {
    if (address == nullptr || out == nullptr) return invalid("graphite_subscribe: a null argument");
    *out = nullptr;
    const auto good = checked(config, "graphite_subscribe");
    if (!good) return failed(good.error());
    if (good->watch_directory == nullptr || good->bundle_path != nullptr)
      return invalid(
          "graphite_subscribe: watch_directory says where to keep the channel, bundle_path is not used");
    live_config mine(*good);
    if (mine.state_directory.empty()) mine.state_directory = mine.watch_directory + "/.graphite";
    auto made = live_context::make(std::move(mine));
    if (!made) return failed(made.error());
    auto feed = follow_channel(**made, {address, channel ? channel : "", good->watch_directory,
                                        good->keys_directory ? good->keys_directory : "",
                                        good->root_pins ? good->root_pins : "", good->on_demand});
    if (!feed) return failed(feed.error());
    (*made)->start(std::move(*feed));
    *out = new graphite_hot_reload_context{std::move(*made)};
    return GRAPHITE_SUCCESS;
  });
}

void graphite_hot_reload_shutdown(graphite_hot_reload_context* context) {
  if (context == nullptr || !context->is_of_this_process()) return;
  if (context->live->may_shut_down()) delete context;
}

const graphite_atomic_bundle* graphite_hot_reload_bundle(const graphite_hot_reload_context* context) {
  return &context->live->bundle();
}

graphite_result graphite_poll(graphite_hot_reload_context* context, uint64_t budget_ns, size_t* left) {
  return guarded([&] {
    if (const auto good = check_context(context, "graphite_poll: a null context"); good != GRAPHITE_SUCCESS)
      return good;
    bool shut_down = false;
    const auto outcome = context->live->poll(budget_ns, left, shut_down);
    if (shut_down) delete context;
    return outcome;
  });
}

graphite_result graphite_wait(graphite_hot_reload_context* context, uint64_t version, uint64_t timeout_ns) {
  return guarded([&] {
    if (const auto good = check_context(context, "graphite_wait: a null context"); good != GRAPHITE_SUCCESS)
      return good;
    return context->live->wait(version, duration_of(timeout_ns));
  });
}

int graphite_hot_reload_descriptor(const graphite_hot_reload_context* context) {
  return context->live->descriptor();
}

// ---- handles

graphite_result graphite_handle_open(graphite_hot_reload_context* context, uint64_t id,
                                     graphite_handle* out) {
  return guarded([&] {
    if (context == nullptr || out == nullptr) return invalid("graphite_handle_open: a null argument");
    *out = 0;
    if (const auto good = check_context(context, ""); good != GRAPHITE_SUCCESS) return good;
    return context->live->open_handle(id, *out);
  });
}

void graphite_handle_close(graphite_hot_reload_context* context, graphite_handle handle) {
  if (context != nullptr && context->is_of_this_process()) context->live->close_handle(handle);
}

namespace {

graphite_result check_handle(const handle_table::info& handle) {
  if (handle.what == handle_table::state::closed) return invalid("the handle is not open");
  if (handle.what == handle_table::state::stale)
    return failed(GRAPHITE_ERROR_STALE_HANDLE, "the handle's asset has changed: open it anew");
  return GRAPHITE_SUCCESS;
}

/// What pinned() holds is given up again, whatever happens.
class current_pin {
 public:
  explicit current_pin(const graphite_atomic_bundle& in)
      : in_(in), bundle_(graphite_acquire_reader(&in, &version)) {}
  ~current_pin() { graphite_release_reader(&in_); }
  current_pin(const current_pin&) = delete;
  current_pin& operator=(const current_pin&) = delete;
  const shown_generation* get() const { return from_c(bundle_); }
  std::uint64_t version = 0;

 private:
  const graphite_atomic_bundle& in_;
  const graphite_bundle* bundle_;
};

graphite_result read_part(live_context& live, asset_id id, std::uint32_t index, graphite_view& out) {
  const current_pin now(live.bundle());
  const generation& source = now.get()->source_of(id);
  mapped_asset asset;
  switch (source.find(id, asset)) {
    case lookup_result::absent:
      return failed(GRAPHITE_ERROR_REMOVED, "the handle's asset is gone");
    case lookup_result::corrupt:
      return failed(errc::corrupt, "an index page is damaged");
    case lookup_result::found:
      break;
  }
  mapped_part part;
  if (index >= asset.parts) return failed(errc::not_found, "the asset has no such part");
  if (!mapped_index::part(asset, index, part)) return failed(errc::corrupt, "an index page is damaged");
  auto held = source.hold(part);
  if (!held) {
    live.note_missing();
    return failed_read(source, id, held.error());
  }
  out.version = now.version;
  if (part.size == 0) return GRAPHITE_SUCCESS;
  out.data = held->bytes.data();
  out.size = held->bytes.size();
  new (out.owner_) bundle_files::mapping(std::move(held->owner));
  return GRAPHITE_SUCCESS;
}

static_assert(sizeof(bundle_files::mapping) == sizeof(graphite_view::owner_) &&
              alignof(bundle_files::mapping) <= alignof(void*));

}  // namespace

graphite_result graphite_handle_read(graphite_hot_reload_context* context, graphite_handle handle,
                                     uint32_t part, graphite_view* out) {
  return guarded([&] {
    if (context == nullptr || out == nullptr) return invalid("graphite_handle_read: a null argument");
    *out = {};
    const auto known = context->live->handles().look(handle);
    if (const auto good = check_handle(known); good != GRAPHITE_SUCCESS) return good;
    return read_part(*context->live, known.id, part, *out);
  });
}

graphite_result graphite_handle_changed(graphite_hot_reload_context* context, graphite_handle handle,
                                        uint64_t* version, uint64_t* id) {
  return guarded([&] {
    if (context == nullptr) return invalid("graphite_handle_changed: a null context");
    const auto known = context->live->handles().look(handle);
    if (version != nullptr) *version = known.changed;
    if (id != nullptr) *id = known.id.value;
    return check_handle(known);
  });
}

void graphite_view_release(graphite_view* view) {
  if (view == nullptr || view->data == nullptr) return;
  reinterpret_cast<bundle_files::mapping*>(view->owner_)->~shared_ptr();
  *view = {};
}

// ---- going back, on demand, statistics

size_t graphite_hot_reload_generations(const graphite_hot_reload_context* context,
                                       graphite_generation_info* out, size_t capacity) {
  return context->is_of_this_process() ? context->live->generations(out, capacity) : 0;
}

graphite_result graphite_rollback(graphite_hot_reload_context* context, uint32_t steps) {
  return guarded([&] {
    if (const auto good = check_context(context, "graphite_rollback: a null context");
        good != GRAPHITE_SUCCESS)
      return good;
    return context->live->roll_back(steps);
  });
}

graphite_result graphite_resume(graphite_hot_reload_context* context) {
  return guarded([&] {
    if (const auto good = check_context(context, "graphite_resume: a null context"); good != GRAPHITE_SUCCESS)
      return good;
    return context->live->resume();
  });
}

graphite_result graphite_fetch(graphite_hot_reload_context* context, const uint64_t* ids, size_t count) {
  return guarded([&] {
    if (context == nullptr || (ids == nullptr && count > 0))
      return invalid("graphite_fetch: a null argument");
    if (const auto good = check_context(context, ""); good != GRAPHITE_SUCCESS) return good;
    return context->live->want(ids_of(ids, count));
  });
}

graphite_result graphite_fetch_wait(graphite_hot_reload_context* context, uint64_t id, uint64_t timeout_ns) {
  return guarded([&] {
    if (const auto good = check_context(context, "graphite_fetch_wait: a null context");
        good != GRAPHITE_SUCCESS)
      return good;
    return context->live->wait_for({id}, duration_of(timeout_ns));
  });
}

namespace {

/// The caller's buffers while they are ours; nothing where another reload has them.
class claimed_buffers {
 public:
  explicit claimed_buffers(graphite_reload_buffers* from) {
    if (from != nullptr && std::atomic_ref(from->buffer_in_use).exchange(1, std::memory_order_acquire) == 0)
      from_ = from;
  }
  ~claimed_buffers() {
    if (from_ != nullptr) std::atomic_ref(from_->buffer_in_use).store(0, std::memory_order_release);
  }
  claimed_buffers(const claimed_buffers&) = delete;
  claimed_buffers& operator=(const claimed_buffers&) = delete;

  std::span<std::byte> staging() const {
    if (from_ == nullptr || from_->staging_buffer == nullptr) return {};
    return {static_cast<std::byte*>(from_->staging_buffer), from_->staging_size};
  }
  std::span<std::byte> copy() const {
    if (from_ == nullptr || from_->copy_buffer == nullptr) return {};
    return {static_cast<std::byte*>(from_->copy_buffer), from_->copy_size};
  }

 private:
  graphite_reload_buffers* from_ = nullptr;
};

}  // namespace

graphite_result graphite_optimized_reload(graphite_hot_reload_context* context, const char* new_bundle_path,
                                          graphite_reload_buffers* buffers) {
  return guarded([&] {
    if (context == nullptr || new_bundle_path == nullptr)
      return invalid("graphite_optimized_reload: a null argument");
    if (const auto good = check_context(context, ""); good != GRAPHITE_SUCCESS) return good;
    const claimed_buffers mine(buffers);
    std::pmr::monotonic_buffer_resource lists(mine.copy().data(), mine.copy().size(), library_memory());
    const auto begun = std::chrono::steady_clock::now();
    auto files = map_bundle(new_bundle_path);
    if (!files) return failed(files.error());
    auto opened = generation::open(std::move(*files), library_hasher());
    if (!opened)
      return failed(opened.error().code, std::string(new_bundle_path) + ": " + opened.error().context);
    const live_context::staging_memory staging{mine.staging(), &lists,
                                               std::chrono::steady_clock::now() - begun, true};
    const auto how = context->live->offer(std::move(*opened), false, staging);
    if (!how) return failed(how.error());
    if (*how == feed_host::offered::taken) return GRAPHITE_SUCCESS;
    return failed(errc::stale_epoch, std::string(new_bundle_path) +
                                         " is not newer than what was current, or of another channel");
  });
}

graphite_result graphite_hot_reload_statistics(const graphite_hot_reload_context* context,
                                               graphite_statistics* out) {
  return guarded([&] {
    if (context == nullptr || out == nullptr)
      return invalid("graphite_hot_reload_statistics: a null argument");
    if (out->size != sizeof *out) return invalid("graphite_hot_reload_statistics: an unknown size");
    if (const auto good = check_context(context, ""); good != GRAPHITE_SUCCESS) return good;
    context->live->statistics(*out);
    return GRAPHITE_SUCCESS;
  });
}
