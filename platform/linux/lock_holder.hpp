#pragma once

#include <string>

namespace graphite {

/// Who holds a lock (fcntl or flock) on the file, for people: "process 123 (graphite)"; "another process"
/// where the system does not tell. Never opens the file: closing it again would drop a lock of our own.
std::string describe_lock_holder(const std::string& path);

}  // namespace graphite
