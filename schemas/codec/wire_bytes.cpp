#include "schemas/codec/wire_bytes.hpp"

#include <fmt/format.h>

#include "core/logical_path.hpp"

namespace graphite::wire {

result<digest> to_digest(capnp::Data::Reader data) {
  digest out;
  if (data.size() != out.bytes.size())
    return fail(errc::corrupt, fmt::format("a digest of {} bytes", data.size()));
  std::memcpy(out.bytes.data(), data.begin(), out.bytes.size());
  return out;
}

result<uuid> to_uuid(capnp::Data::Reader data) {
  uuid out;
  if (data.size() == 0) return out;
  if (data.size() != out.bytes.size())
    return fail(errc::corrupt, fmt::format("an id of {} bytes", data.size()));
  std::memcpy(out.bytes.data(), data.begin(), out.bytes.size());
  return out;
}

result<byte_vector> to_bytes(capnp::Data::Reader data, std::size_t bytes_max) {
  if (data.size() > bytes_max) return fail(errc::too_large, fmt::format("a field of {} bytes", data.size()));
  const byte_span span = to_span(data);
  return byte_vector(span.begin(), span.end());
}

result<std::string> to_text(capnp::Text::Reader text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return fail(errc::too_large, fmt::format("a text of {} bytes", text.size()));
  std::string out(text.begin(), text.size());
  if (!is_utf8(out)) return fail(errc::corrupt, "a text that is not UTF-8");
  if (out.find('\0') != std::string::npos) return fail(errc::corrupt, "a text with a NUL in it");
  return out;
}

byte_vector to_message(capnp::MessageBuilder& builder) {
  byte_vector out(capnp::computeSerializedSizeInWords(builder) * sizeof(capnp::word));
  kj::ArrayOutputStream stream({reinterpret_cast<kj::byte*>(out.data()), out.size()});
  capnp::writeMessage(stream, builder);
  return out;
}

aligned_words::aligned_words(byte_span bytes) {
  const std::size_t words = bytes.size() / sizeof(capnp::word);
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(capnp::word) == 0) {
    words_ = {reinterpret_cast<const capnp::word*>(bytes.data()), words};
    return;
  }
  copy_ = kj::heapArray<capnp::word>(words);
  std::memcpy(copy_.begin(), bytes.data(), words * sizeof(capnp::word));
  words_ = copy_;
}

result<void> check_size(byte_span bytes, std::size_t bytes_max) {
  if (bytes.size() > bytes_max)
    return fail(errc::too_large, fmt::format("a message of {} bytes", bytes.size()));
  if (bytes.size() < sizeof(capnp::word) || bytes.size() % sizeof(capnp::word) != 0)
    return fail(errc::corrupt, fmt::format("a message of {} bytes", bytes.size()));
  return {};
}

capnp::ReaderOptions reader_options(std::size_t bytes) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = bytes + 64;  // eight times the message's words
  options.nestingLimit = 8;
  return options;
}

tl::unexpected<error> malformed(const kj::Exception& e) {
  return fail(errc::corrupt, fmt::format("malformed message: {}", e.getDescription().cStr()));
}

}  // namespace graphite::wire
