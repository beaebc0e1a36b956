#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <thread>

#include "cli/bundle_signature.hpp"
#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "cli/opened_bundle.hpp"
#include "cli/progress.hpp"
#include "core/glob.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/clock.hpp"
#include "platform/linux/fresh_threads.hpp"

namespace graphite {

namespace {

struct bundle_options {
  std::string bundle, other, target;
  std::string only;  ///< glob; empty: all
  bundle_trust trust;
  bool assets = false, parts = false, force = false, json = false;
};

time_point now() { return std::chrono::steady_clock::now(); }

progress make_progress(const char* title) {
  progress_options options;
  options.title = title;
  options.unit = "assets";
  options.terminal = terminal_of(STDERR_FILENO);
  return progress(
      options, [](std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), stderr); }, now());
}

result<asset_filter> filter_of(const std::string& only) {
  if (only.empty()) return asset_filter([](const std::string&) { return true; });
  GRAPHITE_TRY(glob pattern, glob::parse(only));
  return asset_filter(
      [pattern = std::move(pattern)](const std::string& path) { return pattern.matches(path); });
}

std::uint64_t bytes_of(const asset_record& record) {
  std::uint64_t bytes = 0;
  for (const auto& part : record.parts) bytes += part.content.size;
  return bytes;
}

void show_asset(console& out, const asset_record& record) {
  if (!out.json()) {
    out.say("{:>12}  {}", bytes_of(record), printable(record.path.str()));
    return;
  }
  json_object parts = json_object::array();
  for (const auto& part : record.parts)
    parts.push_back({{"content", to_hex(part.content.id)}, {"bytes", part.content.size}});
  json_object references = json_object::array();
  for (const auto id : record.references) references.push_back(fmt::format("{:016x}", id.value));
  out.object({{"event", "asset"},
              {"path", record.path.str()},
              {"id", fmt::format("{:016x}", record.id().value)},
              {"bytes", bytes_of(record)},
              {"parts", std::move(parts)},
              {"references", std::move(references)}});
}

int run_inspect(const bundle_options& options) {
  console out(options.json);
  const auto bundle = open_bundle(options.bundle);
  if (!bundle) return out.failed(bundle.error());
  const auto wanted = filter_of(options.only);
  if (!wanted) return out.failed(wanted.error());
  std::uint64_t bytes = 0, parts = 0;
  const auto walked = bundle->tree->for_each([&](const located_asset& asset) {
    bytes += bytes_of(asset.record);
    parts += asset.record.parts.size();
    if (options.assets && (*wanted)(asset.record.path.str())) show_asset(out, asset.record);
    return true;
  });
  if (!walked) return out.failed(walked.error());
  const auto behind = read_behind(bundle->head, *bundle->contents, bundle->find, bundle->tree->hash());
  if (!behind) return out.failed(behind.error());
  const head& value = bundle->head.value;
  if (!options.json) {
    out.say("{}: {} of channel {}", printable(bundle->path), bundle->exported ? "export" : "bundle",
            value.channel);
    out.say("  lineage {}, epoch {}, generation {}", to_string(value.lineage.value), value.epoch.value,
            value.sequence.value);
    out.say("  root {}", to_hex(value.root));
    out.say("  {} assets, {} parts, {} bytes", value.assets, parts, bytes);
    if (!*behind || (*behind)->count > 0)
      out.say("  {} behind their sources",
              *behind ? std::to_string((*behind)->count) : "some, not told which,");
  }
  out.object({{"event", "bundle"},
              {"bundle", bundle->path},
              {"exported", bundle->exported},
              {"generation", to_json(value)},
              {"parts", parts},
              {"bytes", bytes},
              {"behind", *behind ? json_object((*behind)->count) : json_object(nullptr)}});
  return exit_ok;
}

