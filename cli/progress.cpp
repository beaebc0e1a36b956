#include "cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace graphite {

namespace {

constexpr std::size_t bar_columns = 24;

double seconds_of(duration d) { return std::chrono::duration<double>(d).count(); }

std::string counts(const progress_options& options, const progress_state& state) {
  if (state.total == 0) return fmt::format("{} {}", state.done, options.unit);
  return fmt::format("{}/{} {}", std::min(state.done, state.total), state.total, options.unit);
}

std::string rate(const progress_state& state, duration elapsed) {
  const double per_second =
      seconds_of(elapsed) > 0 ? static_cast<double>(state.done) / seconds_of(elapsed) : 0;
  return per_second >= 100 ? fmt::format("{:.0f}/s", per_second) : fmt::format("{:.1f}/s", per_second);
}

/// Empty where nothing can be said yet.
std::string time_left(const progress_state& state, duration elapsed) {
  if (state.done == 0 || state.total <= state.done) return "";
  const double left =
      seconds_of(elapsed) / static_cast<double>(state.done) * static_cast<double>(state.total - state.done);
  const auto whole = static_cast<std::uint64_t>(std::llround(std::min(left, 359'999.0)));
  if (whole < 3600) return fmt::format("{}:{:02} left", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02} left", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string drawing(const progress_state& state) {
  std::string cells(bar_columns, ' ');
  if (state.total == 0) return cells;
  const std::size_t full = bar_columns * std::min(state.done, state.total) / state.total;
  std::fill_n(cells.begin(), full, '#');
  if (full < bar_columns) cells[full] = '>';
  return cells;
}

}  // namespace

std::string progress::bar(const progress_options& options, const progress_state& state, duration elapsed) {
  std::string out = fmt::format("[{}] {}  {}", drawing(state), counts(options, state), rate(state, elapsed));
  if (const std::string left = time_left(state, elapsed); !left.empty()) out += "  " + left;
  const std::size_t columns = options.terminal.columns;
  if (out.size() + 12 < columns && !state.now.empty())
    out += "  " + shortened(printable(state.now), columns - out.size() - 3);
  return out.size() < columns || out.find("…") != std::string::npos ? out : out.substr(0, columns - 1);
}

std::string progress::plain(const progress_options& options, const progress_state& state, duration elapsed) {
  const std::string left = time_left(state, elapsed);
  return fmt::format("{}: {}, {}{}{}", options.title, counts(options, state), rate(state, elapsed),
                     left.empty() ? "" : ", ", left);
}

progress::progress(progress_options options, writer write, time_point start)
    : options_(std::move(options)), write_(std::move(write)), start_(start), last_(start) {}

void progress::update(const progress_state& state, time_point now) {
  state_ = state;
  if (now - last_ < (options_.terminal.is_terminal ? options_.redraw : options_.line_every)) return;
  last_ = now;
  drawn_ = true;
  if (options_.terminal.is_terminal)
    write_("\r\x1b[K" + bar(options_, state_, now - start_));
  else
    write_(plain(options_, state_, now - start_) + "\n");
}

void progress::finish(time_point now) {
  if (!drawn_) return;
  drawn_ = false;
  write_(options_.terminal.is_terminal ? std::string("\r\x1b[K")
                                       : plain(options_, state_, now - start_) + "\n");
}

}  // namespace graphite
