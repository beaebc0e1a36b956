#include "coordinator/cluster/cluster_rows.hpp"
#include "schemas/codec/control_messages.hpp"
#include "schemas/codec/view_messages.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/targets.hpp"

namespace graphite::fuzz {

namespace {

/// Written again it reads as what is written the same.
template <class Message, class Decode>
bool is_written_the_same_again(const result<Message>& read, Decode&& decode) {
  if (!read) return false;
  const auto written = encode(*read);
  const auto again = decode(written);
  GRAPHITE_INVARIANT(again && encode(*again) == written);
  return true;
}

}  // namespace

bool control_message(byte_span bytes) {
  if (bytes.empty()) return false;
  const auto message = bytes.subspan(1);
  return (bytes[0] & std::byte{1}) == std::byte{0}
             ? is_written_the_same_again(decode_to_coordinator(message), decode_to_coordinator)
             : is_written_the_same_again(decode_to_node(message), decode_to_node);
}

bool view_message(byte_span bytes) {
  if (bytes.empty()) return false;
  const auto message = bytes.subspan(1);
  return (bytes[0] & std::byte{1}) == std::byte{0}
             ? is_written_the_same_again(decode_view_to_coordinator(message), decode_view_to_coordinator)
             : is_written_the_same_again(decode_view_to_watcher(message), decode_view_to_watcher);
}

bool cluster_row(byte_span bytes) {
  const auto row = decode_cluster(as_text(bytes));
  if (row) expect_equal(as_bytes(std::string_view(encode_cluster(*row))), bytes);
  return row.has_value();
}

bool learned_rule_row(byte_span bytes) {
  const auto row = decode_rule(as_text(bytes));
  if (row) expect_equal(as_bytes(std::string_view(encode_rule(*row))), bytes);
  return row.has_value();
}

}  // namespace graphite::fuzz
