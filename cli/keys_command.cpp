#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <memory>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "cli/keys_record.hpp"
#include "core/hex.hpp"
#include "platform/crypto/curve_keys.hpp"
#include "platform/keys/key_authority.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/keys/key_layout.hpp"
#include "platform/keys/key_text.hpp"
#include "platform/linux/clock.hpp"

namespace graphite {

namespace {

/// What all of `graphite keys` have.
struct keys_options {
  std::string folder, name;
  std::vector<std::string> channels;
  std::string verbs = "query", tenant = "main", role_name = "node", client;
  std::string from, to;
  std::uint64_t epoch = 0;
  std::vector<std::uint64_t> serials;
  std::int64_t days = 365;
  bool root = false, server = false, curve = false, json = false;
};

std::int64_t unix_now() { return system_clock_source().unix_ns(); }

validity from_now(std::int64_t days) {
  const auto now = unix_now();
  return {now - key_authority::clock_tolerance_ns, now + days * ns_per_day};
}

std::string day_of(std::int64_t unix_ns) {
  const auto seconds = static_cast<time_t>(unix_ns / 1'000'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::string state_of(const issued_key& row, const key_authority& keys) {
  if (keys.revoked().serials.contains(row.serial)) return "revoked";
  return row.valid.holds(unix_now()) ? "counts" : "expired";
}

json_object to_json(const issued_key& row, std::string_view state) {
  return {{"serial", row.serial},
          {"kind", to_string(row.what)},
          {"name", row.name},
          {"about", row.about},
          {"until", day_of(row.valid.until_unix_ns)},
          {"until_unix_ns", row.valid.until_unix_ns},
          {"state", state},
          {"key", row.key}};
}

/// Says what was made, in both languages.
void tell(console& out, const issued_key& row) {
  out.say("{} {} for {} ({}), until {}", to_string(row.what), row.serial, row.name, row.about,
          day_of(row.valid.until_unix_ns));
  auto said = to_json(row, "counts");
  said["event"] = "issued";
  out.object(said);
}

int run_list(const keys_options& options) {
  console out(options.json);
  const auto keys = key_authority::open(options.folder);
  if (!keys) return out.failed(keys.error());
  out.say("root {}", hex_text(keys->root().bytes));
  out.say("{:>7}  {:<12} {:<20} {:<24} {:<10}  {}", "serial", "kind", "name", "about", "until", "state");
  for (const auto& row : keys->issued()) {
    const auto state = state_of(row, *keys);
    out.say("{:>7}  {:<12} {:<20} {:<24} {:<10}  {}", row.serial, to_string(row.what), row.name, row.about,
            day_of(row.valid.until_unix_ns), state);
    auto said = to_json(row, state);
    said["event"] = "key";
    out.object(said);
  }
  return exit_ok;
}

int run_channel(const keys_options& options) {
  console out(options.json);
  const auto opened = recorded_keys::open(options.folder, out);
  if (!opened) return out.failed(opened.error());
  auto& keys = **opened;
  const auto made = keys->add_channel_key(options.name, from_now(options.days));
  if (!made) return keys.failed("channel", options.name, made.error());
  keys.gave("channel", {*made});
  tell(out, *made);
  return exit_ok;
}

result<std::optional<curve_key>> client_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  curve_key out;
  const auto bytes = bytes_from_hex(text, out.bytes.size());
  if (!bytes || bytes->size() != out.bytes.size())
    return fail(errc::invalid_argument,
                "--for wants the 64 hexadecimal digits that `graphite keys pair` printed");
  std::copy(bytes->begin(), bytes->end(), out.bytes.begin());
  return out;
}

/// Without --channel: all that have a key.
std::vector<std::string> wanted_channels(const keys_options& options, const key_authority& keys) {
  auto out = options.channels;
  if (!out.empty()) return out;
  for (const auto& row : keys.issued())
    if (row.what == issued_key::kind::channel_key && state_of(row, keys) == "counts")
      out.push_back(row.about);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

int run_ticket(const keys_options& options) {
  console out(options.json);
  const auto client = client_of(options.client);
  if (!client) return out.failed(client.error());
  const auto opened = recorded_keys::open(options.folder, out);
  if (!opened) return out.failed(opened.error());
  auto& keys = **opened;
  const auto made =
      keys->issue_tickets({options.name, wanted_channels(options, *keys), from_now(options.days), *client});
  if (!made) return keys.failed("ticket", options.name, made.error());
  keys.gave("ticket", *made);
  for (const auto& row : *made) {
    tell(out, row);
    if (row.valid.until_unix_ns + ns_per_day < from_now(options.days).until_unix_ns)
      out.say("  it ends with the key of channel {}: `graphite keys rotate {} --channel {}` makes a new one",
              row.about, options.folder, row.about);
  }
  const auto place = key_layout::join(key_layout::join(options.folder, key_layout::runtimes), options.name);
  out.say("copy {} to the runtime's machine: graphite subscribe --keys {} --from HOST:7402 --into DIR", place,
          options.name);
  return exit_ok;
}

int run_token(const keys_options& options) {
  console out(options.json);
  const auto verbs = parse_verbs(options.verbs);
  if (!verbs) return out.failed(verbs.error());
  const auto opened = recorded_keys::open(options.folder, out);
  if (!opened) return out.failed(opened.error());
  auto& keys = **opened;
  const auto made = keys->issue_token({options.name, options.tenant, *verbs, from_now(options.days)});
  if (!made) return keys.failed("token", options.name, made.error());
  keys.gave("token", {*made});
  tell(out, *made);
  return exit_ok;
}

int issue(const keys_options& options, const std::string& authority, std::string_view command) {
  console out(options.json);
  key_authority::certificate_options wanted{options.name, authority, {}, role::node, from_now(options.days)};
  if (authority == "control") {
    const auto what = role_from_string(options.role_name);
    if (!what)
      return out.failed(
          {errc::invalid_argument,
           fmt::format("'{}' is no role: coordinator, node, relay or watch", options.role_name)});
    wanted.what = *what;
  } else {
    const auto verbs = parse_verbs(options.verbs);
    if (!verbs) return out.failed(verbs.error());
    wanted.verbs = *verbs;
  }
  const auto opened = recorded_keys::open(options.folder, out);
  if (!opened) return out.failed(opened.error());
  auto& keys = **opened;
  const auto made = keys->issue_certificate(wanted);
  if (!made) return keys.failed(command, options.name, made.error());
  keys.gave(command, {*made});
  tell(out, *made);
  return exit_ok;
}

int run_client(const keys_options& options) { return issue(options, "clients", "client"); }
int run_operator(const keys_options& options) { return issue(options, "operators", "operator"); }
int run_node(const keys_options& options) { return issue(options, "control", "node"); }

int run_pair(const keys_options& options) {
  console out(options.json);
  const auto pair = make_curve_pair();
  if (!pair) return out.failed(pair.error());
  const auto made = make_key_folder(options.folder).and_then([&] {
    const auto path = key_layout::join(options.folder, key_layout::curve_secret);
    const auto there = read_secret_file(path, 4096);
    if (there || there.error().code != errc::not_found)
      return result<void>(fail(errc::already_exists, path + " is there: keys are never written over"));
    return write_key_file(path, secret_text(pair->secret.view()).view());
  });
  if (!made) return out.failed(made.error());
  const auto key = hex_text(pair->key.bytes);
  out.say("{}", key);
  out.object({{"event", "pair"}, {"key", key}});
  return exit_ok;
}

int rotate_root(const keys_options& options, recorded_keys& keys, console& out) {
  const auto valid = from_now(options.days);
  if (const auto done = keys->replace_root(valid); !done) return keys.failed("rotate", "root", done.error());
  const auto root = hex_text(keys->root().bytes);
  keys.did("rotate",
           fmt::format("root: {}, the one before counts until {}", root, day_of(valid.until_unix_ns)));
  out.say("root {}: runtimes that pin the old one take this one until {}; give them the new root.pub before",
          root, day_of(valid.until_unix_ns));
  out.say("tokens and parts that were copied out before have to be made and copied again by then");
  out.object({{"event", "rotated"}, {"root", root}, {"old_until_unix_ns", valid.until_unix_ns}});
  return exit_ok;
}

int rotate_server(const keys_options& options, recorded_keys& keys, console& out) {
  const auto made = keys->replace_server_certificates(from_now(options.days));
  if (!made) return keys.failed("rotate", "server", made.error());
  keys.gave("rotate", *made);
  for (const auto& row : *made) tell(out, row);
  out.say("a process that reads {}/publisher answers with them within seconds", options.folder);
  return exit_ok;
}

int rotate_curve(const keys_options& options, recorded_keys& keys, console& out) {
  const auto made = keys->replace_curve_key();
  if (!made) return keys.failed("rotate", "curve", made.error());
  const auto key = hex_text(made->bytes);
  keys.did("rotate", "curve: the server's key is " + key);
  out.say(
      "server {}: counts from the next start of the process that serves. Before that, copy "
      "{}/root/server.pub, which has the old one, too, to every runtime: those without it do not connect",
      key, options.folder);
  out.object({{"event", "rotated"}, {"server", key}});
  return exit_ok;
}

int rotate_channel(const keys_options& options, const std::string& channel, recorded_keys& keys,
                   console& out) {
  const auto before = keys->issued();
  const auto made = keys->add_channel_key(channel, from_now(options.days));
  if (!made) return keys.failed("rotate", "channel " + channel, made.error());
  keys.gave("rotate", {*made});
  tell(out, *made);
  for (const auto& row : before)
    if (row.what == issued_key::kind::channel_key && row.about == channel && state_of(row, *keys) == "counts")
      out.say(
          "  key {} still counts until {}, and the tickets that it signed end with it: make them anew with "
          "`graphite keys ticket`. `graphite keys revoke {} {}` ends both now",
          row.serial, day_of(row.valid.until_unix_ns), options.folder, row.serial);
  return exit_ok;
}

int run_rotate(const keys_options& options) {
  console out(options.json);
  if (options.channels.empty() && !options.root && !options.server && !options.curve)
    return out.failed(
        {errc::invalid_argument, "say what to rotate: --channel NAME, --server, --curve or --root"});
  const auto opened = recorded_keys::open(options.folder, out);
  if (!opened) return out.failed(opened.error());
  auto& keys = **opened;
  int code = exit_ok;
  for (const auto& channel : options.channels)
    if (code == exit_ok) code = rotate_channel(options, channel, keys, out);
  if (options.server && code == exit_ok) code = rotate_server(options, keys, out);
  if (options.curve && code == exit_ok) code = rotate_curve(options, keys, out);
  if (options.root && code == exit_ok) code = rotate_root(options, keys, out);
  return code;
}

int run_revoke(const keys_options& options) {
  console out(options.json);
  const auto opened = recorded_keys::open(options.folder, out);
  if (!opened) return out.failed(opened.error());
  auto& keys = **opened;
  const auto named = fmt::format("{}", fmt::join(options.serials, " "));
  const auto done = keys->revoke(options.serials);
  if (!done) return keys.failed("revoke", named, done.error());
  keys.did("revoke", fmt::format("{}: list {}", named, done->number));
  out.say(
      "revoked; list {} has {} serial{}. Processes that read {}/publisher take it within seconds; copy its "
      "file `revocations` to those that do not",
      done->number, done->serials.size(), done->serials.size() == 1 ? "" : "s", options.folder);
  out.object({{"event", "revoked"}, {"number", done->number}, {"serials", done->serials}});
  return exit_ok;
}

result<lineage_id> lineage_of(const std::string& text) {
  const auto read = uuid_from_string(text);
  if (!read) return fail(errc::invalid_argument, fmt::format("'{}' is no lineage", text));
  return lineage_id{*read};
}

int run_follow(const keys_options& options) {
  console out(options.json);
  const auto before = lineage_of(options.from), after = lineage_of(options.to);
  if (!before) return out.failed(before.error());
  if (!after) return out.failed(after.error());
  const auto opened = recorded_keys::open(options.folder, out);
  if (!opened) return out.failed(opened.error());
  auto& keys = **opened;
  for (const auto& channel : options.channels) {
    const auto about = fmt::format("channel {}: {} after {}", channel, options.to, options.from);
    const auto done = keys->follow({channel, *before, *after, epoch_number{options.epoch}});
    if (!done) return keys.failed("follow", about, done.error());
    keys.did("follow", about);
    out.say("channel {}: {} follows {}", channel, options.to, options.from);
    out.object({{"event", "follows"}, {"channel", channel}, {"from", options.from}, {"to", options.to}});
  }
  return exit_ok;
}

using run_keys = int (*)(const keys_options&);

CLI::App& add_one(CLI::App& keys, const std::shared_ptr<keys_options>& kept, chosen_command& chosen,
                  const char* name, const char* what, run_keys run) {
  CLI::App& command = *keys.add_subcommand(name, what);
  command.add_option("DIR", kept->folder, "Folder of `graphite keygen`, with its root")->required();
  add_json_option(command, kept->json);
  command.callback([kept, &chosen, run] {
    chosen = [kept, run] {
      leave_no_core_file();
      return run(*kept);
    };
  });
  return command;
}

void add_days(CLI::App& command, keys_options& kept, const char* what) {
  command.add_option("--days", kept.days, what)->envname("GRAPHITE_KEYS_DAYS")->check(CLI::Range(1, 3650));
}

CLI::Option* add_channels(CLI::App& command, keys_options& kept, const char* what) {
  return command.add_option("--channel", kept.channels, what)->envname("GRAPHITE_KEYS_CHANNEL");
}

void add_verbs(CLI::App& command, keys_options& kept) {
  command.add_option("--verbs", kept.verbs, "What it may: of query, build, publish and operate, with commas")
      ->envname("GRAPHITE_KEYS_VERBS");
}

void add_people(CLI::App& keys, const std::shared_ptr<keys_options>& kept, chosen_command& chosen) {
  auto& ticket = add_one(keys, kept, chosen, "ticket", "Make the part of one runtime", run_ticket);
  ticket.add_option("NAME", kept->name, "Its name, for people")->required();
  add_channels(ticket, *kept, "Channel it may have; may be repeated (default: all)");
  ticket.add_option("--for", kept->client, "Key that it has made itself with `graphite keys pair`")
      ->envname("GRAPHITE_KEYS_FOR")
      ->type_name("KEY");
  add_days(ticket, *kept, "How long it may");
  auto& token =
      add_one(keys, kept, chosen, "token", "Make a token for a client without a certificate", run_token);
  token.add_option("NAME", kept->name, "Whose it is")->required();
  add_verbs(token, *kept);
  token.add_option("--tenant", kept->tenant, "For whose work")->envname("GRAPHITE_KEYS_TENANT");
  add_days(token, *kept, "How long it counts");
  auto& client = add_one(keys, kept, chosen, "client", "Make a client's certificate", run_client);
  auto& person = add_one(keys, kept, chosen, "operator", "Make an operator's certificate", run_operator);
  for (auto* command : {&client, &person}) {
    command->add_option("NAME", kept->name, "Whose it is")->required();
    add_verbs(*command, *kept);
    add_days(*command, *kept, "How long it counts");
  }
  auto& node = add_one(keys, kept, chosen, "node", "Make the part of one process of a cluster", run_node);
  node.add_option("NAME", kept->name, "Its name")->required();
  node.add_option("--role", kept->role_name, "coordinator, node, relay or watch (default: node)")
      ->envname("GRAPHITE_KEYS_ROLE");
  add_days(node, *kept, "How long it counts");
  CLI::App& pair =
      *keys.add_subcommand("pair", "Make a runtime's own key where it runs, and print its public part");
  pair.add_option("FOLDER", kept->folder, "Folder for it")->required();
  add_json_option(pair, kept->json);
  pair.callback([kept, &chosen] { chosen = [kept] { return run_pair(*kept); }; });
}

void add_changes(CLI::App& keys, const std::shared_ptr<keys_options>& kept, chosen_command& chosen) {
  auto& channel =
      add_one(keys, kept, chosen, "channel", "Make a signing key for another channel", run_channel);
  channel.add_option("CHANNEL", kept->name, "Its name")->required();
  add_days(channel, *kept, "How long it signs");
  auto& rotate =
      add_one(keys, kept, chosen, "rotate", "Replace keys; the old ones count on for a time", run_rotate);
  add_channels(rotate, *kept, "Channel that gets a new key; may be repeated");
  rotate
      .add_flag("--server", kept->server,
                "Make new certificates of the process that serves, by the same authorities")
      ->envname("GRAPHITE_KEYS_SERVER");
  rotate
      .add_flag(
          "--curve", kept->curve,
          "Make a new CURVE key of the process that serves, from its next start on; runtimes need the new "
          "DIR/root/server.pub before that")
      ->envname("GRAPHITE_KEYS_CURVE");
  rotate.add_flag("--root", kept->root, "Replace the root; the old one counts for --days more")
      ->envname("GRAPHITE_KEYS_ROOT");
  add_days(rotate, *kept, "How long new keys and certificates, or the old root, count");
  auto& revoke =
      add_one(keys, kept, chosen, "revoke", "End keys, tickets, tokens or certificates at once", run_revoke);
  revoke.add_option("SERIAL", kept->serials, "Numbers that `graphite keys list` shows")->required();
  auto& follow = add_one(keys, kept, chosen, "follow",
                         "Let runtimes go from one history of a channel to another", run_follow);
  add_channels(follow, *kept, "Channel; may be repeated")->required();
  follow.add_option("--from", kept->from, "Lineage that runtimes have")
      ->required()
      ->envname("GRAPHITE_KEYS_FROM");
  follow.add_option("--to", kept->to, "Lineage that is served now")->required()->envname("GRAPHITE_KEYS_TO");
  follow.add_option("--epoch", kept->epoch, "Epoch that it began with, or an earlier one (default: any)")
      ->envname("GRAPHITE_KEYS_EPOCH");
}

}  // namespace

void add_keys(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<keys_options>();
  CLI::App& keys = *root.add_subcommand("keys", "List, give out, replace and revoke keys");
  keys.require_subcommand(0, 1);
  add_one(keys, kept, chosen, "list", "Show all that was given out", run_list);
  add_people(keys, kept, chosen);
  add_changes(keys, kept, chosen);
  keys.footer(
      "Each needs the folder that `graphite keygen` made, with its root. A process that serves reads the "
      "part\n"
      "DIR/publisher again within seconds of a change.\n\n"
      "Examples:\n"
      "  graphite keys list keys\n"
      "  graphite keys ticket keys game-1 --channel main --days 30\n"
      "  graphite keys rotate keys --channel main\n"
      "  graphite keys revoke keys 17");
}

}  // namespace graphite
