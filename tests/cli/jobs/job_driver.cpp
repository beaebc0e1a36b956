#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bundle/chunker.hpp"
#include "cli/job_outputs.hpp"
#include "cli/job_session.hpp"
#include "cli/job_source.hpp"
#include "cli/store_visit.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/clock.hpp"
#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/recording_log.hpp"

// Submits jobs to a coordinator and tells what became of them, one JSON object a line: for tests with
// processes.
//
//   job_driver STATE submit FOLDER [--key K] [--view V] [--no-upload] [--no-wait] [--keep-going] [--priority
//   N]
//                    [--deadline MS] [--target T]... [--into DIR]
//   job_driver STATE action FOLDER OUTPUT... -- WORD...
//   job_driver STATE status|cancel|wait|logs|list|why JOB [PATH]

namespace {

using namespace graphite;
using json = nlohmann::json;

const openssl_hasher hash;
const system_clock_source wall;
test::recording_log silent;

[[noreturn]] void end_with(const error& why) {
  std::cout << json{{"error", to_string(why.code)}, {"text", why.context}}.dump() << std::endl;
  std::exit(1);
}

template <class T>
T value(result<T> how) {
  if (!how) end_with(how.error());
  if constexpr (!std::is_void_v<T>) return std::move(*how);
}

json told(const job_info& job) {
  json out{{"job", job.id.value},           {"state", to_string(job.state)},
           {"missing", job.missing},        {"actions", job.progress.actions},
           {"ran", job.progress.ran},       {"cached", job.progress.cached},
           {"failed", job.progress.failed}, {"running", job.progress.running}};
  if (!job.outcome) return out;
  const auto& end = *job.outcome;
  out["message"] = end.message;
  out["generation"] = end.generation;
  out["assets"] = end.assets;
  out["ran"] = end.progress.ran;
  out["cached"] = end.progress.cached;
  out["failed"] = end.progress.failed;
  for (const auto& one : end.failures) out["failures"][one.path] = one.message;
  for (const auto& one : end.outputs) out["outputs"][one.path] = to_hex(one.content.id);
  return out;
}

void say(const json& what) { std::cout << what.dump() << std::endl; }

struct wish {
  job_request request;
  upload_source files;
  std::shared_ptr<const file_reader> bytes;
  std::string into;
  bool upload = true, wait = true;
};

byte_vector bytes_of(const wish& what, const content_ref& content) {
  const auto place = what.files.find(content);
  if (const auto* bytes = std::get_if<byte_span>(&place)) return {bytes->begin(), bytes->end()};
  const auto file = value(what.bytes->open(value(logical_path::parse(std::get<std::string>(place)))));
  byte_vector out(content.size);
  value(read_full(*file, out));
  return out;
}

job_info upload(job_session& jobs, job_id job, const wish& what, store_visit& visit,
                memory_chunk_store& local) {
  upload_calls calls;
  calls.missing = [&](const auto& contents) { return jobs.missing({job, contents, visit.key()}); };
  calls.uploaded = [&] { return jobs.uploaded(job); };
  calls.send = [&](const missing_answer& by, const std::vector<content_ref>& contents) -> result<void> {
    for (const auto& one : contents) {
      const auto bytes = bytes_of(what, one);
      GRAPHITE_CHECK(local.put(bytes, chunk_bytes(bytes, hash)));
    }
    GRAPHITE_TRY(auto* const traffic, visit.at(by));
    return traffic->bring(contents);
  };
  auto uploaded = upload_missing(what.files, calls);
  if (!uploaded && uploaded.error().code == errc::cancelled)
    return value(jobs.status(job));  // it is over already
  return value(std::move(uploaded));
}

job_info wait_for_end(job_session& jobs, job_id job) {
  const auto each = [](const job_event_batch& batch) {
    for (const auto& one : batch.items)
      if (const auto* now = std::get_if<job_events::state_changed>(&one.what))
        say({{"event", "state"}, {"state", to_string(now->now)}, {"text", now->message}});
    return true;
  };
  value(jobs.watch(job, 0, each));
  return value(jobs.status(job));
}

void submit(job_session& jobs, const wish& what) {
  memory_chunk_store local(hash);
  const auto visit = value(store_visit::make({local, hash, wall, silent}));
  const auto accepted = value(jobs.submit(what.request));
  say({{"event", "accepted"}, {"job", accepted.job.id.value}, {"known", accepted.known}});
  const auto id = accepted.job.id;
  if (what.upload) (void)upload(jobs, id, what, *visit, local);
  if (!what.wait) return say(told(value(jobs.status(id))));
  const auto end = wait_for_end(jobs, id);
  if (!what.into.empty() && end.state == job_state::done)
    value(fetch_outputs(end, what.into, {jobs, hash, wall, silent, [](auto, auto) {}, 64}));
  say(told(end));
}

std::string next(std::vector<std::string>& words) {
  if (words.empty()) end_with({errc::invalid_argument, "a word is missing"});
  auto out = words.front();
  words.erase(words.begin());
  return out;
}

wish read_wish(std::vector<std::string>& words) {
  wish out;
  auto source = value(read_job_source(std::filesystem::absolute(next(words)).string(), hash));
  project_job project;
  project.snapshot = source.files.root();
  project.project_file = source.project_file;
  out.request.key = make_job_key();
  while (!words.empty()) {
    const auto word = next(words);
    if (word == "--key") out.request.key = next(words);
    if (word == "--view") project.view = next(words);
    if (word == "--no-upload") out.upload = false;
    if (word == "--no-wait") out.wait = false;
    if (word == "--keep-going") project.keep_going = true;
    if (word == "--priority") out.request.priority = job_priority_from_string(next(words)).value();
    if (word == "--deadline") out.request.deadline = milliseconds(std::stoll(next(words)));
    if (word == "--target") project.targets.push_back(next(words));
    if (word == "--into") out.into = next(words);
  }
  out.request.what = std::move(project);
  out.files = std::move(source.files);
  out.bytes = std::move(source.bytes);
  return out;
}

wish read_action(std::vector<std::string>& words) {
  wish out;
  auto source = value(read_job_source(std::filesystem::absolute(next(words)).string(), hash));
  action_job action;
  action.input_root = source.files.root();
  while (words.front() != "--") action.outputs.push_back(next(words));
  (void)next(words);
  command_action command;
  command.argv = words;
  words.clear();
  action.what = std::move(command);
  out.request.key = make_job_key();
  out.request.what = std::move(action);
  out.files = std::move(source.files);
  out.bytes = std::move(source.bytes);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  service_client_options where;
  where.state_folder = next(words);
  where.program = "job_driver";
  job_session jobs([where] { return service_client::connect(where); });
  const auto verb = next(words);
  if (verb == "submit") {
    submit(jobs, read_wish(words));
  } else if (verb == "action") {
    submit(jobs, read_action(words));
  } else if (verb == "list") {
    for (const auto& one : value(jobs.list({}))) say(told(one));
  } else {
    const job_id job{std::stoull(next(words))};
    if (verb == "status") say(told(value(jobs.status(job))));
    if (verb == "cancel") say(told(value(jobs.cancel(job))));
    if (verb == "wait") say(told(wait_for_end(jobs, job)));
    if (verb == "why") say({{"reason", value(jobs.why(job, next(words))).reason}});
    if (verb == "logs")
      value(jobs.logs({job, "", 0, false}, [](const job_log_batch& batch) {
        for (const auto& one : batch.items) say({{"path", one.path}, {"text", one.text}});
        return true;
      }));
  }
}
