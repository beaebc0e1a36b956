#include "gateway/metered_stream.hpp"

#include <kj/debug.h>

#include <algorithm>

namespace graphite {

kj::Promise<size_t> metered_stream::tryRead(void* buffer, size_t least, size_t most) {
  if (!counts_) return inner_->tryRead(buffer, least, most);
  if (left_ == 0) {
    on_excess_();
    return KJ_EXCEPTION(FAILED, "too many bytes before hello");
  }
  const auto bound = static_cast<size_t>(std::min<std::uint64_t>(most, left_));
  return inner_->tryRead(buffer, std::min(least, bound), bound)
      .then([this, buffer, least, most](size_t got) -> kj::Promise<size_t> {
        left_ -= std::min<std::uint64_t>(left_, got);
        if (got >= least || left_ > 0) return got;  // all, or the stream's end
        return tryRead(static_cast<kj::byte*>(buffer) + got, least - got, most - got)
            .then([got](size_t more) { return got + more; });
      });
}

kj::Promise<void> metered_stream::drain() {
  auto scratch = kj::heapArray<kj::byte>(1'024);
  auto* const begin = scratch.begin();
  return tryRead(begin, 1, scratch.size())
      .then([this](size_t got) -> kj::Promise<void> {
        if (got == 0) return kj::READY_NOW;
        return drain();
      })
      .attach(kj::mv(scratch));
}

}  // namespace graphite
