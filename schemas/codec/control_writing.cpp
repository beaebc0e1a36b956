#include <algorithm>

#include "control.capnp.h"
#include "schemas/codec/control_messages.hpp"
#include "schemas/codec/wire_bytes.hpp"

namespace graphite {
namespace {

/// Fills the list that `init` makes of so many with what `write` does of each.
template <class Init, class Values, class Write>
void write_list(Init&& init, const Values& values, Write&& write) {
  auto list = init(static_cast<unsigned>(values.size()));
  unsigned at = 0;
  for (const auto& value : values) write(list[at++], value);
}

template <class Init>
void write_texts(Init&& init, const std::vector<std::string>& texts) {
  auto list = init(static_cast<unsigned>(texts.size()));
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, texts[i]);
}

template <class Init>
void write_bodies(Init&& init, const std::vector<byte_vector>& bodies) {
  auto list = init(static_cast<unsigned>(bodies.size()));
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, wire::to_data(bodies[i]));
}

/// One after the other; `out` has room for all.
void write_digests(capnp::Data::Builder out, const std::vector<digest>& digests) {
  auto* at = out.begin();
  for (const auto& one : digests) at = std::ranges::copy(one.bytes, at).out;
}

void write(wire::control::AttemptKey::Builder out, const attempt_key& in) {
  out.setEpoch(in.epoch.value);
  out.setTask(in.task.value);
  out.setNumber(in.number.value);
}

void write(wire::control::Amount::Builder out, const resource_amount& in) {
  out.setName(in.name);
  out.setCount(in.count);
}

void write(wire::control::Tool::Builder out, const control::tool_offer& in) {
  out.setName(in.name);
  out.setWhat(wire::to_data(in.what));
}

void write(wire::control::Needs::Builder out, const attempt_needs& in) {
  out.setCpuMilli(in.cpu_milli);
  out.setMemoryBytes(in.memory_bytes);
  write_list([&](unsigned n) { return out.initResources(n); }, in.resources,
             [](auto to, const auto& from) { write(to, from); });
}

void write(wire::control::Content::Builder out, const content_ref& in) {
  out.setId(wire::to_data(in.id));
  out.setSize(in.size);
}

void write(wire::control::Output::Builder out, const logical_path& path, const content_ref& content,
           const std::vector<content_ref>& parts) {
  out.setPath(path.str());
  write(out.initContent(), content);
  write_list([&](unsigned n) { return out.initParts(n); }, parts,
             [](auto to, const auto& from) { write(to, from); });
}

void write(wire::control::Domain::Builder out, const control::domain_offer& in) {
  out.setCpuMilli(in.cpu_milli);
  out.setMemoryBytes(in.memory_bytes);
  write_list([&](unsigned n) { return out.initResources(n); }, in.resources,
             [](auto to, const auto& from) { write(to, from); });
  out.setCredit(in.credit);
  out.setCpus(in.cpus);
}

void write(wire::control::Running::Builder out, const control::still_running& in) {
  write(out.initWas(), in.was);
  out.setKey(wire::to_data(in.key));
  out.setDomain(in.domain);
  write(out.initNeeds(), in.needs);
  out.setRule(in.rule);
  out.setRanNs(static_cast<std::uint64_t>(in.ran.count()));
  out.setPool(in.pool);
  out.setState(static_cast<wire::control::RunState>(in.state));
}

void write(wire::control::Join::Builder out, const control::join& in) {
  out.setProtocol(in.protocol);
  out.setIncarnation(wire::to_data(in.incarnation.value));
  out.setEpochSeen(in.epoch_seen.value);
  write_list([&](unsigned n) { return out.initDomains(n); }, in.domains,
             [](auto to, const auto& from) { write(to, from); });
  write_list([&](unsigned n) { return out.initRunning(n); }, in.running,
             [](auto to, const auto& from) { write(to, from); });
  out.setChunks(in.chunks);
  if (in.chunks_key != curve_key{}) out.setChunksKey(wire::to_data(byte_span(in.chunks_key.bytes)));
  out.setStore(in.store);
  write_list([&](unsigned n) { return out.initTools(n); }, in.tools,
             [](auto to, const auto& from) { write(to, from); });
  write_list([&](unsigned n) { return out.initProperties(n); }, in.properties,
             [](auto to, const auto& from) {
               to.setName(from.name);
               to.setValue(from.value);
             });
}

