#include "sim/graph.hpp"

#include <algorithm>

namespace graphite::sim {

namespace {

std::vector<rule> make_rules() {
  random any(77);  // the same in all families
  std::vector<rule> out;
  for (int i = 0; i < 12; ++i) {
    rule one;
    one.name = "rule" + std::to_string(i);
    one.takes = i < 4 ? any.between(milliseconds(2), milliseconds(40))
                      : any.between(milliseconds(60), milliseconds(2'500));
    one.cpu_milli = i % 5 == 4 ? 2'000 : 1'000;
    one.needs_gpu = i == 7;
    one.pooled = i == 3 || i == 8;
    one.needs_tool = i % 4 == 1;
    one.small = i % 2 == 0;
    out.push_back(one);
  }
  return out;
}

}  // namespace

digest quick_hasher::sha256(byte_span bytes) const {
  digest out;
  std::uint64_t sum = 14695981039346656037u;
  for (const auto byte : bytes) sum = (sum ^ static_cast<std::uint64_t>(byte)) * 1099511628211u;
  random more(sum);
  for (std::size_t i = 0; i < out.bytes.size(); i += 8) {
    const auto word = more.next();
    for (std::size_t b = 0; b < 8; ++b) out.bytes[i + b] = static_cast<std::uint8_t>(word >> 8 * b);
  }
  return out;
}

digest hash_text(std::string_view text) { return quick_hasher().sha256(as_bytes(text)); }

std::string source_text(std::uint64_t source) { return "source " + std::to_string(source); }

std::string output_text(std::string_view rule, const std::vector<digest>& inputs) {
  std::string out(rule);
  for (const auto& input : inputs) out += as_text(as_bytes(input));
  return out;
}

graph graph::make(std::uint64_t seed, std::uint64_t family, std::size_t count) {
  graph out;
  out.rules = make_rules();
  random shared(family), own(seed);
  const auto common = count / 3;
  for (std::size_t i = 0; i < count; ++i) {
    auto& any = i < common ? shared : own;
    action one;
    one.rule = any.below(out.rules.size());
    one.source = any.below(1u << 20) + (i < common ? 0 : seed << 20);
    for (auto left = i == 0 ? 0 : any.below(4); left > 0; --left) {
      const auto near = std::min<std::size_t>(i, 40);
      one.reads.push_back(i - 1 - any.below(near));
    }
    std::ranges::sort(one.reads);
    one.reads.erase(std::unique(one.reads.begin(), one.reads.end()), one.reads.end());
    std::vector<digest> inputs{hash_text(source_text(one.source))};
    for (const auto read : one.reads) inputs.push_back(out.actions[read].output);
    const auto text = output_text(out.rules[one.rule].name, inputs);
    one.output = hash_text(text);
    one.key = hash_text("key of " + text);
    out.actions.push_back(std::move(one));
  }
  return out;
}

digest graph::outcome() const {
  std::string all;
  for (const auto& one : actions) all += as_text(as_bytes(one.output));
  return hash_text(all);
}

}  // namespace graphite::sim
