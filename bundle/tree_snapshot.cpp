#include "bundle/tree_snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>
#include <utility>

#include "bundle/chunk_list.hpp"
#include "core/path_check.hpp"
#include "core/record_codec.hpp"

namespace graphite {

namespace {

constexpr std::uint8_t snapshot_version = 1;
constexpr std::uint8_t holds_entries = 0, holds_branches = 1;
constexpr std::size_t entries_most = snapshot_limits::list_bytes_max / 36;
/// Of one folder; far beyond what files_max lets be.
constexpr std::uint64_t folder_bytes_max = std::uint64_t{1} << 40;

std::size_t number_bytes(std::uint64_t value) {
  std::size_t out = 1;
  for (; value >= 0x80; value >>= 7) ++out;
  return out;
}

std::uint64_t written_bytes(const snapshot_entry& one) {
  return 1 + number_bytes(one.name.size()) + one.name.size() + sizeof(digest) +
         number_bytes(one.content.size);
}

template <class Each>
std::uint64_t sum_of(const Each& all) {
  std::uint64_t out = 0;
  for (const auto& one : all) {
    if constexpr (std::is_same_v<std::decay_t<decltype(one)>, snapshot_branch>)
      out += one.list_bytes;
    else
      out += written_bytes(one);
  }
  return out;
}

/// Two names that differ only in case, if there are.
std::optional<std::pair<std::string, std::string>> twins_among(std::span<const snapshot_entry> entries) {
  std::vector<std::pair<std::string, const std::string*>> folded;
  folded.reserve(entries.size());
  for (const auto& one : entries) folded.emplace_back(case_fold(one.name), &one.name);
  std::sort(folded.begin(), folded.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto twin = std::adjacent_find(folded.begin(), folded.end(),
                                       [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twin == folded.end()) return {};
  return std::pair(*twin->second, *(twin + 1)->second);
}

bool is_object_size(std::uint64_t bytes) { return bytes > 0 && bytes <= snapshot_limits::object_bytes_max; }

snapshot_entry read_entry(record_reader& from) {
  snapshot_entry out;
  const auto kind = from.byte();
  out.name = from.bytes(logical_path::component_bytes_max);
  out.content = from.content();
  out.what = static_cast<snapshot_entry::kind>(kind);
  const bool is_folder = out.what == snapshot_entry::kind::folder;
  if (kind > static_cast<std::uint8_t>(snapshot_entry::kind::folder) || out.content.id.is_zero() ||
      (is_folder && !is_object_size(out.content.size)) || !is_logical_path(out.name) ||
      out.name.find('/') != std::string::npos)
    from.fault();
  return out;
}

result<snapshot_object> read_entries(record_reader& from) {
  snapshot_entries out;
  const auto count = from.number_up_to(entries_most);
  for (std::uint64_t i = 0; from.ok() && i < count; ++i) {
    out.push_back(read_entry(from));
    if (i > 0 && !(out[i - 1].name < out[i].name)) from.fault();
  }
  if (!from.ok() || !from.at_end() || sum_of(out) > snapshot_limits::list_bytes_max)
    return fail(errc::corrupt, "a damaged folder of a snapshot");
  if (const auto twins = twins_among(out))
    return fail(errc::corrupt, fmt::format("a snapshot's folder has '{}' and '{}', which differ only in case",
                                           twins->first, twins->second));
  return snapshot_object(std::move(out));
}

result<snapshot_object> read_branches(record_reader& from) {
  snapshot_branches out;
  const auto low = from.byte(), high = from.byte();
  const unsigned there = low | unsigned{high} << 8;
  for (unsigned digit = 0; digit < 16; ++digit) {
    if ((there >> digit & 1) == 0) continue;
    snapshot_branch one;
    one.digit = static_cast<std::uint8_t>(digit);
    one.object = from.content();
    one.list_bytes = from.number_up_to(folder_bytes_max);
    if (one.object.id.is_zero() || !is_object_size(one.object.size) || one.list_bytes == 0) from.fault();
    out.push_back(one);
  }
  // A folder that fits into one object is one.
  if (!from.ok() || !from.at_end() || sum_of(out) <= snapshot_limits::list_bytes_max)
    return fail(errc::corrupt, "a damaged part of a snapshot's folder");
  return snapshot_object(std::move(out));
}

void write_object(record_writer& out, const snapshot_entries& entries) {
  out.byte(holds_entries);
  out.number(entries.size());
  for (const auto& one : entries) {
    out.byte(static_cast<std::uint8_t>(one.what));
    out.bytes(one.name);
    out.content(one.content);
  }
}

void write_object(record_writer& out, const snapshot_branches& branches) {
  out.byte(holds_branches);
  unsigned there = 0;
  for (const auto& one : branches) there |= 1u << one.digit;
  out.byte(static_cast<std::uint8_t>(there));
  out.byte(static_cast<std::uint8_t>(there >> 8));
  for (const auto& one : branches) {
    out.content(one.object);
    out.number(one.list_bytes);
  }
}

/// Makes the objects of a tree, the leaves first.
class snapshot_builder {
 public:
  snapshot_builder(const hasher& hash, const snapshot_sink& keep) : hash_(hash), keep_(keep) {}

  /// `files`: ascending, all below the folder whose name with its `/` is `skip` bytes long.
  result<content_ref> folder(std::span<const snapshot_file> files, std::size_t skip, std::size_t deep) {
    if (deep > snapshot_limits::folders_deep_max)
      return fail(errc::too_large, fmt::format("'{}' lies in more than {} folders", files.front().path.str(),
                                               snapshot_limits::folders_deep_max));
    const auto name = files.empty() ? std::string() : files.front().path.str().substr(0, skip);
    snapshot_entries entries;
    while (!files.empty()) {
      const auto& first = files.front();
      const auto& path = first.path.str();
      const auto slash = path.find('/', skip);
      if (slash == std::string::npos) {
        entries.push_back({path.substr(skip), kind_of(first), first.content});
        files = files.subspan(1);
        continue;
      }
      const auto below = below_of(files, std::string_view(path).substr(0, slash + 1));
      GRAPHITE_TRY(const auto object, folder(files.first(below), slash + 1, deep + 1));
      entries.push_back({path.substr(skip, slash - skip), snapshot_entry::kind::folder, object});
      files = files.subspan(below);
    }
    return one_folder(name, std::move(entries));
  }

  result<content_ref> one_folder(const std::string& name, snapshot_entries entries) {
    std::sort(entries.begin(), entries.end());
    GRAPHITE_TRY(const auto made, list(name, std::move(entries), 0));
    return made.object;
  }

 private:
  static snapshot_entry::kind kind_of(const snapshot_file& file) {
    return file.executable ? snapshot_entry::kind::program : snapshot_entry::kind::file;
  }

  static std::size_t below_of(std::span<const snapshot_file> files, std::string_view folder) {
    const auto end = std::partition_point(files.begin(), files.end(), [folder](const snapshot_file& file) {
      return file.path.str().starts_with(folder);
    });
    return static_cast<std::size_t>(end - files.begin());
  }

  content_ref kept(const snapshot_object& object) {
    auto bytes = encode_snapshot_object(object);
    const auto name = name_of_object(bytes, hash_);
    keep_(name, std::move(bytes));
    return name;
  }

  /// One object, or as many as it takes. Names with one number come to lie in one list, whatever it takes.
  result<snapshot_branch> list(const std::string& folder, snapshot_entries entries, unsigned place) {
    const auto bytes = sum_of(entries);
    if (bytes <= snapshot_limits::list_bytes_max) {
      if (const auto twins = twins_among(entries)) return refuse(folder, twins->first, twins->second);
      return snapshot_branch{0, kept(snapshot_object(std::move(entries))), bytes};
    }
    if (place == name_digits) return refuse(folder, entries[0].name, entries[1].name);
    std::array<snapshot_entries, 16> parts;
    for (auto& one : entries) parts[digit_at(name_number(one.name), place)].push_back(std::move(one));
    snapshot_branches branches;
    for (unsigned digit = 0; digit < parts.size(); ++digit) {
      if (parts[digit].empty()) continue;
      GRAPHITE_TRY(auto made, list(folder, std::move(parts[digit]), place + 1));
      made.digit = static_cast<std::uint8_t>(digit);
      branches.push_back(made);
    }
    return snapshot_branch{0, kept(snapshot_object(std::move(branches))), bytes};
  }

  static tl::unexpected<error> refuse(const std::string& folder, const std::string& one,
                                      const std::string& other) {
    if (one == other) return fail(errc::invalid_argument, fmt::format("'{}{}' is there twice", folder, one));
    return fail(errc::invalid_argument,
                fmt::format("'{0}{1}' and '{0}{2}' differ only in case", folder, one, other));
  }

  const hasher& hash_;
  const snapshot_sink& keep_;
};

}  // namespace

std::uint64_t list_bytes_of(const snapshot_object& object) {
  return std::visit([](const auto& all) { return sum_of(all); }, object);
}

std::uint64_t name_number(std::string_view name) { return id_of_path_text(case_fold(name)).value; }

byte_vector encode_snapshot_object(const snapshot_object& object) {
  record_writer out;
  out.byte(snapshot_version);
  std::visit([&](const auto& all) { write_object(out, all); }, object);
  const auto bytes = as_bytes(std::string_view(out.text()));
  GRAPHITE_INVARIANT(bytes.size() <= snapshot_limits::object_bytes_max);
  return {bytes.begin(), bytes.end()};
}

result<snapshot_object> decode_snapshot_object(byte_span bytes) {
  if (bytes.size() > snapshot_limits::object_bytes_max)
    return fail(errc::too_large, "an object of a snapshot that is too large");
  record_reader from(as_text(bytes));
  const auto version = from.byte();
  if (version > snapshot_version)
    return fail(errc::newer_version, "a snapshot of a newer program: upgrade this one");
  const auto holds = from.byte();
  if (version != snapshot_version || holds > holds_branches) from.fault();
  return holds == holds_entries ? read_entries(from) : read_branches(from);
}

content_ref name_of_object(byte_span bytes, const hasher& hash) {
  return content_of(chunk_ref{hash.sha256(bytes), static_cast<std::uint32_t>(bytes.size())}, hash);
}

result<content_ref> build_snapshot(std::vector<snapshot_file> files, const hasher& hash,
                                   const snapshot_sink& keep, const snapshot_limits& limits) {
  if (files.size() > limits.files_max)
    return fail(errc::too_large,
                fmt::format("{} files, and a snapshot has at most {}", files.size(), limits.files_max));
  std::sort(files.begin(), files.end());
  return snapshot_builder(hash, keep).folder(files, 0, 0);
}

result<content_ref> build_snapshot_folder(const std::string& folder, snapshot_entries entries,
                                          const hasher& hash, const snapshot_sink& keep) {
  return snapshot_builder(hash, keep).one_folder(folder, std::move(entries));
}

}  // namespace graphite
