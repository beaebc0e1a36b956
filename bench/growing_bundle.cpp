#include "bench/growing_bundle.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <random>

#include "bench/child.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/segment_format.hpp"
#include "core/checksum.hpp"
#include "platform/linux/durable_file.hpp"

namespace graphite::bench {

struct growing_bundle::quiet_log final : log_sink {
  void write(log_level, std::string_view) override {}
};

namespace {

constexpr segment_id only_segment{1};

void must(const result<void>& done) {
  if (!done) give_up(done.error().context);
}

}  // namespace

std::string growing_bundle::name(std::size_t i) {
  return fmt::format("area{:02}/thing_{:06}.bin", i % 97, i);
}

growing_bundle::growing_bundle(std::string folder, std::size_t assets, std::size_t bytes)
    : folder_(std::move(folder)),
      assets_(assets),
      bytes_(bytes),
      log_(std::make_unique<quiet_log>()),
      tree_(hash_) {
  segment_ =
      ::open((folder_ + "/" + segment_file_name(only_segment)).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (segment_ < 0) give_up("cannot write in " + folder_);
  must(write_fully(segment_, encode_segment_header({only_segment, {}}), 0, "segment"));
  tail_ = segment_header_bytes;
  bundle_folder_options options;
  options.folder = folder_;
  options.sync_later = true;
  auto opened = bundle_folder::open(std::move(options), hash_, *log_);
  if (!opened) give_up(opened.error().context);
  writer_ = std::move(*opened);
  head_.channel = "main";
  head_.epoch = {1};
  std::vector<asset_record> records;
  for (std::size_t i = 0; i < assets; ++i) records.push_back(add(i));
  tree_ = index_tree::build(records, hash_).value();
  publish();
}

growing_bundle::~growing_bundle() { ::close(segment_); }

asset_record growing_bundle::add(std::size_t i) {
  std::minstd_rand random(static_cast<unsigned>(++seed_));
  byte_vector bytes(bytes_);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  const auto list = chunk_bytes(bytes, hash_);
  const auto content = content_of(list, hash_);
  const auto place = next_placement(tail_, bytes.size());
  must(write_fully(segment_,
                   encode_segment_record({segment_record_kind::content, content, checksum64(bytes)},
                                         only_segment, place.header_offset),
                   place.header_offset, "segment"));
  must(write_fully(segment_, bytes, place.data_offset, "segment"));
  tail_ = place.end;
  places_[content.id] = place.where(only_segment, bytes.size());
  return {logical_path::parse(name(i)).value(), {part_of(content, list)}, {}};
}

void growing_bundle::change(std::size_t count) {
  asset_changes changes;
  for (std::size_t i = 0; i < count; ++i) changes.upserts.push_back(add(next_++ % assets_));
  tree_ = tree_.apply(changes).value();
  publish();
}

void growing_bundle::publish() {
  ++head_.sequence.value;
  head_.root = tree_.root();
  head_.assets = tree_.assets();
  must(writer_->publish(head_, tree_, {}, [this](const content_ref& content) -> std::optional<extent> {
    return places_.at(content.id);
  }));
}

}  // namespace graphite::bench
