#pragma once

#include <kj/async-io.h>
#include <kj/function.h>

#include <cstdint>

namespace graphite {

/// A peer's connection whose bytes are counted until the peer has proved who it is: reading more than
/// `bytes_max` before then fails. Lives on one event loop's thread.
class metered_stream final : public kj::AsyncIoStream {
 public:
  /// `on_excess` is called within the read that fails.
  metered_stream(kj::Own<kj::AsyncIoStream> inner, std::uint64_t bytes_max, kj::Function<void()> on_excess)
      : inner_(kj::mv(inner)), left_(bytes_max), on_excess_(kj::mv(on_excess)) {}

  void stop_counting() { counts_ = false; }
  /// Reads and forgets what comes until the end of it, an error or the bound.
  kj::Promise<void> drain();

  kj::Promise<size_t> tryRead(void* buffer, size_t least, size_t most) override;
  kj::Promise<void> write(const void* buffer, size_t size) override { return inner_->write(buffer, size); }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return inner_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }
  void abortRead() override { inner_->abortRead(); }
  void getsockopt(int level, int option, void* value, kj::uint* length) override {
    inner_->getsockopt(level, option, value, length);
  }
  void setsockopt(int level, int option, const void* value, kj::uint length) override {
    inner_->setsockopt(level, option, value, length);
  }

 private:
  kj::Own<kj::AsyncIoStream> inner_;
  std::uint64_t left_;
  kj::Function<void()> on_excess_;
  bool counts_ = true;
};

}  // namespace graphite