wire::control::Status status_of(attempt_status status) {
  switch (status) {
    case attempt_status::succeeded:
      return wire::control::Status::SUCCEEDED;
    case attempt_status::failed:
      return wire::control::Status::FAILED;
    case attempt_status::stale_input:
      return wire::control::Status::STALE_INPUT;
    case attempt_status::cancelled:
      return wire::control::Status::CANCELLED;
    case attempt_status::refused:
      return wire::control::Status::REFUSED;
    case attempt_status::lost_input:
      return wire::control::Status::LOST_INPUT;
  }
  return wire::control::Status::REFUSED;
}

void write(wire::control::End::Builder out, const control::attempt_end& in) {
  const auto& result = in.result;
  write(out.initAttempt(), in.attempt);
  out.setStatus(status_of(result.status));
  write_list([&](unsigned n) { return out.initOutputs(n); }, result.outputs,
             [](auto to, const auto& from) { write(to, from.path, from.content, from.parts); });
  out.setTells(result.discovered.has_value());
  if (result.discovered) {
    auto list = out.initDiscovered(static_cast<unsigned>(result.discovered->size()));
    for (unsigned i = 0; i < list.size(); ++i) list.set(i, (*result.discovered)[i].str());
  }
  out.setMessage(wire::to_data(as_bytes(std::string_view(result.message))));
  out.setLog(wire::to_data(as_bytes(std::string_view(result.log))));
  out.setWallNs(static_cast<std::uint64_t>(result.wall.count()));
  out.setCpuNs(static_cast<std::uint64_t>(result.cpu.count()));
  out.setSandbox(static_cast<std::uint8_t>(result.sandbox));
  out.setMemoryPeakBytes(in.memory_peak_bytes);
  write_bodies([&](unsigned n) { return out.initBodies(n); }, in.bodies);
  if (!result.lost.empty())
    write_digests(out.initLost(static_cast<unsigned>(32 * result.lost.size())), result.lost);
  out.setWaitedNs(static_cast<std::uint64_t>(in.times.waited.count()));
  out.setFetchNs(static_cast<std::uint64_t>(in.times.fetch.count()));
  out.setRunNs(static_cast<std::uint64_t>(in.times.run.count()));
  out.setStoreNs(static_cast<std::uint64_t>(in.times.store.count()));
}

void write(wire::control::Settings::Builder out, const control::settings& in) {
  out.setDraining(in.draining);
  out.setCopies(in.copies);
  write_list([&](unsigned n) { return out.initStores(n); }, in.stores,
             [](auto to, const auto& from) {
               to.setChunks(from.chunks);
               if (from.key != curve_key{}) to.setKey(wire::to_data(byte_span(from.key.bytes)));
             });
  out.setAwayNs(static_cast<std::uint64_t>(in.store_away.count()));
}

void write(wire::control::StoreState::Builder out, const control::store_state& in) {
  out.setContents(in.contents);
  out.setBytes(in.bytes);
  out.setBytesMax(in.bytes_max);
  out.setFileBytes(in.file_bytes);
  out.setToCheck(in.to_check);
  out.setCopied(in.copied);
  out.setCopiedBytes(in.copied_bytes);
  out.setDropped(in.dropped);
  out.setDroppedBytes(in.dropped_bytes);
  out.setDamaged(in.damaged);
  out.setFull(in.full);
}

void write(wire::control::Command::Builder out, const command_spec& in) {
  write_texts([&](unsigned n) { return out.initArgv(n); }, in.argv);
  write_texts([&](unsigned n) { return out.initWorker(n); }, in.worker);
  out.setShell(in.shell);
  write_texts([&](unsigned n) { return out.initInputs(n); }, in.inputs);
  out.setDepfile(in.depfile);
  write_texts([&](unsigned n) { return out.initTools(n); }, in.tools);
  out.setProgramTool(in.program_tool);
  out.setTimeoutMs(static_cast<std::uint64_t>(in.timeout.count()));
  out.setMemoryBytesMax(in.memory_bytes_max);
}

void write(wire::control::BuiltIn::Builder out, const built_in_spec& in) {
  out.setName(in.name);
  out.setVersion(in.version);
  out.setOptions(wire::to_data(as_bytes(std::string_view(in.options.encode()))));
  write_texts([&](unsigned n) { return out.initInputs(n); }, in.inputs);
  out.setTimeoutMs(static_cast<std::uint64_t>(in.timeout.count()));
  out.setMemoryBytesMax(in.memory_bytes_max);
  out.setOutputBytesMax(in.output_bytes_max);
}

