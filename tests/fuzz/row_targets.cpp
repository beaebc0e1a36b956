#include "cli/mirror_list.hpp"
#include "cli/subscriber_state.hpp"
#include "coordinator/action_history.hpp"
#include "coordinator/action_key.hpp"
#include "coordinator/graph_rows.hpp"
#include "platform/mirror/mirror_change.hpp"
#include "platform/store/index_row.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/targets.hpp"

namespace graphite::fuzz {

namespace {

std::vector<logical_path> paths_of(const source_rows& row, source_rows::list which) {
  std::vector<logical_path> out;
  for (std::uint32_t i = 0; i < which.count; ++i)
    out.push_back(logical_path::parse(row.names.at(which.first + i)).value());
  return out;
}

source_record record_of(const source_rows& row, const source_rows::record& from) {
  source_record out{.path = logical_path::parse(row.names.at(from.path)).value()};
  out.present = from.present;
  out.listed = from.listed;
  out.rule = from.rule;
  out.state.content = from.content;
  out.state.signature = from.signature;
  for (std::uint32_t i = 0; i < from.references.count; ++i) {
    const auto& reference = row.references.at(from.references.first + i);
    out.state.references.push_back(
        {paths_of(row, reference.candidates), reference.required, reference.at_run});
  }
  if (from.has_shown) out.shown = paths_of(row, from.shown);
  return out;
}

/// What the row says, written again; nothing where it is refused.
std::optional<std::string> source_row_again(std::string_view bytes) {
  source_rows row;
  const auto header = decode_sources(bytes, row);
  if (!header) return std::nullopt;
  std::vector<source_record> records;
  for (const auto& record : row.records) records.push_back(record_of(row, record));
  return encode_sources(*header, records);
}

}  // namespace

/// Of a source that is gone the decoder drops what the row need not have: what was kept reads the same again.
bool source_row(byte_span bytes) {
  const auto kept = source_row_again(as_text(bytes));
  GRAPHITE_INVARIANT(!kept || source_row_again(*kept) == kept);
  return kept.has_value();
}

/// A row of a former version has one encoding from now on; of the present one it is what was read.
template <class Again>
static void expect_one_encoding(byte_span bytes, const std::string& written, Again again) {
  if (bytes.front() == as_bytes(std::string_view(written)).front())
    expect_equal(as_bytes(std::string_view(written)), bytes);
  else
    GRAPHITE_INVARIANT(again(written) == written);
}

bool result_row(byte_span bytes) {
  const auto rewritten = [](std::string_view text) -> std::optional<std::string> {
    std::vector<result_record> records;
    const auto header = decode_results(text, records);
    if (!header) return std::nullopt;
    return encode_results(*header, records);
  };
  const auto written = rewritten(as_text(bytes));
  if (written) expect_one_encoding(bytes, *written, rewritten);
  return written.has_value();
}

bool row_name(byte_span bytes) {
  const auto name = decode_row_name(as_text(bytes));
  if (name) expect_equal(as_bytes(std::string_view(encode(*name))), bytes);
  return name.has_value();
}

bool cache_row(byte_span bytes) {
  const auto row = decode_cache_row(as_text(bytes));
  if (!row) return false;
  expect_one_encoding(bytes, encode(*row), [](const std::string& written) {
    const auto again = decode_cache_row(written);
    return again ? encode(*again) : std::string();
  });
  return true;
}

bool history_row(byte_span bytes) {
  const auto row = decode_action_history(as_text(bytes));
  if (!row) return false;
  expect_one_encoding(bytes, encode(*row), [](const std::string& written) {
    const auto again = decode_action_history(written);
    return again ? encode(*again) : std::string();
  });
  return true;
}

bool mirror_list(byte_span bytes) {
  const auto list = decode_mirror_list(bytes);
  if (list) expect_equal(encode_mirror_list(*list), bytes);
  return list.has_value();
}

bool index_row(byte_span bytes) {
  const auto row = decode_index_row(blind.sha256({}), as_text(bytes));
  if (row) expect_equal(as_bytes(std::string_view(encode_index_row(*row))), bytes);
  return row.has_value();
}

bool segment_row(byte_span bytes) {
  const auto row = decode_segment_row(as_text(bytes));
  if (row) expect_equal(as_bytes(std::string_view(encode_segment_row(*row))), bytes);
  return row.has_value();
}

bool mirror_change(byte_span bytes) {
  const auto change = decode_mirror_change(bytes);
  if (change) expect_equal(encode(*change), bytes);
  return change.has_value();
}

bool subscriber_note(byte_span bytes) {
  const auto memory = decode_note(bytes, blind);
  GRAPHITE_INVARIANT(!memory || memory->active.has_value());
  return memory.has_value();
}

}  // namespace graphite::fuzz
