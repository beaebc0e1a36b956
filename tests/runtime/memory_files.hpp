#pragma once

#include <gtest/gtest.h>

#include "runtime/generation.hpp"
#include "tests/bundle/bundle_file_support.hpp"

namespace graphite::test {

class owned_bytes final : public mapped_range {
 public:
  explicit owned_bytes(byte_vector bytes) : bytes_(std::move(bytes)) {}
  result<byte_span> range(std::uint64_t offset, std::uint64_t length) const override {
    if (offset > bytes_.size() || length > bytes_.size() - offset)
      return fail(errc::corrupt, "beyond the end");
    return byte_span(bytes_).subspan(offset, length);
  }
  result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
    GRAPHITE_TRY(const auto from, range(offset, out.size()));
    std::copy(from.begin(), from.end(), out.begin());
    return {};
  }
  result<byte_span> all() const override { return byte_span(bytes_); }

 private:
  const byte_vector bytes_;
};

/// A bundle folder in memory; each mapping is a copy of what the file is then, as a mapping of a file that is
/// only appended to might as well be.
class memory_files final : public bundle_files {
 public:
  void publish(const index_tree& tree) {
    bundle.write(tree);
    auto value = sample_head(tree);
    value.sequence.value = ++sequence;
    head_bytes = encode_head({value, tree.root_location(), {}, {memory_bundle::page_file}}, sha()).value();
  }
  result<byte_vector> head() const override {
    if (head_bytes.empty()) return fail(errc::not_found, "no head");
    if (on_head) on_head();
    return head_bytes;
  }
  result<mapping> page_file(std::uint32_t number) const override {
    if (number != memory_bundle::page_file) return fail(errc::not_found, "no such page file");
    return std::make_shared<const owned_bytes>(bundle.page_bytes);
  }
  result<mapping> segment(segment_id id) const override {
    ++maps;
    if (id != memory_bundle::segment) return fail(errc::not_found, "no such segment");
    return std::make_shared<const owned_bytes>(bundle.segment_bytes);
  }

  result<std::vector<byte_vector>> earlier_heads() const override { return std::vector<byte_vector>(); }
  result<std::vector<segment_id>> segments() const override { return std::vector{memory_bundle::segment}; }
  std::shared_ptr<std::byte> zeros(std::uint64_t bytes) const override { return zeros_in_memory(bytes); }

  memory_bundle bundle;
  byte_vector head_bytes;
  std::uint64_t sequence = 0;
  mutable std::function<void()> on_head;
  mutable int maps = 0;
};

inline byte_vector content_of_asset(const generation& from, std::string_view name) {
  mapped_asset asset;
  mapped_part part;
  EXPECT_EQ(from.find(id_of(path(name)), asset), lookup_result::found) << name;
  EXPECT_TRUE(mapped_index::part(asset, 0, part)) << name;
  const auto bytes = from.bytes(part).value();
  return {bytes.begin(), bytes.end()};
}

}  // namespace graphite::test
