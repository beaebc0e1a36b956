#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <string>

#include "core/content.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"

/// \file Between Cap'n Proto's readers and core values; only for schemas/codec.

namespace graphite::wire {

inline kj::ArrayPtr<const kj::byte> to_data(byte_span bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}
inline kj::ArrayPtr<const kj::byte> to_data(const digest& value) { return to_data(as_bytes(value)); }
inline kj::ArrayPtr<const kj::byte> to_data(const uuid& value) {
  return {value.bytes.data(), value.bytes.size()};
}

inline byte_span to_span(capnp::Data::Reader data) {
  return {reinterpret_cast<const std::byte*>(data.begin()), data.size()};
}

/// Errors: corrupt unless exactly 32 bytes.
result<digest> to_digest(capnp::Data::Reader data);
/// Errors: corrupt unless exactly 16 bytes, or none: the zero value.
result<uuid> to_uuid(capnp::Data::Reader data);
/// Errors: too_large over `bytes_max`.
result<byte_vector> to_bytes(capnp::Data::Reader data, std::size_t bytes_max);
/// Errors: too_large; corrupt where it is not UTF-8 or has a NUL.
result<std::string> to_text(capnp::Text::Reader text, std::size_t bytes_max);

/// One flat message. `builder` has everything in few segments.
byte_vector to_message(capnp::MessageBuilder& builder);

/// Runs `read` on the root of the message in `bytes`. Cap'n Proto throws on malformed pointers and past
/// the traversal limit of eight times the message; that becomes `corrupt` here.
/// Errors: too_large over `bytes_max`; corrupt; those of `read`.
template <class Root, class Value, class Read>
result<Value> read_message(byte_span bytes, std::size_t bytes_max, Read&& read);

/// A word-aligned copy of the bytes where they are not aligned.
class aligned_words {
 public:
  explicit aligned_words(byte_span bytes);
  kj::ArrayPtr<const capnp::word> get() const { return words_; }

 private:
  kj::Array<capnp::word> copy_;
  kj::ArrayPtr<const capnp::word> words_;
};

result<void> check_size(byte_span bytes, std::size_t bytes_max);
capnp::ReaderOptions reader_options(std::size_t bytes);
tl::unexpected<error> malformed(const kj::Exception& e);

template <class Root, class Value, class Read>
result<Value> read_message(byte_span bytes, std::size_t bytes_max, Read&& read) {
  GRAPHITE_CHECK(check_size(bytes, bytes_max));
  result<Value> out = fail(errc::corrupt, "unread message");
  const auto thrown = kj::runCatchingExceptions([&] {
    const aligned_words words(bytes);
    capnp::FlatArrayMessageReader reader(words.get(), reader_options(bytes.size()));
    out = read(reader.template getRoot<Root>());
  });
  KJ_IF_MAYBE (e, thrown) {
    return malformed(*e);
  }
  return out;
}

}  // namespace graphite::wire
