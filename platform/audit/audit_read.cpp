#include <fmt/format.h>

#include <algorithm>

#include "platform/audit/audit_file.hpp"
#include "platform/audit/audit_format.hpp"
#include "platform/linux/durable_file.hpp"

namespace graphite {

namespace {

using namespace audit_format;

/// Takes whole lines out of `text` that follow from `last`, which it moves on.
result<void> read_lines(std::string_view text, const std::string& name, const hasher& hash, std::string& last,
                        std::vector<audit_line>& out) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto rest = line.substr(std::min(line.size(), digest_digits));
    const bool first = last.empty();
    // The oldest file that is left follows from one that is gone.
    if (!first && line.substr(0, digest_digits) != chained(last, rest, hash))
      return fail(
          errc::corrupt,
          fmt::format("{}:{}: this line does not follow from the one before it: lines were changed or "
                      "taken out",
                      name, number));
    last = line.substr(0, digest_digits);
    std::vector<std::string> fields;
    for (auto left = rest; !left.empty();) {
      left.remove_prefix(1);
      fields.emplace_back(left.substr(0, left.find('\t')));
      left.remove_prefix(fields.back().size());
    }
    if (fields.size() != 4)
      return fail(errc::corrupt, fmt::format("{}:{}: not a line of a record", name, number));
    out.push_back({fields[0], {fields[1], fields[2], fields[3], true}, last});
  }
  return {};
}

/// Compares the end with what the head says of it. The head may be older by what was written since.
void check_end(audit_record& record, const std::optional<end_mark>& mark) {
  const auto& lines = record.lines;
  record.written = lines.size();
  if (!mark && lines.empty()) return;
  if (!mark) {
    record.cut_off =
        error{errc::corrupt,
              "the file `head`, which says where the record ends, is missing or cannot be read: whether "
              "lines were cut off its end cannot be told"};
    return;
  }
  const auto found = std::find_if(lines.rbegin(), lines.rend(),
                                  [&](const audit_line& line) { return line.digest == mark->digest; });
  record.written = mark->lines + static_cast<std::uint64_t>(found - lines.rbegin());
  if (found != lines.rend()) return;
  record.written = mark->lines;
  record.cut_off = error{
      errc::corrupt, fmt::format("line {} of {} was the last one and is gone: lines were cut off the end of "
                                 "the record, or lost with the machine's power",
                                 mark->lines, mark->time)};
}

}  // namespace

result<audit_record> read_audit(const std::string& folder, const hasher& hash) {
  // The head first: what is written after it was read is beyond it.
  GRAPHITE_TRY(const auto mark, read_mark(folder));
  GRAPHITE_TRY(const auto names, files_of(folder));
  audit_record out;
  std::string last;
  for (const auto& name : names) {
    GRAPHITE_TRY(const auto text, read_whole_file(folder + "/" + name, file_bytes_max));
    GRAPHITE_CHECK(read_lines(text, name, hash, last, out.lines));
  }
  check_end(out, mark);
  return out;
}

result<void> check_kept_digest(const audit_record& record, std::string_view digest) {
  if (std::ranges::any_of(record.lines, [&](const audit_line& line) { return line.digest == digest; }))
    return {};
  return fail(
      errc::corrupt,
      fmt::format("no line has the digest {}: the record is another one, was cut off before that line, or "
                  "its file was removed for its age",
                  digest));
}

}  // namespace graphite
