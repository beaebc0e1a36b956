#include "cli/job_source.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <utility>

#include "actors/live_filter.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "cli/config/project_file.hpp"
#include "coordinator/case_twins.hpp"
#include "core/path_text.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/linux/tree_scan.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t read_bytes = 1 * MiB;

/// Names of the sources below a root, without those that differ only in case.
class source_names {
 public:
  source_names(std::shared_ptr<const project> config, const file_reader& files)
      : config_(std::move(config)), filter_(config_, files) {}

  result<void> list(job_source& out) {
    tree_scan_options options;
    options.root = config_->root;
    options.recursive = config_->watch.recursive;
    options.prune = [this](std::string_view path) { return filter_.prunes_in_walk(path); };
    options.wanted = [this](std::string_view path) {
      return filter_.role_in_walk(path) == path_role::source;
    };
    options.marker = ignore_file_name;
    options.marked = [this](std::string_view path) { filter_.learn(path); };
    GRAPHITE_TRY(const auto listing, list_in_place(options));
    for (const auto& folder : listing.folders)
      for (const auto& file : folder.files) names_.insert(join_path(folder.path, folder.name_of(file)));
    for (const auto& one : listing.skipped) leave_out(out, one.path, to_string(one.why));
    drop_twins(out);
    return {};
  }
  const std::set<std::string, std::less<>>& names() const { return names_; }

 private:
  static void leave_out(job_source& out, const std::string& path, std::string_view why) {
    if (out.left_out.size() < job_source::left_out_max)
      out.left_out.push_back(fmt::format("{}: {}", path, why));
  }

  void drop_twins(job_source& out) {
    case_twins twins([this](std::string_view path) { return names_.contains(path); });
    for (const auto& name : names_) twins.add(name);
    // First all are found: what a twin is depends on which files there are.
    std::vector<std::string> hidden;
    for (const auto& name : names_)
      for (std::string_view part = name; !part.empty(); part = folder_of(part)) {
        const auto twin = twins.twin_of(part);
        if (twin.empty()) continue;
        hidden.push_back(name);
        leave_out(out, name, "differs only in case from " + twin);
        break;
      }
    for (const auto& name : hidden) names_.erase(name);
  }

  std::shared_ptr<const project> config_;
  live_filter filter_;
  std::set<std::string, std::less<>> names_;
};

result<content_ref> content_of_file(const file_reader& files, const logical_path& path, const hasher& hash,
                                    byte_vector& buffer) {
  GRAPHITE_TRY(const auto file, files.open(path));
  GRAPHITE_TRY(const auto before, file->info());
  content_builder content(hash);
  while (true) {
    GRAPHITE_TRY(const auto got, read_full(*file, buffer));
    content.feed(byte_span(buffer).first(got));
    if (got < buffer.size()) break;
  }
  GRAPHITE_TRY(const auto after, file->info());
  if (!before.signature.same_file_state(after.signature))
    return fail(errc::busy, fmt::format("{} changes while it is read: try again", path.str()));
  return graphite::content_of(content.finish(), hash);
}

bool is_executable(const std::string& path) {
  std::error_code unknown;
  return (fs::status(path, unknown).permissions() & fs::perms::owner_exec) != fs::perms::none;
}

}  // namespace

result<std::string> source_prefix(const std::string& folder, const std::string& root) {
  if (root == folder) return std::string();
  if (root.starts_with(folder + "/")) return root.substr(folder.size() + 1) + "/";
  return fail(errc::unsupported,
              fmt::format("the sources in {} are not below the project file: a job takes one folder", root));
}

result<job_source> read_job_source(const std::string& folder, const hasher& hash,
                                   const std::function<void(std::size_t, std::size_t)>& read) {
  load_options where;
  where.from = folder;
  GRAPHITE_TRY(auto loaded, load_project(where));
  GRAPHITE_TRY(const auto file, find_project_file(folder));
  const auto config = std::make_shared<const project>(std::move(loaded));
  const auto top = fs::path(file).parent_path().string();
  GRAPHITE_TRY(const auto prefix, source_prefix(top, config->root));
  GRAPHITE_TRY(const auto sources, posix_file_reader::open_root(config->root));
  job_source out;
  source_names names(config, *sources);
  GRAPHITE_CHECK(names.list(out));

  GRAPHITE_TRY(auto files, posix_file_reader::open_root(top));
  std::set<std::string> paths{std::string(project_file_name)};
  for (const auto& name : names.names()) paths.insert(prefix + name);
  std::vector<snapshot_file> listed;
  byte_vector buffer(read_bytes);
  for (const auto& name : paths) {
    GRAPHITE_TRY(const auto path, logical_path::parse(name));
    GRAPHITE_TRY(const auto content, content_of_file(*files, path, hash, buffer));
    listed.push_back({path, content, is_executable(top + "/" + name)});
    if (read) read(listed.size(), paths.size());
  }
  GRAPHITE_TRY(out.files, upload_source::make(std::move(listed), hash));
  out.project = config->name;
  out.bytes = std::move(files);
  return out;
}

}  // namespace graphite
