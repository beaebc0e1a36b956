#include "coordinator/jobs/job_rows.hpp"

#include "core/logical_path.hpp"
#include "core/record_codec.hpp"

namespace graphite {

namespace {

using limit = job_limits;

constexpr std::uint8_t job_row_version = 1;
constexpr std::uint8_t project_kind = 0, action_kind = 1, command_kind = 0, transform_kind = 1;
constexpr std::size_t outcome_message_max = limit::said_bytes_max;

void write_texts(record_writer& out, const std::vector<std::string>& texts) {
  out.number(texts.size());
  for (const auto& one : texts) out.bytes(one);
}

std::vector<std::string> read_texts(record_reader& in, std::size_t most) {
  std::vector<std::string> out;
  const auto count = in.number_up_to(most);
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) out.emplace_back(in.bytes(limit::request_bytes_max));
  return out;
}

void write_pairs(record_writer& out, const std::map<std::string, std::string>& pairs) {
  out.number(pairs.size());
  for (const auto& [name, value] : pairs) {
    out.bytes(name);
    out.bytes(value);
  }
}

std::map<std::string, std::string> read_pairs(record_reader& in, std::size_t most) {
  std::map<std::string, std::string> out;
  const auto count = in.number_up_to(most);
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) {
    std::string name(in.bytes(limit::request_bytes_max)), value(in.bytes(limit::request_bytes_max));
    if (!out.empty() && !(out.rbegin()->first < name)) in.fault();
    out.emplace_hint(out.end(), std::move(name), std::move(value));
  }
  return out;
}

bool read_flag(record_reader& in) {
  const auto value = in.byte();
  if (value > 1) in.fault();
  return value == 1;
}

void write_what(record_writer& out, const project_job& job) {
  out.byte(project_kind);
  out.content(job.snapshot);
  out.bytes(job.project_file);
  out.bytes(job.view);
  out.byte(job.keep_going ? 1 : 0);
  write_texts(out, job.targets);
}

project_job read_project(record_reader& in) {
  project_job out;
  out.snapshot = in.content();
  out.project_file = in.bytes(limit::request_bytes_max);
  out.view = in.bytes(limit::request_bytes_max);
  out.keep_going = read_flag(in);
  out.targets = read_texts(in, limit::targets_max);
  return out;
}

void write_run(record_writer& out, const command_action& action) {
  out.byte(command_kind);
  write_texts(out, action.argv);
  write_pairs(out, action.environment);
  out.bytes(action.working_folder);
}

void write_run(record_writer& out, const transform_action& action) {
  out.byte(transform_kind);
  out.bytes(action.name);
  out.number(action.version);
  out.bytes(action.main_input);
  out.bytes(action.options.encode());
}

command_action read_command(record_reader& in) {
  command_action out;
  out.argv = read_texts(in, limit::words_max);
  out.environment = read_pairs(in, limit::variables_max);
  out.working_folder = in.bytes(limit::request_bytes_max);
  return out;
}

transform_action read_transform(record_reader& in) {
  transform_action out;
  out.name = in.bytes(limit::name_bytes_max);
  out.version = static_cast<std::uint32_t>(in.number_up_to(UINT32_MAX));
  out.main_input = in.bytes(limit::request_bytes_max);
  auto options = option_values::decode(in.bytes(limit::request_bytes_max));
  if (options)
    out.options = std::move(*options);
  else
    in.fault();
  return out;
}

void write_what(record_writer& out, const action_job& job) {
  out.byte(action_kind);
  out.content(job.input_root);
  std::visit([&](const auto& action) { write_run(out, action); }, job.what);
  write_pairs(out, job.platform);
  write_texts(out, job.outputs);
  out.number(static_cast<std::uint64_t>(job.timeout.count()));
  out.number(job.memory_bytes_max);
  out.byte(job.use_cache ? 1 : 0);
}

milliseconds read_milliseconds(record_reader& in, milliseconds most) {
  return milliseconds(static_cast<std::int64_t>(in.number_up_to(static_cast<std::uint64_t>(most.count()))));
}

action_job read_action(record_reader& in) {
  action_job out;
  out.input_root = in.content();
  switch (in.byte()) {
    case command_kind:
      out.what = read_command(in);
      break;
    case transform_kind:
      out.what = read_transform(in);
      break;
    default:
      in.fault();
  }
  out.platform = read_pairs(in, limit::properties_max);
  out.outputs = read_texts(in, limit::outputs_max);
  out.timeout = read_milliseconds(in, limit::timeout_max);
  out.memory_bytes_max = in.number();
  out.use_cache = read_flag(in);
  return out;
}

void write_request(record_writer& out, const job_request& request) {
  out.byte(static_cast<std::uint8_t>(request.priority));
  out.number(static_cast<std::uint64_t>(request.deadline.count()));
  std::visit([&](const auto& what) { write_what(out, what); }, request.what);
}

job_priority read_priority(record_reader& in) {
  const auto value = in.byte();
  if (value > static_cast<std::uint8_t>(job_priority::background)) in.fault();
  return static_cast<job_priority>(value);
}

/// Without key and label.
job_request read_request(record_reader& in) {
  job_request out;
  out.priority = read_priority(in);
  out.deadline = read_milliseconds(in, limit::deadline_max);
  switch (in.byte()) {
    case project_kind:
      out.what = read_project(in);
      break;
    case action_kind:
      out.what = read_action(in);
      break;
    default:
      in.fault();
  }
  return out;
}

