#include "cli/session_inputs.hpp"

#include <algorithm>
#include <filesystem>

namespace graphite {

namespace {

std::optional<digest> identity_of(tool_resolver& resolver, const tool_spec& spec) {
  const auto found = resolver.resolve(spec);
  return found ? std::optional(found->identity) : std::nullopt;
}

/// `file` relative to `root`; empty where it lies elsewhere.
std::string below(const std::string& root, const std::string& file) {
  const auto whole = std::filesystem::path(file).lexically_normal().string();
  const auto prefix = root.ends_with('/') ? root : root + "/";
  return whole.starts_with(prefix) ? whole.substr(prefix.size()) : std::string();
}

}  // namespace

bool session_inputs::tool_files::operator==(const tool_files& other) const {
  return std::equal(files_.begin(), files_.end(), other.files_.begin(), other.files_.end(),
                    [](const auto& a, const auto& b) {
                      return a.path == b.path && a.signature.same_file_state(b.signature);
                    });
}

std::vector<std::string> session_inputs::tool_files::paths() const {
  std::vector<std::string> out;
  for (const auto& one : files_) out.push_back(one.path);
  return out;
}

session_inputs::session_inputs(std::string project_file, std::unique_ptr<tool_resolver> files,
                               std::function<void()> on_outdated)
    : files_(std::move(files)), on_outdated_(std::move(on_outdated)) {
  project_file_.name = "the project file";
  project_file_.paths = {std::move(project_file)};
  known_ = {identity_of(*files_, project_file_)};
}

void session_inputs::find_tools(const project& config, std::unique_ptr<tool_resolver> resolver,
                                log_sink& log) {
  resolver_ = std::move(resolver);
  const auto note_place = [&](const std::string& file) {
    if (auto path = below(config.root, file); !path.empty()) below_root_.insert(std::move(path));
  };
  note_place(project_file_.paths.front());
  for (const auto& [name, spec] : config.tools) {
    tools_.push_back(spec);
    // Also where the file is missing: it may come.
    for (const auto& path : spec.paths)
      if (path.find('/') != std::string::npos)
        note_place(path.starts_with('/') ? path : config.root + "/" + path);
    const auto found = resolver_->resolve(spec);
    known_.push_back(found ? std::optional(found->identity) : std::nullopt);
    if (!found) {
      log.error("tool {}: {}", name, found.error().context);
      continue;
    }
    digests_[name] = found->identity;
    programs_[name] = found->program;
    for (const auto& file : found->files) note_place(file.path);
  }
  told_ = known_;
}

std::optional<session_inputs::tool_files> session_inputs::as_found(const std::vector<std::string>& names) {
  tool_files out;
  for (const auto& spec : tools_) {
    if (std::find(names.begin(), names.end(), spec.name) == names.end()) continue;
    const auto now = resolver_->resolve(spec);
    const auto then = digests_.find(spec.name);
    if (!now || then == digests_.end() || now->identity != then->second) return std::nullopt;
    // Also the program: a tool may be the same in another place.
    if (now->program != programs_.at(spec.name)) return std::nullopt;
    out.files_.insert(out.files_.end(), now->files.begin(), now->files.end());
  }
  return out;
}

session_inputs::state session_inputs::look() {
  state out{identity_of(*files_, project_file_)};
  for (const auto& spec : tools_) out.push_back(identity_of(*resolver_, spec));
  return out;
}

bool session_inputs::outdated() {
  auto now = look();
  {
    const std::lock_guard lock(mutex_);
    if (now == known_) return false;
    if (now == told_) return true;
    told_ = std::move(now);
  }
  on_outdated_();
  return true;
}

void session_inputs::go_on() {
  const std::lock_guard lock(mutex_);
  known_ = told_;
}

}  // namespace graphite
