#include "cli/job_upload.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bundle/snapshot_diff.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite {
namespace {

/// Stores that take what is sent, and the coordinator in front of them.
class fake_stores {
 public:
  explicit fake_stores(const upload_source& source) : source_(source) {}

  upload_calls calls() {
    upload_calls out;
    out.missing = [this](const std::vector<content_ref>& contents) -> result<missing_answer> {
      EXPECT_LE(contents.size(), job_limits::contents_max);
      asked += contents.size();
      missing_answer answer;
      for (std::uint32_t i = 0; i < contents.size(); ++i)
        if (!there.contains(contents[i])) answer.missing.push_back(i);
      return answer;
    };
    out.send = [this](const missing_answer&, const std::vector<content_ref>& contents) -> result<void> {
      if (failure) return tl::unexpected(*failure);
      for (const auto& one : contents) {
        for (const auto& below : source_.below(one)) EXPECT_TRUE(there.contains(below)) << "sent before it";
        EXPECT_FALSE(there.contains(one)) << "sent twice";
        there.insert(one);
        sent.push_back(one);
      }
      return {};
    };
    out.uploaded = [this]() -> result<job_info> {
      if (loses > 0) {
        --loses;
        there.erase(sent.front());
        sent.erase(sent.begin());
      }
      job_info job;
      job.missing = missing();
      job.state = job.missing > 0 ? job_state::waiting_for_blobs : job_state::planning;
      return job;
    };
    return out;
  }
  /// As the coordinator's walk finds it.
  std::uint64_t missing() const {
    std::uint64_t out = 0;
    std::vector<content_ref> todo{source_.root()};
    while (!todo.empty()) {
      const auto one = todo.back();
      todo.pop_back();
      if (!there.contains(one)) ++out;
      for (const auto& below : source_.below(one)) todo.push_back(below);
    }
    return out;
  }

  std::set<content_ref> there;
  std::vector<content_ref> sent;
  std::size_t asked = 0;
  int loses = 0;  ///< so many times a content that was sent is lost again
  std::optional<error> failure;

 private:
  const upload_source& source_;
};

content_ref numbered(std::uint64_t number) {
  static const openssl_hasher hash;
  return {hash.sha256(std::as_bytes(std::span(&number, 1))), 100};
}

upload_source some_source(std::size_t files, std::uint64_t changed = 0) {
  std::vector<snapshot_file> list;
  for (std::size_t i = 0; i < files; ++i) {
    const auto name = "d" + std::to_string(i % 7) + "/e/file" + std::to_string(i);
    list.push_back({logical_path::parse(name).value(), numbered(i == 3 ? 1'000'000 + changed : i)});
  }
  return upload_source::make(std::move(list), openssl_hasher()).value();
}

TEST(job_upload, sends_all_that_is_missing_and_what_objects_lead_to_before_them) {
  const auto source = some_source(3'000);
  fake_stores stores(source);
  std::uint64_t told = 0;
  auto calls = stores.calls();
  calls.progress = [&](std::uint64_t sent, std::uint64_t known) {
    EXPECT_LE(sent, known);
    told = sent;
  };
  const auto job = upload_missing(source, calls);
  ASSERT_TRUE(job) << job.error().context;
  EXPECT_EQ(job->state, job_state::planning);
  EXPECT_EQ(stores.missing(), 0u);
  EXPECT_GT(stores.sent.size(), 3'000u);
  EXPECT_EQ(told, stores.sent.size());
}

TEST(job_upload, of_a_change_asks_for_and_sends_what_leads_to_it) {
  const auto before = some_source(3'000), after = some_source(3'000, 1);
  fake_stores first(before);
  ASSERT_TRUE(upload_missing(before, first.calls()));
  fake_stores second(after);
  second.there = first.there;
  ASSERT_TRUE(upload_missing(after, second.calls()));
  EXPECT_LE(second.sent.size(), 6u);
  EXPECT_LE(second.asked, 600u);
  EXPECT_EQ(second.missing(), 0u);
}

TEST(job_upload, finds_what_is_lost_below_an_object_that_is_there) {
  const auto source = some_source(50);
  fake_stores stores(source);
  ASSERT_TRUE(upload_missing(source, stores.calls()));
  stores.there.erase(numbered(7));
  const auto job = upload_missing(source, stores.calls());
  ASSERT_TRUE(job) << job.error().context;
  EXPECT_EQ(stores.missing(), 0u);
}

TEST(job_upload, gives_up_where_stores_lose_what_they_got) {
  const auto source = some_source(50);
  fake_stores stores(source);
  stores.loses = 100;
  const auto job = upload_missing(source, stores.calls());
  ASSERT_FALSE(job);
  EXPECT_EQ(job.error().code, errc::unavailable);
  EXPECT_EQ(stores.loses, 97);
}

TEST(job_upload, ends_with_the_first_error) {
  const auto source = some_source(50);
  fake_stores stores(source);
  stores.failure = error{errc::out_of_space, "full"};
  EXPECT_EQ(upload_missing(source, stores.calls()).error().code, errc::out_of_space);
}

TEST(job_upload, knows_objects_by_their_bytes_and_files_by_their_paths) {
  const auto source = some_source(3);
  EXPECT_TRUE(std::holds_alternative<byte_span>(source.find(source.root())));
  EXPECT_EQ(std::get<std::string>(source.find(numbered(1))), "d1/e/file1");
  EXPECT_EQ(source.known(numbered(1).id), numbered(1));
  EXPECT_EQ(source.known(source.root().id), source.root());
  EXPECT_FALSE(source.known(numbered(99).id));
  EXPECT_TRUE(source.below(numbered(1)).empty());
  EXPECT_EQ(source.below(source.root()).size(), 3u);
}

}  // namespace
}  // namespace graphite
