#include "platform/linux/network_file_system.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

namespace graphite {

std::string_view network_file_system(long f_type) {
  // Constants that linux/magic.h lacks or that differ between its versions are written out.
  switch (static_cast<unsigned long>(f_type) & 0xffffffffUL) {
    case NFS_SUPER_MAGIC:
      return "NFS";
    case 0xff534d42UL:
      return "CIFS";
    case 0xfe534d42UL:
      return "SMB2";
    case SMB_SUPER_MAGIC:
      return "SMB";
    case 0x65735546UL:
      return "FUSE";
    case V9FS_MAGIC:
      return "9p";
    case AFS_SUPER_MAGIC:
      return "AFS";
    case 0x6b414653UL:
      return "kAFS";
    case CODA_SUPER_MAGIC:
      return "Coda";
    case 0x00c36400UL:
      return "Ceph";
    case 0x0bd00bd0UL:
      return "Lustre";
    case 0x01161970UL:
      return "GFS2";
    case 0x7461636fUL:
      return "OCFS2";
    case 0x19830326UL:
      return "BeeGFS";
    case 0x47504653UL:
      return "GPFS";
    case 0x786f4256UL:
      return "vboxsf";
    case 0xbacbacbcUL:
      return "vmhgfs";
    default:
      return {};
  }
}

std::string_view network_file_system_of(int folder, const std::function<long(int folder)>& type_of) {
  if (type_of) return network_file_system(type_of(folder));
  struct ::statfs raw {};
  return ::fstatfs(folder, &raw) == 0 ? network_file_system(static_cast<long>(raw.f_type))
                                      : std::string_view{};
}

}  // namespace graphite
