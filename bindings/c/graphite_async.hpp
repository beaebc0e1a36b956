/* C++17 over graphite_async.h, header only; included by graphite.hpp. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "graphite.hpp"

namespace graphite {

/// Owns a graphite_async_io_context. Any number of threads; movable while nobody uses it. Whatever fails
/// throws `failure`.
class async_io_context {
 public:
  using callback = std::function<void(const graphite_io_completion&)>;

  async_io_context() { detail::check(graphite_async_io_init(&held_, nullptr)); }
  explicit async_io_context(const graphite_async_io_config& config) {
    detail::check(graphite_async_io_init(&held_, &config));
  }
  async_io_context(async_io_context&& other) noexcept : held_(std::exchange(other.held_, {})) {}
  async_io_context& operator=(async_io_context&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~async_io_context() { graphite_async_io_destroy(&held_); }

  /// Gives the operation's token. `done` is called once, on a thread of the context, and may not throw;
  /// buffer and file stay until then.
  std::uint64_t read(const graphite_file& from, void* buffer, std::size_t size, std::uint64_t offset,
                     callback done) {
    return start(std::move(done), [&](callback* kept, std::uint64_t* token) {
      return graphite_async_io_read(&held_, &from, buffer, size, offset, &call, kept, token);
    });
  }
  std::uint64_t write(const graphite_file& to, const void* buffer, std::size_t size, std::uint64_t offset,
                      callback done) {
    return start(std::move(done), [&](callback* kept, std::uint64_t* token) {
      return graphite_async_io_write(&held_, &to, buffer, size, offset, &call, kept, token);
    });
  }
  std::uint64_t sync(const graphite_file& of, callback done) {
    return start(std::move(done), [&](callback* kept, std::uint64_t* token) {
      return graphite_async_io_sync(&held_, &of, &call, kept, token);
    });
  }
  void cancel(std::uint64_t token) noexcept { graphite_async_io_cancel(&held_, token); }
  void drain() noexcept { graphite_async_io_drain(&held_); }
  std::size_t active() const noexcept { return graphite_async_io_active(&held_); }
  const char* adapter() const noexcept { return graphite_async_io_adapter(&held_, nullptr); }

 private:
  static void call(const graphite_io_completion* completion, void* user_data) noexcept {
    const std::unique_ptr<callback> done(static_cast<callback*>(user_data));
    (*done)(*completion);
  }
  template <class Start>
  static std::uint64_t start(callback done, Start start_it) {
    auto kept = std::make_unique<callback>(std::move(done));
    std::uint64_t token = 0;
    detail::check(start_it(kept.get(), &token));
    (void)kept.release();  // call() has it
    return token;
  }

  graphite_async_io_context held_{};
};

}  // namespace graphite
