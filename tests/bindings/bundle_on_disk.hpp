#pragma once

#include <filesystem>
#include <fstream>

#include "tests/bundle/bundle_file_support.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite::test {

/// A bundle folder as a writer would leave it: head, one page file, one segment.
class bundle_on_disk {
 public:
  explicit bundle_on_disk(std::size_t assets) : tree_(fill(bundle_, assets)) { write(); }

  /// The next generation: `name` has `bytes` now.
  void change(std::string_view name, byte_span bytes) {
    tree_ = tree_.apply({{bundle_.add(name, bytes)}, {}}).value();
    write();
  }
  /// What is written by the next change is not what its digests say.
  void damage_next() { damage_ = true; }
  /// What it has now, with this head's numbers: for heads that must be refused.
  void publish_as(std::uint64_t epoch, std::uint64_t sequence, const std::string& channel = "main") {
    sequence_ = sequence - 1;
    epoch_ = epoch;
    channel_ = channel;
    write();
  }
  void remove(std::string_view name) {
    tree_ = tree_.apply({{}, {test::path(name)}}).value();
    write();
  }
  std::uint64_t epoch() const { return epoch_; }
  std::uint64_t sequence() const { return sequence_; }
  std::string path() const { return folder_.path(); }
  std::string exported() const {
    const auto file = folder_.path() + "/all.grph";
    std::ofstream out(file, std::ios::binary);
    head_file head{sample_head(tree_), tree_.root_location(), {}, {memory_bundle::page_file}};
    head.value.sequence.value = sequence_;
    export_bundle(head, tree_, bundle_, bundle_.find(), [&](byte_span bytes) -> result<void> {
      out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      return {};
    }).value();
    return file;
  }
  /// Of the assets that nobody changed.
  static byte_vector bytes_of(std::size_t i) {
    return random_bytes(i % 17 == 0 ? 0 : i % 13 == 0 ? 90'000 : 40 + i, i % 50);
  }

 private:
  // Appended to, as a mapping of the file by somebody else demands; the head is replaced.
  void write() {
    bundle_.write(tree_);
    append(page_file_name(memory_bundle::page_file), bundle_.page_bytes, pages_written_);
    auto contents = bundle_.segment_bytes;
    if (std::exchange(damage_, false))
      for (auto at = segment_written_; at < contents.size(); ++at) contents[at] ^= std::byte{1};
    append(segment_file_name(memory_bundle::segment), contents, segment_written_);
    auto value = sample_head(tree_);
    value.sequence.value = ++sequence_;
    value.epoch.value = epoch_;
    value.channel = channel_;
    if (std::filesystem::exists(folder_.path() + "/head")) {
      const auto old = fmt::format("/head-{:016x}-{:016x}", kept_.first, kept_.second);
      std::filesystem::remove(folder_.path() + old);
      std::filesystem::create_hard_link(folder_.path() + "/head", folder_.path() + old);
    }
    kept_ = {value.epoch.value, value.sequence.value};
    const auto head =
        encode_head({value, tree_.root_location(), {}, {memory_bundle::page_file}}, sha()).value();
    std::size_t none = 0;
    std::filesystem::remove(folder_.path() + "/head.new");
    append("head.new", head, none);
    std::filesystem::rename(folder_.path() + "/head.new", folder_.path() + "/head");
  }
  void append(const std::string& name, byte_span all, std::size_t& written) {
    std::ofstream out(folder_.path() + "/" + name, std::ios::binary | std::ios::app);
    const auto rest = all.subspan(written);
    out.write(reinterpret_cast<const char*>(rest.data()), static_cast<std::streamsize>(rest.size()));
    written = all.size();
  }

  temporary_folder folder_;
  memory_bundle bundle_;
  index_tree tree_;
  std::size_t pages_written_ = 0, segment_written_ = 0;
  std::uint64_t sequence_ = 0, epoch_ = 1'700'000'000;
  bool damage_ = false;
  std::string channel_ = "main";
  std::pair<std::uint64_t, std::uint64_t> kept_;  ///< of the head that is there
};

}  // namespace graphite::test
