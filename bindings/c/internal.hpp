#pragma once

#include <atomic>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>

#include "bindings/c/graphite.h"
#include "core/ports/log.hpp"
#include "runtime/generation.hpp"

/// \file What the sources of libgraphite share.

namespace graphite::c_api {

/// What graphite_set_log() wants to hear is written here. As long as the process.
log_sink& library_log();

/// Memory as graphite_set_allocator() has it. Throws std::bad_alloc where that has none. What is allocated
/// keeps the allocator from being replaced. As long as the process.
std::pmr::memory_resource* library_memory();

/// Makes `new` and `delete` of a class take the library's memory.
struct in_library_memory {
  static void* operator new(std::size_t size) { return library_memory()->allocate(size); }
  static void operator delete(void* memory, std::size_t size) { library_memory()->deallocate(memory, size); }
};

}  // namespace graphite::c_api

/// Counted by hand, because C callers hold the count.
struct graphite_bundle : graphite::c_api::in_library_memory {
  explicit graphite_bundle(std::shared_ptr<const graphite::generation> opened) : content(std::move(opened)) {}
  const std::shared_ptr<const graphite::generation> content;
  mutable std::atomic<std::size_t> references{1};
};

namespace graphite::c_api {

/// Remembers `text` as this thread's last error; `code` as the caller gets it.
graphite_result failed(errc code, std::string text);
graphite_result failed(const error& why);
/// For what is no errc.
graphite_result failed(graphite_result code, std::string text);
graphite_result invalid(const char* what);
graphite_result out_of_memory() noexcept;

/// Runs the body of a function that returns a graphite_result: no exception leaves the library.
template <class Body>
graphite_result guarded(Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& e) {
    return failed(errc::io, e.what());
  }
}

}  // namespace graphite::c_api
