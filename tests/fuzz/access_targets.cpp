#include "core/messages/zap.hpp"
#include "relay/access_table.hpp"
#include "schemas/codec/chunk_messages.hpp"
#include "tests/fuzz/blind_signer.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/targets.hpp"

namespace graphite::fuzz {

bool zap_frames(byte_span bytes) {
  const auto frames = frames_of(bytes, zap_frames_max + 2);
  const auto read = read_zap_question(frames);
  const auto allowed = read ? result<curve_key>(read->peer) : tl::unexpected(read.error());
  const auto answer = zap_answer(frames, allowed);
  GRAPHITE_INVARIANT(answer.size() == 6 && (answer[2] == "200") == read.has_value());
  if (read) GRAPHITE_INVARIANT(key_of_user_id(answer[4]) == read->peer);
  return read.has_value();
}

/// Of client zero, at the time zero.
bool enrol_request(byte_span bytes) {
  const auto request = decode_chunk_request(bytes);
  const auto* welcome = request ? std::get_if<welcome_request>(&request->what) : nullptr;
  if (welcome == nullptr) return false;
  access_table table({}, {public_key{}}, blind_key);
  const auto how = table.enrol({}, welcome->tickets, 0);
  GRAPHITE_INVARIANT(how.has_value() == table.has_grant({}, 0));
  if (!how) return false;
  for (const auto& grant : how->grants) GRAPHITE_INVARIANT(table.check({}, grant.channel, 0).has_value());
  return true;
}

}  // namespace graphite::fuzz
