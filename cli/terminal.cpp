#include "cli/terminal.hpp"

#include "core/logical_path.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace graphite {

namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

const char* code_of(text_style style) {
  switch (style) {
    case text_style::plain:
      return "";
    case text_style::good:
      return "\x1b[32m";
    case text_style::warning:
      return "\x1b[33m";
    case text_style::bad:
      return "\x1b[31m";
    case text_style::faint:
      return "\x1b[2m";
    case text_style::strong:
      return "\x1b[1m";
  }
  return "";
}

/// Bytes of the character that begins at `at`; 0 where none does.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  for (std::size_t length = 1; length <= 4 && at + length <= text.size(); ++length)
    if (is_utf8(text.substr(at, length))) return length;
  return 0;
}

bool continues_utf8(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

terminal_info terminal_of(int fd) {
  terminal_info out;
  out.is_terminal = ::isatty(fd) == 1;
  out.color = out.is_terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  winsize size{};
  if (out.is_terminal && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) out.columns = size.ws_col;
  return out;
}

std::string styled(std::string_view text, text_style style, bool color) {
  if (!color || style == text_style::plain) return std::string(text);
  return std::string(code_of(style)).append(text).append("\x1b[0m");
}

std::string printable(std::string_view text, bool multiline) {
  std::string out(text);
  for (std::size_t i = 0, length = 0; i < out.size(); i += std::max<std::size_t>(length, 1)) {
    length = utf8_length(text, i);
    if (length == 0) out[i] = '?';
    const auto byte = static_cast<unsigned char>(out[i]);
    const bool kept = byte == '\t' || (multiline && byte == '\n');
    if ((byte < 0x20 && !kept) || byte == 0x7F) out[i] = '?';
    // U+0080 … U+009F in UTF-8: terminals take some of them for escape sequences, too.
    if (byte == 0xC2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xA0)
      out[i] = out[i + 1] = '?';
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t columns) {
  if (text.size() <= columns || columns < 8) return std::string(text);
  std::size_t head = (columns - 1) / 3, tail = text.size() - (columns - 1 - head);
  while (head > 0 && continues_utf8(text[head])) --head;
  while (tail < text.size() && continues_utf8(text[tail])) ++tail;
  return std::string(text.substr(0, head)).append("…").append(text.substr(tail));
}

}  // namespace graphite
