#include <gtest/gtest.h>

#include <deque>

#include "bundle/chunker.hpp"
#include "relay/announcer.hpp"
#include "relay/chunk_service.hpp"
#include "runtime/subscriber.hpp"
#include "runtime/tree_index.hpp"
#include "schemas/codec/announcement.hpp"
#include "schemas/codec/chunk_messages.hpp"
#include "tests/bundle/index_support.hpp"
#include "tests/runtime/memory_sink.hpp"
#include "tests/support/memory_chunk_store.hpp"

// What one edit among a million assets costs between a publisher and a subscriber, as counts.

namespace graphite::test {
namespace {

constexpr std::size_t assets = 1'000'000;

/// Pages with places, as a subscriber has them on its disk; counts what is read.
class counted_pages final : public kept_pages {
 public:
  bool has(const digest&) const override { return false; }
  result<stored_page> load(const digest& id, page_location where) const override {
    return pages.load(id, where);
  }
  memory_pages pages;
};

class subscriber_scale : public ::testing::Test {
 protected:
  subscriber_scale() {
    tree_ = *index_tree::build(many_assets(assets), sha());
    kept_->pages.write(tree_);
    newest_ = head_of(tree_, 1);
    index_.adopt(index_tree::open(tree_.root(), tree_.root_node()->location(), kept_, sha()).value());
    subscriber_memory memory;
    memory.active = newest_;
    memory.marks = {{newest_.lineage, newest_.epoch, newest_.sequence}};
    subscriber_.emplace(subscriber_options{}, sha(), sink_, index_, index_.empty_root(), std::move(memory));
    heartbeat hello;
    hello.place.chunk_port = 7403;
    hello.channels.push_back(*make_channel_state(newest_, hello.place, 0, duration::zero()));
    obey(subscriber_->on_heartbeat(hello, at_));
    answer();
  }

  head head_of(const index_tree& tree, std::uint64_t sequence) {
    head out;
    out.channel = "main";
    out.lineage.value.bytes.fill(1);
    out.epoch.value = 1;
    out.sequence.value = sequence;
    out.root = tree.root();
    out.assets = tree.assets();
    return out;
  }

  /// Edits one asset; bytes that went either way until it was shown.
  std::size_t edit(std::size_t which, std::size_t size) {
    asset_changes changes;
    const byte_vector bytes = random_bytes(size, which);
    const content_ref content = add_content(store_, bytes, sha());
    const chunk_list list = (*store_.find(content.id))->chunks;
    changes.upserts.push_back({path(asset_name(which)), {part_of(content, list)}, {}});
    announcer_input input;
    input.base_root = tree_.root();
    tree_ = tree_.apply(changes).value();
    newest_ = input.now = head_of(tree_, newest_.sequence.value + 1);
    input.changes = &changes;
    const announcer_source source{[&](const content_ref&) { return std::optional(list); },
                                  [&](const content_ref&) { return std::optional(bytes); }};
    const byte_vector message = encode(*make_announcement(input, source, sha()));
    sent_ = message.size();
    obey(subscriber_->on_announcement(*decode_announcement(message), at_));
    answer();
    EXPECT_EQ(sink_.swaps.empty() ? digest{} : sink_.swaps.back().root, tree_.root());
    return sent_;
  }

  void answer() {
    chunk_service_sources from;
    from.store = &store_;
    from.hash = &sha();
    from.page = [](std::string_view, const digest&) { return std::nullopt; };
    from.head = [](std::string_view) { return std::nullopt; };
    const chunk_service service(from);
    for (; !asked_.empty(); asked_.pop_front()) {
      ++requests_;
      sent_ += encode(asked_.front().request).size();
      const auto reply = service.answer(asked_.front().request);
      for (const auto& frame : encode(reply)) sent_ += frame.size();
      obey(subscriber_->on_reply(asked_.front().id, reply, at_));
    }
  }
  void obey(const subscriber::commands& commands) {
    for (const auto& command : commands) {
      if (const auto* c = std::get_if<send_request>(&command)) asked_.push_back(*c);
      if (const auto* c = std::get_if<say>(&command); c && c->level >= log_level::warning)
        ADD_FAILURE() << c->text;
    }
  }

  memory_chunk_store store_{sha()};
  std::shared_ptr<counted_pages> kept_ = std::make_shared<counted_pages>();
  index_tree tree_{sha()};
  head newest_;
  memory_sink sink_{sha()};
  tree_index index_{sha(), kept_};
  std::optional<subscriber> subscriber_;
  std::deque<send_request> asked_;
  std::size_t requests_ = 0, sent_ = 0;
  instant at_{time_point(seconds(1000)), 1'700'000'000'000'000'000};
};

TEST_F(subscriber_scale, one_edit_sends_the_file_and_little_more_and_reads_few_pages) {
  requests_ = 0;
  for (const std::size_t which : {0ul, 31'337ul, 999'999ul, 2'000'000ul}) {  // the last one is new
    const std::size_t loads = kept_->pages.loads;
    EXPECT_LE(edit(which, 16 * KiB), 16 * KiB + 4 * KiB);
    EXPECT_LE(kept_->pages.loads - loads, 8u);
  }
  EXPECT_EQ(requests_, 0u);  // all of it rode in the announcement
  for (const std::size_t size : {64 * KiB, 1 * MiB}) {
    requests_ = 0;
    EXPECT_LE(edit(4242 + size, size), size + 64 * KiB);
    EXPECT_LE(requests_, 2 + size / (512 * KiB));
  }
}

}  // namespace
}  // namespace graphite::test
