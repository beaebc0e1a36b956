#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "bindings/c/graphite.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite::test {

/// A folder, and a file of it that is open.
struct c_files : testing::Test {
  graphite_result open(std::string_view name, uint32_t flags = GRAPHITE_FILE_READ) {
    graphite_file_close(&opened);
    return graphite_file_open(&opened, (folder / name).c_str(), flags);
  }
  std::string read(std::size_t size, std::size_t offset) {
    std::string out(size, '?');
    std::size_t got = 0;
    EXPECT_EQ(graphite_file_read(&opened, out.data(), size, offset, &got), GRAPHITE_SUCCESS);
    return out.substr(0, got);
  }
  graphite_result write(std::string_view text, std::size_t offset, std::size_t* put = nullptr) {
    return graphite_file_write(&opened, text.data(), text.size(), offset, put);
  }
  /// The first of the mapped bytes; null: it failed.
  const char* map(std::size_t offset, std::size_t size) {
    void* out = nullptr;
    EXPECT_EQ(graphite_file_mmap(&opened, offset, size, &out), GRAPHITE_SUCCESS);
    return static_cast<const char*>(out);
  }
  bool is_zero() const {
    return opened.handle == nullptr && opened.path == nullptr && opened.size == 0 &&
           !opened.is_memory_mapped && opened.mapped_memory == nullptr && opened.mapped_size == 0;
  }
  ~c_files() override { graphite_file_close(&opened); }

  temporary_folder folder;
  graphite_file opened = {};
};

constexpr std::uint32_t read_and_write = GRAPHITE_FILE_READ | GRAPHITE_FILE_WRITE;

}  // namespace graphite::test
