#include "platform/linux/memory_facts.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "core/platform_facts.hpp"

namespace graphite {

namespace {

constexpr std::string_view pools_folder = "/sys/kernel/mm/hugepages";
constexpr std::string_view transparent_folder = "/sys/kernel/mm/transparent_hugepage";

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

/// The number at the beginning of `text`, after blanks; 0 where there is none.
std::uint64_t number_in(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint64_t number_of(const std::string& path) { return number_in(first_line(path)); }

bool is_line_size(std::uint64_t bytes) { return std::has_single_bit(bytes) && bytes >= 16 && bytes <= 1024; }

std::size_t cache_line_of_sys(const std::string& root) {
  for (int index = 0; index < 4; ++index) {
    const auto cache = root + "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
    if (first_line(cache + "/type") == "Instruction") continue;
    const auto bytes = number_of(cache + "/coherency_line_size");
    if (is_line_size(bytes)) return static_cast<std::size_t>(bytes);
  }
  return 0;
}

/// "hugepages-2048kB" is 2 MiB; 0: another name.
std::size_t size_named(std::string_view name) {
  constexpr std::string_view prefix = "hugepages-";
  if (!name.starts_with(prefix) || !name.ends_with("kB")) return 0;
  return static_cast<std::size_t>(number_in(name.substr(prefix.size())) * 1024);
}

std::vector<huge_page_pool> read_pools(const std::string& root) {
  std::vector<huge_page_pool> out;
  std::error_code none;
  for (const auto& one : std::filesystem::directory_iterator(root + std::string(pools_folder), none)) {
    const auto folder = one.path().string();
    huge_page_pool pool{.page_bytes = size_named(one.path().filename().string())};
    if (pool.page_bytes == 0) continue;
    pool.total = number_of(folder + "/nr_hugepages");
    pool.free = number_of(folder + "/free_hugepages");
    pool.reserved = number_of(folder + "/resv_hugepages");
    pool.surplus = number_of(folder + "/surplus_hugepages");
    pool.overcommit = number_of(folder + "/nr_overcommit_hugepages");
    out.push_back(pool);
  }
  std::ranges::sort(out, {}, &huge_page_pool::page_bytes);
  return out;
}

/// The number after `name` in a file of lines "NAME:   123 kB", in bytes.
std::size_t line_of_kibibytes(const std::string& path, std::string_view name) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(name))
      return static_cast<std::size_t>(number_in(std::string_view(line).substr(name.size())) * 1024);
  return 0;
}

/// The word in brackets: "always [madvise] never".
std::string_view chosen_in(std::string_view line) {
  const auto begin = line.find('['), end = line.find(']');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
  return line.substr(begin + 1, end - begin - 1);
}

transparent_mode mode_named(std::string_view word) {
  if (word == "always") return transparent_mode::always;
  if (word == "madvise") return transparent_mode::madvise;
  return word == "never" ? transparent_mode::never : transparent_mode::absent;
}

/// A size has a file of its own since Linux 6.8, which may leave it to that of all.
void read_transparent(const std::string& root, memory_facts& out) {
  const auto folder = root + std::string(transparent_folder);
  out.transparent_bytes = static_cast<std::size_t>(number_of(folder + "/hpage_pmd_size"));
  const auto of_size = "/hugepages-" + std::to_string(out.transparent_bytes / 1024) + "kB/enabled";
  for (const auto& file : {of_size, std::string("/enabled")}) {
    const auto line = first_line(folder + file);
    const auto word = chosen_in(line);
    if (word.empty() || word == "inherit") continue;
    out.transparent = mode_named(word);
    out.transparent_file = std::string(transparent_folder) + file;
    return;
  }
}

/// The two numbers of a line of smaps that begins a mapping: "55d0-55e0 rw-p …".
struct range_line {
  std::uintptr_t begin = 0, end = 0;

  static std::optional<range_line> read(std::string_view line) {
    range_line out;
    const char* const last = line.data() + line.size();
    const auto first = std::from_chars(line.data(), last, out.begin, 16);
    if (first.ec != std::errc() || first.ptr == last || *first.ptr != '-') return {};
    const auto second = std::from_chars(first.ptr + 1, last, out.end, 16);
    if (second.ec != std::errc() || second.ptr == last || *second.ptr != ' ') return {};
    return out;
  }
};

bool counts_huge_pages(std::string_view line) {
  return line.starts_with("AnonHugePages:") || line.starts_with("Private_Hugetlb:") ||
         line.starts_with("Shared_Hugetlb:");
}

}  // namespace

std::uint64_t huge_page_pool::available() const {
  const auto idle = free > reserved ? free - reserved : 0;
  return idle + (overcommit > surplus ? overcommit - surplus : 0);
}

const huge_page_pool* memory_facts::pool_of(std::size_t page_bytes) const {
  const auto found = std::ranges::find(pools, page_bytes, &huge_page_pool::page_bytes);
  return found == pools.end() ? nullptr : &*found;
}

std::size_t cache_line_bytes(const memory_fact_source& source) {
  const long told = source.system_value(_SC_LEVEL1_DCACHE_LINESIZE);
  if (told > 0 && is_line_size(static_cast<std::uint64_t>(told))) return static_cast<std::size_t>(told);
  const auto found = cache_line_of_sys(source.root);
  return found != 0 ? found : cache_line_bytes_guess;
}

memory_facts read_memory_facts(const memory_fact_source& source) {
  memory_facts out;
  const long page = source.system_value(_SC_PAGESIZE);
  out.page_bytes = page > 0 ? static_cast<std::size_t>(page) : page_bytes_guess;
  out.cache_line_bytes = cache_line_bytes(source);
  out.pools = read_pools(source.root);
  out.huge_page_bytes = line_of_kibibytes(source.root + "/proc/meminfo", "Hugepagesize:");
  read_transparent(source.root, out);
  return out;
}

std::optional<std::size_t> huge_page_bytes_behind(const void* begin, std::size_t size,
                                                  const memory_fact_source& source) {
  std::ifstream in(source.root + "/proc/self/smaps");
  if (!in) return {};
  const auto first = reinterpret_cast<std::uintptr_t>(begin), last = first + size;
  std::size_t sum = 0, overlap = 0, here = 0;
  for (std::string line; std::getline(in, line);) {
    if (const auto range = range_line::read(line)) {
      sum += std::min(here, overlap);
      here = 0;
      overlap = range->begin < last && first < range->end
                    ? std::min(range->end, last) - std::max(range->begin, first)
                    : 0;
    } else if (overlap != 0 && counts_huge_pages(line)) {
      here += static_cast<std::size_t>(number_in(line.substr(line.find(':') + 1)) * 1024);
    }
  }
  return sum + std::min(here, overlap);
}

}  // namespace graphite
