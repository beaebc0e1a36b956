#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <sstream>

#include "cli/exit_codes.hpp"
#include "core/did_you_mean.hpp"

namespace graphite {

const char* const program_version = GRAPHITE_VERSION;

namespace {

constexpr const char* description =
    "GRAPHITE turns source assets into content-addressed bundles and swaps them, live, into running "
    "programs.";
constexpr const char* footer =
    "Start here:\n"
    "  graphite init                       write a graphite.toml that fits this folder\n"
    "  graphite build                      build everything that is out of date\n"
    "  graphite dev                        watch, rebuild on save, serve running programs\n"
    "  graphite subscribe --from 127.0.0.1:7402 --into assets\n"
    "                                      follow it from another process\n\n"
    "Every option can be set by the environment variable its help names. Exit codes: 0 ok, 1 build failed,\n"
    "2 usage or configuration, 3 service unavailable, 4 denied, 5 corrupt data.";

class table {
 public:
  explicit table(const command_handlers& handlers) : root_(description, "graphite") {
    root_.footer(footer);
    root_.set_version_flag("--version", std::string("graphite ") + program_version,
                           "Show the version and exit");
    root_.get_formatter()->column_width(36);
    add_init(root_, chosen_);
    add_build(root_, chosen_, handlers);
    add_dev(root_, chosen_, handlers);
    add_coordinator(root_, chosen_, handlers);
    add_node(root_, chosen_, handlers);
    add_watch(root_, chosen_, handlers);
#ifdef GRAPHITE_HAS_SUBSCRIBE
    add_subscribe(root_, chosen_, handlers);
#endif
    add_status(root_, chosen_);
    add_cluster_orders(root_, chosen_);
    add_why(root_, chosen_);
    add_submit(root_, chosen_, handlers);
    add_fetch(root_, chosen_, handlers);
    add_jobs(root_, chosen_);
    add_job(root_, chosen_);
    add_cancel(root_, chosen_);
    add_logs(root_, chosen_);
    add_trace(root_, chosen_);
    add_graph(root_, chosen_);
    add_diff(root_, chosen_);
    add_hold(root_, chosen_);
    add_release(root_, chosen_);
    add_rollback(root_, chosen_);
    add_gc(root_, chosen_, handlers);
    add_stop(root_, chosen_);
    add_bundle(root_, chosen_);
    add_audit(root_, chosen_);
    add_keygen(root_, chosen_);
    add_keys(root_, chosen_);
    add_transforms(root_, chosen_);
    add_preview(root_, chosen_, handlers);
    add_doctor(root_, chosen_, handlers);
    root_.require_subcommand(0, 1);
  }

  int parse(std::vector<std::string> arguments) {
    if (const int code = refuse_unknown_command(arguments); code != exit_ok) return code;
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them last first
    try {
      root_.parse(std::move(arguments));
    } catch (const CLI::Success& shown) {
      root_.exit(shown);
      return exit_ok;
    } catch (const CLI::ParseError& problem) {
      return refuse(problem);
    }
    if (chosen_) return chosen_();
    std::cerr << "error: " << missing_subcommand() << '\n';
    return exit_usage;
  }

  std::string all_help() { return root_.help() + help_below(root_); }

 private:
  static std::string help_below(CLI::App& app) {
    std::string out;
    for (auto* command : app.get_subcommands([](CLI::App*) { return true; }))
      out += command->help(path_of(app)) + help_below(*command);
    return out;
  }

  static std::vector<std::string> names_of(CLI::App& app) {
    std::vector<std::string> names;
    for (auto* command : app.get_subcommands([](CLI::App*) { return true; }))
      names.push_back(command->get_name());
    return names;
  }

  static std::string meant(const std::string& typed, const std::vector<std::string>& names) {
    return did_you_mean(typed, std::vector<std::string_view>(names.begin(), names.end()));
  }

  /// The deepest subcommand that was given.
  CLI::App& innermost() {
    CLI::App* app = &root_;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return *app;
  }

  static std::string path_of(const CLI::App& app) {
    return app.get_parent() == nullptr ? app.get_name() : path_of(*app.get_parent()) + " " + app.get_name();
  }

  std::string missing_subcommand() {
    CLI::App& app = innermost();
    std::string names;
    for (const auto& name : names_of(app)) names += (names.empty() ? "" : ", ") + name;
    return "say what to do: " + path_of(app) + " " + names + "\nSee `" + path_of(app) + " --help`.";
  }

  /// CLI11 would call a mistyped subcommand an unexpected argument.
  int refuse_unknown_command(const std::vector<std::string>& arguments) {
    CLI::App* app = &root_;
    for (const auto& word : arguments) {
      const auto names = names_of(*app);
      if (names.empty() || word.empty() || word[0] == '-') return exit_ok;
      if (std::find(names.begin(), names.end(), word) == names.end()) {
        std::cerr << "error: '" << word << "' is not a subcommand of " << path_of(*app) << ": "
                  << meant(word, names) << '\n';
        return exit_usage;
      }
      app = app->get_subcommand(word);
    }
    return exit_ok;
  }

  int refuse(const CLI::ParseError& problem) {
    CLI::App& app = innermost();
    std::cerr << "error: " << problem.what() << '\n';
    if (dynamic_cast<const CLI::ExtrasError*>(&problem) != nullptr) {
      std::istringstream words(problem.what());  // the only place where CLI11 still has them
      for (std::string word; words >> word;)
        if (word.size() > 1 && word[0] == '-') std::cerr << suggestion_for(app, word);
    }
    std::cerr << "See `" << path_of(app) << " --help`.\n";
    return exit_usage;
  }

  static std::string suggestion_for(CLI::App& app, const std::string& word) {
    std::vector<std::string> names;
    for (const auto* option : app.get_options())
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    const std::string text = meant(word.substr(0, word.find('=')), names);
    return text.empty() ? "" : word + ": " + text + "\n";
  }

  CLI::App root_;
  chosen_command chosen_;
};

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, const command_handlers& handlers) {
  table commands(handlers);
  return commands.parse(arguments.empty() ? std::vector<std::string>{"--help"} : arguments);
}

std::string all_help(const command_handlers& handlers) { return table(handlers).all_help(); }

}  // namespace graphite
