#include "node/declared_outputs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text_tail.hpp"

namespace graphite {

namespace {

constexpr std::size_t names_listed_max = 8;

/// "a, b and 3 more"
class name_list {
 public:
  void add(std::string_view name) {
    if (++count_ > names_listed_max) return;
    if (!text_.empty()) text_ += ", ";
    text_ += last_lines(name, 1024);
  }
  bool empty() const { return count_ == 0; }
  std::string text() const {
    return count_ <= names_listed_max ? text_
                                      : fmt::format("{} and {} more", text_, count_ - names_listed_max);
  }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

}  // namespace

result<declared_outputs> declared_outputs::make(const attempt_spec& spec,
                                                const std::optional<logical_path>& depfile) {
  declared_outputs out;
  GRAPHITE_TRY(out.names_, output_set::make(spec.outputs));
  for (const auto& input : spec.inputs) out.inputs_.push_back(input.path.str());
  std::sort(out.inputs_.begin(), out.inputs_.end());
  out.depfile_ = depfile;
  if (depfile) out.places_.push_back(*depfile);
  for (const auto& name : spec.outputs) {
    if (name.wildcard && name.folder().empty()) continue;
    GRAPHITE_TRY(auto inside, logical_path::parse(name.wildcard ? name.folder() + "/x" : name.text));
    out.places_.push_back(std::move(inside));
  }
  return out;
}

bool declared_outputs::was_there(std::string_view path) const {
  return (depfile_ && depfile_->str() == path) || std::binary_search(inputs_.begin(), inputs_.end(), path);
}

result<std::vector<logical_path>> declared_outputs::collect(const std::vector<scratch_entry>& entries) const {
  std::vector<logical_path> out;
  name_list undeclared, unusual;
  for (const auto& entry : entries) {
    if (!names_.is_exact(entry.path) && was_there(entry.path)) continue;
    auto path = logical_path::parse(entry.path);
    if (!path || !names_.declares(entry.path))
      undeclared.add(entry.path);
    else if (entry.kind != file_kind::regular)
      unusual.add(entry.path);
    else
      out.push_back(std::move(*path));
  }
  if (!unusual.empty())
    return fail(errc::action_failed, "outputs must be plain files, no links: " + unusual.text());
  name_list missing;
  for (const auto& name : names_.missing(out)) missing.add(name);
  if (!missing.empty())
    return fail(errc::action_failed, fmt::format("the command did not make {}{}{}", missing.text(),
                                                 undeclared.empty() ? "" : "; it made ", undeclared.text()));
  if (!undeclared.empty())
    return fail(errc::action_failed,
                fmt::format("the command made files that the rule does not declare as outputs: {}",
                            undeclared.text()));
  return out;
}

}  // namespace graphite
