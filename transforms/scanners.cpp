#include "transforms/scanners.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <optional>

#include "core/did_you_mean.hpp"
#include "transforms/scan_formats.hpp"

namespace graphite {

namespace {

/// A match is looked for in windows of this size, then, where it fills one, in a long one: without them a
/// pattern whose every match looks ahead to the end of the file would take quadratic time.
constexpr std::size_t window_bytes = 4 * KiB, long_window_bytes = 64 * KiB;
/// Windows without a match overlap by this much, so that no match is cut.
constexpr std::size_t overlap_bytes = 8 * KiB;

RE2::Options pattern_options() {
  RE2::Options options;
  // Bytes, not characters: files may be in any encoding, and a bad byte must not end a match.
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_max_mem(16 << 20);
  return options;
}

result<void> check_compiled(const RE2& pattern, std::string_view text) {
  if (!pattern.ok()) {
    auto what = pattern.error();
    if (!pattern.error_arg().empty() && what.find(pattern.error_arg()) == std::string::npos)
      what += " at '" + pattern.error_arg() + "'";
    return fail(errc::invalid_argument, what);
  }
  if (pattern.NumberOfCapturingGroups() == 1) return {};
  const auto groups = pattern.NumberOfCapturingGroups();
  return fail(errc::invalid_argument,
              groups == 0
                  ? "'" + std::string(text) + "' has no group: put ( ) round the part that is the path"
                  : "'" + std::string(text) + "' has " + std::to_string(groups) +
                        " groups: write (?: ) for those that are not the path");
}

/// `scheme:` at the front, of two letters or more: a URL. One letter is a drive, which is a broken path.
bool is_url(std::string_view text) {
  const auto end =
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
  return end != std::string_view::npos && end >= 2 && text[end] == ':' && text.substr(end + 1, 2) == "//";
}

/// A file that lies in `folder`; only its folder matters.
std::optional<logical_path> file_in(std::string_view folder) {
  std::string text(folder);
  while (!text.empty() && text.back() == '/') text.pop_back();
  if (text == ".") text.clear();
  auto parsed = logical_path::parse(text.empty() ? std::string("x") : text + "/x");
  return parsed ? std::optional(*std::move(parsed)) : std::nullopt;
}

/// Steps through the matches of one pattern.
class match_walk {
 public:
  match_walk(const RE2& pattern, std::string_view text) : pattern_(pattern), text_(text) {}

  /// The next match, its group in `group` (null data where it took no part); false at the end.
  bool next(re2::StringPiece& group) {
    auto window = window_bytes;
    while (at_ <= text_.size()) {
      const auto end = std::min(text_.size(), at_ + window);
      re2::StringPiece groups[2];
      if (!pattern_.Match({text_.data(), text_.size()}, at_, end, RE2::UNANCHORED, groups, 2)) {
        if (end == text_.size()) return false;
        if (window == long_window_bytes) at_ = end - overlap_bytes;
        window = long_window_bytes;
        continue;
      }
      const auto begin = static_cast<std::size_t>(groups[0].data() - text_.data());
      const bool cut = begin + groups[0].size() == end && end != text_.size();
      if (cut && (begin > at_ || window != long_window_bytes)) {
        at_ = begin;  // look again, with room behind it
        window = long_window_bytes;
        continue;
      }
      group = groups[1];
      at_ = begin + std::max<std::size_t>(groups[0].size(), 1);
      return true;
    }
    return false;
  }

 private:
  const RE2& pattern_;
  std::string_view text_;
  std::size_t at_ = 0;
};

std::vector<found_text> scan_regex(const RE2& pattern, std::string_view text, const scan_options& options) {
  std::vector<found_text> found;
  match_walk walk(pattern, text);
  re2::StringPiece group;
  for (std::size_t i = 0;
       i < options.matches_max && found.size() < options.references_max && walk.next(group); ++i)
    if (group.data() != nullptr) found.push_back({std::string(group.data(), group.size())});
  return found;
}

}  // namespace

/// What was made of the rule's `references`.
struct scanner::compiled {
  struct entry {
    reference_spec spec;
    std::unique_ptr<const RE2> pattern;  ///< null: `scanner` of the spec
    std::vector<logical_path> search;    ///< a file in each folder
  };

  std::vector<entry> entries;
  scan_options options;

