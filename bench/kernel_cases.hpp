#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace graphite::bench {

/// One kernel at work, with the instructions that are forced when it runs.
struct kernel_case {
  std::string name;
  double input_bytes = 0;  ///< what its figure counts
  double moved_bytes = 0;  ///< what it reads from and writes to memory; 0: its data stays in the cache
  std::function<void()> run;
};

/// What the kernels work on: far more than a last-level cache holds.
class kernel_data {
 public:
  /// Two equal ranges of random bytes, `bytes` each, a power of two.
  explicit kernel_data(std::size_t bytes);

  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  const std::vector<std::uint8_t>& copy() const { return copy_; }
  /// Where what is made goes.
  std::vector<std::uint8_t>& out() { return out_; }

 private:
  std::vector<std::uint8_t> bytes_, copy_, out_;
};

/// Each vector kernel over `data`, which must outlive them. A case ends the program where its result is
/// wrong.
std::vector<kernel_case> kernel_cases(kernel_data& data);

}  // namespace graphite::bench
