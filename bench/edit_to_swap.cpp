#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <thread>

#include "bench/child.hpp"
#include "bench/process_cost.hpp"
#include "bench/workloads.hpp"
#include "core/units.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

struct setting {
  std::string name;
  std::size_t subscribers = 1, edits = 300, edit_bytes = 16 * KiB, assets = 1000, asset_bytes = 100;
  bool files = true;
};

struct measured {
  std::vector<double> last_ms;                        ///< per edit: the last subscriber
  std::map<std::string, std::vector<double>> stages;  ///< ms, all subscribers
  process_cost subscribers, service;                  ///< of all edits
};

process_cost cost_of(const std::vector<std::unique_ptr<child>>& programs) {
  process_cost out;
  for (const auto& one : programs) out += bench::cost_of(one->pid());
  return out;
}

void make_project(const std::string& root, const setting& s) {
  fs::create_directories(root + "/edited");
  for (std::size_t i = 0; i < 8; ++i)
    write_file(root + "/edited/" + std::to_string(i) + ".bin", random_bytes(s.edit_bytes, i));
  for (std::size_t i = 0; i < s.assets; ++i) {
    const auto folder = root + "/assets/" + std::to_string(i / 100);
    if (i % 100 == 0) fs::create_directories(folder);
    write_file(folder + "/" + std::to_string(i) + ".dat", random_bytes(s.asset_bytes, 1000 + i));
  }
}

/// Setting up a million assets takes minutes, and is not what is measured.
double patience_s(const setting& s) { return 600 + static_cast<double>(s.assets) / 500; }

std::string folder_of(const std::string& work, std::size_t subscriber) {
  return work + "/subscriber-" + std::to_string(subscriber);
}

/// `count` of them; each shows a generation when this returns.
std::vector<std::unique_ptr<child>> start_subscribers(const bench_options& options, const setting& s,
                                                      const std::string& work, const std::string& heads,
                                                      std::size_t count) {
  std::vector<std::unique_ptr<child>> out;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::string> argv{
        options.programs + "/graphite", "subscribe", "--from", heads, "--into", folder_of(work, i), "--json"};
    if (!s.files) argv.push_back("--no-files");
    out.push_back(std::make_unique<child>(argv, work + "/subscribe.log"));
  }
  wait_for_all(
      out,
      [&](std::size_t, const nlohmann::json& event) {
        const auto kind = event.value("event", "");
        return kind == "swap" || kind == "start";
      },
      "first generation", patience_s(s));
  return out;
}

/// What 16 first generations of 10^5 assets leave behind (gigabytes to write back, tables to merge) ends.
void rest() {
  ::sync();
  std::this_thread::sleep_for(std::chrono::seconds(10));
}

/// Fetches the first generation once and gives every subscriber a copy of the folder: 16 that fetch a million
/// assets on two cores take long.
void fetch_once(const bench_options& options, const setting& s, const std::string& work,
                const std::string& heads) {
  start_subscribers(options, s, work, heads, 1);
  for (std::size_t i = 1; i < s.subscribers; ++i)
    fs::copy(folder_of(work, 0), folder_of(work, i), fs::copy_options::recursive);
}

void take_stages(measured& out, const nlohmann::json& event) {
  if (!event.contains("stages_us")) return;
  for (const auto& [stage, us] : event["stages_us"].items())
    if (us.is_number()) out.stages[stage].push_back(us.get<double>() / 1000);
}

/// One edit; milliseconds until the last subscriber's readers have it.
double edit_once(const std::vector<std::unique_ptr<child>>& subscribers, const std::string& root,
                 const setting& s, std::size_t number, measured& out) {
  const auto name = "edited/" + std::to_string(number % 8) + ".bin";
  const auto bytes = random_bytes(s.edit_bytes, 5000 + number);
  write_file(root + "/" + name, bytes);
  const double closed_at = now_seconds();
  double last = 0;
  wait_for_all(
      subscribers,
      [&](std::size_t, const nlohmann::json& event) {
        if (event.value("event", "") != "swap") return false;
        const auto& changed = event["changed"];
        if (std::find(changed.begin(), changed.end(), name) == changed.end()) return false;
        last = std::max(last, event["swapped_at_ns"].get<double>() / 1e9);
        take_stages(out, event);
        return true;
      },
      "swap of " + name);
  return (last - closed_at) * 1000;
}

/// In a thread that gives way: reading 64 programs' events must not stand in the way of what is measured.
measured measure_edits(const std::vector<std::unique_ptr<child>>& subscribers,
                       const std::vector<std::unique_ptr<child>>& dev, const std::string& root,
                       const setting& s) {
  measured out;
  std::thread([&] {
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10);
    for (std::size_t i = 0; i < 20; ++i) edit_once(subscribers, root, s, i, out);
    out = {};
    const auto subscribers_before = cost_of(subscribers), service_before = cost_of(dev);
    for (std::size_t i = 0; i < s.edits; ++i)
      out.last_ms.push_back(edit_once(subscribers, root, s, 100 + i, out));
    out.subscribers = cost_of(subscribers) - subscribers_before;
    out.service = cost_of(dev) - service_before;
  }).join();
  return out;
}

