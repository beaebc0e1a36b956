#include "GraphiteCore.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "GraphiteLibrary.h"

namespace graphite_unreal {
namespace {

using steady = std::chrono::steady_clock;

std::uint64_t id_of(std::string_view path) { return graphite_asset_id(path.data(), path.size()); }

outcome failed(graphite_result why) { return {static_cast<int>(why), graphite_last_error()}; }

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// Whether the rule's name says everything of the path: "dir/name.ext", with no '_' behind the dot.
bool is_plain(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto dot = name.find('.');
  if (dot == 0 || dot == std::string_view::npos || name.find('_', dot) != std::string_view::npos)
    return false;
  const auto at = path.size() - name.size() + dot;
  for (std::size_t i = 0; i < path.size(); ++i)
    if (i != at && path[i] != '/' && !is_plain(path[i])) return false;
  return true;
}

std::string path_in(const graphite_bundle* bundle, std::uint64_t id) {
  graphite_asset asset;
  if (bundle == nullptr || graphite_find(bundle, id, &asset) != GRAPHITE_SUCCESS) return {};
  return {asset.path, asset.path_length};
}

}  // namespace

// ---- names

void object_paths::bind(std::string_view path, std::string object_path) {
  bound_.insert_or_assign(std::string(path), std::move(object_path));
}

std::string object_paths::of(std::string_view path) const {
  if (const auto found = bound_.find(path); found != bound_.end()) return found->second;
  std::string out = mount_ + '/';
  for (const char c : path) out += c == '/' || is_plain(c) ? c : '_';
  if (!is_plain(path)) {
    char id[24];
    std::snprintf(id, sizeof id, "_%016llx", static_cast<unsigned long long>(id_of(path)));
    out += id;
  }
  return out + '.' + out.substr(out.rfind('/') + 1);
}

std::string object_paths::package_of(std::string_view object_path) {
  return std::string(object_path.substr(0, object_path.rfind('.')));
}

// ---- bytes

struct held_bytes::view {
  view() = default;
  ~view() { graphite_view_release(&held); }
  view(const view&) = delete;
  view& operator=(const view&) = delete;
  graphite_view held{};
};

held_bytes::held_bytes() = default;
held_bytes::~held_bytes() = default;
held_bytes::held_bytes(held_bytes&&) noexcept = default;
held_bytes& held_bytes::operator=(held_bytes&&) noexcept = default;
const std::uint8_t* held_bytes::data() const {
  return view_ ? static_cast<const std::uint8_t*>(view_->held.data) : nullptr;
}
std::size_t held_bytes::size() const { return view_ ? static_cast<std::size_t>(view_->held.size) : 0; }

// ---- following

struct follower::state {
  state(engine& of, object_paths names) : host(of), paths(std::move(names)) {}

  engine& host;
  object_paths paths;
  std::size_t batch_max = 1;
  graphite_hot_reload_context* context = nullptr;
  bool polling = false;
  std::size_t left = 0;

  // What the step that runs was told. The library's callbacks only note it: the engine is called when they
  // have returned.
  bool heard_first = false, heard_generation = false, heard_asset = false;
  dirty_asset asset;

  std::vector<dirty_asset> batch;  ///< marked, and the registry does not know yet
  bool everything = false;         ///< the same, of a first generation
  bool garbage = false;            ///< something was replaced since the last collection

  bool heard() const { return heard_first || heard_generation || heard_asset; }
  void forget() { heard_first = heard_generation = heard_asset = false; }

