#pragma once

#include <kj/async-io.h>

#include <string>

namespace graphite {

/// A connection that keeps what its first failing read or write said: of the calls that wait for answers, not
/// all hear it. Lives on one event loop's thread.
class remembering_stream final : public kj::AsyncIoStream {
 public:
  explicit remembering_stream(kj::Own<kj::AsyncIoStream> inner) : inner_(kj::mv(inner)) {}

  /// Empty: nothing failed.
  const std::string& failure() const { return failure_; }

  kj::Promise<size_t> tryRead(void* buffer, size_t least, size_t most) override {
    return inner_->tryRead(buffer, least, most).catch_([this](kj::Exception&& problem) {
      return remember<size_t>(kj::mv(problem));
    });
  }
  kj::Promise<void> write(const void* buffer, size_t size) override {
    return inner_->write(buffer, size).catch_([this](kj::Exception&& problem) {
      return remember<void>(kj::mv(problem));
    });
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return inner_->write(pieces).catch_(
        [this](kj::Exception&& problem) { return remember<void>(kj::mv(problem)); });
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }
  void abortRead() override { inner_->abortRead(); }

 private:
  template <class T>
  kj::Promise<T> remember(kj::Exception&& problem) {
    if (failure_.empty()) failure_ = problem.getDescription().cStr();
    return kj::mv(problem);
  }

  kj::Own<kj::AsyncIoStream> inner_;
  std::string failure_;
};

}  // namespace graphite
