#pragma once

#include <gtest/gtest.h>

#include "platform/store/segment_store.hpp"
#include "tests/support/memory_key_value_store.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/store_bytes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite::test {

/// A store in a temporary folder over rows that can lose what was not synced.
class store_fixture : public testing::Test {
 protected:
  segment_store_options options() {
    segment_store_options out;
    out.folder = folder_ / "segments";
    out.segment_bytes = 1 << 20;
    out.on_failed_sync = [](const error& why) { ADD_FAILURE() << why.context; };
    return out;
  }
  void open() { open(options()); }
  void open(segment_store_options options) {
    store_.reset();
    auto opened = segment_store::open(std::move(options), rows_, hash_, log_);
    ASSERT_TRUE(opened) << opened.error().context;
    store_ = std::move(*opened);
  }
  stored_content put(const sample_content& content) {
    auto stored = store_->put(content.bytes, content.chunks);
    EXPECT_TRUE(stored) << stored.error().context;
    return stored ? *stored : stored_content{};
  }
  bool knows(const sample_content& content) {
    auto found = store_->find(content.ref.id);
    EXPECT_TRUE(found) << found.error().context;
    return found && found->has_value();
  }
  /// Present, and its bytes are what they should be.
  bool readable(const sample_content& content) {
    auto found = store_->find(content.ref.id);
    if (!found || !*found || (*found)->chunks != content.chunks) return false;
    byte_vector copy(content.bytes.size());
    if (!store_->read(content.ref.id, 0, copy) || copy != content.bytes) return false;
    auto view = store_->map(content.ref.id);
    return view && std::ranges::equal(view->bytes, content.bytes);
  }
  std::string only_segment() { return store_->segment_path(segment_id{1}); }

  temporary_folder folder_;
  recording_log log_;
  openssl_hasher hash_;
  memory_key_value_store rows_;
  std::unique_ptr<segment_store> store_;
};

}  // namespace graphite::test
