#include "relay/ack_summary.hpp"

#include <algorithm>

namespace graphite {

void ack_summary::note(const ack_request& ack, time_point now) {
  if (peers_.size() >= options_.peers_max && !peers_.contains(ack.who)) make_room();
  peers_.insert_or_assign(ack.who, peer{ack, now});
}

void ack_summary::make_room() {
  const auto oldest = std::min_element(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
    return a.second.heard < b.second.heard;
  });
  if (oldest != peers_.end()) peers_.erase(oldest);
}

void ack_summary::expire(time_point now) {
  std::erase_if(peers_, [&](const auto& entry) { return now - entry.second.heard > options_.expiry; });
}

std::vector<ack_summary::peer> ack_summary::peers() const {
  std::vector<peer> out;
  out.reserve(peers_.size());
  for (const auto& [who, entry] : peers_) out.push_back(entry);
  return out;
}

std::size_t ack_summary::active(const std::string& channel, epoch_number epoch,
                                sequence_number sequence) const {
  return static_cast<std::size_t>(std::count_if(peers_.begin(), peers_.end(), [&](const auto& entry) {
    const ack_request& ack = entry.second.last;
    return ack.channel == channel && ack.active_epoch == epoch && ack.active_sequence == sequence;
  }));
}

std::size_t ack_summary::followers(const std::string& channel) const {
  return static_cast<std::size_t>(std::count_if(
      peers_.begin(), peers_.end(), [&](const auto& entry) { return entry.second.last.channel == channel; }));
}

}  // namespace graphite
