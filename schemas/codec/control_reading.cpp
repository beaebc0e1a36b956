#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "control.capnp.h"
#include "schemas/codec/control_messages.hpp"
#include "schemas/codec/wire_bytes.hpp"

namespace graphite {
namespace {

using of = control_limits;

/// Each of `list` by `read`. Errors: too_large (more than `most`), those of `read`.
template <class Value, class List, class Read>
result<std::vector<Value>> read_list(const List& list, std::size_t most, const char* what, Read&& read) {
  if (list.size() > most) return fail(errc::too_large, fmt::format("{} {}", list.size(), what));
  std::vector<Value> out;
  out.reserve(list.size());
  for (const auto one : list) {
    GRAPHITE_TRY(auto value, read(one));
    out.push_back(std::move(value));
  }
  return out;
}

result<std::string> read_name(capnp::Text::Reader in) { return wire::to_text(in, of::name_bytes_max); }

result<std::vector<std::string>> read_texts(capnp::List<capnp::Text>::Reader in) {
  return read_list<std::string>(in, of::words_max, "texts",
                                [](auto text) { return wire::to_text(text, of::text_bytes_max); });
}

result<std::vector<byte_vector>> read_bodies(capnp::List<capnp::Data>::Reader in) {
  return read_list<byte_vector>(in, of::bodies_max, "contents",
                                [](auto body) { return wire::to_bytes(body, inline_bytes_max); });
}

result<logical_path> read_path(capnp::Text::Reader in) {
  GRAPHITE_TRY(const auto text, wire::to_text(in, of::text_bytes_max));
  auto path = logical_path::parse(text);
  if (!path) return fail(errc::corrupt, "a name that is no path: " + path.error().context);
  return std::move(*path);
}

result<duration> read_duration(std::uint64_t ns) {
  if (ns > static_cast<std::uint64_t>(duration::max().count()))
    return fail(errc::corrupt, "a time that is too long");
  return duration(static_cast<duration::rep>(ns));
}

result<milliseconds> read_milliseconds(std::uint64_t ms) {
  if (ms > 1'000'000'000) return fail(errc::corrupt, "a time limit that is too long");
  return milliseconds(static_cast<milliseconds::rep>(ms));
}

/// Zero where there is none.
result<curve_key> read_curve_key(capnp::Data::Reader in) {
  curve_key out;
  const auto key = wire::to_span(in);
  if (!key.empty() && key.size() != out.bytes.size())
    return fail(errc::corrupt, "a CURVE key of another length");
  std::ranges::copy(key, out.bytes.begin());
  return out;
}

/// One after the other.
result<std::vector<digest>> read_digests(capnp::Data::Reader in, std::size_t most) {
  const auto bytes = wire::to_span(in);
  constexpr std::size_t size = sizeof(digest::bytes);
  if (bytes.size() % size != 0) return fail(errc::corrupt, "digests of another length");
  if (bytes.size() / size > most)
    return fail(errc::too_large, fmt::format("{} digests", bytes.size() / size));
  std::vector<digest> out(bytes.size() / size);
  for (std::size_t i = 0; i < out.size(); ++i)
    std::memcpy(out[i].bytes.data(), bytes.data() + i * size, size);
  return out;
}

attempt_key read_key(wire::control::AttemptKey::Reader in) {
  return {{in.getEpoch()}, {in.getTask()}, {in.getNumber()}};
}

result<std::vector<resource_amount>> read_amounts(capnp::List<wire::control::Amount>::Reader in) {
  return read_list<resource_amount>(in, of::resources_max, "resources",
                                    [](auto one) -> result<resource_amount> {
                                      GRAPHITE_TRY(auto name, read_name(one.getName()));
                                      return resource_amount{std::move(name), one.getCount()};
                                    });
}

result<attempt_needs> read_needs(wire::control::Needs::Reader in) {
  GRAPHITE_TRY(auto resources, read_amounts(in.getResources()));
  return attempt_needs{in.getCpuMilli(), in.getMemoryBytes(), std::move(resources)};
}

result<std::vector<control::tool_offer>> read_tools(capnp::List<wire::control::Tool>::Reader in) {
  return read_list<control::tool_offer>(in, of::tools_max, "tools",
                                        [](auto one) -> result<control::tool_offer> {
                                          GRAPHITE_TRY(auto name, read_name(one.getName()));
                                          GRAPHITE_TRY(const auto what, wire::to_digest(one.getWhat()));
                                          return control::tool_offer{std::move(name), what};
                                        });
}

result<control::domain_offer> read_domain(wire::control::Domain::Reader in) {
  control::domain_offer out;
  out.cpu_milli = in.getCpuMilli();
  out.memory_bytes = in.getMemoryBytes();
  GRAPHITE_TRY(out.resources, read_amounts(in.getResources()));
  out.credit = in.getCredit();
  GRAPHITE_TRY(out.cpus, wire::to_text(in.getCpus(), of::text_bytes_max));
  return out;
}

result<control::still_running> read_running(wire::control::Running::Reader in) {
  control::still_running out;
  out.was = read_key(in.getWas());
  GRAPHITE_TRY(out.key, wire::to_digest(in.getKey()));
  out.domain = in.getDomain();
  GRAPHITE_TRY(out.needs, read_needs(in.getNeeds()));
  out.rule = in.getRule();
  GRAPHITE_TRY(out.ran, read_duration(in.getRanNs()));
  out.pool = in.getPool();
  if (in.getState() > wire::control::RunState::ENDED)
    return fail(errc::corrupt, "a state of an attempt that is none");
  out.state = static_cast<control::run_state>(in.getState());
  return out;
}

result<control::property> read_property(wire::control::Property::Reader in) {
  GRAPHITE_TRY(auto name, read_name(in.getName()));
  GRAPHITE_TRY(auto value, wire::to_text(in.getValue(), of::text_bytes_max));
  return control::property{std::move(name), std::move(value)};
}

result<to_coordinator> read_join(wire::control::Join::Reader in) {
  control::join out;
  out.protocol = in.getProtocol();
  GRAPHITE_TRY(out.incarnation.value, wire::to_uuid(in.getIncarnation()));
  out.epoch_seen.value = in.getEpochSeen();
  GRAPHITE_TRY(out.domains, read_list<control::domain_offer>(in.getDomains(), of::domains_max, "domains",
                                                             [](auto one) { return read_domain(one); }));
  if (out.domains.empty()) return fail(errc::corrupt, "a node without domains");
  GRAPHITE_TRY(out.running, read_list<control::still_running>(in.getRunning(), of::running_max, "attempts",
                                                              [](auto one) { return read_running(one); }));
  for (const auto& one : out.running)
    if (one.domain >= out.domains.size()) return fail(errc::corrupt, "an attempt in a domain that is none");
  GRAPHITE_TRY(out.chunks, wire::to_text(in.getChunks(), of::name_bytes_max));
  GRAPHITE_TRY(out.chunks_key, read_curve_key(in.getChunksKey()));
  out.store = in.getStore();
  GRAPHITE_TRY(out.tools, read_tools(in.getTools()));
  GRAPHITE_TRY(out.properties, read_list<control::property>(in.getProperties(), of::properties_max,
                                                            "properties", read_property));
  return to_coordinator(std::move(out));
}

result<content_ref> read_content(wire::control::Content::Reader in) {
  GRAPHITE_TRY(const auto id, wire::to_digest(in.getId()));
  if (in.getSize() > of::content_bytes_max) return fail(errc::too_large, "a content over the limit");
  return content_ref{id, in.getSize()};
}

result<attempt_output> read_output(wire::control::Output::Reader in) {
  GRAPHITE_TRY(auto path, read_path(in.getPath()));
  GRAPHITE_TRY(const auto content, read_content(in.getContent()));
  GRAPHITE_TRY(auto parts, read_list<content_ref>(in.getParts(), of::parts_max, "parts", read_content));
  return attempt_output{std::move(path), content, std::move(parts)};
}

template <class Value>
result<void> check_ascending(const std::vector<Value>& values, const char* what) {
  for (std::size_t i = 1; i < values.size(); ++i)
    if (!(values[i - 1].path < values[i].path))
      return fail(errc::corrupt, fmt::format("{} are not in order", what));
  return {};
}

result<attempt_status> read_status(wire::control::Status status) {
  switch (status) {
    case wire::control::Status::SUCCEEDED:
      return attempt_status::succeeded;
    case wire::control::Status::FAILED:
      return attempt_status::failed;
    case wire::control::Status::STALE_INPUT:
      return attempt_status::stale_input;
    case wire::control::Status::CANCELLED:
      return attempt_status::cancelled;
    case wire::control::Status::REFUSED:
      return attempt_status::refused;
    case wire::control::Status::LOST_INPUT:
      return attempt_status::lost_input;
  }
  return fail(errc::corrupt, "an end of an attempt that is none");
}

result<std::string> read_said(capnp::Data::Reader in) {
  GRAPHITE_TRY(const auto bytes, wire::to_bytes(in, of::said_bytes_max));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

result<control::attempt_end> read_end(wire::control::End::Reader in) {
  control::attempt_end out;
  auto& result = out.result;
  out.attempt = read_key(in.getAttempt());
  GRAPHITE_TRY(result.status, read_status(in.getStatus()));
  GRAPHITE_TRY(result.outputs,
               read_list<attempt_output>(in.getOutputs(), of::outputs_max, "outputs", read_output));
  GRAPHITE_CHECK(check_ascending(result.outputs, "outputs"));
  if (in.getTells()) {
    GRAPHITE_TRY(result.discovered,
                 read_list<logical_path>(in.getDiscovered(), of::inputs_max, "inputs", read_path));
    if (!std::ranges::is_sorted(*result.discovered, std::less_equal()))
      return fail(errc::corrupt, "inputs that were read are not in order");
  }
  GRAPHITE_TRY(result.message, read_said(in.getMessage()));
  GRAPHITE_TRY(result.log, read_said(in.getLog()));
  GRAPHITE_TRY(result.wall, read_duration(in.getWallNs()));
  GRAPHITE_TRY(result.cpu, read_duration(in.getCpuNs()));
  if (in.getSandbox() > static_cast<std::uint8_t>(sandbox_tier::namespaces))
    return fail(errc::corrupt, "a tier of the sandbox that is none");
  result.sandbox = static_cast<sandbox_tier>(in.getSandbox());
  out.memory_peak_bytes = in.getMemoryPeakBytes();
  GRAPHITE_TRY(out.bodies, read_bodies(in.getBodies()));
  GRAPHITE_TRY(result.lost, read_digests(in.getLost(), of::lost_max));
  if (result.lost.empty() == (result.status == attempt_status::lost_input))
    return fail(errc::corrupt, "lost inputs that are none, or are not lost");
  GRAPHITE_TRY(out.times.waited, read_duration(in.getWaitedNs()));
  GRAPHITE_TRY(out.times.fetch, read_duration(in.getFetchNs()));
  GRAPHITE_TRY(out.times.run, read_duration(in.getRunNs()));
  GRAPHITE_TRY(out.times.store, read_duration(in.getStoreNs()));
  return out;
}

result<control::settings> read_settings(wire::control::Settings::Reader in) {
  control::settings out;
  out.draining = in.getDraining();
  out.copies = in.getCopies();
  GRAPHITE_TRY(out.stores,
               read_list<control::store_address>(
                   in.getStores(), of::stores_max, "stores", [](auto one) -> result<control::store_address> {
                     control::store_address store;
                     GRAPHITE_TRY(store.chunks, wire::to_text(one.getChunks(), of::name_bytes_max));
                     GRAPHITE_TRY(store.key, read_curve_key(one.getKey()));
                     return store;
                   }));
  GRAPHITE_TRY(out.store_away, read_duration(in.getAwayNs()));
  return out;
}

control::store_state read_store_state(wire::control::StoreState::Reader in) {
  control::store_state out;
  out.contents = in.getContents();
  out.bytes = in.getBytes();
  out.bytes_max = in.getBytesMax();
  out.file_bytes = in.getFileBytes();
  out.to_check = in.getToCheck();
  out.copied = in.getCopied();
  out.copied_bytes = in.getCopiedBytes();
  out.dropped = in.getDropped();
  out.dropped_bytes = in.getDroppedBytes();
  out.damaged = in.getDamaged();
  out.full = in.getFull();
  return out;
}

result<to_node> read_need_answer(wire::control::NeedAnswer::Reader in) {
  control::need_answer out;
  out.number = in.getNumber();
  const auto needed = in.getNeeded();
  if (needed.size() > of::asked_max) return fail(errc::too_large, fmt::format("{} answers", needed.size()));
  for (const bool one : needed) out.needed.push_back(one);
  GRAPHITE_TRY(out.age, read_duration(in.getAgeNs()));
  return to_node(std::move(out));
}

result<to_node> read_welcome(wire::control::Welcome::Reader in) {
  control::welcome out;
  out.epoch.value = in.getEpoch();
  GRAPHITE_TRY(out.lease, read_duration(in.getLeaseNs()));
  GRAPHITE_TRY(out.running, read_list<std::optional<attempt_key>>(
                                in.getRunning(), of::running_max, "attempts",
                                [](auto one) -> result<std::optional<attempt_key>> {
                                  const auto key = read_key(one);
                                  return key.task.value == 0 ? std::nullopt : std::optional(key);
                                }));
  GRAPHITE_TRY(out.first, read_settings(in.getFirst()));
  return to_node(std::move(out));
}

result<std::shared_ptr<const command_spec>> read_command(wire::control::Command::Reader in) {
  command_spec out;
  GRAPHITE_TRY(out.argv, read_texts(in.getArgv()));
  if (out.argv.empty()) return fail(errc::corrupt, "a command without words");
  GRAPHITE_TRY(out.worker, read_texts(in.getWorker()));
  out.shell = in.getShell();
  GRAPHITE_TRY(out.inputs, read_texts(in.getInputs()));
  GRAPHITE_TRY(out.depfile, wire::to_text(in.getDepfile(), of::text_bytes_max));
  GRAPHITE_TRY(out.tools, read_texts(in.getTools()));
  GRAPHITE_TRY(out.program_tool, read_name(in.getProgramTool()));
  GRAPHITE_TRY(out.timeout, read_milliseconds(in.getTimeoutMs()));
  out.memory_bytes_max = in.getMemoryBytesMax();
  return std::make_shared<const command_spec>(std::move(out));
}

result<std::shared_ptr<const built_in_spec>> read_built_in(wire::control::BuiltIn::Reader in) {
  built_in_spec out;
  GRAPHITE_TRY(out.name, read_name(in.getName()));
  out.version = in.getVersion();
  GRAPHITE_TRY(const auto options, wire::to_bytes(in.getOptions(), of::options_bytes_max));
  GRAPHITE_TRY(out.options,
               option_values::decode({reinterpret_cast<const char*>(options.data()), options.size()}));
  GRAPHITE_TRY(out.inputs, read_texts(in.getInputs()));
  GRAPHITE_TRY(out.timeout, read_milliseconds(in.getTimeoutMs()));
  out.memory_bytes_max = in.getMemoryBytesMax();
  out.output_bytes_max = in.getOutputBytesMax();
  return std::make_shared<const built_in_spec>(std::move(out));
}

result<control::recipe> read_recipe(wire::control::Recipe::Reader in) {
  control::recipe out;
  out.number = in.getNumber();
  if (out.number >= of::recipes_max) return fail(errc::too_large, "a recipe's number is over the limit");
  GRAPHITE_TRY(out.rule, read_name(in.getRule()));
  out.rule_number = in.getRuleNumber();
  switch (in.which()) {
    case wire::control::Recipe::COMMAND: {
      GRAPHITE_TRY(out.command, read_command(in.getCommand()));
      break;
    }
    case wire::control::Recipe::BUILT_IN: {
      GRAPHITE_TRY(out.built_in, read_built_in(in.getBuiltIn()));
      break;
    }
    default:
      return fail(errc::newer_version, "a recipe of a kind that this version does not know");
  }
  GRAPHITE_TRY(auto environment,
               read_list<control::property>(in.getEnvironment(), of::words_max, "variables", read_property));
  for (auto& [name, value] : environment) out.environment.emplace(std::move(name), std::move(value));
  GRAPHITE_TRY(out.tools, read_tools(in.getTools()));
  GRAPHITE_TRY(out.needs, read_needs(in.getNeeds()));
  out.pool = in.getPool();
  return out;
}

result<control::assignment> read_assignment(wire::control::Assignment::Reader in) {
  GRAPHITE_TRY(auto main_input, read_path(in.getMainInput()));
  control::assignment out{.attempt = read_key(in.getAttempt()), .main_input = std::move(main_input)};
  out.recipe = in.getRecipe();
  out.domain = in.getDomain();
  if (out.recipe >= of::recipes_max || out.domain >= of::domains_max)
    return fail(errc::corrupt, "an attempt of a recipe or domain that is none");
  GRAPHITE_TRY(out.key, wire::to_digest(in.getKey()));
  out.trace.value = in.getTrace();
  GRAPHITE_TRY(out.inputs,
               read_list<attempt_input>(
                   in.getInputs(), of::inputs_max, "inputs", [](auto one) -> result<attempt_input> {
                     GRAPHITE_TRY(auto read, read_output(one));
                     return attempt_input{std::move(read.path), read.content, true, std::move(read.parts)};
                   }));
  GRAPHITE_CHECK(check_ascending(out.inputs, "inputs"));
  GRAPHITE_TRY(out.bodies, read_bodies(in.getBodies()));
  GRAPHITE_TRY(out.outputs,
               read_list<output_name>(
                   in.getOutputs(), of::outputs_max, "outputs", [](auto one) -> result<output_name> {
                     GRAPHITE_TRY(auto text, wire::to_text(one.getText(), of::text_bytes_max));
                     if (!one.getWildcard()) GRAPHITE_CHECK(read_path(one.getText()));
                     return output_name{std::move(text), one.getWildcard()};
                   }));
  return out;
}

result<to_node> read_work(wire::control::Work::Reader in) {
  control::work out;
  GRAPHITE_TRY(out.recipes,
               read_list<control::recipe>(in.getRecipes(), of::recipes_max, "recipes", read_recipe));
  GRAPHITE_TRY(out.assignments, read_list<control::assignment>(in.getAssignments(), of::attempts_max,
                                                               "attempts", read_assignment));
  GRAPHITE_TRY(out.stops,
               read_list<control::stop>(
                   in.getStops(), of::attempts_max, "stops", [](auto one) -> result<control::stop> {
                     return control::stop{read_key(one.getAttempt()), one.getIfWaiting()};
                   }));
  out.acknowledged = in.getAcknowledged();
  return to_node(std::move(out));
}

result<to_node> read_refusal(wire::control::Refusal::Reader in) {
  control::refusal out;
  if (in.getCode() == 0 || in.getCode() > static_cast<std::uint16_t>(errc::unsupported))
    return fail(errc::corrupt, "a refusal without a known code");
  out.code = static_cast<errc>(in.getCode());
  GRAPHITE_TRY(out.text, wire::to_text(in.getText(), of::text_bytes_max));
  return to_node(std::move(out));
}

}  // namespace

result<to_coordinator> decode_to_coordinator(byte_span bytes) {
  return wire::read_message<wire::control::ToCoordinator, to_coordinator>(
      bytes, of::message_bytes_max, [](wire::control::ToCoordinator::Reader in) -> result<to_coordinator> {
        switch (in.which()) {
          case wire::control::ToCoordinator::JOIN:
            return read_join(in.getJoin());
          case wire::control::ToCoordinator::RESULTS: {
            control::results out;
            out.first = in.getResults().getFirst();
            GRAPHITE_TRY(out.ends, read_list<control::attempt_end>(in.getResults().getEnds(), of::results_max,
                                                                   "results", read_end));
            return to_coordinator(std::move(out));
          }
          case wire::control::ToCoordinator::BEAT:
            return to_coordinator(control::beat{in.getBeat().getRunning()});
          case wire::control::ToCoordinator::LEAVE: {
            GRAPHITE_TRY(auto reason, wire::to_text(in.getLeave(), of::text_bytes_max));
            return to_coordinator(control::leave{std::move(reason)});
          }
          case wire::control::ToCoordinator::NEEDED: {
            control::need_question out;
            out.number = in.getNeeded().getNumber();
            GRAPHITE_TRY(out.contents, read_digests(in.getNeeded().getContents(), of::asked_max));
            return to_coordinator(std::move(out));
          }
          case wire::control::ToCoordinator::STORE:
            return to_coordinator(read_store_state(in.getStore()));
        }
        return fail(errc::newer_version, "a message of a kind that this version does not know");
      });
}

result<to_node> decode_to_node(byte_span bytes) {
  return wire::read_message<wire::control::ToNode, to_node>(
      bytes, of::message_bytes_max, [](wire::control::ToNode::Reader in) -> result<to_node> {
        switch (in.which()) {
          case wire::control::ToNode::WELCOME:
            return read_welcome(in.getWelcome());
          case wire::control::ToNode::REFUSAL:
            return read_refusal(in.getRefusal());
          case wire::control::ToNode::WORK:
            return read_work(in.getWork());
          case wire::control::ToNode::SETTINGS: {
            GRAPHITE_TRY(auto settings, read_settings(in.getSettings()));
            return to_node(std::move(settings));
          }
          case wire::control::ToNode::NEEDED:
            return read_need_answer(in.getNeeded());
          case wire::control::ToNode::REVOCATIONS: {
            GRAPHITE_TRY(auto list, wire::to_bytes(in.getRevocations(), of::revocations_bytes_max));
            return to_node(control::revocations{std::move(list)});
          }
        }
        return fail(errc::newer_version, "a message of a kind that this version does not know");
      });
}

}  // namespace graphite
