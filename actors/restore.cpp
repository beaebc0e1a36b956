#include "actors/restore.hpp"

#include <charconv>

#include "actors/channel.hpp"
#include "bundle/chunker.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/record_bytes.hpp"
#include "schemas/codec/announcement.hpp"

namespace graphite {

namespace {

constexpr std::uint64_t day_seconds = 86'400;
constexpr std::string_view lineage_row = "lineage", epoch_row = "epoch";

result<std::uint64_t> last_epoch(const key_value_store& rows) {
  GRAPHITE_TRY(const auto row, rows.get(table::meta, epoch_row));
  if (!row) return 0;
  std::uint64_t out = 0;
  const auto end = std::from_chars(row->data(), row->data() + row->size(), out);
  if (end.ec != std::errc() || end.ptr != row->data() + row->size())
    return fail(errc::corrupt, "the epoch row is damaged");
  return out;
}

/// The contents of a record, readable again until they are folded.
result<void> hold_contents(const announcement& message, chunk_store& contents, const hasher& hash) {
  for (const auto& chunk : message.chunks) {
    const auto chunks = chunk_bytes(chunk.bytes, hash);
    GRAPHITE_CHECK(contents.hold(chunk.bytes, chunks));
  }
  return {};
}

/// The changes an announcement carries.
result<asset_changes> changes_of(const announcement& message, const hasher& hash) {
  asset_changes out;
  for (const auto& bytes : message.upserts) {
    GRAPHITE_TRY(auto record, decode_record(bytes, hash));
    out.upserts.push_back(std::move(record));
  }
  out.removals = message.removals;
  return out;
}

struct replayed {
  head now;
  index_tree tree;
};

/// Nothing where the record is in the folder already: the process died before it was erased.
result<std::optional<replayed>> replay(const std::optional<head>& newest, const index_tree& tree,
                                       std::string_view row, chunk_store& contents, const hasher& hash) {
  GRAPHITE_TRY(const auto message, decode_announcement(as_bytes(row)));
  GRAPHITE_TRY(auto file, decode_head(message.head, hash));
  auto now = std::move(file.value);
  if (newest && !now.newer_than(*newest)) return std::nullopt;
  GRAPHITE_CHECK(hold_contents(message, contents, hash));
  GRAPHITE_TRY(const auto changes, changes_of(message, hash));
  GRAPHITE_TRY(auto next, tree.apply(changes));
  if (next.root() != now.root) return fail(errc::corrupt, "a journal record does not lead to its own root");
  return std::optional(replayed{std::move(now), std::move(next)});
}

/// Whether the channel shows what the graph's rows say is shown, and which publication that is.
result<std::optional<std::string>> followed(const channel_spec& spec, const std::optional<head>& newest,
                                            const key_value_store& rows) {
  GRAPHITE_TRY(auto published, newest_publication(rows));
  GRAPHITE_TRY(const auto row, rows.get(table::meta, channel_row_key(spec.name)));
  const bool untouched = published.empty() && !row && !newest;
  if (untouched || (newest && row == channel_row(spec, *newest, published)))
    return std::optional(std::move(published));
  return std::nullopt;
}

/// The row that the process died before it wrote, after the folder's head was there.
result<std::vector<row_write>> missing_row_of(const bundle_archive::state& folded,
                                              const key_value_store& rows, const hasher& hash) {
  const auto key = generation_key(folded.now.channel, folded.now.sequence.value);
  GRAPHITE_TRY(const auto row, rows.get(table::generations, key));
  if (row) return std::vector<row_write>();
  return std::vector<row_write>{
      {table::generations, key, encode_generation_row({folded.now, folded.tree.root_location()}, hash)}};
}

}  // namespace

result<reign> begin_reign(key_value_store& rows, random_source& random, std::int64_t unix_ns) {
  reign out;
  GRAPHITE_TRY(const auto row, rows.get(table::meta, lineage_row));
  out.first = !row;
  const auto known = row ? uuid_from_string(*row) : make_uuid(random);
  if (!known) return fail(errc::corrupt, "the lineage row is damaged");
  out.lineage = lineage_id{*known};
  GRAPHITE_TRY(const auto last, last_epoch(rows));
  const auto now = static_cast<std::uint64_t>(unix_ns / 1'000'000'000);
  if (last > now + day_seconds)
    return fail(errc::invalid_argument,
                "the last epoch lies more than a day in the future: set this machine's clock right");
  out.epoch = epoch_number{std::max(last + 1, now)};
  GRAPHITE_CHECK(rows.write({{table::meta, std::string(lineage_row), to_string(*known)},
                             {table::meta, std::string(epoch_row), std::to_string(out.epoch.value)}},
                            key_value_store::durability::synced));
  return out;
}

result<restored_channel> restore_channel(const channel_spec& spec, const reign& now, bundle_archive& archive,
                                         key_value_store& rows, chunk_store& contents, const hasher& hash) {
  GRAPHITE_TRY(const auto folded, archive.newest());
  std::optional<head> newest;
  if (folded) newest = folded->now;
  auto tree = folded ? folded->tree : archive.empty_tree();
  restored_channel out;
  std::vector<row_write> late;
  if (folded) {
    GRAPHITE_TRY(late, missing_row_of(*folded, rows, hash));
  }
  result<void> done;
  GRAPHITE_CHECK(rows.scan(table::journal, generation_key_prefix(spec.name),
                           [&](std::string_view key, std::string_view row) {
                             auto next = replay(newest, tree, row, contents, hash);
                             if (!next) done = tl::unexpected<error>(next.error());
                             if (next && *next) {
                               newest = std::move((*next)->now);
                               tree = std::move((*next)->tree);
                               out.unfolded.push_back(newest->sequence.value);
                             } else if (next) {
                               late.push_back({table::journal, std::string(key), std::nullopt});
                             }
                             return done.has_value();
                           }));
  GRAPHITE_CHECK(done);
  if (!late.empty()) GRAPHITE_CHECK(rows.write(late, key_value_store::durability::lazy));
  GRAPHITE_TRY(out.follows, followed(spec, newest, rows));
  out.core = std::make_shared<channel_core>(spec, now.lineage, now.epoch, std::move(tree), std::move(newest));
  return out;
}

result<std::string> newest_publication(const key_value_store& rows) {
  GRAPHITE_TRY(auto row, rows.get(table::meta, publication_row_key));
  return row.value_or("");
}

engine_command_list load_engine(build_engine& engine, const key_value_store& rows, log_sink& log) {
  for (const auto where : {table::sources, table::graph}) {
    auto scanned = rows.scan(where, "", [&](std::string_view key, std::string_view value) {
      if (auto loaded = engine.load_row(where, key, value); !loaded)
        log.warn("{}: {}", to_string(where), loaded.error().context);
      return true;
    });
    if (!scanned) log.warn("{}: {}", to_string(where), scanned.error().context);
  }
  return engine.load_finished();
}

std::shared_ptr<guarded_sources> known_from(const build_engine& engine) {
  return std::make_shared<guarded_sources>(engine.sources());
}

}  // namespace graphite
