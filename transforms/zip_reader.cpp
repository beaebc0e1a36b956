#include "transforms/zip_reader.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <zlib.h>

#include "core/logical_path.hpp"

namespace graphite {

namespace {

constexpr std::size_t zip_end_bytes = 22, zip_directory_bytes = 46, zip_local_bytes = 30;
constexpr std::uint32_t zip_end_mark = 0x06054b50, zip_directory_mark = 0x02014b50,
                        zip_local_mark = 0x04034b50;
constexpr std::uint64_t zip_elsewhere = 0xffffffff;  // the value is in the ZIP64 field

/// Little-endian numbers at fixed places; the caller has checked that they are there.
class zip_fields {
 public:
  explicit zip_fields(byte_span bytes) : bytes_(bytes) {}
  std::uint64_t number(std::size_t at, std::size_t size) const {
    std::uint64_t out = 0;
    for (auto i = size; i-- > 0;) out = out << 8 | std::to_integer<std::uint64_t>(bytes_[at + i]);
    return out;
  }
  std::uint32_t u16(std::size_t at) const { return static_cast<std::uint32_t>(number(at, 2)); }
  std::uint32_t u32(std::size_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }

 private:
  byte_span bytes_;
};

struct zip_directory {
  std::size_t begin = 0, end = 0;
  std::size_t entries = 0;
};

result<zip_directory> find_directory(byte_span archive) {
  if (archive.size() < zip_end_bytes) return fail(errc::corrupt, "no ZIP archive: too short");
  const zip_fields fields(archive);
  const auto last = archive.size() - zip_end_bytes;
  for (std::size_t back = 0; back <= std::min<std::size_t>(last, 0xffff); ++back) {
    const auto at = last - back;
    if (fields.u32(at) != zip_end_mark || fields.u16(at + 20) != back) continue;
    if (fields.u16(at + 4) != 0 || fields.u16(at + 6) != 0 || fields.u16(at + 8) != fields.u16(at + 10))
      return fail(errc::unsupported, "a ZIP archive of several disks");
    if (fields.u16(at + 10) == 0xffff) return fail(errc::too_large, "over 65534 entries");
    const std::uint64_t size = fields.u32(at + 12), begin = fields.u32(at + 16);
    if (begin + size > at) return fail(errc::corrupt, "the directory lies outside of the archive");
    return zip_directory{begin, begin + size, fields.u16(at + 10)};
  }
  return fail(errc::corrupt, "no ZIP archive: it has no directory");
}

tl::unexpected<error> refuse(errc code, const zip_entry& entry, std::string_view why) {
  return fail(code, fmt::format("`{}`: {}", shown_name(entry.name), why));
}

/// Sizes and the place of the local header that did not fit into 32 bits.
bool read_wide(byte_span extra, std::array<std::uint64_t, 3>& values) {
  const zip_fields fields(extra);
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    const std::size_t size = fields.u16(at + 2);
    if (size > extra.size() - at - 4) return false;
    if (fields.u16(at) == 1) {
      auto from = at + 4;
      for (auto& value : values) {
        if (value != zip_elsewhere) continue;
        if (from + 8 > at + 4 + size) return false;
        value = fields.number(from, 8);
        from += 8;
      }
      return true;
    }
    at += 4 + size;
  }
  return std::find(values.begin(), values.end(), zip_elsewhere) == values.end();
}

/// What kind of file the directory says it is. Errors: unsupported for links and devices.
result<bool> is_zip_folder(const zip_entry& entry, std::uint32_t made_by, std::uint32_t attributes) {
  const bool by_name = entry.name.ends_with('/');
  const auto host = made_by >> 8;
  if (host != 3 && host != 19) return by_name;  // neither Unix nor macOS
  switch (attributes >> 16 & 0xf000) {
    case 0:
    case 0x8000:
      return by_name;
    case 0x4000:
      return true;
    case 0xa000:
      return refuse(errc::unsupported, entry, "a symbolic link");
    default:
      return refuse(errc::unsupported, entry, "neither a file nor a folder");
  }
}

/// What the local header at `at` says, against the directory's entry. Fills `entry.packed` and returns where
/// the entry ends.
result<std::uint64_t> check_local(byte_span before, std::uint64_t at, std::uint64_t packed,
                                  zip_entry& entry) {
  if (at > before.size() || before.size() - at < zip_local_bytes)
    return refuse(errc::corrupt, entry, "lies outside of the archive");
  const auto local = before.subspan(at);
  const zip_fields fields(local);
  const std::size_t name_size = fields.u16(26), begin = zip_local_bytes + name_size + fields.u16(28);
  if (fields.u32(0) != zip_local_mark || begin > local.size() || packed > local.size() - begin)
    return refuse(errc::corrupt, entry, "lies outside of the archive");
  if (as_text(local.subspan(zip_local_bytes, name_size)) != entry.name ||
      fields.u16(8) != (entry.deflated ? 8 : 0) || (fields.u16(6) & 1) != 0)
    return refuse(errc::corrupt, entry, "its header says something else than the directory");
  entry.packed = local.subspan(begin, packed);
  return at + begin + packed;
}

struct zip_place {
  std::uint64_t begin = 0, end = 0;
  std::size_t entry = 0;
};

result<zip_place> read_entry(byte_span before, byte_span header, std::size_t name_size,
                             std::size_t extra_size, zip_entry& entry) {
  const zip_fields fields(header);
  entry.name = as_text(header.subspan(zip_directory_bytes, name_size));
  if ((fields.u16(8) & (1u << 0 | 1u << 6 | 1u << 13)) != 0)
    return refuse(errc::unsupported, entry, "encrypted");
  if (fields.u16(10) != 0 && fields.u16(10) != 8)
    return refuse(errc::unsupported, entry, fmt::format("packed by method {}", fields.u16(10)));
  entry.deflated = fields.u16(10) == 8;
  entry.crc = fields.u32(16);
  std::array<std::uint64_t, 3> wide{fields.u32(24), fields.u32(20), fields.u32(42)};
  if (!read_wide(header.subspan(zip_directory_bytes + name_size, extra_size), wide))
    return refuse(errc::corrupt, entry, "broken extra fields");
  entry.size = wide[0];
  GRAPHITE_TRY(entry.folder, is_zip_folder(entry, fields.u16(4), fields.u32(38)));
  GRAPHITE_TRY(const auto end, check_local(before, wide[2], wide[1], entry));
  if (!entry.deflated && entry.packed.size() != entry.size)
    return refuse(errc::corrupt, entry, "stored, but of two sizes");
  return zip_place{wide[2], end, 0};
}

}  // namespace

