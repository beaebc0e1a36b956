#include "node/assigned_attempts.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/sha256.hpp"
#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using test::path_of;

/// An attempt that upper-cases its main input, and what a coordinator says about it.
class assigned : public testing::Test {
 protected:
  assigned() {
    how_.rule = "shout";
    how_.command = std::make_shared<const command_spec>();
    how_.environment = {{"LANG", "C"}};
    what_.attempt = {epoch_number{4}, task_id{17}, attempt_number{2}};
    what_.key = sha256_.sha256(as_bytes("task"));
    what_.inputs = {{path_of("a.txt"), put("hello")}};
    what_.outputs = {{"a.out"}};
  }

  content_ref put(std::string_view text) {
    return store_.put(as_bytes(text), chunk_bytes(as_bytes(text), sha256_)).value().ref;
  }
  content_ref name_of(std::string_view text) {
    return content_of(chunk_bytes(as_bytes(text), sha256_), sha256_);
  }
  std::string read(const content_ref& from) {
    std::string out(from.size, ' ');
    EXPECT_TRUE(store_.read(from.id, 0, std::as_writable_bytes(std::span(out))));
    return out;
  }
  static std::string text_of(const byte_vector& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  attempt_result shout(const attempt_spec& spec) {
    seen_ = spec;
    ++runs_;
    now_ += takes_;
    auto text = read(spec.inputs.at(0).content);
    for (auto& c : text) c = static_cast<char>(std::toupper(c));
    attempt_result out;
    out.status = ends_;
    if (ends_ == attempt_status::succeeded) out.outputs = {{path_of("a.out"), put(text)}};
    return out;
  }
  control::attempt_end run(assigned_attempts::options how = {}) {
    const assigned_attempts runner(
        {[this](const attempt_spec& spec, const cancel_token&) { return shout(spec); }, store_, sha256_,
         fetch_, mend_, [this] { return now_; }},
        std::move(how));
    return runner.run(how_, what_, token_);
  }

  openssl_hasher sha256_;
  memory_chunk_store store_{sha256_};
  control::recipe how_;
  control::assignment what_{{}, 0, 0, {}, {}, path_of("a.txt")};
  cancel_token token_;
  attempt_status ends_ = attempt_status::succeeded;
  std::optional<attempt_spec> seen_;
  int runs_ = 0;
  time_point now_{};
  duration takes_{};
  std::function<result<std::vector<digest>>(std::span<const content_ref>)> fetch_;
  std::function<result<assigned_attempts::mended>(std::span<const content_ref>)> mend_;
};

TEST_F(assigned, runs_as_it_was_told_and_sends_small_outputs_along) {
  const auto end = run();
  EXPECT_EQ(end.attempt, what_.attempt);
  ASSERT_EQ(end.result.status, attempt_status::succeeded) << end.result.message;
  ASSERT_EQ(end.bodies.size(), 1U);
  EXPECT_EQ(text_of(end.bodies[0]), "HELLO");
  EXPECT_EQ(end.result.outputs[0].content, name_of("HELLO"));
  ASSERT_TRUE(seen_);
  EXPECT_EQ(seen_->rule, "shout");
  EXPECT_EQ(seen_->weak_key, what_.key);
  EXPECT_EQ(seen_->environment, how_.environment);
  EXPECT_EQ(seen_->attempt, attempt_number{2});
  EXPECT_TRUE(seen_->inputs[0].generated);
}

TEST_F(assigned, tells_what_each_step_took) {
  how_.command = std::make_shared<command_spec>();
  takes_ = milliseconds(30);
  fetch_ = [this](std::span<const content_ref>) {
    now_ += milliseconds(4);
    return std::vector<digest>();
  };
  EXPECT_EQ(run().times, (attempt_times{{}, milliseconds(4), milliseconds(30), {}}));
}

TEST_F(assigned, what_it_names_is_durable) {
  const auto end = run();
  store_.lose_unsynced();
  EXPECT_EQ(read(end.result.outputs[0].content), "HELLO");
}

TEST_F(assigned, takes_small_inputs_from_the_message) {
  what_.inputs = {{path_of("a.txt"), name_of("brought along")}};
  const auto text = as_bytes("brought along");
  what_.bodies = {byte_vector(text.begin(), text.end())};
  EXPECT_EQ(text_of(run().bodies.at(0)), "BROUGHT ALONG");
}

TEST_F(assigned, large_outputs_and_those_beyond_the_bound_are_left_to_the_stores) {
  what_.inputs = {{path_of("a.txt"), put(std::string(inline_bytes_max + 1, 'x'))}};
  EXPECT_TRUE(run().bodies.empty());
  what_.inputs = {{path_of("a.txt"), put(std::string(100, 'y'))}};
  EXPECT_TRUE(run({{}, 99}).bodies.empty());
  EXPECT_EQ(run({{}, 100}).bodies.size(), 1U);
}

TEST_F(assigned, a_tool_is_the_one_that_the_key_was_made_of) {
  how_.tools = {{"cc", sha256_.sha256(as_bytes("cc 12"))}};
  auto end = run();
  EXPECT_EQ(end.result.status, attempt_status::refused);
  EXPECT_EQ(end.result.message, "this node does not have the tool 'cc'");

  end = run({{{"cc", {sha256_.sha256(as_bytes("cc 13")), "/usr/bin/cc"}}}});
  EXPECT_EQ(end.result.status, attempt_status::refused);
  EXPECT_NE(end.result.message.find("another build of the tool 'cc'"), std::string::npos);
  EXPECT_FALSE(seen_);

  end = run({{{"cc", {sha256_.sha256(as_bytes("cc 12")), "/usr/bin/cc", {"/usr/bin/cc", "/lib/cc1"}}}}});
  EXPECT_EQ(end.result.status, attempt_status::succeeded);
  EXPECT_EQ(seen_->tools.at("cc"), "/usr/bin/cc");
  EXPECT_EQ(seen_->tool_files, (std::vector<std::string>{"/usr/bin/cc", "/lib/cc1"}));
}

TEST_F(assigned, a_disk_that_does_not_take_it_is_no_result_of_the_tool) {
  store_.options().fail_syncs = errc::out_of_space;
  const auto end = run();
  EXPECT_EQ(end.result.status, attempt_status::refused);
  EXPECT_TRUE(end.result.outputs.empty());
  EXPECT_TRUE(end.bodies.empty());
}

TEST_F(assigned, a_failure_of_the_tool_is_passed_on) {
  ends_ = attempt_status::failed;
  const auto end = run();
  EXPECT_EQ(end.result.status, attempt_status::failed);
  EXPECT_EQ(store_.options().syncs, 0U);
}

TEST_F(assigned, a_command_whose_inputs_are_nowhere_does_not_begin) {
  const auto input = what_.inputs[0].content;
  fetch_ = [&](std::span<const content_ref> inputs) {
    EXPECT_EQ(std::vector(inputs.begin(), inputs.end()), std::vector{input});
    return std::vector{input.id};
  };
  const auto end = run();
  EXPECT_EQ(end.result.status, attempt_status::lost_input);
  EXPECT_EQ(end.result.lost, std::vector{input.id});
  EXPECT_EQ(runs_, 0);
  fetch_ = [](auto) -> result<std::vector<digest>> { return fail(errc::out_of_space, "the cache is full"); };
  EXPECT_EQ(run().result.status, attempt_status::refused) << "that is ours";
  fetch_ = [](auto) { return std::vector<digest>(); };
  EXPECT_EQ(run().result.status, attempt_status::succeeded);
}

TEST_F(assigned, after_an_attempt_that_could_not_read_its_inputs_they_are_looked_at) {
  const auto input = what_.inputs[0].content;
  ends_ = attempt_status::refused;
  mend_ = [&](auto) { return assigned_attempts::mended{false, {input.id}}; };
  auto end = run();
  EXPECT_EQ(end.result.status, attempt_status::lost_input);
  EXPECT_EQ(end.result.lost, std::vector{input.id});
  EXPECT_EQ(runs_, 1);

  mend_ = [](auto) { return assigned_attempts::mended{}; };
  end = run();
  EXPECT_EQ(end.result.status, attempt_status::refused) << "the inputs were not the reason";
  EXPECT_EQ(runs_, 2);

  mend_ = [&](auto) {
    ends_ = attempt_status::succeeded;
    return assigned_attempts::mended{true, {}};
  };
  EXPECT_EQ(run().result.status, attempt_status::succeeded) << "what was wrong here was fetched again";
  EXPECT_EQ(runs_, 4);

  ends_ = attempt_status::failed;
  EXPECT_EQ(run().result.status, attempt_status::failed) << "a result of the tool";
  EXPECT_EQ(runs_, 5);
}

}  // namespace
}  // namespace graphite
