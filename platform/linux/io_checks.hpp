#pragma once

#include <functional>

#include "core/ports/async_io.hpp"

namespace graphite {

/// For tests: what the system is made to have answered to a request of which `done` bytes were done before.
/// Gets and gives bytes moved or a negative errno.
using io_answer_filter =
    std::function<std::int64_t(const io_request& request, std::size_t done, std::int64_t answer)>;

/// Errors: invalid_argument, which names the request.
result<void> check_request(const io_request& request);

/// Whether the file has no byte from `offset` on.
bool ends_at(io_file file, std::uint64_t offset);

inline int descriptor(io_file file) { return static_cast<int>(file.native); }

}  // namespace graphite
