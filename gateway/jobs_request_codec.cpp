#include "gateway/jobs_codec_parts.hpp"

namespace graphite::jobs_codec {

namespace {

using limit = job_limits;
using pairs = std::map<std::string, std::string>;

void write_pairs(const pairs& in, capnp::List<wire::Pair>::Builder out) {
  capnp::uint at = 0;
  for (const auto& [name, value] : in) {
    out[at].setName(wire_text(name));
    out[at++].setValue(wire_text(value));
  }
}

result<pairs> read_pairs(capnp::List<wire::Pair>::Reader in, std::size_t most) {
  if (in.size() > most)
    return fail(errc::too_large, fmt::format("{} pairs where {} are the most", in.size(), most));
  pairs out;
  for (const auto one : in) {
    GRAPHITE_TRY(auto name, read_text(one.getName(), limit::name_bytes_max));
    GRAPHITE_TRY(auto value, read_text(one.getValue(), limit::request_bytes_max));
    if (!out.empty() && !(out.rbegin()->first < name))
      return fail(errc::invalid_argument, "pairs are to be told once each, ascending by name");
    out.emplace_hint(out.end(), std::move(name), std::move(value));
  }
  return out;
}

void encode(const project_job& value, wire::Project::Builder out) {
  jobs_codec::encode(value.snapshot, out.initSnapshot());
  out.setProjectFile(wire_text(value.project_file));
  out.setView(wire_text(value.view));
  out.setKeepGoing(value.keep_going);
  write_texts(value.targets, out.initTargets(count_of(value.targets.size())));
}

result<project_job> read_project(wire::Project::Reader in) {
  project_job out;
  GRAPHITE_TRY(out.snapshot, decode(in.getSnapshot()));
  GRAPHITE_TRY(out.project_file, read_text(in.getProjectFile(), logical_path::bytes_max));
  GRAPHITE_TRY(out.view, read_text(in.getView(), channel_name_bytes_max));
  out.keep_going = in.getKeepGoing();
  GRAPHITE_TRY(out.targets, read_texts(in.getTargets(), limit::targets_max));
  return out;
}

void encode(const command_action& value, wire::Command::Builder out) {
  write_texts(value.argv, out.initArgv(count_of(value.argv.size())));
  write_pairs(value.environment, out.initEnvironment(count_of(value.environment.size())));
  out.setWorkingFolder(wire_text(value.working_folder));
}

result<command_action> read_command(wire::Command::Reader in) {
  command_action out;
  GRAPHITE_TRY(out.argv, read_texts(in.getArgv(), limit::words_max));
  GRAPHITE_TRY(out.environment, read_pairs(in.getEnvironment(), limit::variables_max));
  GRAPHITE_TRY(out.working_folder, read_text(in.getWorkingFolder(), logical_path::bytes_max));
  return out;
}

void encode(const transform_action& value, wire::Transform::Builder out) {
  out.setName(wire_text(value.name));
  out.setVersion(value.version);
  out.setMainInput(wire_text(value.main_input));
  out.setOptions(wire_data(value.options.encode()));
}

result<transform_action> read_transform(wire::Transform::Reader in) {
  transform_action out;
  GRAPHITE_TRY(out.name, read_text(in.getName(), limit::name_bytes_max));
  out.version = in.getVersion();
  GRAPHITE_TRY(out.main_input, read_text(in.getMainInput(), logical_path::bytes_max));
  const auto options = in.getOptions();
  if (options.size() > limit::request_bytes_max) return fail(errc::too_large, "options of too many bytes");
  GRAPHITE_TRY(out.options,
               option_values::decode({reinterpret_cast<const char*>(options.begin()), options.size()}));
  return out;
}

void encode(const action_job& value, wire::Action::Builder out) {
  jobs_codec::encode(value.input_root, out.initInputRoot());
  if (const auto* command = std::get_if<command_action>(&value.what))
    encode(*command, out.getRun().initCommand());
  else
    encode(std::get<transform_action>(value.what), out.getRun().initTransform());
  write_pairs(value.platform, out.initPlatform(count_of(value.platform.size())));
  write_texts(value.outputs, out.initOutputs(count_of(value.outputs.size())));
  out.setTimeoutMs(static_cast<std::uint64_t>(value.timeout.count()));
  out.setMemoryBytesMax(value.memory_bytes_max);
  out.setUseCache(value.use_cache);
}

/// More than `most` becomes one more than it, which the check then refuses.
milliseconds read_milliseconds(std::uint64_t in, milliseconds most) {
  return milliseconds(
      static_cast<std::int64_t>(std::min<std::uint64_t>(in, static_cast<std::uint64_t>(most.count()) + 1)));
}

result<action_job> read_action(wire::Action::Reader in) {
  action_job out;
  GRAPHITE_TRY(out.input_root, decode(in.getInputRoot()));
  switch (in.getRun().which()) {
    case wire::Action::Run::COMMAND: {
      GRAPHITE_TRY(out.what, read_command(in.getRun().getCommand()));
      break;
    }
    case wire::Action::Run::TRANSFORM: {
      GRAPHITE_TRY(out.what, read_transform(in.getRun().getTransform()));
      break;
    }
    default:
      return fail(errc::invalid_argument, "an action of a kind that this service does not know");
  }
  GRAPHITE_TRY(out.platform, read_pairs(in.getPlatform(), limit::properties_max));
  GRAPHITE_TRY(out.outputs, read_texts(in.getOutputs(), limit::outputs_max));
  out.timeout = read_milliseconds(in.getTimeoutMs(), limit::timeout_max);
  out.memory_bytes_max = in.getMemoryBytesMax();
  out.use_cache = in.getUseCache();
  return out;
}

result<job_priority> read_priority_of_request(wire::Priority in) {
  if (static_cast<std::uint16_t>(in) <= static_cast<std::uint16_t>(wire::Priority::BACKGROUND))
    return static_cast<job_priority>(in);
  return fail(errc::invalid_argument, "a priority that this service does not know");
}

}  // namespace

void encode(const content_ref& value, wire::Content::Builder out) {
  out.setId(wire_data(value.id.bytes));
  out.setSize(value.size);
}

result<content_ref> decode(wire::Content::Reader in) {
  content_ref out;
  if (!read_exactly_into(in.getId(), out.id.bytes)) return fail(errc::corrupt, "a digest that is none");
  out.size = in.getSize();
  if (out.size > limit::content_bytes_max)
    return fail(errc::too_large, fmt::format("a content of {} bytes", out.size));
  return out;
}

void encode(const job_request& value, wire::Request::Builder out) {
  out.setKey(wire_data(value.key));
  out.setLabel(wire_text(value.label));
  out.setPriority(static_cast<wire::Priority>(value.priority));
  out.setDeadlineMs(static_cast<std::uint64_t>(value.deadline.count()));
  if (const auto* project = std::get_if<project_job>(&value.what))
    encode(*project, out.getWhat().initProject());
  else
    encode(std::get<action_job>(value.what), out.getWhat().initAction());
}

result<job_request> decode(wire::Request::Reader in) {
  job_request out;
  const auto key = in.getKey();
  out.key.assign(reinterpret_cast<const char*>(key.begin()), std::min(key.size(), limit::key_bytes_max + 1));
  GRAPHITE_TRY(out.label, read_text(in.getLabel(), limit::label_bytes_max));
  GRAPHITE_TRY(out.priority, read_priority_of_request(in.getPriority()));
  out.deadline = read_milliseconds(in.getDeadlineMs(), limit::deadline_max);
  switch (in.getWhat().which()) {
    case wire::Request::What::PROJECT: {
      GRAPHITE_TRY(out.what, read_project(in.getWhat().getProject()));
      break;
    }
    case wire::Request::What::ACTION: {
      GRAPHITE_TRY(out.what, read_action(in.getWhat().getAction()));
      break;
    }
    default:
      return fail(errc::invalid_argument, "a job of a kind that this service does not know");
  }
  GRAPHITE_CHECK(check_job_request(out));
  return out;
}

result<std::vector<content_ref>> decode_contents(capnp::List<wire::Content>::Reader in) {
  return read_list<content_ref>(in, limit::contents_max, [](auto one) { return decode(one); });
}

}  // namespace graphite::jobs_codec
