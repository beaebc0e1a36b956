// Stores, syncs, folds and collects in the folder named by its argument, and says on standard output what is
// acknowledged: "ack N" after a sync, "drop N" before a content may be collected. A kill point ends it
// anywhere.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "platform/linux/durable_file.hpp"
#include "platform/rocksdb/rocks_store.hpp"
#include "platform/store/bundle_folder.hpp"
#include "platform/store/segment_store.hpp"
#include "tests/platform/store_victim.hpp"
#include "tests/support/recording_log.hpp"

namespace graphite::test {
namespace {

template <class T>
T must(result<T> outcome) {
  if (!outcome) {
    std::fprintf(stderr, "victim: %s\n", outcome.error().context.c_str());
    std::exit(3);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*outcome);
}

void say(const char* what, int number) {
  char line[32];
  const int length = std::snprintf(line, sizeof line, "%s %d\n", what, number);
  if (::write(STDOUT_FILENO, line, static_cast<std::size_t>(length)) != length) std::exit(4);
}

void store_streamed(segment_store& store, const sample_content& content) {
  auto writer = must(store.begin(content.bytes.size()));
  must(writer->append(byte_span(content.bytes).first(content.bytes.size() / 2)));
  must(writer->append(byte_span(content.bytes).subspan(content.bytes.size() / 2)));
  must(writer->commit(content.chunks));
}

void store_one(segment_store& store, int number) {
  const auto content = victim_content(number);
  if (number % 5 == 3) return store_streamed(store, content);
  if (content.bytes.size() <= inline_bytes_max && number % 2 == 0)
    must(store.hold(content.bytes, content.chunks));
  else
    must(store.put(content.bytes, content.chunks));
}

/// Of earlier rounds one content in eight is kept, so that segments die and others fall below a quarter.
bool kept(int number, int round_begin) { return number >= round_begin || number % 8 == 5; }

void collect(segment_store& store, int round_begin) {
  for (int i = 0; i < round_begin; ++i)
    if (!kept(i, round_begin)) say("drop", i);
  store.begin_gc();
  for (int i = 0; i < round_begin + victim_contents_a_round; ++i)
    if (const auto id = victim_content(i).ref.id; kept(i, round_begin)) store.mark({&id, 1});
  for (bool more = true; more;) more = must(store.gc_step({})).more;
}

/// One generation with an asset for each content of the round; rewrites now and then.
void publish(bundle_folder& bundle, segment_store& store, int round_begin) {
  std::vector<asset_record> records;
  for (int i = round_begin; i < round_begin + victim_contents_a_round; ++i) {
    const auto content = victim_content(i);
    asset_part part;
    part.content = content.ref;
    if (content.ref.size <= single_chunk_bytes_max) part.only_chunk = content.chunks.chunks[0].id;
    records.push_back({logical_path::parse("asset" + std::to_string(i)).value(), {part}, {}});
  }
  const openssl_hasher hash;
  const auto find = [&](const content_ref& content) { return must(store.find(content.id))->where; };
  const auto tree = must(index_tree::build(records, hash)).with_source(bundle.pages());
  head next;
  next.channel = "default";
  next.epoch = epoch_number{1};
  const auto current = bundle.current();
  next.sequence = sequence_number{current ? current->value.sequence.value + 1 : 1};
  next.root = tree.root();
  next.assets = tree.assets();
  must(bundle.publish(next, tree, {}, find));
  say("head", static_cast<int>(next.sequence.value));
  if (round_begin > 0) must(bundle.rewrite(find));
}

void run(const std::string& folder) {
  recording_log log;
  openssl_hasher hash;
  rocks_options rows_options;
  rows_options.folder = folder + "/meta";
  auto rows = must(rocks_store::open(rows_options, log));
  segment_store_options options;
  options.folder = folder + "/segments";
  options.segment_bytes = victim_segment_bytes;
  options.spare_folders = {folder + "/bundle"};
  auto store = must(segment_store::open(options, *rows, hash, log));
  bundle_folder_options bundle_options;
  bundle_options.folder = folder + "/bundle";
  bundle_options.segments_folder = options.folder;
  bundle_options.kept_generations = 2;
  auto bundle = must(bundle_folder::open(bundle_options, hash, log));
  for (int round = 0; round < victim_rounds; ++round) {
    const int first = round * victim_contents_a_round;
    for (int i = first; i < first + victim_contents_a_round; ++i) store_one(*store, i);
    must(store->fold());
    for (int i = first; i < first + victim_contents_a_round; ++i) say("ack", i);
    must(rows->write({{table::journal, std::to_string(round), "done"}}, key_value_store::durability::synced));
    must(replace_file(folder + "/note", as_bytes(std::to_string(round))));
    publish(*bundle, *store, first);
    must(bundle->sync());
    collect(*store, first);
  }
}

}  // namespace
}  // namespace graphite::test

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  graphite::test::run(argv[1]);
  return 0;
}
