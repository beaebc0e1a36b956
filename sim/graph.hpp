#pragma once

#include <string>
#include <vector>

#include "core/content.hpp"
#include "core/digest.hpp"
#include "core/ports/hasher.hpp"
#include "sim/random.hpp"

namespace graphite::sim {

/// Tells other bytes apart. Not for anybody who wants them to be the same.
class quick_hasher final : public hasher {
 public:
  digest sha256(byte_span bytes) const override;
};
digest hash_text(std::string_view text);

/// What an action is like, beside what it reads.
struct rule {
  std::string name;
  duration takes{};
  std::uint32_t cpu_milli = 1'000;
  bool needs_gpu = false, pooled = false, needs_tool = false;
  bool small = false;  ///< its output is told with the result, and to who reads it
};

struct action {
  std::size_t rule = 0;
  std::vector<std::size_t> reads;  ///< outputs of earlier ones
  std::uint64_t source = 0;        ///< and one source, which is small
  digest key, output;
};

/// A job's actions, each after those it reads. What each makes is found by its rule and what it reads alone:
/// who does it, and where, has no say. Graphs of one `family` begin with the same actions.
struct graph {
  std::vector<rule> rules;
  std::vector<action> actions;
  static graph make(std::uint64_t seed, std::uint64_t family, std::size_t count);
  /// Of all outputs.
  digest outcome() const;
};

std::string source_text(std::uint64_t source);
/// The text of what an action makes; its digest is the content.
std::string output_text(std::string_view rule, const std::vector<digest>& inputs);
inline constexpr std::uint64_t large_bytes = 200'000;

}  // namespace graphite::sim
