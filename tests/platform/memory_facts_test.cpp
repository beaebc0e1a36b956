#include "platform/linux/memory_facts.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "core/platform_facts.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

long says_nothing(int) { return -1; }
long says_zero(int) { return 0; }
long says_128(int) { return 128; }
long says_nonsense(int) { return 48; }

/// A machine of files.
struct fake_machine {
  test::temporary_folder folder;

  memory_fact_source source(long (*system_value)(int) = says_nothing) const {
    return {folder.path(), system_value};
  }
  void cache(int index, std::string_view type, std::string_view line) const {
    const auto at = "sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
    folder.write(at + "/type", type);
    folder.write(at + "/coherency_line_size", line);
  }
  void pool(const std::string& size, const std::vector<std::string>& numbers) const {
    const auto at = "sys/kernel/mm/hugepages/hugepages-" + size + "/";
    const std::vector<std::string> names = {"nr_hugepages", "free_hugepages", "resv_hugepages",
                                            "surplus_hugepages", "nr_overcommit_hugepages"};
    for (std::size_t i = 0; i < names.size(); ++i) folder.write(at + names[i], numbers[i] + "\n");
  }
  void transparent(const std::string& file, std::string_view text) const {
    folder.write("sys/kernel/mm/transparent_hugepage/" + file, text);
  }
};

TEST(memory_facts, the_cache_line_is_what_the_system_says) {
  const fake_machine machine;
  machine.cache(0, "Data\n", "64\n");
  EXPECT_EQ(cache_line_bytes(machine.source(says_128)), 128u);
}

TEST(memory_facts, the_cache_line_is_that_of_sys_where_the_c_library_does_not_know) {
  for (const auto system_value : {says_nothing, says_zero, says_nonsense}) {
    const fake_machine machine;
    machine.cache(0, "Instruction\n", "32\n");
    machine.cache(1, "Data\n", "256\n");
    EXPECT_EQ(cache_line_bytes(machine.source(system_value)), 256u);
  }
}

TEST(memory_facts, the_cache_line_is_a_guess_where_nobody_knows) {
  const fake_machine empty;
  EXPECT_EQ(cache_line_bytes(empty.source()), cache_line_bytes_guess);
  for (const auto line : {"0\n", "junk\n", "48\n", "4096\n", ""}) {
    const fake_machine machine;
    machine.cache(0, "Unified\n", line);
    EXPECT_EQ(cache_line_bytes(machine.source()), cache_line_bytes_guess) << line;
  }
}

TEST(memory_facts, pools_are_read_in_order_of_their_pages) {
  const fake_machine machine;
  machine.pool("2048kB", {"12", "7", "3", "2", "4"});
  machine.pool("1048576kB", {"0", "0", "0", "0", "0"});
  machine.pool("64kB", {"1", "1", "0", "0", "0"});
  machine.folder.write("sys/kernel/mm/hugepages/other/nr_hugepages", "9\n");
  machine.folder.write("proc/meminfo", "MemTotal:  1000 kB\nHugepagesize:       2048 kB\n");
  const auto facts = read_memory_facts(machine.source());
  ASSERT_EQ(facts.pools.size(), 3u);
  EXPECT_EQ(facts.pools[0].page_bytes, 64u << 10);
  EXPECT_EQ(facts.pools[2].page_bytes, 1u << 30);
  EXPECT_EQ(facts.huge_page_bytes, 2u << 20);
  const auto* const pool = facts.pool_of(2 << 20);
  ASSERT_NE(pool, nullptr);
  EXPECT_EQ(pool->total, 12u);
  EXPECT_EQ(pool->free, 7u);
  EXPECT_EQ(pool->reserved, 3u);
  EXPECT_EQ(pool->surplus, 2u);
  EXPECT_EQ(pool->overcommit, 4u);
  EXPECT_EQ(pool->available(), 6u) << "4 idle ones, and 2 more on demand";
  EXPECT_EQ(facts.pool_of(4 << 20), nullptr);
}

TEST(memory_facts, more_reserved_than_free_is_none) {
  const huge_page_pool pool{
      .page_bytes = 1, .total = 5, .free = 1, .reserved = 2, .surplus = 3, .overcommit = 1};
  EXPECT_EQ(pool.available(), 0u);
}

