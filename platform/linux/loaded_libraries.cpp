#include "platform/linux/loaded_libraries.hpp"

#include <fmt/format.h>
#include <link.h>

#include <algorithm>

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
        if (one->dlpi_name != nullptr && one->dlpi_name[0] == '/')
          static_cast<std::vector<std::string>*>(to)->emplace_back(one->dlpi_name);
        return 0;
      },
      &out);
  return out;
}

std::string checksum_of(const std::string& file) {
  const auto bytes = read_whole_file(file, file_bytes_max);
  return bytes ? fmt::format("{:016x}", checksum64(as_bytes(std::string_view(*bytes))))
               : bytes.error().context;
}

}  // namespace

std::map<std::string, std::string> loaded_libraries(const std::vector<std::string_view>& names) {
  std::map<std::string, std::string> out;
  for (const auto& file : mapped_files()) {
    const auto base = std::string_view(file).substr(file.rfind('/') + 1);
    const bool wanted = std::ranges::any_of(names, [&](std::string_view name) {
      return base.starts_with(name) && base.substr(name.size()).starts_with(".so");
    });
    if (wanted) out.emplace(base, checksum_of(file));
  }
  return out;
}

}  // namespace graphite
