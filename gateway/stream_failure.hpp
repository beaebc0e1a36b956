#pragma once

#include <kj/exception.h>
#include <kj/string.h>

#include <string_view>

namespace graphite {

/// A failure of a connection whose description is this text and no more, for logs.
inline kj::Exception stream_failure(kj::Exception::Type kind, std::string_view text) {
  return kj::Exception(kind, __FILE__, __LINE__, kj::heapString(text.data(), text.size()));
}

}  // namespace graphite
