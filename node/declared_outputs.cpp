#include "node/declared_outputs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/path_template.hpp"
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

bool contains(const std::vector<std::string>& ascending, const std::string& text) {
  return std::binary_search(ascending.begin(), ascending.end(), text);
}

}  // namespace

bool declared_outputs::pattern::matches(std::string_view path) const {
  return (anywhere || path.find('/') == path.npos) && shape.matches(path);
}

result<declared_outputs> declared_outputs::make(const attempt_spec& spec,
                                                const std::optional<logical_path>& depfile) {
  declared_outputs out;
  for (const auto& input : spec.inputs) out.inputs_.push_back(input.path.str());
  if (depfile) {
    out.inputs_.push_back(depfile->str());
    out.places_.push_back(*depfile);
  }
  for (const auto& text : spec.outputs) {
    if (is_wildcard_output(text)) {
      GRAPHITE_TRY(auto shape, glob::parse(text));
      out.patterns_.push_back({std::move(shape), text.find('/') != text.npos});
      const auto folder = wildcard_folder(text);
      if (folder.empty()) continue;
      GRAPHITE_TRY(auto inside, logical_path::parse(folder + "/x"));
      out.places_.push_back(std::move(inside));
    } else {
      GRAPHITE_TRY(auto path, logical_path::parse(text));
      out.exact_.push_back(text);
      out.places_.push_back(std::move(path));
    }
  }
  std::sort(out.exact_.begin(), out.exact_.end());
  std::sort(out.inputs_.begin(), out.inputs_.end());
  return out;
}

std::string declared_outputs::missing(const std::vector<logical_path>& found) const {
  name_list names;
  for (const auto& text : exact_)
    if (std::none_of(found.begin(), found.end(), [&](const auto& path) { return path.str() == text; }))
      names.add(text);
  for (const auto& wanted : patterns_)
    if (std::none_of(found.begin(), found.end(),
                     [&](const auto& path) { return wanted.matches(path.str()); }))
      names.add(wanted.shape.text());
  return names.text();
}

result<std::vector<logical_path>> declared_outputs::collect(const std::vector<scratch_entry>& entries) const {
  std::vector<logical_path> out;
  name_list undeclared, unusual;
  for (const auto& entry : entries) {
    const bool exact = contains(exact_, entry.path);
    if (!exact && contains(inputs_, entry.path)) continue;
    const bool wild =
        std::any_of(patterns_.begin(), patterns_.end(), [&](const auto& p) { return p.matches(entry.path); });
    auto path = logical_path::parse(entry.path);
    if ((!exact && !wild) || !path)
      undeclared.add(entry.path);
    else if (entry.kind != file_kind::regular)
      unusual.add(entry.path);
    else
      out.push_back(std::move(*path));
  }
  if (!unusual.empty())
    return fail(errc::action_failed, "outputs must be plain files, no links: " + unusual.text());
  if (const auto names = missing(out); !names.empty())
    return fail(errc::action_failed, fmt::format("the command did not make {}{}{}", names,
                                                 undeclared.empty() ? "" : "; it made ", undeclared.text()));
  if (!undeclared.empty())
    return fail(errc::action_failed,
                fmt::format("the command made files that the rule does not declare as outputs: {}",
                            undeclared.text()));
  return out;
}

}  // namespace graphite
