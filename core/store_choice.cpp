#include "core/store_choice.hpp"

#include <algorithm>

#include "core/checksum.hpp"

namespace graphite {

namespace {

/// The finalizer of MurmurHash3 (A. Appleby): each bit of the argument changes half of the result.
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdu;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53u;
  return x ^ (x >> 33);
}

/// The same on machines of either byte order.
std::uint64_t first_word(const digest& of) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < sizeof out; ++i) out = out << 8 | of.bytes[i];
  return out;
}

struct drawn {
  std::uint64_t weight;
  std::size_t store;
};

/// Heaviest first; a tie goes to the lower name.
bool before(const drawn& a, const drawn& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.store < b.store;
}

}  // namespace

store_choice::store_choice(std::vector<std::string> names) : names_(std::move(names)) {
  std::sort(names_.begin(), names_.end());
  names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
  for (const auto& name : names_) seeds_.push_back(checksum64(as_bytes(name)));
}

std::vector<std::size_t> store_choice::first(const digest& content, std::size_t count) const {
  count = std::min(count, names_.size());
  const auto word = first_word(content);
  std::vector<drawn> all(names_.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = {mix(seeds_[i] ^ word), i};
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(), before);
  std::vector<std::size_t> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = all[i].store;
  return out;
}

std::vector<std::string> store_choice::first_names(const digest& content, std::size_t count) const {
  std::vector<std::string> out;
  for (const auto store : first(content, count)) out.push_back(names_[store]);
  return out;
}

}  // namespace graphite
