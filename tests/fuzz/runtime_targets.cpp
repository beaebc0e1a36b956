#include <algorithm>
#include <array>
#include <memory>

#include "bundle/byte_io.hpp"
#include "bundle/mapped_index.hpp"
#include "runtime/crash_guard.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/targets.hpp"

namespace graphite::fuzz {

namespace {

using index_of_pages = graphite::mapped_index;

/// Page files in memory of exactly their sizes, so that a sanitizer sees each read beside them.
class exact_files {
 public:
  void add(byte_span bytes) {
    auto& copy = copies_.emplace_back(std::make_unique<std::byte[]>(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), copy.get());
    files_.push_back({static_cast<std::uint32_t>(copies_.size()), {copy.get(), bytes.size()}});
  }
  const std::vector<mapped_page_file>& files() const { return files_; }
  bool have(const void* at, std::size_t size) const {
    const auto* const first = static_cast<const std::byte*>(at);
    return size == 0 || std::ranges::any_of(files_, [&](const mapped_page_file& file) {
             return std::less_equal<>()(file.bytes.data(), first) &&
                    std::less_equal<>()(first + size, file.bytes.data() + file.bytes.size());
           });
  }

 private:
  std::vector<std::unique_ptr<std::byte[]>> copies_;
  std::vector<mapped_page_file> files_;
};

/// Everything that a found asset leads to lies in the files.
void use(const mapped_asset& found, const exact_files& files) {
  GRAPHITE_INVARIANT(files.have(found.path.data(), found.path.size()));
  GRAPHITE_INVARIANT(files.have(found.body.data(), found.body.size()));
  GRAPHITE_INVARIANT(files.have(found.extents.data(), found.extents.size()));
  GRAPHITE_INVARIANT(found.parts >= 1 && found.parts <= asset_record::parts_max);
  GRAPHITE_INVARIANT(found.references <= asset_record::references_max);
  mapped_part part;
  for (unsigned i = 0; i < found.parts; ++i) (void)index_of_pages::part(found, i, part);
  GRAPHITE_INVARIANT(!index_of_pages::part(found, found.parts, part));
  for (unsigned i = 0; i < found.references; ++i) (void)index_of_pages::reference(found, i);
}

/// A place that one index found, in another one: as generations share what they remember.
void use_places(asset_place place, asset_id id, const index_of_pages& index, const exact_files& files) {
  mapped_asset found;
  if (index.at(place, id, found)) use(found, files);
  if (index.at({place.where, 0}, id, found)) use(found, files);
  for (unsigned bit = 0; bit < asset_place::where_bits; ++bit)
    for (const auto shape : {place.shape, 0u})
      if (index.at({place.where ^ std::uint64_t{1} << bit, shape}, id, found)) use(found, files);
  for (unsigned bit = 0; bit < asset_place::shape_bits; ++bit)
    if (index.at({place.where, place.shape ^ 1u << bit}, id, found)) use(found, files);
}

bool same(byte_span a, byte_span b) { return a.size() == b.size() && (a.empty() || a.data() == b.data()); }

/// What find() says, and that its place says the same. True where it was found.
bool look_up(asset_id id, const index_of_pages& index, const exact_files& files, asset_place& place) {
  mapped_asset found, again;
  place = {};
  if (index.find(id, found, &place) != lookup_result::found) return false;
  GRAPHITE_INVARIANT(found.id == id);
  use(found, files);
  if (!place.known()) return true;
  GRAPHITE_INVARIANT(index.at(place, id, again) && again.id == id && again.path == found.path);
  GRAPHITE_INVARIANT(same(again.body, found.body) && same(again.extents, found.extents));
  GRAPHITE_INVARIANT(again.parts == found.parts && again.references == found.references);
  return true;
}

}  // namespace

bool mapped_index(byte_span bytes) {
  byte_reader from(bytes);
  const page_location root{from.number<std::uint32_t>(), from.number<std::uint64_t>()};
  const auto first_bytes = from.number<std::uint32_t>();
  std::array<std::uint64_t, 8> ids;
  for (auto& id : ids) id = from.number<std::uint64_t>();
  if (!from.ok() || root.file > page_location::file_max || root.offset % 8 != 0 || root.offset >> 43 != 0)
    return false;
  const auto pages = from.rest();
  const auto first = pages.first(std::min<std::size_t>(first_bytes, pages.size()));
  exact_files files, fewer;
  files.add(first);
  files.add(pages.subspan(first.size()));
  fewer.add(first.first(first.size() / 2));
  const index_of_pages index(files.files(), root), other(fewer.files(), root);
  bool any = false;
  for (const auto id : ids) {
    asset_place place;
    any = look_up({id}, index, files, place) || any;
    use_places(place, {id}, index, files);
    use_places(place, {id}, other, fewer);
    for (const auto any_place : ids) {
      const auto where = any_place >> (64 - asset_place::where_bits);
      use_places({where, static_cast<std::uint32_t>(any_place % (1u << asset_place::shape_bits))}, {id},
                 index, files);
    }
  }
  return any;
}

/// Whatever was left there, a generation that crashes its programs is held from then on.
bool crash_record(byte_span bytes) {
  const crash_guard::options options{seconds(10), 3};
  crash_guard guard(options, bytes);
  const auto kept = guard.encode();
  GRAPHITE_INVARIANT(guard.held().size() <= crash_guard::held_max);
  for (const auto& held : guard.held()) GRAPHITE_INVARIANT(guard.holds(held.root));
  guard.end();
  const auto settled = guard.encode();
  crash_guard again(options, settled);
  GRAPHITE_INVARIANT(again.newly_held().empty() && !again.take_changed());
  expect_equal(again.encode(), settled);

  graphite::head deadly;
  deadly.root.bytes.fill(7);
  auto record = settled;
  for (unsigned start = 0; start < options.crashes_max; ++start) {
    crash_guard one(options, record);
    one.activate(deadly, {});
    record = one.encode();
  }
  crash_guard last(options, record);
  GRAPHITE_INVARIANT(last.holds(deadly.root) && last.newly_held().size() == 1);
  last.lift_all();
  GRAPHITE_INVARIANT(crash_guard(options, last.encode()).held().empty());
  return std::ranges::equal(kept, bytes);
}

}  // namespace graphite::fuzz
