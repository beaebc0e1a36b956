#include "gateway/tls_stream.hpp"

#include <algorithm>

#include "core/units.hpp"
#include "gateway/stream_failure.hpp"
#include "gateway/tls_context.hpp"

namespace graphite {

namespace {

constexpr std::size_t slice_bytes = 16 * KiB;  // a record of TLS

}  // namespace

kj::Promise<void> tls_stream::shake_hands() {
  const auto shaken = session_.shake_hands();
  if (!shaken) return send_and_fail(shaken.error());
  return send().then([this, done = *shaken]() -> kj::Promise<void> {
    if (done) return kj::READY_NOW;
    return receive().then([this](bool more) -> kj::Promise<void> {
      if (!more) return stream_failure(kj::Exception::Type::DISCONNECTED, "it went amid the TLS handshake");
      return shake_hands();
    });
  });
}

kj::Promise<void> tls_stream::end() {
  session_.end();
  return send();
}

kj::Promise<size_t> tls_stream::tryRead(void* buffer, size_t least, size_t most) {
  const auto got = session_.read({static_cast<std::byte*>(buffer), most});
  if (!got) return send_and_fail(got.error()).then([]() -> size_t { return 0; });
  if (!*got)
    return receive().then([this, buffer, least, most](bool more) -> kj::Promise<size_t> {
      if (!more) return size_t{0};
      return tryRead(buffer, least, most);
    });
  const size_t size = **got;
  if (size == 0 || size >= least) return size;
  return tryRead(static_cast<kj::byte*>(buffer) + size, least - size, most - size).then([size](size_t more) {
    return size + more;
  });
}

kj::Promise<void> tls_stream::write(const void* buffer, size_t size) {
  if (size == 0) return kj::READY_NOW;
  const auto* const from = static_cast<const std::byte*>(buffer);
  const size_t slice = std::min(size, slice_bytes);
  if (const auto taken = session_.write({from, slice}); !taken) return send_and_fail(taken.error());
  return send().then([this, from, size, slice] { return write(from + slice, size - slice); });
}

kj::Promise<void> tls_stream::write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) {
  if (pieces.size() == 0) return kj::READY_NOW;
  return write(pieces[0].begin(), pieces[0].size()).then([this, pieces] {
    return write(pieces.slice(1, pieces.size()));
  });
}

kj::Promise<void> tls_stream::send() {
  auto goes = kj::heap(session_.give());
  if (goes->empty()) return kj::READY_NOW;
  auto sent = inner_.write(goes->data(), goes->size());
  return sent.attach(kj::mv(goes));
}

/// False at the connection's end.
kj::Promise<bool> tls_stream::receive() {
  return inner_.tryRead(came_.data(), 1, came_.size()).then([this](size_t size) {
    session_.take({came_.data(), size});
    return size > 0;
  });
}

kj::Promise<void> tls_stream::send_and_fail(const error& why) {
  return send().then([text = tls_failure_text(why.context).value_or(why.context)]() -> kj::Promise<void> {
    return stream_failure(kj::Exception::Type::FAILED, text);
  });
}

}  // namespace graphite
