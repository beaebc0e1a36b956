#include "cli/revision_tree.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "core/cancel_token.hpp"
#include "core/project_file_name.hpp"

extern char** environ;

namespace graphite {

namespace {

namespace fs = std::filesystem;

/// Runs git with the caller's environment, but for what would point it elsewhere.
class git {
 public:
  git(process_runner& processes, std::string folder) : processes_(processes), folder_(std::move(folder)) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string text = *entry;
      const auto equals = text.find('=');
      if (equals != std::string::npos && text.rfind("GIT_", 0) != 0)
        environment_[text.substr(0, equals)] = text.substr(equals + 1);
    }
  }

  void use_index(const std::string& file) { environment_["GIT_INDEX_FILE"] = file; }

  /// What it printed, without the last line feed. Errors: not_found (no git), invalid_argument (what it
  /// said).
  result<std::string> run(std::vector<std::string> words) {
    process_spec spec;
    spec.argv = {"git", "-C", folder_};
    spec.argv.insert(spec.argv.end(), std::make_move_iterator(words.begin()),
                     std::make_move_iterator(words.end()));
    spec.environment = environment_;
    spec.working_folder = folder_;
    spec.nice = 0;
    auto done = processes_.run(spec, cancel_token{});
    if (!done && done.error().code == errc::not_found)
      return fail(errc::not_found, "--rev needs the program git, which is not in PATH");
    if (!done) return tl::unexpected<error>(done.error());
    while (!done->out.empty() && done->out.back() == '\n') done->out.pop_back();
    while (!done->err.empty() && done->err.back() == '\n') done->err.pop_back();
    if (done->exit_code != 0) return fail(errc::invalid_argument, "git: " + done->err);
    return std::move(done->out);
  }

 private:
  process_runner& processes_;
  std::string folder_;
  std::map<std::string, std::string> environment_;
};

result<void> make_empty(const std::string& folder) {
  std::error_code code;
  fs::remove_all(folder, code);
  if (!code) fs::create_directories(folder, code);
  if (code) return fail_errno(code.value(), folder);
  return {};
}

}  // namespace

revision_tree::revision_tree(revision_tree&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      project_folder_(std::move(other.project_folder_)),
      commit_(std::move(other.commit_)) {}

revision_tree::~revision_tree() {
  std::error_code code;
  if (!folder_.empty()) fs::remove_all(folder_, code);
}

result<revision_tree> revision_tree::check_out(process_runner& processes, const std::string& project_folder,
                                               const std::string& revision, const std::string& into) {
  git run(processes, project_folder);
  const auto below = run.run({"rev-parse", "--show-prefix"});
  if (!below && below.error().code == errc::invalid_argument)
    return fail(errc::invalid_argument, fmt::format("--rev: {} is in no git repository", project_folder));
  if (!below) return tl::unexpected<error>(below.error());
  auto commit = run.run({"rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"});
  if (!commit && commit.error().code == errc::invalid_argument)
    return fail(
        errc::invalid_argument,
        fmt::format("--rev: '{}' names no commit of this repository: `git log` shows them", revision));
  if (!commit) return tl::unexpected<error>(commit.error());

  revision_tree out;
  out.folder_ = into;
  out.commit_ = std::move(*commit);
  GRAPHITE_CHECK(make_empty(into));
  run.use_index(into + "/.git-index");
  GRAPHITE_CHECK(run.run({"read-tree", out.commit_}));
  // From a folder below its top git writes only what is below that.
  GRAPHITE_TRY(const auto top, run.run({"rev-parse", "--show-toplevel"}));
  GRAPHITE_CHECK(run.run({"-C", top, "checkout-index", "--all", "--force", "--prefix=" + into + "/tree/"}));
  out.project_folder_ = (fs::path(into) / "tree" / *below).lexically_normal().string();
  std::error_code code;
  if (!fs::exists(fs::path(out.project_folder_) / project_file_name, code))
    return fail(errc::invalid_argument,
                fmt::format("--rev: {} has no {}{}: commit it first", revision, *below, project_file_name));
  return out;
}

}  // namespace graphite
