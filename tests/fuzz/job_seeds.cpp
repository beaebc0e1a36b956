#include <capnp/message.h>
#include <capnp/serialize.h>

#include <fstream>

#include "bundle/asset_list.hpp"
#include "bundle/tree_snapshot.hpp"
#include "coordinator/jobs/job_rows.hpp"
#include "gateway/jobs_codec.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/seeds.hpp"

// Seeds of what build farms submit.

namespace graphite::fuzz {
namespace {

/// Writes files of the corpus.
class seed_folder {
 public:
  explicit seed_folder(std::filesystem::path into) : into_(std::move(into)) {}
  void write(const std::string& name, byte_span bytes) const {
    std::filesystem::create_directories((into_ / name).parent_path());
    std::ofstream(into_ / name, std::ios::binary) << as_text(bytes);
  }

 private:
  std::filesystem::path into_;
};

content_ref numbered(std::uint8_t number, std::uint64_t size) {
  content_ref out;
  out.id.bytes.fill(number);
  out.size = size;
  return out;
}

void write_snapshots(const seed_folder& to) {
  using kind = snapshot_entry::kind;
  const snapshot_entries entries{{"a.png", kind::file, numbered(1, 100)},
                                 {"maps", kind::folder, numbered(2, 300)},
                                 {"tool", kind::program, numbered(3, 70'000)}};
  to.write("snapshot_object/list", encode_snapshot_object(entries));
  to.write("snapshot_object/empty", encode_snapshot_object(snapshot_entries{}));
  to.write("snapshot_object/branches", encode_snapshot_object(snapshot_branches{
                                           {0, numbered(4, 9'000), 9'000}, {15, numbered(5, 8'000), 8'000}}));
  const auto write_walk = [&](const std::string& name, std::vector<snapshot_file> files) {
    std::vector<byte_vector> objects;
    const auto root = build_snapshot(std::move(files), blind, [&](const auto&, byte_vector bytes) {
      objects.push_back(std::move(bytes));
    });
    GRAPHITE_INVARIANT(root.has_value());
    byte_vector out;
    for (auto one = objects.rbegin(); one != objects.rend(); ++one) {
      out.push_back(static_cast<std::byte>(one->size()));
      out.push_back(static_cast<std::byte>(one->size() >> 8));
      out.insert(out.end(), one->begin(), one->end());
    }
    to.write("snapshot_walk/" + name, out);
  };
  const auto file = [](const std::string& path) {
    return snapshot_file{logical_path::parse(path).value(), numbered(1, 10)};
  };
  write_walk("folders", {file("a"), file("b/c"), file("b/d/e"), file("longer/name")});
  write_walk("empty", {});
}

void write_asset_lists(const seed_folder& to) {
  const auto path = [](const std::string& text) { return logical_path::parse(text).value(); };
  to.write("asset_list/none", encode_asset_list({}));
  to.write("asset_list/two",
           encode_asset_list({{path("a.png"), {{numbered(1, 100)}}, {asset_id{5}, asset_id{700}}},
                              {path("m/b"), {{numbered(2, 9)}, {numbered(3, 90'000)}}, {}}}));
}

job_request some_project() {
  job_request out;
  out.key = std::string(16, 'k');
  out.label = "nightly";
  project_job what;
  what.snapshot = numbered(1, 300);
  what.targets = {"a.png", "maps/b"};
  out.what = what;
  return out;
}

job_request some_action(bool command) {
  auto out = some_project();
  out.priority = job_priority::low;
  out.deadline = milliseconds(90'000);
  action_job what;
  what.input_root = numbered(2, 300);
  if (command)
    what.what = command_action{{"cc", "a.c"}, {{"LANG", "C"}}, "src"};
  else
    what.what = transform_action{"texture", 1, "a.png", {}};
  what.platform = {{"os", "linux"}};
  what.outputs = {"a.o"};
  out.what = what;
  return out;
}

job_outcome some_outcome() {
  job_outcome out;
  out.state = job_state::failed;
  out.message = "no";
  out.progress = {1, 2, 3, 4, 5};
  out.failures = {{"a.png", "bad"}};
  out.outputs = {{"a.o", numbered(3, 5)}};
  out.assets = 9;
  out.listing = numbered(6, 700);
  out.generation = "0606";
  return out;
}

void write_job_rows(const seed_folder& to) {
  const auto write_row = [&](const std::string& name, job_request request, bool over) {
    job_record record;
    record.id = job_id{1};
    record.tenant = "studio";
    record.owner = "ann";
    record.key = request.key;
    record.label = request.label;
    record.priority = request.priority;
    record.is_action = std::holds_alternative<action_job>(request.what);
    record.accepted_unix_ns = 1'700'000'000'000'000'000;
    if (over)
      record.outcome = some_outcome();
    else
      record.request = std::move(request);
    to.write("job_row/" + name, as_bytes(std::string_view(encode_job(record))));
  };
  write_row("project", some_project(), false);
  write_row("command", some_action(true), false);
  write_row("transform", some_action(false), false);
  write_row("over", some_project(), true);
}

template <class Wire, class Value>
void write_message(const seed_folder& to, const std::string& name, unsigned char kind, const Value& value) {
  capnp::MallocMessageBuilder message;
  jobs_codec::encode(value, message.initRoot<Wire>());
  const auto words = capnp::messageToFlatArray(message);
  const auto bytes = words.asBytes();
  std::string out(8, '\0');
  out[0] = static_cast<char>(kind);
  out.append(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
  to.write("jobs_message/" + name, as_bytes(std::string_view(out)));
}

void write_job_messages(const seed_folder& to) {
  namespace jobs_wire = schema::jobs;
  write_message<jobs_wire::Request>(to, "project", 0, some_project());
  write_message<jobs_wire::Request>(to, "command", 0, some_action(true));
  write_message<jobs_wire::Request>(to, "transform", 0, some_action(false));
  job_info job;
  job.id = job_id{7};
  job.tenant = "studio";
  job.state = job_state::failed;
  job.outcome = some_outcome();
  write_message<jobs_wire::Job>(to, "over", 1, job);
  write_message<jobs_wire::Listing>(to, "two", 2, std::vector<job_info>{job, job});
  job_event_batch events;
  events.items = {{5, 1, job_events::state_changed{job_state::planning, "why"}},
                  {6, 2, job_events::blobs_missing{3, 300}},
                  {8, 3, job_events::progressed{{1, 2, 3, 4, 5}}},
                  {9, 4, job_events::action_failed{{"a.png", "bad"}}}};
  events.summary = job;
  write_message<jobs_wire::EventBatch>(to, "events", 3, events);
  job_log_batch logs;
  logs.items = {{3, 1, "a.png", "one"}};
  write_message<jobs_wire::LogBatch>(to, "logs", 4, logs);
  write_message<jobs_wire::Accepted>(to, "accepted", 5, job_accepted{job, true});
  missing_answer missing;
  missing.missing = {0, 3};
  missing.stores = {{"127.0.0.1:7403", {}}};
  missing.ticket.assign(9, std::byte{7});
  write_message<jobs_wire::Missing>(to, "missing", 6, missing);
}

}  // namespace

void write_job_seeds(const std::filesystem::path& into) {
  const seed_folder to(into);
  write_snapshots(to);
  write_asset_lists(to);
  write_job_rows(to);
  write_job_messages(to);
}

}  // namespace graphite::fuzz