int report(console& out, const verify_report& report) {
  for (const auto& one : report.first_errors)
    out.say("{} {}", out.styled("bad:", text_style::bad), printable(one.context));
  if (report.errors > report.first_errors.size())
    out.say("… and {} more", report.errors - report.first_errors.size());
  out.say("{}: {} assets, {} contents in {} chunks, {} pages, {} bytes, {} errors",
          report.good() ? out.styled("good", text_style::good) : out.styled("corrupt", text_style::bad),
          report.assets, report.contents, report.chunks, report.pages, report.bytes, report.errors);
  json_object errors = json_object::array();
  for (const auto& one : report.first_errors)
    errors.push_back({{"code", to_string(one.code)}, {"message", one.context}});
  out.object({{"event", "verify"},
              {"good", report.good()},
              {"assets", report.assets},
              {"contents", report.contents},
              {"chunks", report.chunks},
              {"pages", report.pages},
              {"bytes", report.bytes},
              {"errors", report.errors},
              {"first_errors", std::move(errors)}});
  return report.good() ? exit_ok : exit_corrupt;
}

int run_verify(const bundle_options& options) {
  console out(options.json);
  const auto bundle = open_bundle(options.bundle);
  if (!bundle) return out.failed(bundle.error());
  if (const auto believed = check_signature(bundle->head, options.trust, system_clock_source().unix_ns());
      !believed)
    return out.failed(believed.error());
  progress bar = make_progress("verifying");
  verify_options how;
  how.find = bundle->find;
  how.head = &bundle->head;
  fresh_threads threads(std::max(1u, std::thread::hardware_concurrency()));
  how.parallel = &threads;
  how.progress = [&](std::uint64_t assets, std::uint64_t) {
    bar.update({assets, bundle->head.value.assets, ""}, now());
    return true;
  };
  const verify_report found = verify_bundle(*bundle->tree, *bundle->contents, how);
  bar.finish(now());
  return report(out, found);
}

int run_bundle_diff(const bundle_options& options) {
  console out(options.json);
  const auto before = open_bundle(options.bundle);
  if (!before) return out.failed(before.error());
  const auto after = open_bundle(options.other);
  if (!after) return out.failed(after.error());
  generation_diff found;
  const auto walked =
      diff(*before->tree, *after->tree, [&](const asset_record* old, const asset_record* fresh) {
        auto& list = old == nullptr ? found.added : fresh == nullptr ? found.removed : found.changed;
        list.push_back((fresh == nullptr ? old : fresh)->path.str());
        return true;
      });
  if (!walked) return out.failed(walked.error());
  for (auto* list : {&found.added, &found.changed, &found.removed}) std::sort(list->begin(), list->end());
  print_diff(out, found);
  out.object(to_json(found));
  return exit_ok;
}

int run_extract(const bundle_options& options) {
  console out(options.json);
  const auto bundle = open_bundle(options.bundle);
  if (!bundle) return out.failed(bundle.error());
  const auto wanted = filter_of(options.only);
  if (!wanted) return out.failed(wanted.error());
  progress bar = make_progress("extracting");
  const auto how = options.parts ? parts_as::files : parts_as::one_file;
  const auto done = extract_bundle(*bundle, options.target, *wanted, how,
                                   [&](std::uint64_t assets, const std::string& path) {
                                     bar.update({assets, bundle->head.value.assets, path}, now());
                                   });
  bar.finish(now());
  if (!done) return out.failed(done.error());
  out.say("{} assets, {} files, {} bytes in {}", done->assets, done->files, done->bytes,
          printable(options.target));
  out.object({{"event", "extract"},
              {"folder", options.target},
              {"assets", done->assets},
              {"files", done->files},
              {"bytes", done->bytes}});
  return exit_ok;
}

int run_export(const bundle_options& options) {
  console out(options.json);
  const auto bundle = open_bundle(options.bundle);
  if (!bundle) return out.failed(bundle.error());
  const auto done = write_export(*bundle, options.target, options.force);
  if (!done) return out.failed(done.error());
  out.say("{} assets, {} contents, {} bytes in {}", done->assets, done->contents, done->bytes,
          printable(options.target));
  out.object({{"event", "export"},
              {"file", options.target},
              {"assets", done->assets},
              {"contents", done->contents},
              {"pages", done->pages},
              {"bytes", done->bytes}});
  return exit_ok;
}

