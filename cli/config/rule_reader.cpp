#include "cli/config/rule_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/config/built_in_reader.hpp"
#include "core/did_you_mean.hpp"
#include "core/path_template.hpp"
#include "transforms/registry.hpp"
#include "transforms/scanners.hpp"

namespace graphite {

namespace {

constexpr std::uint32_t at_once_max = 1'000'000, cpu_max = 4'096;
constexpr std::size_t resources_max = 4;  // named_needs_max of a scheduler
constexpr milliseconds settle_max{60'000}, timeout_max{86'400'000};
constexpr std::uint64_t memory_bytes_min = MiB, memory_bytes_max = 1024 * GiB;

bool is_environment_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
}

/// Reads one rule; one object a table.
class rule_reader {
 public:
  rule_reader(const toml::table& table, std::size_t number, mistake_list& mistakes)
      : mistakes_(mistakes), in_(table, title_of(table, number), mistakes) {
    rule_.where = mistakes.location(place_of(table));
    rule_.name = fmt::format("rule {}", number);
  }

  rule_spec run() {
    read_basics();
    read_command();
    if (const auto* built_in = find_built_in(rule_.transform))
      read_built_in(in_, *built_in, mistakes_, rule_);
    read_outputs();
    std::size_t number = 0;
    for (const auto* table : reference_tables()) read_reference(*table, ++number);
    in_.finish();
    return std::move(rule_);
  }

 private:
  static std::string title_of(const toml::table& table, std::size_t number) {
    const auto name = table["name"].value<std::string>();
    return name ? fmt::format("[[rule]] '{}'", *name) : fmt::format("[[rule]] number {}", number);
  }

  void read_basics() {
    if (const auto name = in_.text("name")) {
      const bool odd =
          name->text.empty() || name->text.size() > 128 ||
          std::any_of(name->text.begin(), name->text.end(), [](char c) { return c >= 0 && c < 0x20; });
      if (odd)
        in_.mistake(name->place, "the rule's name is empty, over 128 bytes or has a control character");
      rule_.name = name->text;
    }
    in_.read("match", rule_.match);
    if (!in_.has("match"))
      in_.mistake(in_.place(), fmt::format("{} has no 'match': it takes no source", in_.title()),
                  "write for example match = \"**/*.png\"");
    in_.read("exclude", rule_.exclude);
    in_.read("settle", rule_.settle, milliseconds(0), settle_max);
    in_.read("publish", rule_.publish);
    rule_.transform = in_.has("command") ? "command" : "copy";
    if (const auto transform = in_.text("transform")) read_transform(*transform);
    read_demand();
  }

  void read_transform(const placed_text& transform) {
    const auto& names = transform_names();
    rule_.transform = transform.text;
    if (std::find(names.begin(), names.end(), transform.text) == names.end()) {
      in_.mistake(transform.place, fmt::format("unknown transform '{}' in {}", transform.text, in_.title()),
                  did_you_mean(transform.text, names));
    } else if (transform.text != "command" && in_.has("command")) {
      in_.mistake(in_.place("command"),
                  transform.text == "copy"
                      ? fmt::format("{} is a copy: it has no command", in_.title())
                      : fmt::format("{} is made by '{}': it has no command", in_.title(), transform.text),
                  "write transform = \"command\", or take the table away");
    } else if (transform.text == "command" && !in_.has("command")) {
      in_.mistake(transform.place, fmt::format("{} has no [rule.command]", in_.title()),
                  "say what to run: [rule.command] with argv = [\"…\"]");
    }
  }

  void read_command() {
    const auto* table = in_.table("command");
    if (table == nullptr) return;
    table_reader command(*table, "[rule.command] of " + in_.title(), mistakes_);
    auto& spec = rule_.command;
    command.read("shell", spec.shell);
    command.read("tools", spec.tools);
    read_argv(command);
    read_worker(command);
    read_inputs(command);
    read_depfile(command);
    read_environment(command);
    command.read("timeout", spec.timeout, milliseconds(1), timeout_max);
    command.read_size("memory", spec.memory_bytes_max, memory_bytes_min, memory_bytes_max);
    check_placeholders(command);
    command.finish();
  }

