#pragma once

#include <fmt/format.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cli/terminal.hpp"
#include "core/error.hpp"

namespace graphite {

/// An object of --json as text; what is not UTF-8 is shown with replacement characters.
std::string json_text(const nlohmann::ordered_json& value);
/// `{"event":"error",…}`
nlohmann::ordered_json error_object(const error& problem);

/// Where a subcommand speaks: results on standard output, everything else on standard error.
///
/// With --json standard output has one object a line and nothing else; text for people then goes to standard
/// error. One thread at a time.
class console {
 public:
  explicit console(bool json);

  bool json() const { return json_; }
  const terminal_info& out_terminal() const { return out_; }

  /// One object and a line feed, flushed. Only with --json; otherwise nothing happens. Text that is not
  /// UTF-8 is shown with replacement characters.
  void object(const nlohmann::ordered_json& value);

  /// A line for people.
  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) {
    line(fmt::format(text, std::forward<Args>(args)...));
  }
  void line(std::string_view text);
  /// What was said so far is seen now, also by a reader of a pipe or file.
  void flush();
  /// A line on standard error, so that results stay alone.
  void remark(std::string_view text);
  /// A line of warning on standard error.
  void warn(std::string_view text);
  /// Reports a failure (on standard error, and as `{"event":"error",…}` with --json) and gives its exit code.
  int failed(const error& problem);
  /// The same on standard error alone.
  int report(const error& problem);

  std::string styled(std::string_view text, text_style style) const;

 private:
  bool json_;
  terminal_info out_, err_;
};

}  // namespace graphite