  std::vector<found_text> texts(const entry& from, const logical_path& path, std::string_view bytes) const;
  std::vector<logical_path> candidates(const entry& from, const logical_path& path,
                                       const found_text& found) const;
};

std::vector<found_text> scanner::compiled::texts(const entry& from, const logical_path& path,
                                                 std::string_view bytes) const {
  if (from.pattern) return scan_regex(*from.pattern, bytes, options);
  if (from.spec.scanner == "gltf") return scan_gltf(bytes, options.references_max);
  if (from.spec.scanner == "gltf-buffers")
    return scan_gltf(bytes, options.references_max, gltf_files::buffers);
  if (from.spec.scanner == "gltf-images") return scan_gltf(bytes, options.references_max, gltf_files::images);
  if (from.spec.scanner == "glsl") return scan_glsl(bytes, options.references_max);
  const auto extension = path.extension();
  const bool material = extension == ".mtl" || extension == ".MTL" || extension == ".Mtl";
  return material ? scan_mtl(bytes, options.references_max) : scan_obj(bytes, options.references_max);
}

std::vector<logical_path> scanner::compiled::candidates(const entry& from, const logical_path& path,
                                                        const found_text& found) const {
  std::vector<logical_path> out;
  if (found.text.empty() || found.text.size() > options.reference_bytes_max || is_url(found.text)) return out;
  const auto add = [&](const logical_path& beside) {
    auto meant = beside.resolve(found.text);
    if (meant && std::find(out.begin(), out.end(), *meant) == out.end()) out.push_back(*std::move(meant));
  };
  const auto root = *file_in("");
  if (found.text.front() == '/') {
    add(root);
    return out;
  }
  if (!found.search_only) add(from.spec.relative_to == reference_spec::base::root ? root : path);
  if (found.search_only && from.search.empty()) add(root);
  for (const auto& folder : from.search) add(folder);
  return out;
}

result<scanner> scanner::make(const std::vector<reference_spec>& references, scan_options options) {
  auto made = std::make_shared<compiled>();
  made->options = options;
  for (const auto& spec : references) {
    compiled::entry entry{spec, nullptr, {}};
    if (spec.scanner.empty()) {
      entry.pattern = std::make_unique<RE2>(spec.pattern, pattern_options());
      GRAPHITE_CHECK(check_compiled(*entry.pattern, spec.pattern));
    } else if (const auto& names = scanner_names();
               std::find(names.begin(), names.end(), spec.scanner) == names.end()) {
      return fail(errc::invalid_argument,
                  "unknown scanner '" + spec.scanner + "': " + did_you_mean(spec.scanner, names));
    }
    for (const auto& folder : spec.search) {
      auto inside = file_in(folder);
      if (!inside) return fail(errc::invalid_argument, "'" + folder + "' is no folder of the project");
      entry.search.push_back(*std::move(inside));
    }
    made->entries.push_back(std::move(entry));
  }
  scanner out;
  out.compiled_ = std::move(made);
  return out;
}

std::vector<scanned_reference> scanner::scan(const logical_path& path,
                                             std::span<const std::byte> bytes) const {
  std::vector<scanned_reference> out;
  if (empty()) return out;
  const auto size =
      static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), compiled_->options.bytes_scanned_max));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), size);
  std::map<std::pair<std::vector<logical_path>, bool>, std::size_t> seen;
  for (const auto& entry : compiled_->entries) {
    for (const auto& found : compiled_->texts(entry, path, text)) {
      auto candidates = compiled_->candidates(entry, path, found);
      if (candidates.empty() || candidates.front() == path) continue;
      const auto [at, fresh] = seen.try_emplace({candidates, entry.spec.at_run}, out.size());
      if (!fresh) {
        out[at->second].required = out[at->second].required || entry.spec.required;
      } else if (out.size() < compiled_->options.references_max) {
        out.push_back({std::move(candidates), entry.spec.required, entry.spec.at_run});
      } else {
        return out;
      }
    }
  }
  return out;
}

bool scanner::empty() const { return !compiled_ || compiled_->entries.empty(); }

result<void> check_reference_pattern(std::string_view pattern) {
  const RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), pattern_options());
  return check_compiled(compiled, pattern);
}

const std::vector<std::string_view>& scanner_names() {
  static const std::vector<std::string_view> names{"glsl", "gltf", "gltf-buffers", "gltf-images", "obj"};
  return names;
}

}  // namespace graphite
