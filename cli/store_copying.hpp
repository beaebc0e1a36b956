#pragma once

#include <span>

#include "cli/store_port.hpp"
#include "cli/store_traffic.hpp"

namespace graphite {

/// Copies between stores, by the store that is to have them: what core/store_repair plans. Thread-safe.
class store_copying {
 public:
  /// `port` serves `store`, and `traffic` fetches into it from the other stores; all outlive it.
  store_copying(store_port& port, chunk_store& store, store_traffic& traffic)
      : port_(port), store_(store), traffic_(traffic) {}

  /// Returns once they are here durably; until then the port says of none that it is. Errors: those of
  /// store_traffic::fetch and chunk_store::sync.
  result<void> fetch(std::span<const digest> contents);

 private:
  store_port& port_;
  chunk_store& store_;
  store_traffic& traffic_;
};

}  // namespace graphite