void write(wire::control::Recipe::Builder out, const control::recipe& in) {
  out.setNumber(in.number);
  out.setRule(in.rule);
  out.setRuleNumber(in.rule_number);
  if (in.built_in)
    write(out.initBuiltIn(), *in.built_in);
  else
    write(out.initCommand(), *in.command);
  write_list([&](unsigned n) { return out.initEnvironment(n); }, in.environment,
             [](auto to, const auto& from) {
               to.setName(from.first);
               to.setValue(from.second);
             });
  write_list([&](unsigned n) { return out.initTools(n); }, in.tools,
             [](auto to, const auto& from) { write(to, from); });
  write(out.initNeeds(), in.needs);
  out.setPool(in.pool);
}

void write(wire::control::Assignment::Builder out, const control::assignment& in) {
  write(out.initAttempt(), in.attempt);
  out.setRecipe(in.recipe);
  out.setDomain(in.domain);
  out.setKey(wire::to_data(in.key));
  out.setTrace(in.trace.value);
  out.setMainInput(in.main_input.str());
  write_list([&](unsigned n) { return out.initInputs(n); }, in.inputs,
             [](auto to, const auto& from) { write(to, from.path, from.content, from.parts); });
  write_bodies([&](unsigned n) { return out.initBodies(n); }, in.bodies);
  write_list([&](unsigned n) { return out.initOutputs(n); }, in.outputs,
             [](auto to, const auto& from) {
               to.setText(from.text);
               to.setWildcard(from.wildcard);
             });
}

void write(wire::control::Work::Builder out, const control::work& in) {
  write_list([&](unsigned n) { return out.initRecipes(n); }, in.recipes,
             [](auto to, const auto& from) { write(to, from); });
  write_list([&](unsigned n) { return out.initAssignments(n); }, in.assignments,
             [](auto to, const auto& from) { write(to, from); });
  write_list([&](unsigned n) { return out.initStops(n); }, in.stops,
             [](auto to, const auto& from) {
               write(to.initAttempt(), from.attempt);
               to.setIfWaiting(from.if_waiting);
             });
  out.setAcknowledged(in.acknowledged);
}

struct coordinator_writer {
  wire::control::ToCoordinator::Builder out;
  void operator()(const control::join& in) { write(out.initJoin(), in); }
  void operator()(const control::results& in) {
    auto results = out.initResults();
    results.setFirst(in.first);
    write_list([&](unsigned n) { return results.initEnds(n); }, in.ends,
               [](auto to, const auto& from) { write(to, from); });
  }
  void operator()(const control::beat& in) { out.initBeat().setRunning(in.running); }
  void operator()(const control::leave& in) { out.setLeave(in.reason); }
  void operator()(const control::need_question& in) {
    auto question = out.initNeeded();
    question.setNumber(in.number);
    write_digests(question.initContents(static_cast<unsigned>(32 * in.contents.size())), in.contents);
  }
  void operator()(const control::store_state& in) { write(out.initStore(), in); }
};

struct node_writer {
  wire::control::ToNode::Builder out;
  void operator()(const control::welcome& in) {
    auto welcome = out.initWelcome();
    welcome.setEpoch(in.epoch.value);
    welcome.setLeaseNs(static_cast<std::uint64_t>(in.lease.count()));
    write_list([&](unsigned n) { return welcome.initRunning(n); }, in.running,
               [](auto to, const auto& from) { write(to, from.value_or(attempt_key{})); });
    write(welcome.initFirst(), in.first);
  }
  void operator()(const control::refusal& in) {
    auto refusal = out.initRefusal();
    refusal.setCode(static_cast<std::uint16_t>(in.code));
    refusal.setText(in.text);
  }
  void operator()(const control::work& in) { write(out.initWork(), in); }
  void operator()(const control::settings& in) { write(out.initSettings(), in); }
  void operator()(const control::need_answer& in) {
    auto answer = out.initNeeded();
    answer.setNumber(in.number);
    auto needed = answer.initNeeded(static_cast<unsigned>(in.needed.size()));
    for (unsigned i = 0; i < needed.size(); ++i) needed.set(i, in.needed[i]);
    answer.setAgeNs(static_cast<std::uint64_t>(in.age.count()));
  }
  void operator()(const control::revocations& in) { out.setRevocations(wire::to_data(in.list)); }
};

}  // namespace

byte_vector encode(const to_coordinator& message) {
  capnp::MallocMessageBuilder builder;
  std::visit(coordinator_writer{builder.initRoot<wire::control::ToCoordinator>()}, message);
  return wire::to_message(builder);
}

byte_vector encode(const to_node& message) {
  capnp::MallocMessageBuilder builder;
  std::visit(node_writer{builder.initRoot<wire::control::ToNode>()}, message);
  return wire::to_message(builder);
}

}  // namespace graphite
