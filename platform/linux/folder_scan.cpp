#include "platform/linux/folder_scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "core/units.hpp"

namespace graphite {

namespace {

constexpr std::size_t buffer_bytes = 64 * KiB;

unsigned char type_by_stat(int folder, const char* name) {
  struct ::stat raw {};
  if (::fstatat(folder, name, &raw, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
  return IFTODT(raw.st_mode);
}

}  // namespace

int folder_names::read(int folder) {
  entries_.clear();
  names_.clear();
  buffer_.resize(buffer_bytes);
  while (true) {
    const auto got = ::getdents64(folder, buffer_.data(), buffer_.size());
    if (got == 0) return 0;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == ENOENT ? 0 : errno;
    for (ssize_t at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const struct ::dirent64*>(buffer_.data() + at);
      take(folder, entry->d_name, entry->d_type);
      at += entry->d_reclen;
    }
  }
}

void folder_names::take(int folder, const char* name, unsigned char type) {
  if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))) return;
  if (type == DT_UNKNOWN && (type = type_by_stat(folder, name)) == DT_UNKNOWN) return;
  const auto bytes = std::strlen(name);
  entries_.push_back({static_cast<std::uint32_t>(names_.size()), static_cast<std::uint16_t>(bytes), type});
  names_.append(name, bytes + 1);
}

}  // namespace graphite