  static void note_changes(const graphite_changes* changes, void* self) {
    auto& at = *static_cast<state*>(self);
    at.heard_generation = true;
    at.heard_first = changes->old_bundle == nullptr;
  }
  static void note_asset(const graphite_asset_event* event, void* self) {
    auto& at = *static_cast<state*>(self);
    at.heard_asset = true;
    at.asset.id = event->id;
    at.asset.change = static_cast<asset_change>(event->type);
    at.asset.path = path_in(event->new_bundle, event->id);
    if (at.asset.path.empty()) at.asset.path = path_in(event->old_bundle, event->id);
    at.asset.object_path = at.paths.of(at.asset.path);
  }
};

static_assert(static_cast<int>(asset_change::added) == GRAPHITE_ASSET_ADDED &&
                  static_cast<int>(asset_change::changed) == GRAPHITE_ASSET_CHANGED &&
                  static_cast<int>(asset_change::removed) == GRAPHITE_ASSET_REMOVED &&
                  static_cast<int>(asset_change::arrived) == GRAPHITE_ASSET_ARRIVED,
              "changes are graphite_asset_event_type by number");

follower::follower(engine& of, object_paths paths) : state_(std::make_unique<state>(of, std::move(paths))) {}
follower::~follower() { stop(); }

outcome follower::follow(const follow_settings& what) {
  stop();
  auto& at = *state_;
  at.batch_max = std::max<std::size_t>(what.batch_max, 1);
  graphite_hot_reload_config config;
  graphite_hot_reload_config_init(&config);
  config.watch_directory = what.folder.empty() ? nullptr : what.folder.c_str();
  config.changes_callback = &state::note_changes;
  config.asset_callback = &state::note_asset;
  config.user_data = &at;
  if (what.address.empty()) {
    at.context = graphite_hot_reload_init(&config);
    return at.context ? outcome() : failed(graphite_last_result());
  }
  if (!what.keys.empty()) config.keys_directory = what.keys.c_str();
  if (!what.root_pins.empty()) config.root_pins = what.root_pins.c_str();
  const auto* const channel = what.channel.empty() ? nullptr : what.channel.c_str();
  const auto result = graphite_subscribe(what.address.c_str(), channel, &config, &at.context);
  return result == GRAPHITE_SUCCESS ? outcome() : failed(result);
}

void follower::stop() {
  auto& at = *state_;
  graphite_hot_reload_shutdown(at.context);
  at.context = nullptr;
  at.left = 0;
  at.batch.clear();
  at.everything = at.garbage = false;
  at.forget();
}

bool follower::follows() const { return state_->context != nullptr; }
std::size_t follower::left() const { return state_->left; }

outcome follower::poll(std::chrono::nanoseconds budget) {
  auto& at = *state_;
  if (at.context == nullptr) return {GRAPHITE_ERROR_INVALID_ARGUMENT, "nothing is followed"};
  if (at.polling) return {GRAPHITE_ERROR_BUSY, "poll: a hook of the engine is in it"};
  at.polling = true;
  const auto until = steady::now() + budget;
  outcome out;
  while (at.context != nullptr) {
    at.forget();
    if (const auto result = graphite_poll(at.context, 0, &at.left); result != GRAPHITE_SUCCESS)
      out = failed(result);
    if (!at.heard()) {
      flush();
      break;
    }
    tell();
    if (!out.good() || steady::now() >= until) break;
  }
  at.polling = false;
  return out;
}

/// What the last step was told. A hook may stop, or follow another, so that nothing is kept for later here.
void follower::tell() {
  auto& at = *state_;
  if (at.heard_generation) flush();  // the one before has been told as a whole
  if (at.heard_first) at.everything = true;
  if (!at.heard_asset) return;
  const dirty_asset asset = at.asset;
  at.garbage |= asset.change == asset_change::changed || asset.change == asset_change::removed;
  at.batch.push_back(asset);
  const bool full = at.batch.size() >= at.batch_max;
  at.host.mark_dirty(asset);
  if (!full) return;
  const auto batch = std::exchange(at.batch, {});
  if (!batch.empty()) at.host.refresh_registry(batch, false);
}

void follower::flush() {
  auto& at = *state_;
  const auto batch = std::exchange(at.batch, {});
  const bool everything = std::exchange(at.everything, false);
  if (everything || !batch.empty()) at.host.refresh_registry(batch, everything);
  if (std::exchange(at.garbage, false)) at.host.collect_garbage();  // unless that stopped it
}

std::uint64_t follower::version() const {
  if (!follows()) return 0;
  std::uint64_t version = 0;
  const auto* const place = graphite_hot_reload_bundle(state_->context);
  graphite_acquire_reader(place, &version);
  graphite_release_reader(place);
  return version;
}

outcome follower::read(std::string_view path, held_bytes& out, std::uint32_t part) const {
  auto* const context = state_->context;
  if (context == nullptr) return {GRAPHITE_ERROR_INVALID_ARGUMENT, "nothing is followed"};
  graphite_handle handle = 0;
  if (const auto result = graphite_handle_open(context, id_of(path), &handle); result != GRAPHITE_SUCCESS)
    return failed(result);
  auto view = std::make_unique<held_bytes::view>();
  const auto result = graphite_handle_read(context, handle, part, &view->held);
  outcome done = result == GRAPHITE_SUCCESS ? outcome() : failed(result);
  graphite_handle_close(context, handle);
  if (done.good()) out.view_ = std::move(view);
  return done;
}

}  // namespace graphite_unreal
