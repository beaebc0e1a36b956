#include <sys/syscall.h>

#include <array>
#include <set>
#include <sstream>

#include "tests/platform/async_io_support.hpp"
#include "tests/support/shut_in.hpp"

namespace graphite {
namespace {

/// What the contract's tests gave in another process.
struct contract_run {
  std::set<std::string> outcomes;  ///< a line for each test, without its time
  std::string said;                ///< all of it
  bool did_well = false;
};

/// Becomes a process that runs the contract with the best adapter, which is `expected` (null: any), after
/// `deny`: children of fork() would have this one's rings and no threads.
[[noreturn]] void run_contract(const std::function<bool()>& deny, const char* expected) {
  ::alarm(100);
  if (expected != nullptr) ::setenv(expected_adapter, expected, 1);
  ::unsetenv("GTEST_OUTPUT");
  if (!deny()) ::_exit(120);
  ::execl("/proc/self/exe", "async_io_tests", "--gtest_filter=every/async_io_contract.*/best",
          "--gtest_print_time=0", "--gtest_color=no", "--gtest_brief=0", nullptr);
  ::_exit(121);
}

contract_run contract_where(const std::function<bool()>& deny, const char* expected) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return {.outcomes = {}, .said = "no pipe"};
  const owned_fd from(pipe[0]);
  owned_fd to(pipe[1]);
  const ::pid_t child = ::fork();
  if (child == 0) {
    for (const int out : {1, 2}) ::dup2(to.get(), out);
    run_contract(deny, expected);
  }
  to.reset();
  contract_run all;
  std::array<char, 4096> part{};
  for (::ssize_t n = 0; (n = ::read(from.get(), part.data(), part.size())) > 0;)
    all.said.append(part.data(), static_cast<std::size_t>(n));
  int status = -1;
  all.did_well = ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  std::istringstream lines(all.said);
  for (std::string line; std::getline(lines, line);)
    for (const auto* start : {"[       OK ] every/", "[  SKIPPED ] every/", "[  FAILED  ] every/"})
      if (line.starts_with(start)) all.outcomes.insert(line);
  return all;
}

struct denial {
  std::string name;
  std::function<bool()> deny;
  const char* adapter = "threads";
  friend std::ostream& operator<<(std::ostream& out, const denial& one) { return out << one.name; }
};

/// As a process of the same user that is refused nothing.
contract_run free_run() {
  static const auto out = contract_where([] { return true; }, nullptr);
  return out;
}
contract_run nobodys_free_run() {
  static const auto out = contract_where(test::be_nobody, nullptr);
  return out;
}

/// Of each adapter.
std::size_t contract_tests() {
  const auto& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i)
    if (const auto& suite = *all.GetTestSuite(i); suite.name() == std::string("every/async_io_contract"))
      return static_cast<std::size_t>(suite.total_test_count()) / io_makers().size();
  return 0;
}

void expect_same(const contract_run& got, const contract_run& wanted) {
  EXPECT_TRUE(wanted.did_well) << wanted.said;
  EXPECT_TRUE(got.did_well) << got.said;
  EXPECT_EQ(got.outcomes, wanted.outcomes);
  EXPECT_EQ(got.outcomes.size(), contract_tests()) << got.said;
}

class async_io_denied : public testing::TestWithParam<denial> {};

TEST_P(async_io_denied, gives_the_same_results) {
  expect_same(contract_where(GetParam().deny, GetParam().adapter), free_run());
}

std::vector<denial> denials() {
  std::vector<denial> out;
  for (const auto& [name, call] :
       {std::pair{"setup", SYS_io_uring_setup}, std::pair{"enter", SYS_io_uring_enter},
        std::pair{"register", SYS_io_uring_register}})
    for (const auto& [word, error] : {std::pair{"refused", EPERM}, std::pair{"unknown", ENOSYS}})
      out.push_back({std::string(name) + "_" + word,
                     [call = call, error = error] { return test::forbid(call, error); }});
  return out;
}

INSTANTIATE_TEST_SUITE_P(by_a_filter, async_io_denied, testing::ValuesIn(denials()),
                         [](const auto& info) { return info.param.name; });

/// None may be locked: no ring where the kernel counts them, no announced buffers everywhere.
TEST(async_io_limited, gives_the_same_results_without_locked_memory) {
  const auto got =
      contract_where([] { return test::limit_to(RLIMIT_MEMLOCK, 0) && test::be_nobody(); }, nullptr);
  expect_same(got, nobodys_free_run());
}

/// A ring may be made, but buffers are not announced.
TEST(async_io_limited, gives_the_same_results_with_little_locked_memory) {
  const auto got =
      contract_where([] { return test::limit_to(RLIMIT_MEMLOCK, 64 * 1024) && test::be_nobody(); }, nullptr);
  expect_same(got, nobodys_free_run());
}

}  // namespace
}  // namespace graphite
