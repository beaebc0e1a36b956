#include "transforms/depfile.hpp"

#include <fmt/format.h>

#include <optional>
#include <unordered_set>

namespace graphite {

namespace {

/// Reads one make-style file token by token. Every step takes at least one byte.
class depfile_reader {
 public:
  depfile_reader(std::string_view text, const depfile_options& options) : text_(text), options_(options) {}

  result<std::vector<std::string>> read() {
    while (at_ < text_.size()) GRAPHITE_CHECK(read_rule());
    return std::move(paths_);
  }

 private:
  enum class token { word, colon, line_end, file_end };

  bool at_line_end(std::size_t at) const {
    return at < text_.size() &&
           (text_[at] == '\n' || (text_[at] == '\r' && at + 1 < text_.size() && text_[at + 1] == '\n'));
  }
  void take_line_end() {
    at_ += text_[at_] == '\r' ? 2 : 1;
    ++line_;
  }
  bool is_blank(std::size_t at) const { return at < text_.size() && (text_[at] == ' ' || text_[at] == '\t'); }

  /// Blanks, continued lines and comments mean nothing.
  void skip_blanks() {
    while (at_ < text_.size()) {
      if (is_blank(at_)) {
        ++at_;
      } else if (text_[at_] == '\\' && at_line_end(at_ + 1)) {
        ++at_;
        take_line_end();
      } else if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        return;
      }
    }
  }

  /// A colon ends a target, but not the drive letter of `C:/x` or `C:\x`.
  bool ends_target(std::size_t at, const std::string& word) const {
    if (text_[at] != ':') return false;
    const bool drive = word.size() == 1 && ((word[0] | 0x20) >= 'a' && (word[0] | 0x20) <= 'z');
    return !(drive && at + 1 < text_.size() && (text_[at + 1] == '/' || text_[at + 1] == '\\'));
  }

  /// The character that a backslash or dollar at `at_` stands for; takes it.
  char take_escaped() {
    const char mark = text_[at_++];
    if (at_ >= text_.size()) return mark;
    const char next = text_[at_];
    const bool escape =
        mark == '$' ? next == '$' : next == ' ' || next == '\t' || next == '#' || next == ':' || next == '\\';
    if (!escape || (next == '\\' && !doubled_before_blank())) return mark;
    ++at_;
    return next;
  }
  /// `\\ ` is an escaped backslash; elsewhere (`C:\\x`) both are kept as compilers write them.
  bool doubled_before_blank() const {
    return is_blank(at_ + 1) || at_line_end(at_ + 1) || at_ + 1 == text_.size();
  }

  result<token> next(std::string& word, bool targets) {
    skip_blanks();
    word.clear();
    if (at_ >= text_.size()) return token::file_end;
    if (at_line_end(at_)) {
      take_line_end();
      return token::line_end;
    }
    if (targets && text_[at_] == ':') {
      ++at_;
      return token::colon;
    }
    while (at_ < text_.size() && !is_blank(at_) && !at_line_end(at_) &&
           !(targets && ends_target(at_, word))) {
      const char c = text_[at_];
      if (c == '\0') return fail(errc::corrupt, fmt::format("a NUL byte in line {} of the depfile", line_));
      if (c == '\\' && at_line_end(at_ + 1)) break;
      word += c == '\\' || c == '$' ? take_escaped() : text_[at_++];
      if (word.size() > options_.path_bytes_max)
        return fail(errc::too_large, fmt::format("a name in line {} of the depfile is over {} bytes", line_,
                                                 options_.path_bytes_max));
    }
    return token::word;
  }

  result<void> read_rule() {
    std::string word;
    bool any = false;
    while (true) {
      GRAPHITE_TRY(const auto what, next(word, true));
      if (what == token::colon) break;
      if (what != token::word && !any) return {};  // an empty line
      if (what != token::word)
        return fail(errc::corrupt,
                    fmt::format("line {} of the depfile has no colon", line_ - (what == token::line_end)));
      any = true;
    }
    return read_prerequisites();
  }

  result<void> read_prerequisites() {
    std::string word;
    while (true) {
      GRAPHITE_TRY(const auto what, next(word, false));
      if (what != token::word) return {};
      if (!seen_.insert(word).second) continue;
      if (paths_.size() >= options_.paths_max)
        return fail(errc::too_large, fmt::format("the depfile names more than {} files", options_.paths_max));
      paths_.push_back(word);
    }
  }

  std::string_view text_;
  const depfile_options& options_;
  std::size_t at_ = 0, line_ = 1;
  std::vector<std::string> paths_;
  std::unordered_set<std::string> seen_;
};

}  // namespace

result<std::vector<std::string>> parse_depfile(std::string_view text, const depfile_options& options) {
  if (text.size() > options.bytes_max)
    return fail(errc::too_large, fmt::format("the depfile has more than {} bytes", options.bytes_max));
  return depfile_reader(text, options).read();
}

}  // namespace graphite
