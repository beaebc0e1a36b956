#include "cli/console.hpp"

#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/exit_codes.hpp"

namespace graphite {

std::string json_text(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

nlohmann::ordered_json error_object(const error& problem) {
  return {{"event", "error"},
          {"code", to_string(problem.code)},
          {"message", problem.context},
          {"exit_code", static_cast<int>(exit_code_for(problem.code))}};
}

console::console(bool json)
    : json_(json), out_(terminal_of(STDOUT_FILENO)), err_(terminal_of(STDERR_FILENO)) {}

void console::object(const nlohmann::ordered_json& value) {
  if (!json_) return;
  std::cout << json_text(value) << '\n' << std::flush;
}

void console::line(std::string_view text) {
  if (json_)
    std::cerr << text << '\n';
  else
    std::cout << text << '\n';
}

void console::flush() { (json_ ? std::cerr : std::cout).flush(); }

void console::remark(std::string_view text) {
  std::cout.flush();
  std::cerr << printable(text, true) << '\n';
}

void console::warn(std::string_view text) {
  std::cout.flush();
  std::cerr << graphite::styled("warning: ", text_style::warning, err_.color) << printable(text, true)
            << '\n';
}

int console::report(const error& problem) {
  std::cerr << graphite::styled("error: ", text_style::bad, err_.color) << printable(problem.context, true)
            << '\n';
  return exit_code_for(problem.code);
}

int console::failed(const error& problem) {
  std::cout.flush();
  const int code = report(problem);
  object(error_object(problem));
  return code;
}

std::string console::styled(std::string_view text, text_style style) const {
  return graphite::styled(text, style, json_ ? err_.color : out_.color);
}

}  // namespace graphite