  void read_argv(table_reader& command) {
    const auto argv = command.texts("argv");
    argv_.clear();
    if (argv) argv_ = *argv;
    for (const auto& item : argv_) rule_.command.argv.push_back(item.text);
    const auto* node = command.find("argv");
    if (node == nullptr)
      return command.mistake(command.place(), command.title() + " has no 'argv'",
                             "say what to run: argv = [\"…\"]");
    if (argv && (argv->empty() || argv->front().text.empty()))
      return command.mistake(place_of(*node), fmt::format("'argv' in {} names no program", command.title()));
    if (argv && node->is_string() && !rule_.command.shell && !command.has("worker") &&
        argv_.front().text.find(' ') != std::string::npos)
      command.mistake(
          place_of(*node),
          fmt::format("'argv' in {} is one text, which would be the program's name", command.title()),
          "write a list: [\"program\", \"argument\", …], or add shell = true");
  }

  void read_worker(table_reader& command) {
    const auto worker = command.texts("worker");
    if (!worker) return;
    if (worker->empty() || worker->front().text.empty())
      return command.mistake(command.place("worker"),
                             fmt::format("'worker' in {} names no program", command.title()));
    if (rule_.command.shell)
      command.mistake(command.place("worker"),
                      fmt::format("{} has a worker and a script for the shell", command.title()),
                      "a worker is told its arguments: take shell = true away");
    for (const auto& item : *worker) {
      // It is the same process for all sources.
      check_words(command, item, {"tool"});
      for (const auto& found : placeholders_of(item.text))
        if (found.word == "tool") check_tool_word(command, item, found.argument);
      rule_.command.worker.push_back(item.text);
    }
  }

  void read_inputs(table_reader& command) {
    const auto inputs = command.texts("inputs");
    if (!inputs) return;
    for (const auto& item : *inputs) {
      check_words(command, item, source_placeholder_words());
      const auto sample = expand_glob(item.text, sample_source());
      if (!sample) continue;  // an unknown word: told
      if (auto made = checked_glob(*sample); !made)
        command.mistake(item.place, fmt::format("bad pattern in 'inputs' of {}: {}", command.title(),
                                                made.error().context));
      rule_.command.inputs.push_back(item.text);
    }
  }

  void read_depfile(table_reader& command) {
    const auto depfile = command.text("depfile");
    if (!depfile) return;
    rule_.command.depfile = depfile->text;
    check_words(command, *depfile, source_placeholder_words());
    if (const auto sample = expand_output(depfile->text, sample_source()); sample && sample->wildcard)
      command.mistake(depfile->place, fmt::format("'depfile' in {} has a '*'", command.title()),
                      "it is one file: depfile = \"{stem}.d\"");
    else if (!sample)
      command.mistake(depfile->place, fmt::format("'depfile' in {} is no path of the scratch folder: {}",
                                                  command.title(), sample.error().context));
  }

  void read_environment(table_reader& command) {
    auto& spec = rule_.command;
    if (const auto names = command.texts("environment")) {
      for (const auto& item : *names) {
        if (!is_environment_name(item.text))
          command.mistake(
              item.place,
              fmt::format("'{}' in 'environment' of {} is no variable's name", item.text, command.title()),
              item.text.find('=') == std::string::npos
                  ? ""
                  : "values go into set_environment = { NAME = \"value\" }");
        spec.environment.push_back(item.text);
      }
    }
    command.read("set_environment", spec.set_environment);
    for (const auto& [name, value] : spec.set_environment) {
      if (!is_environment_name(name))
        command.mistake(
            command.place("set_environment"),
            fmt::format("'{}' in 'set_environment' of {} is no variable's name", name, command.title()));
      if (std::find(spec.environment.begin(), spec.environment.end(), name) != spec.environment.end())
        command.mistake(command.place("environment"),
                        fmt::format("'{}' in {} is both let through and set", name, command.title()),
                        "keep one of them");
    }
  }

  /// Every placeholder of `item` must be one of `known`.
  void check_words(table_reader& in, const placed_text& item, std::vector<std::string_view> known) {
    for (const auto& found : placeholders_of(item.text)) {
      if (std::find(known.begin(), known.end(), found.word) != known.end()) continue;
      in.mistake(item.place, fmt::format("unknown placeholder {{{}}} in {}", found.word, in.title()),
                 did_you_mean(found.word, known) + "; a literal brace is written {{");
    }
  }

  void check_placeholders(table_reader& command) {
    for (const auto& item : argv_) {
      for (const auto& found : placeholders_of(item.text)) {
        if (found.word == "tool")
          check_tool_word(command, item, found.argument);
        else if (found.word == "depfile" && rule_.command.depfile.empty())
          command.mistake(item.place, fmt::format("{{depfile}} in {}, which has no depfile", command.title()),
                          "add depfile = \"deps.d\"");
      }
      for (std::size_t i = 1; i <= outputs_in_file(); ++i) known_outputs_.insert(fmt::format("out{}", i));
      std::vector<std::string_view> known(known_outputs_.begin(), known_outputs_.end());
      known.insert(known.begin(), {"in", "out", "dir", "name", "stem", "ext", "depfile", "tool"});
      check_words(command, item, known);
    }
  }

