// The part of the plugin that knows nothing of the engine: plain C++17, without exceptions and without the
// headers of either side, so that it is compiled and tested by itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace graphite_unreal {

enum class asset_change : std::uint8_t { added, changed, removed, arrived };

struct dirty_asset {
  std::uint64_t id = 0;
  asset_change change = asset_change::changed;
  std::string path;         ///< in the bundle: "textures/hero.png"
  std::string object_path;  ///< in the engine: "/Game/Graphite/textures/hero_png.hero_png"
};

/// A graphite_result and its text, for people.
struct outcome {
  int code = 0;
  std::string text;
  bool good() const { return code == 0; }
};

/// Paths of a bundle as the engine's object paths. Pure; different paths have different objects.
///
/// "dir/name.ext" becomes MOUNT/dir/name_ext.name_ext. What cannot be said so, having other characters than
/// letters, digits, '_' and '-' or not exactly one '.', has '_' in their place and ends in the asset's id.
class object_paths {
 public:
  explicit object_paths(std::string mount = "/Game/Graphite") : mount_(std::move(mount)) {}
  /// Has `object_path` in place of what the rule says.
  void bind(std::string_view path, std::string object_path);
  std::string of(std::string_view path) const;
  /// "/Game/a.a" is in the package "/Game/a".
  static std::string package_of(std::string_view object_path);

 private:
  std::string mount_;
  std::map<std::string, std::string, std::less<>> bound_;
};

/// What the engine does for a follower: the specification's hooks. Called in the thread that polls, never out
/// of the library's own code; any of them may stop or start following. They may not destroy the follower.
class engine {
 public:
  virtual ~engine() = default;
  /// The asset came, changed or went: graphite_unreal_mark_assets_dirty.
  virtual void mark_dirty(const dirty_asset& asset) = 0;
  /// Tells whoever watches the registry of what was marked since the last call; `everything`: a first
  /// generation, of which nothing was marked.
  virtual void refresh_registry(const std::vector<dirty_asset>& assets, bool everything) = 0;
  /// Old assets may go: graphite_unreal_force_gc. Once a generation has been told as a whole.
  virtual void collect_garbage() = 0;
};

struct follow_settings {
  std::string folder;     ///< the bundle folder; with `address`: where to keep the channel
  std::string address;    ///< HOST:PORT of a publisher; empty: the folder is followed
  std::string channel;    ///< empty: the only one
  std::string keys;       ///< of a channel: folder that `graphite keys ticket` made; empty: none
  std::string root_pins;  ///< of a channel: file with the roots that are believed; empty: those of `keys`
  std::size_t batch_max = 1024;  ///< the registry is refreshed after so many assets at the latest
};

/// The bytes of a part, held as long as this lives, whatever is swapped and whether or not it is followed.
class held_bytes {
 public:
  held_bytes();
  ~held_bytes();
  held_bytes(held_bytes&& other) noexcept;
  held_bytes& operator=(held_bytes&& other) noexcept;

  const std::uint8_t* data() const;
  std::size_t size() const;

 private:
  friend class follower;
  struct view;
  std::unique_ptr<view> view_;
};

/// Follows one bundle for the engine. Used by one thread, but for read(), which any may call while it is not
/// being stopped or started.
class follower {
 public:
  explicit follower(engine& of, object_paths paths = object_paths());
  ~follower();
  follower(const follower&) = delete;
  follower& operator=(const follower&) = delete;

  /// Ends what was followed before. Nothing there yet is no error. Errors: those of
  /// graphite_hot_reload_init() and graphite_subscribe().
  outcome follow(const follow_settings& what);
  /// Held bytes stay.
  void stop();
  bool follows() const;

  /// Tells the engine what changed, until `budget` is spent (zero: one step) or nothing is left. Errors: busy
  /// (called by the engine's own hook), and what made following end; what is current then stays so.
  outcome poll(std::chrono::nanoseconds budget);
  /// How many assets the last poll left.
  std::size_t left() const;
  /// Of what is current; 0: nothing is.
  std::uint64_t version() const;

  /// The bytes of a part as they are now. Errors: not_found, removed, not_ready, corrupt, io.
  outcome read(std::string_view path, held_bytes& out, std::uint32_t part = 0) const;

 private:
  struct state;
  void tell();
  void flush();
  std::unique_ptr<state> state_;
};

}  // namespace graphite_unreal
