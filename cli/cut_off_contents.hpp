#pragma once

#include <optional>
#include <vector>

#include "core/content.hpp"
#include "core/ports/key_value_store.hpp"
#include "core/ports/log.hpp"

namespace graphite {

/// Where large contents were being written when a process died: the newest `kept_max`, as a row says. What
/// lies there is anything until it is verified. One thread.
class cut_off_contents {
 public:
  static constexpr std::size_t kept_max = 8;
  static constexpr std::uint64_t bytes_min = 1 << 20;  ///< less is fetched again as quickly

  /// `rows` and `log` outlive it.
  cut_off_contents(key_value_store& rows, log_sink& log);
  std::optional<extent> find(const digest& content) const;
  void note(const digest& content, const extent& where);
  void forget(const digest& content);

 private:
  struct entry {
    digest content;
    extent where;
  };
  void keep() const;

  key_value_store& rows_;
  log_sink& log_;
  std::vector<entry> entries_;  ///< the oldest first
};

}  // namespace graphite
