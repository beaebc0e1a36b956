#include "core/messages/jobs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/channel_name.hpp"
#include "core/logical_path.hpp"
#include "core/path_check.hpp"

namespace graphite {

namespace {

constexpr std::string_view priority_words[] = {"high", "normal", "low", "background"};
constexpr std::string_view state_words[job_state_count] = {
    "accepted", "waiting for blobs", "planning",         "building", "done",
    "failed",   "cancelled",         "deadline exceeded"};

using limit = job_limits;

tl::unexpected<error> over_limit(std::string_view what, std::size_t most) {
  return fail(errc::too_large, fmt::format("a job with more than {} {}", most, what));
}

/// Adds up what a request's texts take, and refuses what no text may hold.
class request_texts {
 public:
  void add(std::string_view text) {
    bytes_ += text.size() + frame_bytes;
    good_ = good_ && is_utf8(text) && text.find('\0') == text.npos;
  }
  void add_bytes(std::size_t more) { bytes_ += more; }
  void add(const std::vector<std::string>& texts) {
    for (const auto& one : texts) add(one);
  }
  void add(const std::map<std::string, std::string>& pairs) {
    for (const auto& [name, value] : pairs) {
      add(name);
      add(value);
    }
  }
  result<void> check() const {
    if (!good_) return fail(errc::invalid_argument, "a job with a text that is not UTF-8 or has a NUL");
    if (bytes_ > limit::request_bytes_max)
      return fail(errc::too_large,
                  fmt::format("a job's request of more than {} KiB: put what is long into files",
                              limit::request_bytes_max / KiB));
    return {};
  }

 private:
  static constexpr std::size_t frame_bytes = 16;  // what each takes on the wire beside itself
  std::size_t bytes_ = 0;
  bool good_ = true;
};

result<void> check_root(const content_ref& root, std::string_view what) {
  if (!root.id.is_zero() && root.size > 0) return {};
  return fail(errc::invalid_argument, fmt::format("a job without {}", what));
}

result<void> check_path(std::string_view text, std::string_view what) {
  if (is_logical_path(text)) return {};
  return fail(errc::invalid_argument, fmt::format("{} '{}' is no path of a view", what, text));
}

result<void> check_names(const std::map<std::string, std::string>& pairs, std::size_t most,
                         std::string_view what) {
  if (pairs.size() > most) return over_limit(what, most);
  for (const auto& [name, value] : pairs)
    if (name.empty() || name.size() > limit::name_bytes_max || name.find('=') != name.npos)
      return fail(errc::invalid_argument, fmt::format("'{}' is no name for {}", name, what));
  return {};
}

result<void> check_what(const project_job& job, request_texts& texts) {
  texts.add(job.targets);
  GRAPHITE_CHECK(check_root(job.snapshot, "a snapshot"));
  GRAPHITE_CHECK(check_path(job.project_file, "the project file"));
  if (!is_channel_name(job.view))
    return fail(errc::invalid_argument, "a view's name is letters, digits, `.`, `_` and `-`, as a channel's");
  if (job.targets.size() > limit::targets_max) return over_limit("targets", limit::targets_max);
  for (const auto& one : job.targets) GRAPHITE_CHECK(check_path(one, "the target"));
  return {};
}

result<void> check_action(const command_action& action, request_texts& texts) {
  texts.add(action.argv);
  texts.add(action.environment);
  if (action.argv.empty() || action.argv.front().empty())
    return fail(errc::invalid_argument, "a job with a command of no words");
  if (action.argv.size() > limit::words_max) return over_limit("words", limit::words_max);
  if (!action.working_folder.empty()) GRAPHITE_CHECK(check_path(action.working_folder, "the folder"));
  return check_names(action.environment, limit::variables_max, "variables");
}

result<void> check_action(const transform_action& action, request_texts& texts) {
  texts.add_bytes(action.options.encode().size());
  if (action.name.empty() || action.name.size() > limit::name_bytes_max)
    return fail(errc::invalid_argument, "a job with a transform that has no name");
  texts.add(action.name);
  return check_path(action.main_input, "the input");
}

result<void> check_what(const action_job& job, request_texts& texts) {
  texts.add(job.outputs);
  texts.add(job.platform);
  GRAPHITE_CHECK(check_root(job.input_root, "an input root"));
  GRAPHITE_CHECK(check_names(job.platform, limit::properties_max, "properties"));
  if (job.outputs.empty()) return fail(errc::invalid_argument, "a job with an action that makes nothing");
  if (job.outputs.size() > limit::outputs_max) return over_limit("outputs", limit::outputs_max);
  for (std::size_t i = 0; i < job.outputs.size(); ++i) {
    GRAPHITE_CHECK(check_path(job.outputs[i], "the output"));
    if (i > 0 && !(job.outputs[i - 1] < job.outputs[i]))
      return fail(errc::invalid_argument, "outputs of a job are to be told once each, in order");
  }
  if (job.timeout <= milliseconds::zero() || job.timeout > limit::timeout_max)
    return fail(errc::invalid_argument, "an action's timeout is more than nothing and at most a day");
  if (job.memory_bytes_max == 0) return fail(errc::invalid_argument, "an action needs some memory");
  return std::visit([&](const auto& action) { return check_action(action, texts); }, job.what);
}

}  // namespace

std::string_view to_string(job_priority what) { return priority_words[static_cast<std::size_t>(what)]; }

std::optional<job_priority> job_priority_from_string(std::string_view text) {
  const auto found = std::find(std::begin(priority_words), std::end(priority_words), text);
  if (found == std::end(priority_words)) return {};
  return static_cast<job_priority>(found - std::begin(priority_words));
}

std::string_view to_string(job_state what) { return state_words[static_cast<std::size_t>(what)]; }

result<void> check_job_request(const job_request& request) {
  if (request.key.size() < limit::key_bytes_min || request.key.size() > limit::key_bytes_max)
    return fail(errc::invalid_argument,
                fmt::format("a job's key has {} to {} bytes", limit::key_bytes_min, limit::key_bytes_max));
  if (request.label.size() > limit::label_bytes_max)
    return fail(errc::too_large, fmt::format("a job's label has at most {} bytes", limit::label_bytes_max));
  if (request.deadline < milliseconds::zero() || request.deadline > limit::deadline_max)
    return fail(errc::invalid_argument, "a job's deadline is at most seven days away");
  request_texts texts;
  texts.add(request.label);
  GRAPHITE_CHECK(std::visit([&](const auto& what) { return check_what(what, texts); }, request.what));
  return texts.check();
}

}  // namespace graphite
