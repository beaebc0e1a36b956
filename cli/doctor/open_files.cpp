#include "cli/doctor/open_files.hpp"

#include <filesystem>

#include "cli/doctor/look.hpp"

namespace graphite::doctor {

void for_each_open_file(const std::function<void(const seen_file&)>& visit) {
  namespace fs = std::filesystem;
  std::error_code code;
  for (fs::directory_iterator process("/proc", code), end; !code && process != end; process.increment(code)) {
    const auto name = process->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto folder = process->path().string();
    std::error_code hidden;
    seen_file seen{.process = std::atoi(name.c_str()), .program = kernel_text(folder + "/comm")};
    for (fs::directory_iterator file(folder + "/fd", hidden); !hidden && file != end;
         file.increment(hidden)) {
      std::error_code gone;
      seen.what = fs::read_symlink(file->path(), gone).string();
      if (gone) continue;
      seen.details = folder + "/fdinfo/" + file->path().filename().string();
      visit(seen);
    }
  }
}

}  // namespace graphite::doctor
