#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

namespace graphite {

/// Numbers of NUMA nodes as the kernel's calls take them. Larger than any kernel's: 1024 is the most that one
/// can be built for.
class node_mask {
 public:
  static constexpr std::size_t nodes_max = 4096;
  /// What the calls want to be told of its size: they leave out the last bit.
  static constexpr unsigned long bits = nodes_max + 1;

  node_mask() = default;
  /// All below nodes_max.
  explicit node_mask(const std::vector<unsigned>& nodes) {
    for (const unsigned node : nodes) words_[node / word_bits] |= 1ul << (node % word_bits);
  }

  bool has(unsigned node) const {
    return node < nodes_max && (words_[node / word_bits] >> (node % word_bits) & 1) != 0;
  }
  std::optional<unsigned> first() const {
    for (unsigned node = 0; node < nodes_max; ++node)
      if (has(node)) return node;
    return std::nullopt;
  }
  const unsigned long* words() const { return words_.data(); }
  unsigned long* words() { return words_.data(); }

 private:
  static constexpr std::size_t word_bits = 8 * sizeof(unsigned long);
  std::array<unsigned long, nodes_max / word_bits + 1> words_{};
};

/// Nodes whose memory this process may use now; none where the system does not tell. One system call.
std::optional<node_mask> allowed_memory();

/// Whether the system knows a node, whoever may use it.
bool node_exists(unsigned node);

}  // namespace graphite
