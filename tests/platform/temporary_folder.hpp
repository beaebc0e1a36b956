#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace graphite {

/// A folder that is there for one test.
class temporary_folder {
 public:
  temporary_folder() : temporary_folder(std::filesystem::temp_directory_path()) {}
  explicit temporary_folder(const std::filesystem::path& base) {
    std::string name = base / "graphite-test-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  /// In memory where the machine has a place for that: ext4 is slow at making and removing many files.
  static std::filesystem::path quick_base() {
    return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

  void write(std::string_view name, std::string_view text) const {
    std::ofstream(*this / name, std::ios::trunc) << text;
  }
  void make_folder(std::string_view name) const { std::filesystem::create_directories(*this / name); }
  void link(std::string_view target, std::string_view name) const {
    std::filesystem::create_symlink(target, *this / name);
  }

 private:
  std::string path_;
};

}  // namespace graphite