using runner = int (*)(const bundle_options&);

CLI::App& add_one(CLI::App& group, chosen_command& chosen, const std::shared_ptr<bundle_options>& kept,
                  const char* name, const char* what, runner run) {
  CLI::App& command = *group.add_subcommand(name, what);
  command.add_option("BUNDLE", kept->bundle, "A bundle's folder or an exported .grph file")->required();
  add_json_option(command, kept->json);
  command.callback([kept, run, &chosen] { chosen = [kept, run] { return run(*kept); }; });
  return command;
}

void add_only(CLI::App& command, bundle_options& options) {
  command.add_option("--only", options.only, "Only assets whose path matches")
      ->envname("GRAPHITE_ONLY")
      ->type_name("GLOB");
}

}  // namespace

void add_bundle(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<bundle_options>();
  CLI::App& group = *root.add_subcommand("bundle", "Look at, check and take apart bundles; needs no service");
  auto& inspect = add_one(group, chosen, kept, "inspect", "Show what a bundle is and holds", run_inspect);
  inspect.add_flag("--assets", kept->assets, "List the assets too")->envname("GRAPHITE_ASSETS");
  add_only(inspect, *kept);
  inspect.footer("Examples:\n  graphite bundle inspect .graphite/bundles/main --assets --only '*.png'");
  auto& verify = add_one(group, chosen, kept, "verify",
                         "Check every page and every content against its digest", run_verify);
  verify
      .add_option("--root", kept->trust.root,
                  "Also check who signed it: a file root.pub with the roots that are believed")
      ->envname("GRAPHITE_ROOT_PINS")
      ->type_name("FILE");
  verify
      .add_option("--revocations", kept->trust.revocations,
                  "With --root: keys that count no more, a file `revocations` of a folder of keys")
      ->envname("GRAPHITE_REVOCATIONS")
      ->type_name("FILE");
  verify
      .add_option(
          "--at", kept->trust.at,
          "With --root: as of when keys are judged, 2026-01-31 or 2026-01-31T12:00:00Z (default: now)")
      ->envname("GRAPHITE_AT")
      ->type_name("TIME");
  verify.footer(
      "Exit code 5 where anything is corrupt, 4 where no root vouches for who signed it.\n"
      "A signature has no time: say --at only where these bytes are known to have been there then, as who\n"
      "steals a key signs with it after its end as well. What is revoked never counts, whatever --at "
      "says.\n\n"
      "Examples:\n"
      "  graphite bundle verify level1.grph\n"
      "  graphite bundle verify level1.grph --root root.pub\n"
      "  graphite bundle verify level1.grph --root root.pub --revocations revocations --at 2026-01-31");
  auto& diff = add_one(group, chosen, kept, "diff", "List what differs between two bundles", run_bundle_diff);
  diff.add_option("OTHER", kept->other, "The bundle to compare with")->required();
  diff.footer(
      "Cost follows the difference.\n\nExample:\n  graphite bundle diff old.grph .graphite/bundles/main");
  auto& extract = add_one(group, chosen, kept, "extract", "Write the assets as files", run_extract);
  extract.add_option("DIR", kept->target, "A new or empty folder")->required();
  add_only(extract, *kept);
  extract
      .add_flag("--parts", kept->parts, "Each part of an asset of several in a file of its own, PATH.partN")
      ->envname("GRAPHITE_PARTS");
  extract.footer(
      "Every byte is verified; DIR appears complete or not at all.\n\nExample:\n"
      "  graphite bundle extract level1.grph level1");
  auto& exported = add_one(group, chosen, kept, "export", "Write one self-contained file", run_export);
  exported.add_option("FILE", kept->target, "The file to write")->required();
  exported.add_flag("--force", kept->force, "Replace FILE where it exists")->envname("GRAPHITE_FORCE");
  exported.footer("Example:\n  graphite bundle export .graphite/bundles/main level1.grph");
  group.require_subcommand(0, 1);
  group.footer("Example:\n  graphite bundle verify .graphite/bundles/main");
}

}  // namespace graphite