std::string shown_name(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 120)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (!is_utf8(out))
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7f; }, '?');
  return name.size() > 120 ? out + "…" : out;
}

result<std::vector<zip_entry>> read_zip(byte_span archive, std::size_t entries_max) {
  GRAPHITE_TRY(const auto directory, find_directory(archive));
  if (directory.entries > entries_max)
    return fail(errc::too_large, fmt::format("{} entries: at most {}", directory.entries, entries_max));
  std::vector<zip_entry> out;
  std::vector<zip_place> places;
  auto at = directory.begin;
  for (std::size_t i = 0; i < directory.entries; ++i) {
    const auto header = archive.subspan(at, directory.end - at);
    if (header.size() < zip_directory_bytes || zip_fields(header).u32(0) != zip_directory_mark)
      return fail(errc::corrupt,
                  fmt::format("the directory ends after {} of {} entries", i, directory.entries));
    const zip_fields fields(header);
    const std::size_t name = fields.u16(28), extra = fields.u16(30);
    const auto size = zip_directory_bytes + name + extra + fields.u16(32);
    if (size > header.size())
      return fail(errc::corrupt, fmt::format("entry {} of the directory is cut off", i + 1));
    zip_entry entry;
    GRAPHITE_TRY(auto place, read_entry(archive.first(directory.begin), header, name, extra, entry));
    place.entry = i;
    places.push_back(place);
    out.push_back(std::move(entry));
    at += size;
  }
  std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < places.size(); ++i)
    if (places[i].begin < places[i - 1].end)
      return refuse(errc::corrupt, out[places[i].entry],
                    fmt::format("shares bytes with `{}`", shown_name(out[places[i - 1].entry].name)));
  return out;
}

result<byte_vector> unpack(const zip_entry& entry) {
  if (entry.size > zip_ratio_from_bytes && entry.size / zip_ratio_max > entry.packed.size())
    return refuse(errc::too_large, entry, fmt::format("over {} times its packed size", zip_ratio_max));
  if (!entry.deflated && entry.packed.size() != entry.size)
    return refuse(errc::corrupt, entry, "stored, but of two sizes");
  byte_vector out(entry.size);
  if (!entry.deflated) {
    std::copy(entry.packed.begin(), entry.packed.end(), out.begin());
  } else {
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
      return refuse(errc::too_large, entry, "no memory to unpack it");
    std::byte none{};
    // zlib only reads what next_in points to.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(entry.packed.data()));
    stream.avail_in = static_cast<uInt>(entry.packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.empty() ? &none : out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const auto status = inflate(&stream, Z_FINISH);
    const bool whole = status == Z_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
    inflateEnd(&stream);
    if (!whole) return refuse(errc::corrupt, entry, "does not unpack to the size that the directory says");
  }
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size());
  if (!out.empty() && crc != entry.crc) return refuse(errc::corrupt, entry, "its checksum is wrong");
  if (out.empty() && entry.crc != 0) return refuse(errc::corrupt, entry, "its checksum is wrong");
  return out;
}

}  // namespace graphite
