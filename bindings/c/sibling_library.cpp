#include "bindings/c/sibling_library.hpp"

#include <dlfcn.h>

#include <filesystem>

#include "bindings/c/graphite.h"

namespace graphite::c_api {

result<void*> load_sibling(const std::string& name, const char* symbol, const char* purpose) {
  Dl_info here{};
  if (::dladdr(reinterpret_cast<const void*>(&graphite_version), &here) == 0 || here.dli_fname == nullptr)
    return fail(errc::unsupported, "cannot tell where libgraphite lies");
  const auto folder = std::filesystem::path(here.dli_fname).parent_path();
  const auto plugin = folder / ("lib" + name + ".so");
  const std::filesystem::path own = plugin.string() + "." GRAPHITE_SO_VERSION;
  std::error_code code;
  const bool as_plugin = !std::filesystem::exists(own, code) && std::filesystem::exists(plugin, code);
  void* const library = ::dlopen((as_plugin ? plugin : own).c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return fail(errc::unsupported, std::string(purpose) + " needs " + ::dlerror());
  void* const found = ::dlsym(library, symbol);
  if (found == nullptr)
    return fail(errc::unsupported, "lib" + name + " in " + folder.string() + " is of another version");
  return found;
}

}  // namespace graphite::c_api
