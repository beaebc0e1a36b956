#include <fmt/format.h>

#include <cstring>
#include <filesystem>

#include "cli/attach.hpp"
#include "cli/config/project_file.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "cli/new_file.hpp"
#include "cli/opened_bundle.hpp"
#include "cli/worker_program.hpp"
#include "core/channel_name.hpp"
#include "platform/worker/worker_pool.hpp"
#include "transforms/preview.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t similar_max = 4;
constexpr std::string_view png_magic = "\x89PNG\r\n\x1a\n";

/// Gives the asset's bytes to the worker and takes the picture.
class preview_exchange final : public worker_exchange {
 public:
  preview_exchange(const opened_bundle& bundle, const located_asset& asset)
      : bundle_(bundle), asset_(asset) {}

  result<void> load(const logical_path& path, const placing& place) override {
    if (path != asset_.record.path) return fail(errc::not_found, "a preview has no further inputs");
    std::uint64_t size = 0;
    for (const auto& part : asset_.record.parts) size += part.content.size;
    GRAPHITE_TRY(auto memory, place(size));
    for (std::size_t i = 0; i < asset_.record.parts.size(); ++i) {
      GRAPHITE_TRY(const auto bytes, bundle_.part(asset_, i));
      if (!bytes.empty()) std::memcpy(memory.data(), bytes.data(), bytes.size());
      memory = memory.subspan(bytes.size());
    }
    return {};
  }

  result<void> take(const logical_path& path, std::span<const byte_span> parts) override {
    byte_vector& out = path.str() == "picture.png" ? picture_ : about_;
    for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
    return {};
  }

  const byte_vector& picture() const { return picture_; }
  /// Errors: corrupt, where the worker has not answered as it should.
  result<preview_about> about() const {
    if (as_text(picture_).substr(0, png_magic.size()) != png_magic)
      return fail(errc::corrupt, "what a worker gave is no picture");
    return decode_preview_about(as_text(about_));
  }

 private:
  const opened_bundle& bundle_;
  const located_asset& asset_;
  byte_vector picture_, about_;
};

result<opened_bundle> open_newest(const preview_options& options) {
  if (!is_channel_name(options.channel))
    return fail(errc::invalid_argument, fmt::format("'{}' is no name of a channel", options.channel));
  GRAPHITE_TRY(const auto state, find_state_folder(options.directory, options.state));
  const auto folder = state + "/bundles/" + options.channel;
  std::error_code code;
  if (!fs::exists(folder + "/head", code))
    return fail(errc::not_found,
                fmt::format("nothing is published on channel '{}' in {}: run `graphite build`",
                            options.channel, state));
  return open_bundle(folder);
}

/// The name without what follows the last dot of its last component.
std::string_view stem_of(std::string_view path) {
  const auto dot = path.rfind('.'), slash = path.rfind('/');
  const auto name = slash == std::string_view::npos ? 0 : slash + 1;
  return dot == std::string_view::npos || dot <= name ? path : path.substr(0, dot);
}

/// Who names a source means what is made of it.
result<located_asset> asset_of(const opened_bundle& bundle, const std::string& name) {
  const auto path = logical_path::parse(name);
  if (!path) return fail(errc::invalid_argument, fmt::format("'{}' is no path of an asset", name));
  GRAPHITE_TRY(auto found, bundle.tree->find(id_of(*path)));
  if (found && found->record.path == *path) return std::move(*found);
  std::string similar;
  std::size_t count = 0;
  GRAPHITE_CHECK(bundle.tree->for_each([&](const located_asset& asset) {
    const auto& other = asset.record.path.str();
    if (stem_of(other) == stem_of(name)) similar += (++count == 1 ? "; there is " : ", ") + other;
    return count < similar_max;
  }));
  return fail(errc::not_found, fmt::format("no asset '{}' in the newest generation{}", name, similar));
}

struct preview_file {
  std::string path;
  bool ours = false;  ///< of nobody else: replaced without being asked
};

/// Where the picture goes. Where nobody says: here, but not among the sources of a project, whose next build
/// would take it for one.
result<preview_file> output_of(const preview_options& options) {
  if (!options.output.empty()) return preview_file{options.output};
  const fs::path asset(options.asset);
  std::error_code code;
  const auto here = fs::current_path(code).string();
  if (code || !find_project_file(here))
    return preview_file{std::string(stem_of(asset.filename().string())) + ".png"};
  GRAPHITE_TRY(const auto state, find_state_folder(options.directory, options.state));
  GRAPHITE_TRY(const auto name, logical_path::parse(options.asset));
  return preview_file{state + "/previews/" + name.str() + ".png", true};
}

result<built_in_spec> task_of(const preview_options& options) {
  const auto& what = preview_description();
  built_in_spec out;
  out.name = what.name;
  out.version = what.version;
  out.timeout = what.timeout;
  out.memory_bytes_max = what.memory_bytes_max;
  out.output_bytes_max = what.output_bytes_max;
  GRAPHITE_TRY(out.options, option_values::make(what.options, {{"level", std::int64_t{options.level}},
                                                               {"width", std::int64_t{options.width}},
                                                               {"height", std::int64_t{options.height}}}));
  return out;
}

/// Draws in a worker; errors name the asset.
result<void> draw_in_worker(const preview_options& options, const located_asset& asset,
                            preview_exchange& exchange) {
  GRAPHITE_TRY(const auto spec, task_of(options));
  worker_pool workers({.program = worker_program(), .environment = worker_environment(caller_environment())});
  const cancel_token never;
  GRAPHITE_TRY(const auto outcome, workers.run({spec, asset.record.path, {}}, exchange, never));
  if (outcome.failure)
    return fail(outcome.failure->code, fmt::format("{}: {}", options.asset, outcome.failure->context));
  return {};
}

result<preview_about> write_preview(const preview_options& options, const preview_file& to) {
  const auto& [file, ours] = to;
  std::error_code code;
  const auto there = fs::symlink_status(file, code);
  if (!options.force && !ours && fs::exists(there))
    return fail(errc::already_exists, file + " exists: --force replaces it");
  if (fs::is_directory(there)) return fail(errc::invalid_argument, file + " is a folder");
  GRAPHITE_TRY(const auto bundle, open_newest(options));
  GRAPHITE_TRY(const auto asset, asset_of(bundle, options.asset));
  preview_exchange exchange(bundle, asset);
  GRAPHITE_CHECK(draw_in_worker(options, asset, exchange));
  GRAPHITE_TRY(const auto about, exchange.about());
  temporary_path scratch{fs::path(file)};
  GRAPHITE_TRY(auto written, new_file::make(scratch.path()));
  GRAPHITE_CHECK(written.append(exchange.picture()));
  GRAPHITE_CHECK(scratch.keep());
  return about;
}

}  // namespace

int run_preview_command(const preview_options& options) {
  console out(options.json);
  const auto chosen = output_of(options);
  if (!chosen) return out.failed(chosen.error());
  const auto& file = chosen->path;
  const auto about = write_preview(options, *chosen);
  if (!about) return out.failed(about.error());
  out.say("{}: {} × {} pixels, level {} of {} of a {}", printable(file), about->width, about->height,
          options.level, about->levels, name_of(about->kind));
  out.object({{"event", "preview"},
              {"asset", options.asset},
              {"kind", name_of(about->kind)},
              {"file", file},
              {"width", about->width},
              {"height", about->height},
              {"level", options.level},
              {"levels", about->levels}});
  return exit_ok;
}

}  // namespace graphite