measured run_setting(const bench_options& options, const setting& s) {
  const auto work = temporary_folder("swap");
  const auto root = work + "/project";
  make_project(root, s);
  const auto program = options.programs + "/graphite";
  run_json({program, "init", root, "--json"}, work + "/init.log");
  measured out;
  {
    std::vector<std::unique_ptr<child>> dev;
    dev.push_back(std::make_unique<child>(std::vector<std::string>{program, "dev", "-C", root, "--json"},
                                          work + "/dev.log"));
    std::string heads;
    wait_for_all(
        dev,
        [&](std::size_t, const nlohmann::json& event) {
          if (event.value("event", "") != "ready") return false;
          heads = event["heads"];
          return true;
        },
        "ready event", patience_s(s));
    if (s.assets >= 100'000) fetch_once(options, s, work, heads);
    const auto subscribers = start_subscribers(options, s, work, heads, s.subscribers);
    rest();
    out = measure_edits(subscribers, dev, root, s);
  }
  fs::remove_all(work);
  return out;
}

void add_stages(report& out, const measured& m) {
  for (const auto& [stage, values] : m.stages) {
    out.figures.push_back(
        {"stage_" + stage + "_p50_ms", percentile(values, 0.5), "ms", better::lower, {}, {}, {}});
    out.figures.push_back(
        {"stage_" + stage + "_p99_ms", percentile(values, 0.99), "ms", better::lower, {}, {}, {}});
  }
}

/// Processor time and context switches of one edit, which other load on the machine does not blur.
void add_costs(report& out, const measured& m, std::size_t subscribers, std::size_t edits) {
  const auto add = [&](const char* name, double value, const char* unit) {
    out.figures.push_back({name, value, unit, better::lower, {}, {}, {}});
  };
  const auto swaps = static_cast<double>(subscribers * edits);
  add("cpu_us_per_swap", m.subscribers.cpu_us / swaps, "us");
  add("switches_per_swap", static_cast<double>(m.subscribers.switches) / swaps, "");
  add("service_cpu_us_per_edit", m.service.cpu_us / static_cast<double>(edits), "us");
  add("service_switches_per_edit", static_cast<double>(m.service.switches) / static_cast<double>(edits), "");
}

}  // namespace

report run_edit_to_swap(const bench_options& options) {
  report out;
  const std::size_t edits = options.quick ? 30 : 300;
  const std::size_t many = options.quick ? 8 : 64;
  const auto add = [&](const std::string& name, double value, std::optional<double> goal,
                       const char* unit = "ms") {
    out.figures.push_back({name, value, unit, better::lower, goal, {}, {}});
  };
  const auto chosen = [&](const char* name) { return options.only.empty() || options.only == name; };
  if (chosen("1")) add("p50_ms_1", percentile(run_setting(options, {"1", 1, edits}).last_ms, 0.5), {});
  if (chosen("64")) {
    const auto crowd = run_setting(options, {"64", many, edits});
    add("p50_ms_64", percentile(crowd.last_ms, 0.5), {});
    add("p99_ms_64", percentile(crowd.last_ms, 0.99), 25);
    add_costs(out, crowd, many, edits);
    add_stages(out, crowd);
  }
  if (chosen("64_64k")) {
    const auto crowd = run_setting(options, {"64_64k", many, edits, 64 * KiB});
    add("p50_ms_64_64k", percentile(crowd.last_ms, 0.5), {});
    add("p99_ms_64_64k", percentile(crowd.last_ms, 0.99), 40);
  }
  std::optional<double> base;
  for (const std::size_t assets : {std::size_t{1000}, std::size_t{100'000}, std::size_t{1'000'000}}) {
    const auto label = assets == 1'000'000 ? std::string("1m") : std::to_string(assets / 1000) + "k";
    if (!chosen(("16_" + label).c_str())) continue;
    if (assets > (options.quick ? 1000 : options.assets_max)) {
      out.notes.push_back("left out: " + std::to_string(assets) + " assets");
      continue;
    }
    const auto m = run_setting(options, {"16", 16, edits, 16 * KiB, assets, 100, false});
    const auto p99 = percentile(m.last_ms, 0.99);
    add("p50_ms_16_" + label + "_assets", percentile(m.last_ms, 0.5), {});
    add("p99_ms_16_" + label + "_assets", p99, base ? std::optional(*base * 1.5) : std::nullopt);
    if (!options.only.empty()) add_costs(out, m, 16, edits), add_stages(out, m);
    if (!base) base = p99;
  }
  if (options.quick) out.notes.push_back("quick: 8 subscribers and 30 edits where the names say 64 and 300");
  out.notes.push_back(
      "subscribers: separate processes, own folders; last subscriber of each edit; clock from the "
      "writer's close to the flip (CLOCK_MONOTONIC); shipped programs with their defaults; the process that "
      "reads the events is niced, so that it does not stand in the way of what it measures; edits begin ten "
      "seconds after the first generation; with 10^5 assets and more one subscriber fetches that, the others "
      "get copies of its folder");
  return out;
}

}  // namespace graphite::bench
