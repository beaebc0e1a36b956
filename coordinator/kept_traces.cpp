#include "coordinator/kept_traces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace graphite {

void kept_traces::add(std::shared_ptr<const build_trace> what) {
  bytes_ += what->bytes;
  traces_.push_back(std::move(what));
  while (traces_.size() > 1 && (bytes_ > options_.bytes_max || traces_.size() > options_.builds_max)) {
    bytes_ -= traces_.front()->bytes;
    traces_.pop_front();
    ++forgotten_;
  }
}

result<std::size_t> kept_traces::find(const std::string& build) const {
  if (build == "latest" && !traces_.empty()) return traces_.size() - 1;
  if (build == "latest") return fail(errc::not_found, "nothing was built since this service began");
  const bool by_id = build.starts_with('#');
  std::uint64_t number = 0;
  const auto* const end = build.data() + build.size();
  const auto read = std::from_chars(build.data() + (by_id ? 1 : 0), end, number);
  if (read.ec != std::errc() || read.ptr != end || number == 0)
    return fail(
        errc::invalid_argument,
        "a build is `latest`, the number of a generation, or `job` and a number, not '" + build + "'");
  for (std::size_t i = traces_.size(); i-- > 0;) {
    const auto& one = *traces_[i];
    const bool has = one.first_generation <= number && number <= one.head.number;
    if (by_id ? forgotten_ + i + 1 == number : one.first_generation != 0 && has) return i;
  }
  return fail(errc::not_found, fmt::format("no trace of {}: it was before this service began, or is kept no "
                                           "more ({} older ones are not), or nothing ran",
                                           build, forgotten_));
}

result<trace_page> kept_traces::page(const std::string& build, std::uint64_t after) const {
  GRAPHITE_TRY(const auto place, find(build));
  const auto& what = *traces_[place];
  if (after > what.actions.size())
    return fail(errc::invalid_argument, "the trace has fewer actions than that");
  trace_page out;
  out.head = what.head;
  out.head.id = forgotten_ + place + 1;
  out.head.forgotten = forgotten_;
  const auto first = what.actions.begin() + static_cast<std::ptrdiff_t>(after);
  const auto count = std::min<std::uint64_t>(trace_page::actions_max, what.actions.size() - after);
  out.actions.assign(first, first + static_cast<std::ptrdiff_t>(count));
  if (after + count < what.actions.size()) out.next = after + count;
  return out;
}

}  // namespace graphite
