#include "transforms/archive.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/glob.hpp"
#include "core/output_set.hpp"
#include "transforms/zip_reader.hpp"

namespace graphite {

namespace {

result<std::vector<glob>> globs_of(const std::vector<std::string>& texts) {
  std::vector<glob> out;
  for (const auto& text : texts) {
    GRAPHITE_TRY(auto one, glob::parse(text));
    out.push_back(std::move(one));
  }
  return out;
}

/// Which entries are wanted, and as what.
class archive_plan {
 public:
  static result<archive_plan> make(const transform_input& in) {
    if (in.outputs.size() != 1 || !in.outputs.front().wildcard)
      return fail(errc::invalid_argument,
                  "`archive` has one output, with a wildcard such as {dir}/{stem}/**");
    archive_plan out;
    out.folder_ = in.outputs.front().folder();
    GRAPHITE_TRY(out.outputs_, output_set::make(in.outputs));
    GRAPHITE_TRY(out.include_, globs_of(in.options.texts("include")));
    GRAPHITE_TRY(out.exclude_, globs_of(in.options.texts("exclude")));
    out.strip_ = in.options.integer("strip");
    out.bytes_left_ = static_cast<std::uint64_t>(in.options.integer("size_max")) * MiB;
    return out;
  }

  /// Every name is checked, wanted or not: an archive that holds a dangerous one is not to be trusted.
  result<void> add(const zip_entry& entry) {
    std::string_view name = entry.name;
    while (entry.folder && name.ends_with('/')) name.remove_suffix(1);
    const auto inside = logical_path::parse(name);
    if (!inside)
      return fail(inside.error().code, fmt::format("`{}`: {}", shown_name(name), inside.error().context));
    if (entry.folder || !any_matches(include_, name) || any_matches(exclude_, name)) return {};
    for (auto n = strip_; n > 0; --n) {
      const auto slash = name.find('/');
      if (slash == name.npos) return {};
      name.remove_prefix(slash + 1);
    }
    auto path = logical_path::parse(folder_.empty() ? std::string(name) : folder_ + "/" + std::string(name));
    if (!path)
      return fail(path.error().code, fmt::format("`{}`: {}", shown_name(name), path.error().context));
    if (!outputs_.declares(path->str()))
      return fail(
          errc::invalid_argument,
          fmt::format("`{}` is not among the rule's outputs: leave it out by `exclude`", path->str()));
    if (!folded_.insert(case_fold(path->str())).second)
      return fail(errc::corrupt,
                  fmt::format("`{}` is there twice, or as a twin in another case", shown_name(name)));
    if (entry.size > bytes_left_)
      return fail(errc::too_large,
                  fmt::format("`{}`: over the option `size_max`, all files together", shown_name(name)));
    bytes_left_ -= entry.size;
    wanted_.emplace_back(std::move(*path), &entry);
    return {};
  }

  /// The files, ascending by path.
  result<transform_output> unpack_all() {
    if (wanted_.empty()) return fail(errc::invalid_argument, "the archive holds no file that is wanted");
    std::sort(wanted_.begin(), wanted_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    transform_output out;
    for (auto& [path, entry] : wanted_) {
      const auto folded = case_fold(path.str());
      for (auto slash = folded.find('/'); slash != folded.npos; slash = folded.find('/', slash + 1))
        if (folded_.count(folded.substr(0, slash)) != 0)
          return fail(errc::corrupt, fmt::format("`{}` lies below what is a file", path.str()));
      GRAPHITE_TRY(auto bytes, unpack(*entry));
      made_asset made{std::move(path), {}};
      made.parts.push_back(std::move(bytes));
      out.assets.push_back(std::move(made));
    }
    return out;
  }

 private:
  std::string folder_;
  output_set outputs_;
  std::vector<glob> include_, exclude_;
  std::int64_t strip_ = 0;
  std::uint64_t bytes_left_ = 0;
  std::set<std::string, std::less<>> folded_;
  std::vector<std::pair<logical_path, const zip_entry*>> wanted_;
};

}  // namespace

result<transform_output> run_archive(const transform_input& in) {
  GRAPHITE_TRY(auto plan, archive_plan::make(in));
  GRAPHITE_TRY(const auto entries,
               read_zip(in.bytes, static_cast<std::size_t>(in.options.integer("entries_max"))));
  for (const auto& entry : entries) GRAPHITE_CHECK(plan.add(entry));
  return plan.unpack_all();
}

}  // namespace graphite
