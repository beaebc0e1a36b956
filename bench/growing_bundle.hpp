#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "bundle/index_tree.hpp"
#include "core/ports/log.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/store/bundle_folder.hpp"

namespace graphite::bench {

/// A bundle folder that grows generation by generation, as a subscriber's writer makes it: contents appended
/// to one segment, pages and head by bundle_folder. One thread.
class growing_bundle {
 public:
  /// `assets` assets of `bytes` random bytes in the folder, which is there and empty.
  growing_bundle(std::string folder, std::size_t assets, std::size_t bytes);
  ~growing_bundle();

  static std::string name(std::size_t i);
  /// The next generation: `count` assets, in turn, have other bytes.
  void change(std::size_t count);
  std::uint64_t sequence() const { return head_.sequence.value; }

 private:
  asset_record add(std::size_t i);
  void publish();

  const std::string folder_;
  const std::size_t assets_, bytes_;
  const openssl_hasher hash_;
  struct quiet_log;
  std::unique_ptr<quiet_log> log_;
  int segment_ = -1;
  std::uint64_t tail_ = 0, seed_ = 0;
  std::unordered_map<digest, extent> places_;
  index_tree tree_;
  head head_;
  std::size_t next_ = 0;
  std::unique_ptr<bundle_folder> writer_;
};

}  // namespace graphite::bench
