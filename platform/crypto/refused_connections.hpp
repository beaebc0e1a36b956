#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace graphite {

/// A peer whose connection TLS ended.
struct refused_connection {
  std::string peer;  ///< "ADDRESS:PORT"; empty: it had gone already
  std::string why;   ///< for people
};

/// Why connections were refused that somebody else made and does not tell of. Not thread-safe.
///
/// Bounded: the newest `kept_max` of those that were accepted, and one of each of `ports_max` ports that were
/// dialled.
class refused_connections {
 public:
  static constexpr std::size_t kept_max = 64, ports_max = 64;

  void accepted(refused_connection one) {
    accepted_.push_back(std::move(one));
    if (accepted_.size() > kept_max) accepted_.pop_front();
  }
  void dialled(std::uint16_t port, std::string why) {
    if (dialled_.size() >= ports_max && !dialled_.contains(port)) dialled_.erase(dialled_.begin());
    dialled_.insert_or_assign(port, std::move(why));
  }

  /// Those that were accepted since the last call, the oldest first.
  std::vector<refused_connection> take_accepted() {
    std::vector<refused_connection> out(std::make_move_iterator(accepted_.begin()),
                                        std::make_move_iterator(accepted_.end()));
    accepted_.clear();
    return out;
  }
  /// Of the last connection to this port of any machine, since the last call.
  std::optional<std::string> take_dialled(std::uint16_t port) {
    const auto found = dialled_.extract(port);
    if (found.empty()) return {};
    return std::move(found.mapped());
  }

 private:
  std::deque<refused_connection> accepted_;
  std::map<std::uint16_t, std::string> dialled_;
};

}  // namespace graphite
