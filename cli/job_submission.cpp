#include "cli/job_submission.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <utility>

#include "cli/config/project_file.hpp"
#include "cli/content_sender.hpp"
#include "cli/job_text.hpp"
#include "platform/linux/process_runner.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t left_out_told = 20;

/// A key as long as it has to be, whatever the user calls his wish.
std::string key_from(const std::string& text, const hasher& hash) {
  if (text.empty()) return make_job_key();
  const auto hashed = hash.sha256(as_bytes("graphite submit --key " + text));
  return std::string(as_text(as_bytes(hashed)));
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} bytes", bytes);
  if (bytes < 10'000'000) return fmt::format("{} kB", bytes / 1'000);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

job_submission::job_submission(const ports& with, job_wish wish) : with_(with), wish_(std::move(wish)) {}
job_submission::~job_submission() = default;

result<void> job_submission::check_out() {
  GRAPHITE_TRY(const auto file, find_project_file(wish_.directory));
  std::error_code code;
  auto folder = (fs::temp_directory_path(code) / "graphite-submit-XXXXXX").string();
  if (code || ::mkdtemp(folder.data()) == nullptr) return fail_errno(errno, folder);
  linux_process_runner processes;
  GRAPHITE_TRY(auto tree, revision_tree::check_out(processes, fs::path(file).parent_path().string(),
                                                   wish_.git_revision, folder));
  commit_ = tree.commit();
  tree_.emplace(std::move(tree));
  return {};
}

result<void> job_submission::read() {
  if (!wish_.git_revision.empty()) GRAPHITE_CHECK(check_out());
  auto folder = wish_.directory;
  if (tree_) folder = tree_->project_folder();
  std::error_code code;
  const auto absolute = fs::absolute(folder, code).lexically_normal().string();
  if (code) return fail(errc::io, folder + ": " + code.message());
  GRAPHITE_TRY(const auto file, find_project_file(absolute));
  auto source = read_job_source(fs::path(file).parent_path().string(), hash_,
                                [&](std::size_t done, std::size_t all) { with_.shown.files(done, all, ""); });
  with_.shown.finish();
  if (!source) return tl::unexpected<error>(source.error());
  source_ = std::move(*source);
  tell_left_out();
  return {};
}

void job_submission::tell_left_out() const {
  const auto& all = source_->left_out;
  for (std::size_t i = 0; i < std::min(all.size(), left_out_told); ++i) with_.out.warn("left out: " + all[i]);
  if (all.size() > left_out_told)
    with_.out.warn(fmt::format("left out: {} more", all.size() - left_out_told));
}

job_request job_submission::request() const {
  project_job what;
  what.snapshot = source_->files.root();
  what.project_file = source_->project_file;
  what.view = wish_.view;
  what.keep_going = wish_.keep_going;
  what.targets = wish_.targets;
  job_request out;
  out.key = key_from(wish_.key, hash_);
  out.label = !wish_.label.empty() ? wish_.label
              : commit_.empty()    ? source_->project
                                   : fmt::format("{} at {}", source_->project, commit_.substr(0, 12));
  out.priority = wish_.priority;
  out.deadline = wish_.deadline;
  out.what = std::move(what);
  return out;
}

result<job_accepted> job_submission::submit() {
  const auto wanted = request();
  GRAPHITE_TRY(auto accepted, with_.session.submit(wanted));
  job_ = accepted.job.id;
  if (accepted.known)
    with_.out.say("job {} was submitted before with this key: {}", job_.value, to_string(accepted.job.state));
  else
    with_.out.say("job {} is accepted: {}", job_.value, printable(wanted.label));
  with_.out.flush();
  with_.out.object({{"event", "submitted"},
                    {"job", job_.value},
                    {"known", accepted.known},
                    {"state", to_string(accepted.job.state)},
                    {"label", wanted.label},
                    {"view", wish_.view},
                    {"snapshot", to_hex(source_->files.root().id)},
                    {"files", source_->files.files()},
                    {"commit", commit_}});
  return accepted;
}

result<job_info> job_submission::upload_all() {
  snapshot_contents contents(
      [this](const digest& id) -> std::optional<snapshot_contents::place> {
        const auto known = source_->files.known(id);
        if (!known) return std::nullopt;
        const auto found = source_->files.find(*known);
        if (const auto* bytes = std::get_if<byte_span>(&found))
          return snapshot_contents::place{known->size, byte_vector(bytes->begin(), bytes->end())};
        return snapshot_contents::place{known->size, *logical_path::parse(std::get<std::string>(found))};
      },
      *source_->bytes);
  GRAPHITE_TRY(const auto sender, content_sender::make({contents, hash_, clock_, with_.log}));
  upload_calls calls;
  std::uint64_t sent = 0, sent_bytes = 0;
  calls.missing = [&](const std::vector<content_ref>& some) {
    return with_.session.missing({job_, some, sender->key()});
  };
  calls.uploaded = [&] { return with_.session.uploaded(job_); };
  calls.send = [&](const missing_answer& by, const std::vector<content_ref>& some) -> result<void> {
    GRAPHITE_CHECK(sender->send(by, some));
    sent += some.size();
    for (const auto& one : some) sent_bytes += one.size;
    return {};
  };
  calls.progress = [&](std::uint64_t done, std::uint64_t all) {
    with_.shown.uploads(done, all, bytes_text(sent_bytes));
  };
  auto job = upload_missing(source_->files, calls);
  with_.shown.finish();
  if (!job) return job;
  with_.out.say("uploaded {} of {} files and folders, {}", sent, source_->files.contents(),
                bytes_text(sent_bytes));
  with_.out.object({{"event", "uploaded"}, {"job", job_.value}, {"contents", sent}, {"bytes", sent_bytes}});
  return job;
}

result<job_info> job_submission::upload() {
  with_.words.set(
      wish_.key.empty()
          ? fmt::format("job {} lacks files now: `graphite cancel {}` ends it", job_.value, job_.value)
          : fmt::format("job {} lacks files now: submit it again with the same --key to go on, `graphite "
                        "cancel {}` ends it",
                        job_.value, job_.value));
  auto job = upload_all();
  with_.words.set({});
  if (!job && job.error().code == errc::cancelled) return with_.session.status(job_);  // it is over
  if (!job) return tl::unexpected<error>(given_up(job.error()));
  return job;
}

/// With its key the user goes on later. Without, and where a file is another by now, nobody can.
error job_submission::given_up(error why) {
  if (!wish_.key.empty() && why.code != errc::busy) {
    why.context += fmt::format("; job {} waits: submit it again with the same --key", job_.value);
    return why;
  }
  const auto ended = with_.session.cancel(job_);
  why.context += ended ? fmt::format("; job {} is cancelled", job_.value)
                       : fmt::format("; job {} goes on waiting for its files, and could not be cancelled: {}",
                                     job_.value, ended.error().context);
  return why;
}

}  // namespace graphite