  void check_tool_word(table_reader& command, const placed_text& item, std::string_view name) {
    const auto& tools = rule_.command.tools;
    if (std::find(tools.begin(), tools.end(), name) != tools.end()) return;
    const std::vector<std::string_view> known(tools.begin(), tools.end());
    command.mistake(item.place, fmt::format("{{tool:{}}} in {} is not in its 'tools'", name, command.title()),
                    known.empty() ? fmt::format("add tools = [\"{}\"]", name) : did_you_mean(name, known));
  }

  std::size_t outputs_in_file() {
    const auto* node = in_.find("outputs");
    if (node == nullptr) return 0;
    return node->is_array() ? node->as_array()->size() : 1;
  }

  static logical_path sample_source() { return *logical_path::parse("a/b.c"); }

  void read_outputs() {
    const auto outputs = in_.texts("outputs");
    if (rule_.transform == "copy" && in_.has("outputs"))
      return in_.mistake(in_.place("outputs"),
                         fmt::format("{} is a copy: it keeps its source's path", in_.title()),
                         "take 'outputs' away, or give the rule a [rule.command]");
    if (rule_.transform == "command" && (outputs ? outputs->empty() : !in_.has("outputs")))
      return in_.mistake(in_.place("outputs"), fmt::format("{} has no 'outputs'", in_.title()),
                         "name what the command writes: outputs = \"{dir}/{stem}.bin\"");
    if (!outputs) return;
    for (const auto& item : *outputs) {
      if (!check_output(item)) continue;
      if (std::find(rule_.outputs.begin(), rule_.outputs.end(), item.text) != rule_.outputs.end())
        in_.mistake(item.place, fmt::format("'{}' stands twice in 'outputs' of {}", item.text, in_.title()));
      rule_.outputs.push_back(item.text);
    }
  }

  bool check_output(const placed_text& item) {
    const auto& words = source_placeholder_words();
    std::string outside;
    std::size_t done = 0;
    for (const auto& found : placeholders_of(item.text)) {
      if (std::find(words.begin(), words.end(), found.word) == words.end())
        return check_words(in_, item, words), false;
      outside.append(item.text, done, found.offset - done);
      done = found.offset + found.length;
    }
    outside.append(item.text, done);
    if (outside.find_first_of("{}") != std::string::npos)
      return in_.mistake(
                 item.place,
                 fmt::format("output '{}' of {} has a brace that is no placeholder", item.text, in_.title()),
                 "known: {in} {dir} {name} {stem} {ext}"),
             false;
    for (const auto* source : {"a/b.c", "b.c"}) {
      const auto path = *logical_path::parse(source);
      const auto expanded = expand_output(item.text, path);
      if (!expanded)
        return in_.mistake(item.place,
                           fmt::format("output '{}' of {} is no path below the root: {} (for the source {})",
                                       item.text, in_.title(), expanded.error().context, source)),
               false;
      if (expanded->text == path.str())
        return in_.mistake(
                   item.place,
                   fmt::format("output '{}' of {} has the path of its own source", item.text, in_.title()),
                   "write it to another folder, or with another extension"),
               false;
    }
    return true;
  }

  std::vector<const toml::table*> reference_tables() {
    const auto* node = in_.find("references");
    if (node != nullptr && node->is_table()) return {node->as_table()};
    return in_.tables("references");
  }

  void read_reference(const toml::table& table, std::size_t number) {
    table_reader in(table, fmt::format("references number {} of {}", number, in_.title()), mistakes_);
    reference_spec spec;
    const auto pattern = in.text("pattern"), scanner = in.text("scanner");
    if (in.has("pattern") == in.has("scanner"))
      in.mistake(in.place(),
                 in.title() + (in.has("pattern") ? " has both 'pattern' and 'scanner'"
                                                 : " has neither 'pattern' nor 'scanner'"),
                 "give one of them");
    if (pattern) {
      spec.pattern = pattern->text;
      if (const auto checked = check_reference_pattern(pattern->text); !checked)
        in.mistake(pattern->place,
                   fmt::format("bad regular expression in {}: {}", in.title(), checked.error().context));
    }
    if (scanner) {
      spec.scanner = scanner->text;
      const auto& names = scanner_names();
      if (std::find(names.begin(), names.end(), scanner->text) == names.end())
        in.mistake(scanner->place, fmt::format("unknown scanner '{}' in {}", scanner->text, in.title()),
                   did_you_mean(scanner->text, names));
    }
    read_base(in, spec);
    read_search(in, spec);
    read_time(in, spec);
    in.read("required", spec.required);
    in.finish();
    rule_.references.push_back(std::move(spec));
  }

