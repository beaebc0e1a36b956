#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/config/project_file.hpp"
#include "cli/config/rule_reader.hpp"
#include "cli/config/table_reader.hpp"
#include "core/channel_name.hpp"
#include "core/did_you_mean.hpp"
#include "core/logical_path.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t jobs_max = 1024, cache_days_most = 36'500;
constexpr std::uint64_t cache_bytes_most = 1'048'576 * GiB;
constexpr std::size_t rules_max = 1'000;
constexpr milliseconds minute{60'000}, hour{3'600'000}, day{86'400'000};

/// `path` from `folder`, absolute, without `.` and `..` and without a slash at the end.
std::string absolute_from(const fs::path& folder, const std::string& path) {
  auto text = (folder / path).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

/// One text of [project] that people and keys see.
void read_label(table_reader& in, std::string_view key, std::string& out) {
  const auto found = in.text(key);
  if (!found) return;
  if (found->text.empty() || found->text.size() > 128 || has_control_character(found->text))
    return in.mistake(
        found->place,
        fmt::format("'{}' in {} is empty, over 128 bytes or has a control character", key, in.title()));
  out = found->text;
}

class project_reader {
 public:
  project_reader(const toml::table& table, const parse_options& options, mistake_list& mistakes)
      : table_(table),
        options_(options),
        mistakes_(mistakes),
        folder_(fs::path(options.file).parent_path()) {}

  project run() {
    table_reader top(table_, "the project file", mistakes_);
    value_.root = absolute_from(folder_, ".");
    value_.state = absolute_from(folder_, ".graphite");
    read_project(top);
    read_sources(top);
    read_watch(top);
    read_tools(top);
    const auto rules = top.tables("rule");
    if (rules.size() > rules_max)
      top.mistake(place_of(*rules.front()), fmt::format("over {} rules", rules_max));
    for (std::size_t i = 0; i < std::min(rules.size(), rules_max); ++i)
      value_.rules.push_back(read_rule(*rules[i], i + 1, mistakes_));
    read_channels(top);
    check_rules(value_, mistakes_);
    top.finish();
    ignore_own_files();
    return std::move(value_);
  }

 private:
  void read_project(table_reader& top) {
    if (const auto* table = top.table("project")) {
      table_reader in(*table, "[project]", mistakes_);
      read_label(in, "name", value_.name);
      read_label(in, "trust_domain", value_.trust_domain);
      if (const auto state = folder_text(in, "state")) value_.state = absolute_from(folder_, *state);
      in.read("jobs", value_.jobs, 0, jobs_max);
      in.read_size("cache", value_.cache_bytes_max, 0, cache_bytes_most);
      in.read("cache_days_max", value_.cache_days_max, 1, cache_days_most);
      in.read("publish_lag_max", value_.publish_lag_max, milliseconds(0), hour);
      read_sandbox(in);
      in.finish();
    }
    if (!options_.state.empty()) value_.state = absolute_from(options_.working_folder, options_.state);
  }

  void read_sandbox(table_reader& in) {
    if (const auto mode = in.text("sandbox")) {
      const auto parsed = parse_sandbox_mode(mode->text);
      if (parsed)
        value_.sandbox = *parsed;
      else
        in.mistake(mode->place, fmt::format("'sandbox' in {}: {}", in.title(), parsed.error().context),
                   did_you_mean(mode->text, {"off", "best", "required"}));
    }
    const auto shown = in.texts("sandbox_read");
    if (!shown) return;
    for (const auto& path : *shown) {
      if (path.text.starts_with('/') && path.text.size() > 1 && !has_control_character(path.text))
        value_.sandbox_read.push_back(absolute_from("/", path.text));
      else
        in.mistake(
            path.place, fmt::format("'sandbox_read' in {}: '{}' is no absolute path", in.title(), path.text),
            "folders of tools, for example \"/opt/sdk\"; what lies in the project goes into a rule's inputs");
    }
  }

  static std::optional<std::string> folder_text(table_reader& in, std::string_view key) {
    auto found = in.text(key);
    if (!found) return std::nullopt;
    if (found->text.empty() || has_control_character(found->text)) {
      in.mistake(found->place, fmt::format("'{}' in {} is no folder's name", key, in.title()));
      return std::nullopt;
    }
    return std::move(found->text);
  }

  void read_sources(table_reader& top) {
    if (const auto* table = top.table("sources")) {
      table_reader in(*table, "[sources]", mistakes_);
      if (const auto root = folder_text(in, "root")) {
        value_.root = absolute_from(folder_, *root);
        if (!options_.is_folder(value_.root))
          in.mistake(in.place("root"), fmt::format("'root' in [sources]: there is no folder {}", value_.root),
                     "a folder relative to the project file, or absolute; \".\" is the project file's own");
      }
      in.read("include", value_.include);
      if (const auto* node = in.find("include");
          node != nullptr && node->is_array() && node->as_array()->empty())
        in.mistake(in.place("include"), "'include' in [sources] is empty: nothing would be a source",
                   "leave it out to take every file");
      in.read("ignore", value_.ignore);
      in.read("gitignore", value_.gitignore);
      in.finish();
    }
    if (!value_.name.empty()) return;
    value_.name = fs::path(value_.root).filename().string();
    if (value_.name.empty() || !is_utf8(value_.name) || has_control_character(value_.name))
      value_.name = "project";
  }

  void read_watch(table_reader& top) {
    const auto* table = top.table("watch");
    if (table == nullptr) return;
    table_reader in(*table, "[watch]", mistakes_);
    auto& watch = value_.watch;
    in.read("debounce", watch.debounce, milliseconds(0), minute);
    in.read("max_delay", watch.max_delay, milliseconds(1), 10 * minute);
    in.read("coalesce_events", watch.coalesce_events);
    in.read("recursive", watch.recursive);
    in.read("storm_files", watch.storm_files, 1, 1'000'000);
    in.read("storm_window", watch.storm_window, milliseconds(1), minute);
    in.read("quiet", watch.quiet, milliseconds(1), minute);
    in.read("rescan", watch.rescan, milliseconds(0), 30 * day);
    in.read("poll", watch.poll, milliseconds(10), hour);
    for (const auto& [name, value] : {std::pair{"debounce", watch.debounce}, {"quiet", watch.quiet}})
      if (value > watch.max_delay)
        in.mistake(in.place(in.has(name) ? name : "max_delay"),
                   fmt::format("'{}' in [watch] is over 'max_delay'", name),
                   "no revision waits longer than max_delay");
    in.finish();
  }

  void read_tools(table_reader& top) {
    const auto* tools = top.table("tools");
    if (tools == nullptr) return;
    for (const auto& [key, node] : *tools) {
      const std::string name(key.str());
      const auto place = place_of(key.source());
      if (!is_plain_name(name))
        mistakes_.add(place, fmt::format("'{}' is no name for a tool", name), "letters, digits and _ . + -");
      if (const auto* table = node.as_table())
        read_tool(name, *table, place);
      else
        mistakes_.add(place, fmt::format("'{}' in [tools] must be a table", name),
                      fmt::format("[tools.{}] with paths or version", name));
    }
  }

  void read_tool(const std::string& name, const toml::table& table, text_place place) {
    table_reader in(table, fmt::format("[tools.{}]", name), mistakes_);
    tool_spec tool;
    tool.name = name;
    tool.where = mistakes_.location(place);
    if (const auto paths = in.texts("paths")) {
      for (const auto& path : *paths) check_tool_path(in, path), tool.paths.push_back(path.text);
      if (paths->empty()) in.mistake(in.place("paths"), fmt::format("'paths' in {} is empty", in.title()));
    }
    in.read("version", tool.version_argv);
    if (in.has("version")) tool.how = tool_spec::kind::machine;
    if (in.has("version") && (tool.version_argv.empty() || tool.version_argv.front().empty()))
      in.mistake(in.place("version"), fmt::format("'version' in {} names no program", in.title()),
                 "for example [\"gcc\", \"--version\"]");
    if (in.has("paths") == in.has("version"))
      in.mistake(place,
                 in.title() + (in.has("paths") ? " has both 'paths' and 'version'"
                                               : " has neither 'paths' nor 'version'"),
                 "paths = [files whose bytes count], or version = [command whose output counts]");
    in.finish();
    value_.tools.insert_or_assign(name, std::move(tool));
  }

  static void check_tool_path(table_reader& in, const placed_text& path) {
    if (path.text.empty() || has_control_character(path.text))
      return in.mistake(path.place,
                        fmt::format("'paths' in {} has an empty or unreadable entry", in.title()));
    const bool of_view = path.text.find('/') != std::string::npos && path.text.front() != '/';
    if (!of_view) return;
    if (const auto parsed = logical_path::parse(path.text); !parsed)
      in.mistake(path.place, fmt::format("'paths' in {}: {}", in.title(), parsed.error().context),
                 "absolute, relative to the root, or a program's name without '/'");
  }

  void read_channels(table_reader& top) {
    const auto tables = top.tables("channel");
    if (tables.empty()) return;
    value_.channels.clear();
    for (const auto* table : tables) {
      table_reader in(*table, fmt::format("[[channel]] number {}", value_.channels.size() + 1), mistakes_);
      channel_spec channel;
      channel.where = mistakes_.location(place_of(*table));
      const auto name = in.text("name");
      if (name) channel.name = name->text;
      const auto place = name ? name->place : in.place();
      if (!is_channel_name(channel.name))
        in.mistake(place, fmt::format("'{}' is no name for a channel", channel.name),
                   "letters, digits and _ . -, at most 64, not beginning with . or -");
      for (const auto& other : value_.channels)
        if (case_fold(other.name) == case_fold(channel.name))
          in.mistake(place, fmt::format("two channels are named '{}'", channel.name),
                     fmt::format("the first is in line {}", other.where.line));
      in.read("include", channel.include);
      in.read("exclude", channel.exclude);
      in.finish();
      value_.channels.push_back(std::move(channel));
    }
  }

  /// What belongs to this program or to git is never a source.
  void ignore_own_files() {
    for (const auto* text : {".git", "**/.git/**", "**/.graphite/**", "graphite.toml"}) add_ignored(text);
    const auto state = fs::path(value_.state).lexically_relative(value_.root).string();
    if (state.empty() || state == "." || state.rfind("..", 0) == 0) return;
    std::string quoted;
    for (const char c : state) {
      if (c == '*' || c == '?' || c == '[' || c == '\\') quoted += '\\';
      quoted += c == '{' || c == '}' ? '?' : c;
    }
    add_ignored(quoted + "/**");
  }

  void add_ignored(const std::string& text) {
    if (auto made = glob::parse(text)) value_.ignore.push_back(*std::move(made));
  }

  const toml::table& table_;
  const parse_options& options_;
  mistake_list& mistakes_;
  fs::path folder_;
  project value_;
};

std::string syntax_hint(std::string_view what) {
  if (what.find("escape") != std::string_view::npos)
    return "write patterns in single quotes, where '\\' is itself";
  if (what.find("redefine") != std::string_view::npos)
    return "a key or table stands twice; rules are [[rule]], with two brackets";
  return {};
}

}  // namespace

parsed_project parse_project(std::string_view text, const parse_options& options) {
  mistake_list mistakes(options.file, text);
  parsed_project out;
  const auto parsed = toml::parse(text, std::string_view(options.file));
  if (!parsed) {
    const std::string what(parsed.error().description());
    mistakes.add(place_of(parsed.error().source()), "this is no TOML: " + what, syntax_hint(what));
  } else {
    auto value = project_reader(parsed.table(), options, mistakes).run();
    if (mistakes.empty()) out.value = std::move(value);
  }
  out.mistakes = mistakes.take();
  return out;
}

}  // namespace graphite