TEST(memory_facts, a_machine_that_tells_nothing_has_nothing) {
  const fake_machine machine;
  const auto facts = read_memory_facts(machine.source());
  EXPECT_EQ(facts.page_bytes, page_bytes_guess);
  EXPECT_TRUE(facts.pools.empty());
  EXPECT_EQ(facts.huge_page_bytes, 0u);
  EXPECT_EQ(facts.transparent, transparent_mode::absent);
  EXPECT_EQ(facts.transparent_bytes, 0u);
  EXPECT_EQ(facts.transparent_file, "");
}

TEST(memory_facts, the_transparent_mode_is_the_word_in_brackets) {
  const std::pair<const char*, transparent_mode> rows[] = {
      {"[always] madvise never\n", transparent_mode::always},
      {"always [madvise] never\n", transparent_mode::madvise},
      {"always madvise [never]\n", transparent_mode::never},
      {"always madvise never\n", transparent_mode::absent},
      {"] [\n", transparent_mode::absent},
      {"[sometimes]\n", transparent_mode::absent}};
  for (const auto& [text, mode] : rows) {
    const fake_machine machine;
    machine.transparent("hpage_pmd_size", "2097152\n");
    machine.transparent("enabled", text);
    const auto facts = read_memory_facts(machine.source());
    EXPECT_EQ(facts.transparent, mode) << text;
    EXPECT_EQ(facts.transparent_bytes, 2u << 20);
  }
}

TEST(memory_facts, a_size_may_have_a_transparent_mode_of_its_own) {
  const fake_machine machine;
  machine.transparent("hpage_pmd_size", "2097152\n");
  machine.transparent("enabled", "[always] madvise never\n");
  machine.transparent("hugepages-2048kB/enabled", "always inherit madvise [never]\n");
  EXPECT_EQ(read_memory_facts(machine.source()).transparent, transparent_mode::never);
  EXPECT_EQ(read_memory_facts(machine.source()).transparent_file,
            "/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled");
  machine.transparent("hugepages-2048kB/enabled", "always [inherit] madvise never\n");
  EXPECT_EQ(read_memory_facts(machine.source()).transparent, transparent_mode::always);
  EXPECT_EQ(read_memory_facts(machine.source()).transparent_file,
            "/sys/kernel/mm/transparent_hugepage/enabled");
}

TEST(memory_facts, huge_pages_behind_a_range_are_summed_over_its_mappings) {
  const fake_machine machine;
  machine.folder.write("proc/self/smaps",
                       "00100000-00500000 rw-p 00000000 00:00 0 \n"
                       "Size:               4096 kB\n"
                       "AnonHugePages:      2048 kB\n"
                       "Private_Hugetlb:       0 kB\n"
                       "00500000-00900000 rw-p 00000000 00:00 0  [anon:graphite]\n"
                       "AnonHugePages:         0 kB\n"
                       "Shared_Hugetlb:        0 kB\n"
                       "Private_Hugetlb:    4096 kB\n"
                       "00900000-00a00000 rw-p 00000000 00:00 0 \n"
                       "AnonHugePages:      1024 kB\n");
  const auto behind = [&](std::uintptr_t begin, std::size_t size) {
    return huge_page_bytes_behind(reinterpret_cast<const void*>(begin), size, machine.source());
  };
  EXPECT_EQ(behind(0x100000, 0x400000), 2u << 20);
  EXPECT_EQ(behind(0x100000, 0x800000), 6u << 20);
  EXPECT_EQ(behind(0x500000, 0x100000), 1u << 20) << "no more than the range";
  EXPECT_EQ(behind(0xa00000, 0x100000), 0u);
  EXPECT_EQ(behind(0, 0x100000), 0u);
  EXPECT_EQ(behind(0, 0x2000000), (6u << 20) + (1u << 20));
}

TEST(memory_facts, what_cannot_be_read_is_not_zero) {
  const fake_machine machine;
  EXPECT_FALSE(huge_page_bytes_behind(&machine, 1, machine.source()).has_value());
}

TEST(memory_facts, of_this_machine) {
  const auto facts = read_memory_facts();
  EXPECT_EQ(facts.page_bytes, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_TRUE(std::has_single_bit(facts.cache_line_bytes));
  for (const auto& pool : facts.pools) {
    EXPECT_GT(pool.page_bytes, facts.page_bytes);
    EXPECT_LE(pool.free, pool.total);
  }
  EXPECT_TRUE(facts.huge_page_bytes == 0 || facts.pool_of(facts.huge_page_bytes) != nullptr);
  EXPECT_TRUE(huge_page_bytes_behind(&facts, sizeof facts).has_value());
}

}  // namespace
}  // namespace graphite
