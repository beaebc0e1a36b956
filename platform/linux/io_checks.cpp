#include "platform/linux/io_checks.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <limits>

namespace graphite {

result<void> check_request(const io_request& request) {
  const auto wrong = [&](std::string_view what) {
    return fail(errc::invalid_argument, fmt::format("operation {}: {}", request.token, what));
  };
  if (request.file.native < 0 || request.file.native > std::numeric_limits<int>::max())
    return wrong("no open file");
  if (request.bytes.size() > io_bytes_max)
    return wrong(fmt::format("{} bytes, at most {}", request.bytes.size(), io_bytes_max));
  constexpr auto end_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (request.offset > end_max - request.bytes.size()) return wrong("lies beyond the end of any file");
  return {};
}

bool ends_at(io_file file, std::uint64_t offset) {
  struct ::stat found {};
  return ::fstat(descriptor(file), &found) == 0 && offset >= static_cast<std::uint64_t>(found.st_size);
}

}  // namespace graphite
