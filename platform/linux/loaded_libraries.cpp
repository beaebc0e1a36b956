#include "platform/linux/loaded_libraries.hpp"

#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstring>

#include "core/checksum.hpp"
#include "core/units.hpp"
#include "platform/linux/durable_file.hpp"

namespace graphite {

namespace {

constexpr std::uint64_t file_bytes_max = 512 * MiB;

/// The files that are mapped into this process, by the dynamic linker's account.
std::vector<std::string> mapped_files() {
  std::vector<std::string> out;
  ::dl_iterate_phdr(
      [](dl_phdr_info* one, std::size_t, void* to) {
        if (one->dlpi_name != nullptr && std::strchr(one->dlpi_name, '/') != nullptr)
          static_cast<std::vector<std::string>*>(to)->emplace_back(one->dlpi_name);
        return 0;
      },
      &out);
  return out;
}

bool is_of(std::string_view file, std::string_view name) {
  return file.starts_with(name) && file.substr(name.size()).starts_with(".so");
}

}  // namespace

result<std::map<std::string, std::string>> loaded_libraries(const std::vector<std::string_view>& names) {
  const auto files = mapped_files();
  std::map<std::string, std::string> out;
  for (const auto name : names) {
    const auto found = std::ranges::find_if(
        files, [&](const std::string& file) { return is_of(file.substr(file.rfind('/') + 1), name); });
    if (found == files.end()) return fail(errc::not_found, fmt::format("{}.so is not loaded", name));
    GRAPHITE_TRY(const auto bytes, read_whole_file(*found, file_bytes_max));
    out.emplace(found->substr(found->rfind('/') + 1),
                fmt::format("{:016x}", checksum64(as_bytes(std::string_view(bytes)))));
  }
  return out;
}

}  // namespace graphite
