#pragma once

#include <memory_resource>
#include <new>
#include <string>

#include "bindings/c/graphite.h"
#include "core/error.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/log.hpp"
#include "runtime/pins.hpp"
#include "runtime/shown_generation.hpp"

/// \file What the sources of libgraphite share.

namespace graphite::c_api {

/// A graphite_bundle is a shown_generation, and nothing else.
inline const shown_generation* from_c(const graphite_bundle* bundle) {
  return reinterpret_cast<const shown_generation*>(bundle);
}
inline graphite_bundle* to_c(const shown_generation* shown) {
  return reinterpret_cast<graphite_bundle*>(const_cast<shown_generation*>(shown));
}

const hasher& library_hasher();
/// What graphite_set_log() wants to hear is written here. As long as the process.
log_sink& library_log();
/// Memory as graphite_set_allocator() has it. Throws std::bad_alloc where that has none. What is allocated
/// keeps the allocator from being replaced. As long as the process.
std::pmr::memory_resource* library_memory();

/// Where a bundle is replaced; as long as that is not destroyed.
pin_point& point_in(const graphite_atomic_bundle& bundle);
/// How many forks lie between this process and the one that first made such a place. Any thread; a load.
std::uint32_t forks() noexcept;

/// Remembers `text` as this thread's last error; `code` as the caller gets it.
graphite_result failed(errc code, std::string text);
graphite_result failed(graphite_result code, std::string text);
graphite_result failed(const error& why);
graphite_result invalid(const char* what);
/// Of a part that could not be read: NOT_READY where it is asked for now.
graphite_result failed_read(const generation& from, asset_id id, const error& why);
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
