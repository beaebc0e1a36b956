#include "core/kill_point.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <sstream>

#include "platform/rocksdb/rocks_store.hpp"
#include "platform/store/bundle_folder.hpp"
#include "platform/store/segment_store.hpp"
#include "tests/platform/store_victim.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

struct ending {
  int signal = 0, exit_code = -1;
  std::set<int> acknowledged;  ///< and not given up since
  int head = 0;                ///< newest sequence said to be published
};

std::string read_all(int fd) {
  std::string out;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(got));
  return out;
}

ending run_victim(const std::string& folder, const std::string& kill_at) {
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::setenv("GRAPHITE_KILL_AT", kill_at.c_str(), 1);
    ::execl(GRAPHITE_STORE_VICTIM, "store_victim", folder.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(out[1]);
  std::istringstream lines(read_all(out[0]));
  ::close(out[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ending end;
  std::string what;
  for (int number = 0; lines >> what >> number;) {
    if (what == "head") end.head = number;
    if (what == "ack") end.acknowledged.insert(number);
    if (what == "drop") end.acknowledged.erase(number);
  }
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return end;
}

/// What can be found must be whole; what was acknowledged must be found.
void check_store(const std::string& folder, const std::set<int>& acknowledged) {
  test::recording_log log;
  openssl_hasher hash;
  rocks_options rows_options;
  rows_options.folder = folder + "/meta";
  auto rows = rocks_store::open(rows_options, log);
  ASSERT_TRUE(rows) << rows.error().context;
  segment_store_options options;
  options.folder = folder + "/segments";
  options.segment_bytes = test::victim_segment_bytes;
  options.spare_folders = {folder + "/bundle"};
  auto store = segment_store::open(options, **rows, hash, log);
  ASSERT_TRUE(store) << store.error().context;
  for (const auto& lost : (*store)->lost()) ADD_FAILURE() << lost.why.context;
  for (int i = 0; i < test::victim_rounds * test::victim_contents_a_round; ++i) {
    const auto content = test::victim_content(i);
    auto found = (*store)->find(content.ref.id);
    ASSERT_TRUE(found) << found.error().context;
    if (!*found) {
      EXPECT_FALSE(acknowledged.contains(i)) << "content " << i << " was acknowledged";
      continue;
    }
    auto view = (*store)->map(content.ref.id);
    ASSERT_TRUE(view) << view.error().context;
    EXPECT_TRUE(std::ranges::equal(view->bytes, content.bytes)) << "content " << i << " is torn";
    EXPECT_EQ((*found)->chunks, content.chunks);
  }
}

/// The newest head that was published, or the one that was being published; every page of it is there.
void check_bundle(const std::string& folder, int published) {
  test::recording_log log;
  const openssl_hasher hash;
  bundle_folder_options options;
  options.folder = folder + "/bundle";
  auto bundle = bundle_folder::open(options, hash, log);
  ASSERT_TRUE(bundle) << bundle.error().context;
  const auto head = (*bundle)->current();
  if (!head) {
    EXPECT_EQ(published, 0);
    return;
  }
  EXPECT_GE(static_cast<int>(head->value.sequence.value), published);
  auto tree = (*bundle)->tree();
  ASSERT_TRUE(tree) << tree.error().context;
  std::uint64_t seen = 0;
  auto walked = tree->for_each([&](const located_asset& asset) {
    for (const auto& where : asset.extents)
      EXPECT_TRUE(std::filesystem::exists(options.folder + "/" + segment_file_name(where.segment)));
    return ++seen > 0;
  });
  ASSERT_TRUE(walked) << walked.error().context;
  EXPECT_EQ(seen, head->value.assets);
}

/// What has to lie there so that a start of the store passes the point; what of it was acknowledged.
std::set<int> prepare(const std::string& folder, const std::string& point) {
  if (point.ends_with("_recovery_sync")) return run_victim(folder, "store.after_commit:6").acknowledged;
  if (!point.ends_with("_link_back")) return {};
  const auto whole = run_victim(folder, "");
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/segments"))
    if (std::filesystem::exists(folder + "/bundle/" + entry.path().filename().string()))
      std::filesystem::remove(entry.path());
  return whole.acknowledged;
}

class kill_point_test : public testing::TestWithParam<int> {
 protected:
  // A killed process loses nothing that it wrote, whatever the disk: memory is quicker.
  void SetUp() override {
    if (std::filesystem::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 0);
  }
};

TEST_P(kill_point_test, what_was_acknowledged_survives_a_death_here) {
  const std::string name(kill_point_names[GetParam()]);
  SCOPED_TRACE(name);
  test::temporary_folder folder;
  const auto before = prepare(folder.path(), name);
  auto died = run_victim(folder.path(), name);
  died.acknowledged.insert(before.begin(), before.end());
  ASSERT_EQ(died.signal, SIGKILL) << "this kill point is not on the victim's way";
  check_store(folder.path(), died.acknowledged);
  check_bundle(folder.path(), died.head);
  // And again, dying at a later pass over what the first death left, then to the end.
  const auto again = run_victim(folder.path(), name + ":4");
  EXPECT_TRUE(again.signal == SIGKILL || again.exit_code == 0) << again.exit_code;
  check_store(folder.path(), again.acknowledged);
  check_bundle(folder.path(), again.head);
  const auto whole = run_victim(folder.path(), "");
  EXPECT_EQ(whole.exit_code, 0);
  EXPECT_FALSE(whole.acknowledged.empty());
  check_store(folder.path(), whole.acknowledged);
  check_bundle(folder.path(), whole.head);
}

/// Those of the stores; tests/e2e/crash.py dies at the points of the whole program.
std::vector<int> points_of_the_stores() {
  std::vector<int> out;
  for (int i = 0; i < kill_point_count; ++i) {
    const auto part = kill_point_names[i].substr(0, kill_point_names[i].find('.'));
    if (part == "bundle" || part == "file" || part == "rocksdb" || part == "store") out.push_back(i);
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(every, kill_point_test, testing::ValuesIn(points_of_the_stores()),
                         [](const auto& info) {
                           std::string name(kill_point_names[info.param]);
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

TEST(kill_points, a_name_that_does_not_exist_ends_the_program) {
  test::temporary_folder folder;
  EXPECT_EQ(run_victim(folder.path(), "store.no_such_point").exit_code, 2);
  EXPECT_EQ(run_victim(folder.path(), "store.after_rows:0").exit_code, 2);
  EXPECT_EQ(run_victim(folder.path(), "store.after_rows:x").exit_code, 2);
}

TEST(kill_points, names_are_sorted_and_unique) {
  for (int i = 1; i < kill_point_count; ++i) EXPECT_LT(kill_point_names[i - 1], kill_point_names[i]);
}

}  // namespace
}  // namespace graphite
