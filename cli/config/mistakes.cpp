#include "cli/config/mistakes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace graphite {

namespace {

constexpr std::size_t shown_columns_max = 160;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Characters of a terminal's command set must not reach it from a file.
char harmless(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f ? '?' : c;
}

/// The part of the line that is shown, and the blanks that put the marker below `column`.
struct shown_line {
  std::string text, indent;
};

shown_line shown_part(std::string_view line, std::uint32_t column) {
  const std::size_t skip = column > shown_columns_max ? column - shown_columns_max / 2 : 0;
  shown_line out;
  std::size_t character = 0;
  for (std::size_t i = 0; i < line.size(); ++character) {
    auto end = i + 1;
    while (end < line.size() && continues_character(line[end])) ++end;
    if (character >= skip && character < skip + shown_columns_max) {
      for (auto at = i; at < end; ++at) out.text += harmless(line[at]);
      if (character + 1 < column) out.indent += line[i] == '\t' ? '\t' : ' ';
    }
    i = end;
  }
  return out;
}

}  // namespace

mistake_list::mistake_list(std::string file, std::string_view text) : file_(std::move(file)) {
  while (true) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    lines_.push_back(line);
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
}

void mistake_list::add(text_place place, std::string what, std::string meant) {
  if (mistakes_.size() == project_mistakes_max) return;
  project_mistake mistake{location(place), std::move(what), std::move(meant), {}, place.width};
  if (place.line >= 1 && place.line <= lines_.size())
    mistake.source_line = std::string(lines_[place.line - 1]);
  mistakes_.push_back(std::move(mistake));
}

std::vector<project_mistake> mistake_list::take() {
  std::stable_sort(mistakes_.begin(), mistakes_.end(), [](const auto& a, const auto& b) {
    return std::tie(a.where.line, a.where.column) < std::tie(b.where.line, b.where.column);
  });
  return std::move(mistakes_);
}

std::string render(const project_mistake& mistake) {
  auto out = fmt::format("{}:{}:{}: error: {}\n", mistake.where.file, mistake.where.line,
                         mistake.where.column, mistake.what);
  const auto shown = shown_part(mistake.source_line, mistake.where.column);
  if (!shown.text.empty()) {
    const auto room =
        std::max<std::size_t>(1, shown_columns_max - std::min(shown_columns_max, shown.indent.size()));
    const auto width = std::clamp<std::size_t>(mistake.width, 1, room);
    out += fmt::format("{:5} | {}\n      | {}^{}\n", mistake.where.line, shown.text, shown.indent,
                       std::string(width - 1, '~'));
  }
  if (!mistake.meant.empty()) out += fmt::format("      = {}\n", mistake.meant);
  return out;
}

std::string render(const std::vector<project_mistake>& mistakes) {
  std::string out;
  for (const auto& mistake : mistakes) out += render(mistake);
  if (mistakes.size() == project_mistakes_max)
    out += fmt::format("… only the first {} are shown\n", mistakes.size());
  return out;
}

}  // namespace graphite
