#include "runtime/unused_places.hpp"

#include <utility>

namespace graphite {

void unused_places::add(std::uint64_t version, std::vector<extent> places) {
  if (places.empty()) return;
  size_ += places.size();
  entries_.push_back({version, std::move(places)});
  while (size_ > places_max) {
    size_ -= entries_.front().places.size();
    entries_.pop_front();
  }
}

std::vector<extent> unused_places::take(std::uint64_t oldest_read) {
  std::vector<extent> out;
  while (!entries_.empty() && entries_.front().version < oldest_read) {
    const auto& places = entries_.front().places;
    out.insert(out.end(), places.begin(), places.end());
    size_ -= places.size();
    entries_.pop_front();
  }
  return out;
}

}  // namespace graphite
