#include <CLI/CLI.hpp>

#include <memory>

#include "cli/attach.hpp"
#include "cli/exit_codes.hpp"
#include "cli/job_access.hpp"
#include "cli/json.hpp"

namespace graphite {

namespace {

void print_changes(console& out, const why_answer& why) {
  if (why.changed.empty()) return;
  out.say("\n{}", out.styled("what differs from the key before:", text_style::strong));
  for (const auto& one : why.changed) {
    out.say("  {}", printable(one.name));
    out.say("    was  {}", one.before ? printable(*one.before) : "(not part of it)");
    out.say("    is   {}", one.after ? printable(*one.after) : "(not part of it)");
  }
  if (why.changed_left_out > 0) out.say("  … and {} more", why.changed_left_out);
}

void print_chain(console& out, const why_answer& why) {
  if (why.chain.size() < 2) return;
  out.say("\n{}", out.styled("the way from the source:", text_style::strong));
  for (std::size_t i = 0; i < why.chain.size(); ++i)
    out.say("  {:{}}{}{}", "", i * 2, i == 0 ? "" : "-> ", printable(why.chain[i]));
}

void print_key(console& out, const why_answer& why) {
  if (why.key_components.empty()) return;
  const bool copy = why.weak_key.empty();
  out.say("\n{}", out.styled(copy ? "what it is now:" : "the key now:", text_style::strong));
  if (!copy) out.say("  {:<24} {}", "weak key", why.weak_key);
  if (!why.strong_key.empty()) out.say("  {:<24} {}", "key of the result", why.strong_key);
  for (const auto& [name, value] : why.key_components)
    out.say("  {:<24} {}", printable(name), printable(value));
}

void print_why(console& out, const why_answer& why) {
  out.say("{}: {}", out.styled(printable(why.path), text_style::strong), printable(why.state));
  out.say("rule: {}", why.rule.empty() ? "none, copied as it is" : printable(why.rule));
  if (!why.reason.empty()) out.say("reason: {}", printable(why.reason));
  if (!why.sandbox.empty()) out.say("sandbox: {}", printable(why.sandbox));
  if (!why.message.empty())
    out.say("{}\n{}", out.styled("last failure:", text_style::bad), printable(why.message, true));
  print_changes(out, why);
  print_chain(out, why);
  print_key(out, why);
}

struct why_options {
  project_options project;
  std::string coordinator, path;
  std::uint64_t job = 0;
};

/// Of the service, or of what a job's view is now.
result<why_answer> ask_why(const why_options& options) {
  if (options.job == 0) {
    GRAPHITE_TRY(const auto client, attach(options.project));
    return client->why(options.path);
  }
  auto at = options.project;
  if (!options.coordinator.empty()) at.remote.at = options.coordinator;
  return asking_once(at).why(job_id{options.job}, options.path);
}

int run_why(const why_options& options) {
  console out(options.project.json);
  const auto why = ask_why(options);
  if (!why) return out.failed(why.error());
  if (!out.json()) print_why(out, *why);
  out.object(to_json(*why));
  return exit_ok;
}

}  // namespace

void add_why(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<why_options>();
  CLI::App& command =
      *root.add_subcommand("why", "Tell why an asset was rebuilt, or why it is not what it should be");
  command.add_option("ASSET", kept->path, "Logical path of an asset or source")->required();
  add_asking_options(command, kept->project);
  command.add_option("--job", kept->job, "As it is in the view of this job of a coordinator")
      ->envname("GRAPHITE_WHY_JOB")
      ->type_name("ID");
  command.add_option("--coordinator", kept->coordinator, "With --job: the coordinator that has it")
      ->envname("GRAPHITE_COORDINATOR")
      ->type_name("HOST[:PORT]");
  command.footer(
      "Shows what differs from the key before (old and new value of each component), the way from the "
      "source\n"
      "that changed, and all that the key is made of: rule, arguments, environment, tools, inputs.\n\n"
      "Examples:\n"
      "  graphite why images/hero.png\n"
      "  graphite why --json shaders/sky.spv\n"
      "  graphite why --job 12 images/hero.png --coordinator farm --keys ~/keys/ci");
  command.callback([kept, &chosen] { chosen = [kept] { return run_why(*kept); }; });
}

}  // namespace graphite
