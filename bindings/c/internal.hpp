#pragma once

#include <atomic>
#include <memory>
#include <new>
#include <string>

#include "bindings/c/graphite.h"
#include "runtime/generation.hpp"

/// \file What the sources of libgraphite share.

/// Counted by hand, because C callers hold the count.
struct graphite_bundle {
  explicit graphite_bundle(std::shared_ptr<const graphite::generation> opened) : content(std::move(opened)) {}
  const std::shared_ptr<const graphite::generation> content;
  mutable std::atomic<std::size_t> references{1};
};

namespace graphite::c_api {

/// Remembers `text` as this thread's last error; `code` as the caller gets it.
graphite_result failed(errc code, std::string text);
graphite_result failed(const error& why);
graphite_result invalid(const char* what);

/// Runs the body of a function that returns a graphite_result: no exception leaves the library.
template <class Body>
graphite_result guarded(Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return GRAPHITE_ERROR_OUT_OF_MEMORY;
  } catch (const std::exception& e) {
    return failed(errc::io, e.what());
  }
}

}  // namespace graphite::c_api
