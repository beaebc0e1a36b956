#include <filesystem>

#include "bench/child.hpp"
#include "bench/workloads.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

std::string project_text(const std::string& rule) { return "[project]\nname = \"bench\"\n\n" + rule; }

/// Text that costs a compressor time: words in random order.
std::string prose(std::size_t bytes, std::uint64_t seed) {
  const auto noise = random_bytes(bytes / 3, seed);
  std::string out;
  for (const char c : noise)
    (out += "wordy "[static_cast<unsigned char>(c) % 6]) +=
        static_cast<char>('a' + static_cast<unsigned char>(c) % 23);
  return out;
}

struct build_times {
  double seconds = 0, cpu = 0;
  std::uint64_t ran = 0;
};

build_times build(const bench_options& options, const std::string& root) {
  fs::remove_all(root + "/.graphite");
  const double start = now_seconds();
  const auto end =
      run_json({options.programs + "/graphite", "build", "-C", root, "--json"}, root + "/../build.log");
  return {now_seconds() - start, end.value("action_cpu_seconds", 0.0), end.value("ran", std::uint64_t{0})};
}

std::string make_heavy(const std::string& work, std::size_t files) {
  auto root = work + "/heavy";
  fs::create_directories(root);
  for (std::size_t i = 0; i < files; ++i)
    write_file(root + "/" + std::to_string(i) + ".txt", prose(1'500'000, i));
  write_file(root + "/graphite.toml", project_text(R"([[rule]]
name = "squeeze"
match = ["*.txt"]
outputs = ["{in}.xz"]
[rule.command]
argv = "xz -9e -T1 -c {in} > {out}"
shell = true
)"));
  return root;
}

std::string make_many(const std::string& work, std::size_t actions) {
  auto root = work + "/many";
  std::string ninja = "rule c\n  command = /bin/cp $in $out\n";
  for (std::size_t i = 0; i < actions; ++i) {
    const auto folder = root + "/in/" + std::to_string(i / 100);
    if (i % 100 == 0) fs::create_directories(folder);
    const auto name = std::to_string(i / 100) + "/" + std::to_string(i);
    write_file(root + "/in/" + name + ".src", "source " + std::to_string(i) + "\n");
    ninja += "build out/" + name + ".out: c in/" + name + ".src\n";
  }
  write_file(work + "/build.ninja", ninja);
  write_file(root + "/graphite.toml", project_text(R"([[rule]]
name = "copy-by-tool"
match = ["*.src"]
outputs = ["{dir}/{stem}.out"]
[rule.command]
argv = ["/bin/cp", "{in}", "{out}"]
)"));
  return root;
}

}  // namespace

report run_full_build(const bench_options& options) {
  report out;
  const auto work = temporary_folder("build");
  const int rounds = options.quick ? 1 : 5;
  const auto heavy = make_heavy(work, options.quick ? 4 : 64);
  std::vector<double> seconds, over;
  for (int i = 0; i < rounds; ++i) {
    const auto t = build(options, heavy);
    seconds.push_back(t.seconds);
    over.push_back(t.seconds / (t.cpu / 2));
  }
  out.figures.push_back({"seconds_2", median(seconds), "s", better::lower, {}, {}, {}});
  out.figures.push_back({"over_cpu_bound", median(over), "x", better::lower, 1.15, {}, {}});

  const std::size_t actions = options.quick ? 500 : 11'000;
  const auto many = make_many(work, actions);
  const auto ninja = options.peers ? first_line_of({"ninja", "--version"}) : std::string();
  std::vector<double> ours, theirs;
  for (int i = 0; i < rounds; ++i) {
    ours.push_back(static_cast<double>(actions) / build(options, many).seconds);
    if (ninja.empty()) continue;
    const auto folder = work + "/ninja-" + std::to_string(i);
    fs::create_directories(folder);
    fs::copy(many + "/in", folder + "/in", fs::copy_options::recursive);
    fs::copy_file(work + "/build.ninja", folder + "/build.ninja");
    if (const auto t = time_command({"ninja", "-C", folder, "-j2"}))
      theirs.push_back(static_cast<double>(actions) / *t);
    fs::remove_all(folder);
  }
  figure spawn{"spawn_actions_per_s", median(ours), "1/s", better::higher, {}, {}, {}};
  spawn.peer =
      ninja.empty() ? (options.peers ? "ninja is missing: scripts/setup --peers" : "") : "ninja " + ninja;
  if (!theirs.empty()) spawn.peer_value = median(theirs), spawn.goal = 0.95 * median(theirs);
  out.figures.push_back(spawn);
  out.notes.push_back("from nothing: the state folder is removed before each build; " +
                      std::to_string(rounds) + " rounds, medians");
  fs::remove_all(work);
  return out;
}

}  // namespace graphite::bench
