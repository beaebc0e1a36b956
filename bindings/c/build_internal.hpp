#pragma once

#include <atomic>
#include <exception>
#include <new>

#include "bindings/c/build_events.hpp"
#include "bindings/c/build_project.hpp"
#include "bindings/c/graphite_build.h"

/// \file What the sources of libgraphite-build share. Its errors are those of libgraphite, which it links.

namespace graphite::build_api {

/// Remembers `text` as this thread's last error; `code` as the caller gets it.
graphite_result failed(errc code, const std::string& text);
graphite_result failed(const error& why);
graphite_result invalid(const char* what);
graphite_log_level level_of(diagnostic_line::level severity);

/// Runs the body of a function that returns a graphite_result: no exception leaves the library.
template <class Body>
graphite_result guarded(Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    graphite_set_last_error_(GRAPHITE_ERROR_OUT_OF_MEMORY, "out of memory");
    return GRAPHITE_ERROR_OUT_OF_MEMORY;
  } catch (const std::exception& e) {
    return failed(errc::io, e.what());
  }
}

/// Log lines for the program's callback.
class callback_log final : public log_sink {
 public:
  callback_log(const graphite_rebuild_config& config, callback_thread& calls)
      : callback_(config.log_callback),
        least_(config.log_least),
        user_data_(config.user_data),
        calls_(calls) {}
  void write(log_level level, std::string_view message) override;

 private:
  const graphite_log_callback callback_;
  const graphite_log_level least_;
  void* const user_data_;
  callback_thread& calls_;
};

}  // namespace graphite::build_api

/// What a context is.
struct graphite_rebuild_context {
  graphite_rebuild_context(const char* directory, const graphite_rebuild_config& config);
  /// Not in a callback. Callbacks use the project, so they end before it does.
  ~graphite_rebuild_context();

  const graphite_rebuild_config config;  ///< its pointers to texts are not used any more
  graphite::build_api::callback_thread calls;
  graphite::build_api::callback_log log;
  std::atomic<std::uint64_t> generations{0};
  graphite::build_api::project_builder project;

 private:
  graphite::build_api::project_events events();
  void tell(const graphite::diagnostic_line& line);
  void tell(const graphite::head& now, const graphite::asset_changes& changes,
            const graphite::stage_times& times);
  void tell_reading(std::size_t done, std::size_t all, const std::string& path);
  void tell_running(std::size_t done, std::size_t all, const std::string& path);
};
