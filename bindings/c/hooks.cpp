#include "bindings/c/internal.hpp"
namespace graphite::c_api {
namespace {
struct quiet final : log_sink {
  void write(log_level, std::string_view) override {}
};
}  // namespace
log_sink& library_log() {
  static quiet q;
  return q;
}
std::pmr::memory_resource* library_memory() { return std::pmr::get_default_resource(); }
}  // namespace graphite::c_api