  void read_demand() {
    rule_demand out;
    in_.read("at_once", out.at_once, 1, at_once_max);
    if (const auto* given = in_.table("needs")) {
      table_reader in(*given, "[rule.needs] of " + in_.title(), mistakes_);
      read_cpu(in, out.needs.cpu_milli);
      in.read_size("memory", out.needs.memory_bytes, 1, 1024 * 1024 * GiB);
      if (const auto* named = in.table("resources")) read_resources(*named, in.title(), out.needs.resources);
      in.finish();
    }
    if (out == rule_demand{}) return;
    if (!rule_.makes())
      return in_.mistake(in_.place(in_.has("needs") ? "needs" : "at_once"),
                         fmt::format("{} is a copy: it runs nothing on a node", in_.title()),
                         "take 'needs' and 'at_once' away, or give the rule a [rule.command]");
    rule_.demand = std::make_shared<const rule_demand>(std::move(out));
  }

  static void read_cpu(table_reader& in, std::uint32_t& milli) {
    const auto* node = in.find("cpu");
    if (node == nullptr) return;
    const auto value = node->value<double>();
    if (!value || !(*value >= 0.001 && *value <= cpu_max))
      return in.mistake(place_of(*node), fmt::format("'cpu' in {} is no number of processors", in.title()),
                        fmt::format("from 0.001 to {}", cpu_max));
    milli = static_cast<std::uint32_t>(std::lround(*value * 1000));
  }

  void read_resources(const toml::table& named, const std::string& title, std::vector<resource_amount>& out) {
    table_reader in(named, "'resources' in " + title, mistakes_);
    for (const auto& [key, value] : named) {
      const std::string name(key.str());
      if (out.size() == resources_max)
        return in.mistake(place_of(value), fmt::format("more than {} in {}", resources_max, in.title()),
                          "an action takes no more kinds of them");
      resource_amount one{name, 0};
      in.read(name, one.count, 1, at_once_max);
      if (one.count > 0) out.push_back(std::move(one));
    }
    in.finish();
    std::ranges::sort(out, {}, &resource_amount::name);
  }

  static void read_base(table_reader& in, reference_spec& spec) {
    const auto base = in.text("relative_to");
    if (!base) return;
    if (base->text == "root")
      spec.relative_to = reference_spec::base::root;
    else if (base->text != "file")
      in.mistake(base->place, fmt::format("'relative_to' in {} is '{}'", in.title(), base->text),
                 nearest_word(base->text, {"file", "root"}).empty()
                     ? "\"file\" or \"root\""
                     : did_you_mean(base->text, {"file", "root"}));
  }

  static void read_time(table_reader& in, reference_spec& spec) {
    const auto at = in.text("needed_at");
    if (!at) return;
    if (at->text == "run")
      spec.at_run = true;
    else if (at->text != "build")
      in.mistake(
          at->place, fmt::format("'needed_at' in {} is '{}'", in.title(), at->text),
          "it is \"build\" (what is made is made of it) or \"run\" (whoever uses what is made needs it)");
  }

  static void read_search(table_reader& in, reference_spec& spec) {
    const auto folders = in.texts("search");
    if (!folders) return;
    for (const auto& folder : *folders) {
      auto text = folder.text;
      while (text.size() > 1 && text.back() == '/') text.pop_back();
      if (const auto parsed = logical_path::parse(text); text != "." && !parsed)
        in.mistake(
            folder.place,
            fmt::format("'search' in {} is no folder below the root: {}", in.title(), parsed.error().context),
            "folders are relative to the root, \".\" is the root");
      spec.search.push_back(text);
    }
  }

  mistake_list& mistakes_;
  table_reader in_;
  rule_spec rule_;
  std::vector<placed_text> argv_;
  std::set<std::string> known_outputs_;
};

}  // namespace

rule_spec read_rule(const toml::table& table, std::size_t number, mistake_list& mistakes) {
  return rule_reader(table, number, mistakes).run();
}

const std::vector<std::string_view>& transform_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> out{"command", "copy"};
    for (const auto* one : built_in_transforms()) out.push_back(one->name);
    std::ranges::sort(out);
    return out;
  }();
  return names;
}

bool is_plain_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || text[0] == '.' || text[0] == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.+-").find(c) != std::string_view::npos;
  });
}

}  // namespace graphite