void write_progress(record_writer& out, const job_progress& progress) {
  for (const auto one : {progress.actions, progress.ran, progress.cached, progress.failed, progress.running})
    out.number(one);
}

job_progress read_progress(record_reader& in) {
  job_progress out;
  for (auto* one : {&out.actions, &out.ran, &out.cached, &out.failed, &out.running}) *one = in.number();
  return out;
}

void write_outcome(record_writer& out, const job_outcome& outcome) {
  out.byte(static_cast<std::uint8_t>(outcome.state));
  out.bytes(outcome.message);
  write_progress(out, outcome.progress);
  out.number(outcome.failures.size());
  for (const auto& one : outcome.failures) {
    out.bytes(one.path);
    out.bytes(one.message);
  }
  out.number(outcome.outputs.size());
  for (const auto& one : outcome.outputs) {
    out.bytes(one.path);
    out.content(one.content);
  }
  out.bytes(outcome.generation);
  out.number(outcome.assets);
  out.content(outcome.listing);
}

job_outcome read_outcome(record_reader& in) {
  job_outcome out;
  const auto state = in.byte();
  if (state >= job_state_count || !is_over(static_cast<job_state>(state))) in.fault();
  out.state = static_cast<job_state>(state);
  out.message = in.bytes(outcome_message_max);
  out.progress = read_progress(in);
  for (auto count = in.number_up_to(limit::failures_max); in.ok() && count > 0; --count) {
    job_failure one{std::string(in.bytes(logical_path::bytes_max)), {}};
    one.message = in.bytes(limit::said_bytes_max);
    out.failures.push_back(std::move(one));
  }
  for (auto count = in.number_up_to(limit::outputs_max); in.ok() && count > 0; --count) {
    job_output one{std::string(in.bytes(logical_path::bytes_max)), {}};
    one.content = in.content();
    out.outputs.push_back(std::move(one));
  }
  out.generation = in.bytes(limit::label_bytes_max);
  out.assets = in.number();
  out.listing = in.content();
  return out;
}

tl::unexpected<error> damaged_row() { return fail(errc::corrupt, "a damaged row of a job"); }

/// Errors: newer_version.
result<void> check_version(std::uint8_t version) {
  if (version > job_row_version)
    return fail(errc::newer_version, "a row of a job that a newer program wrote: upgrade this one");
  if (version != job_row_version) return damaged_row();
  return {};
}

}  // namespace

std::string job_row_key(job_id id) {
  std::string out(job_row_prefix);
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(id.value >> shift));
  return out;
}

std::optional<job_id> job_of_row_key(std::string_view key) {
  if (!key.starts_with(job_row_prefix) || key.size() != job_row_prefix.size() + 8) return {};
  job_id out;
  for (const char one : key.substr(job_row_prefix.size()))
    out.value = out.value << 8 | static_cast<std::uint8_t>(one);
  return out;
}

std::string job_counter_key() { return std::string(job_row_prefix) + "s next"; }

std::string encode_job_counter(job_id next) {
  record_writer out;
  out.byte(job_row_version);
  out.number(next.value);
  return out.take();
}

result<job_id> decode_job_counter(std::string_view value) {
  record_reader in(value);
  GRAPHITE_CHECK(check_version(in.byte()));
  const job_id out{in.number()};
  if (!in.ok() || !in.at_end() || out.value == 0) return damaged_row();
  return out;
}

std::string encode_job(const job_record& record) {
  record_writer out;
  out.byte(job_row_version);
  for (const auto* text : {&record.tenant, &record.owner, &record.key, &record.label}) out.bytes(*text);
  out.byte(static_cast<std::uint8_t>(record.priority));
  out.byte(record.is_action ? 1 : 0);
  out.digest_value(record.request_digest);
  for (const auto time : {record.accepted_unix_ns, record.deadline_unix_ns, record.ended_unix_ns})
    out.signed_number(time);
  out.byte(record.outcome ? 1 : 0);
  if (record.outcome)
    write_outcome(out, *record.outcome);
  else
    write_request(out, record.request.value());
  return out.take();
}

result<job_record> decode_job(job_id id, std::string_view value) {
  record_reader in(value);
  GRAPHITE_CHECK(check_version(in.byte()));
  job_record out;
  out.id = id;
  out.tenant = in.bytes(peer_name_bytes_max);
  out.owner = in.bytes(limit::label_bytes_max);
  out.key = in.bytes(limit::key_bytes_max);
  out.label = in.bytes(limit::label_bytes_max);
  out.priority = read_priority(in);
  out.is_action = read_flag(in);
  out.request_digest = in.digest_value();
  for (auto* time : {&out.accepted_unix_ns, &out.deadline_unix_ns, &out.ended_unix_ns})
    *time = in.signed_number();
  if (read_flag(in)) {
    out.outcome = read_outcome(in);
  } else {
    out.request = read_request(in);
    out.request->key = out.key;
    out.request->label = out.label;
  }
  if (!in.ok() || !in.at_end() || id.value == 0) return damaged_row();
  if (out.request && (out.request->priority != out.priority ||
                      std::holds_alternative<action_job>(out.request->what) != out.is_action ||
                      !check_job_request(*out.request)))
    return damaged_row();
  return out;
}

std::string encode_job_request(const job_request& request) {
  record_writer out;
  out.byte(job_row_version);
  write_request(out, request);
  return out.take();
}

}  // namespace graphite
