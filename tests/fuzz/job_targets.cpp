#include <capnp/message.h>
#include <capnp/serialize.h>

#include "coordinator/jobs/job_rows.hpp"
#include "gateway/jobs_codec.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/targets.hpp"

namespace graphite::fuzz {

namespace {

namespace jobs_wire = schema::jobs;

constexpr std::size_t contents_asked = 8;

/// What was read must read the same once it is written again.
template <class Wire, class Decode>
bool same_again(capnp::MessageReader& message, Decode&& decode) {
  const auto value = decode(message.getRoot<Wire>());
  if (!value) return false;
  capnp::MallocMessageBuilder again;
  jobs_codec::encode(*value, again.initRoot<Wire>());
  GRAPHITE_INVARIANT(decode(again.getRoot<Wire>().asReader()).has_value());
  return true;
}

template <class Wire>
bool same_again(capnp::MessageReader& message) {
  return same_again<Wire>(message, [](auto in) { return jobs_codec::decode(in); });
}

bool taken_as(unsigned kind, capnp::MessageReader& message) {
  switch (kind) {
    case 0:
      return same_again<jobs_wire::Request>(message);
    case 1:
      return same_again<jobs_wire::Job>(message);
    case 2:
      return same_again<jobs_wire::Listing>(message);
    case 3:
      return same_again<jobs_wire::EventBatch>(message);
    case 4:
      return same_again<jobs_wire::LogBatch>(message);
    case 5:
      return same_again<jobs_wire::Accepted>(message);
    default:
      return same_again<jobs_wire::Missing>(message,
                                            [](auto in) { return jobs_codec::decode(in, contents_asked); });
  }
}

}  // namespace

bool job_row(byte_span bytes) {
  const auto read = decode_job(job_id{1}, as_text(bytes));
  if (read) GRAPHITE_INVARIANT(encode_job(*read) == as_text(bytes));
  return read.has_value();
}

bool jobs_message(byte_span bytes) {
  if (bytes.size() < 8) return false;
  const auto kind = static_cast<unsigned>(bytes[0]) % 7;
  bytes = bytes.subspan(8);
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::copy_n(bytes.begin(), words.asBytes().size(), reinterpret_cast<std::byte*>(words.asBytes().begin()));
  capnp::ReaderOptions limits;
  limits.traversalLimitInWords = 1 << 16;
  try {
    capnp::FlatArrayMessageReader message(words, limits);
    return taken_as(kind, message);
  } catch (const kj::Exception&) {
    return false;
  }
}

}  // namespace graphite::fuzz
