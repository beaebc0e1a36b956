#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace graphite {

/// What a stream's other end can show.
struct terminal_info {
  bool is_terminal = false;
  bool color = false;  ///< a terminal, not TERM=dumb, NO_COLOR unset or empty
  std::size_t columns = 80;
};

/// Asks the system about a file descriptor; reads NO_COLOR, TERM and COLUMNS.
terminal_info terminal_of(int fd);

enum class text_style { plain, good, warning, bad, faint, strong };

/// `text` in `style` where `color`, as it is otherwise.
std::string styled(std::string_view text, text_style style, bool color);

/// Control characters (a file's name may hold escape sequences in other encodings) and bytes that are no
/// UTF-8 become `?`: what is shown cannot drive the terminal. Tabs stay; line feeds stay where `multiline`.
std::string printable(std::string_view text, bool multiline = false);

/// At most `columns` bytes, the middle replaced by `…`; UTF-8 is not cut.
std::string shortened(std::string_view text, std::size_t columns);

}  // namespace graphite
