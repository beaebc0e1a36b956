#include <CLI/CLI.hpp>

#include <memory>

#include "cli/attach.hpp"
#include "cli/console.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "cli/keys_record.hpp"
#include "platform/audit/audit_file.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite {

namespace {

struct audit_options {
  project_options project;
  std::string what;
  std::string keys;  ///< folder of keys whose record is meant; empty: the project's service
  std::string kept;  ///< digest of a line that has to be there; empty: none
  bool verify = false;
};

result<audit_record> read_record(const audit_options& options) {
  std::string folder = keys_audit_folder(options.keys);
  if (options.keys.empty()) {
    GRAPHITE_TRY(const auto state, find_state_folder(options.project.directory, options.project.state));
    folder = audit_folder(state);
  }
  auto out = read_audit(folder, openssl_hasher());
  if (!out && out.error().code == errc::not_found)
    return fail(errc::not_found,
                options.keys.empty()
                    ? "nothing is recorded there: `graphite dev` records what it does"
                    : "nothing is recorded there: `graphite keys` records what it does to a folder "
                      "with its root");
  return out;
}

void show(console& out, const audit_options& options, const audit_record& record) {
  for (const auto& [time, entry, digest] : record.lines) {
    if (!options.what.empty() && options.what != entry.what) continue;
    out.say("{}  {:<28} {:<10} {}", time, printable(entry.who), printable(entry.what),
            printable(entry.about));
    out.object({{"event", "audit"},
                {"time", time},
                {"who", entry.who},
                {"what", entry.what},
                {"about", entry.about}});
  }
}

int run_audit(const audit_options& options) {
  console out(options.project.json);
  const auto record = read_record(options);
  if (!record) return out.failed(record.error());
  if (!options.verify) show(out, options, *record);
  if (record->cut_off) return out.failed(*record->cut_off);
  if (!options.kept.empty())
    if (const auto there = check_kept_digest(*record, options.kept); !there) return out.failed(there.error());
  if (!options.verify) return exit_ok;
  const auto last = record->lines.empty() ? audit_line() : record->lines.back();
  out.say("whole: {} lines, the last of {}, digest {}", record->written, last.time, last.digest);
  out.object(
      {{"event", "verified"}, {"lines", record->written}, {"time", last.time}, {"digest", last.digest}});
  return exit_ok;
}

}  // namespace

void add_audit(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<audit_options>();
  CLI::App& command = *root.add_subcommand("audit", "Show who did what, and that the record is whole");
  command.add_option("--what", kept->what, "Only this, for example publish or rollback")
      ->envname("GRAPHITE_AUDIT_WHAT");
  command.add_option("--keys", kept->keys, "The record of a folder of keys, which `graphite keys` writes")
      ->envname("GRAPHITE_AUDIT_KEYS")
      ->type_name("DIR");
  command.add_flag("--verify", kept->verify, "Say whether it is whole, and the digest of its end, no lines")
      ->envname("GRAPHITE_AUDIT_VERIFY");
  command.add_option("--kept", kept->kept, "Digest that an earlier --verify said: its line has to be there")
      ->envname("GRAPHITE_AUDIT_KEPT")
      ->type_name("DIGEST");
  add_project_options(command, kept->project);
  command.footer(
      "`graphite dev` keeps it in the folder `audit` of the state folder. Each line has the digest of all\n"
      "before it, and the file `head` says which is the last: where one was changed, taken out or cut off "
      "the\n"
      "end this ends with exit code 5 and says so. Who can write the folder can write both anew: keep the\n"
      "digest that --verify says elsewhere, and ask for it with --kept.\n\n"
      "Examples:\n"
      "  graphite audit\n"
      "  graphite audit --what rollback --json\n"
      "  graphite audit --verify\n"
      "  graphite audit --keys keys --what revoke");
  command.callback([kept, &chosen] { chosen = [kept] { return run_audit(*kept); }; });
}

}  // namespace graphite
