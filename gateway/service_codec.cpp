#include "gateway/service_codec.hpp"

#include <algorithm>
#include <cstring>

namespace graphite::service_codec {

namespace {

std::string text(capnp::Text::Reader in) { return {in.begin(), in.size()}; }

capnp::Text::Reader text(const std::string& in) { return {in.c_str(), in.size()}; }

template <class Bytes>
capnp::Data::Reader raw(const Bytes& in) {
  return {in.data(), in.size()};
}

template <class Bytes>
bool read_exactly(capnp::Data::Reader in, Bytes& out) {
  if (in.size() != out.size()) return false;
  std::copy(in.begin(), in.end(), out.begin());
  return true;
}

template <class List>
void encode_texts(const std::vector<std::string>& in, List out) {
  for (std::size_t i = 0; i < in.size(); ++i) out.set(static_cast<capnp::uint>(i), text(in[i]));
}

std::vector<std::string> decode_texts(capnp::List<capnp::Text>::Reader in) {
  std::vector<std::string> out;
  out.reserve(in.size());
  for (auto line : in) out.push_back(text(line));
  return out;
}

capnp::uint count(std::size_t size) { return static_cast<capnp::uint>(size); }

void encode_channel(const channel_info& value, wire::Channel::Builder out) {
  out.setName(text(value.name));
  if (value.newest) encode(*value.newest, out.initNewest());
  out.setBehind(value.behind);
  out.setSubscribers(value.subscribers);
}

void encode_subscriber(const subscriber_info& value, wire::Subscriber::Builder out) {
  out.setName(text(value.name));
  out.setChannel(text(value.channel));
  out.setEpoch(value.epoch);
  out.setSequence(value.sequence);
  out.setSecondsAgo(value.seconds_ago);
}

void encode_lists(const service_status& value, wire::Status::Builder out) {
  auto running = out.initRunning(count(value.running.size()));
  for (std::size_t i = 0; i < value.running.size(); ++i) {
    running[count(i)].setRule(text(value.running[i].rule));
    running[count(i)].setPath(text(value.running[i].path));
    running[count(i)].setSeconds(value.running[i].seconds);
  }
  auto failed = out.initFailed(count(value.failed.size()));
  for (std::size_t i = 0; i < value.failed.size(); ++i) {
    failed[count(i)].setPath(text(value.failed[i].path));
    failed[count(i)].setMessage(text(value.failed[i].message));
  }
  auto channels = out.initChannels(count(value.channels.size()));
  for (std::size_t i = 0; i < value.channels.size(); ++i)
    encode_channel(value.channels[i], channels[count(i)]);
  auto subscribers = out.initSubscribers(count(value.subscribers.size()));
  for (std::size_t i = 0; i < value.subscribers.size(); ++i)
    encode_subscriber(value.subscribers[i], subscribers[count(i)]);
}

result<void> decode_lists(wire::Status::Reader in, service_status& out) {
  for (auto running : in.getRunning())
    out.running.push_back({text(running.getRule()), text(running.getPath()), running.getSeconds()});
  for (auto failed : in.getFailed())
    out.failed.push_back({text(failed.getPath()), text(failed.getMessage())});
  for (auto channel : in.getChannels()) {
    channel_info info{text(channel.getName()), std::nullopt, channel.getBehind(), channel.getSubscribers()};
    if (channel.hasNewest()) {
      GRAPHITE_TRY(info.newest, decode(channel.getNewest()));
    }
    out.channels.push_back(std::move(info));
  }
  for (auto who : in.getSubscribers())
    out.subscribers.push_back({text(who.getName()), text(who.getChannel()), who.getEpoch(), who.getSequence(),
                               who.getSecondsAgo()});
  return {};
}

wire::Diagnostic::Severity to_wire(diagnostic_line::level level) {
  return static_cast<wire::Diagnostic::Severity>(level);
}

}  // namespace

void encode(const error& value, wire::Error::Builder out) {
  out.setCode(static_cast<std::uint16_t>(value.code));
  out.setContext(text(value.context));
}

error decode_error(wire::Error::Reader in) {
  const std::uint16_t code = in.getCode();
  const bool known = code >= 1 && code <= static_cast<std::uint16_t>(errc::unsupported);
  return {known ? static_cast<errc>(code) : errc::unsupported, text(in.getContext())};
}

void encode(const head& value, wire::Head::Builder out) {
  out.setChannel(text(value.channel));
  out.setLineage(raw(value.lineage.value.bytes));
  out.setEpoch(value.epoch.value);
  out.setSequence(value.sequence.value);
  out.setRoot(raw(value.root.bytes));
  out.setAssets(value.assets);
  out.setRevision(value.revision.value);
  out.setPublishedUnixNs(value.published_unix_ns);
  out.setBehind(raw(value.behind.bytes));
}

result<head> decode(wire::Head::Reader in) {
  head out;
  out.channel = text(in.getChannel());
  if (!read_exactly(in.getLineage(), out.lineage.value.bytes) ||
      !read_exactly(in.getRoot(), out.root.bytes) || !read_exactly(in.getBehind(), out.behind.bytes))
    return fail(errc::corrupt, "a head in the service's answer has digests of a wrong length");
  out.epoch.value = in.getEpoch();
  out.sequence.value = in.getSequence();
  out.assets = in.getAssets();
  out.revision.value = in.getRevision();
  out.published_unix_ns = in.getPublishedUnixNs();
  return out;
}

void encode(const build_summary& value, wire::BuildSummary::Builder out) {
  if (value.generation) encode(*value.generation, out.initGeneration());
  out.setAssets(value.assets);
  out.setRan(value.ran);
  out.setCached(value.cached);
  out.setFailed(value.failed);
  out.setBehind(value.behind);
  out.setChangedSources(value.changed_sources);
  out.setSeconds(value.seconds);
  out.setBundle(text(value.bundle));
  auto lines = out.initDiagnostics(count(value.diagnostics.size()));
  for (std::size_t i = 0; i < value.diagnostics.size(); ++i) {
    lines[count(i)].setSeverity(to_wire(value.diagnostics[i].severity));
    lines[count(i)].setPath(text(value.diagnostics[i].path));
    lines[count(i)].setText(text(value.diagnostics[i].text));
  }
}

result<build_summary> decode(wire::BuildSummary::Reader in) {
  build_summary out;
  if (in.hasGeneration()) {
    GRAPHITE_TRY(out.generation, decode(in.getGeneration()));
  }
  out.assets = in.getAssets();
  out.ran = in.getRan();
  out.cached = in.getCached();
  out.failed = in.getFailed();
  out.behind = in.getBehind();
  out.changed_sources = in.getChangedSources();
  out.seconds = in.getSeconds();
  out.bundle = text(in.getBundle());
  for (auto line : in.getDiagnostics()) {
    const auto severity = static_cast<std::uint16_t>(line.getSeverity());
    if (severity > static_cast<std::uint16_t>(diagnostic_line::level::error))
      return fail(errc::corrupt, "a diagnostic in the service's answer has an unknown severity");
    out.diagnostics.push_back(
        {static_cast<diagnostic_line::level>(severity), text(line.getPath()), text(line.getText())});
  }
  return out;
}

static void encode(const machine_status& value, wire::Machine::Builder out) {
  auto domains = out.initDomains(static_cast<unsigned>(value.domains.size()));
  for (unsigned i = 0; i < domains.size(); ++i) {
    domains[i].setNode(value.domains[i].node);
    domains[i].setCpus(text(value.domains[i].cpus));
    domains[i].setThreads(value.domains[i].threads);
  }
  out.setPinned(value.pinned);
  out.setPinReason(text(value.pin_reason));
  out.setPlacementReason(text(value.placement_reason));
  out.setIoAdapter(text(value.io_adapter));
  out.setIoReason(text(value.io_reason));
  out.setHasRemoteAccess(value.remote_access.has_value());
  out.setRemoteAccess(value.remote_access.value_or(0));
  out.setRemoteSource(text(value.remote_source));
  out.setRemoteReason(text(value.remote_reason));
  out.setSandboxMode(text(value.sandbox_mode));
  out.setSandbox(text(value.sandbox));
  out.setSandboxReason(text(value.sandbox_reason));
}

static machine_status decode(wire::Machine::Reader in) {
  machine_status out;
  for (auto domain : in.getDomains())
    out.domains.push_back({domain.getNode(), text(domain.getCpus()), domain.getThreads()});
  out.pinned = in.getPinned();
  out.pin_reason = text(in.getPinReason());
  out.placement_reason = text(in.getPlacementReason());
  out.io_adapter = text(in.getIoAdapter());
  out.io_reason = text(in.getIoReason());
  if (in.getHasRemoteAccess()) out.remote_access = in.getRemoteAccess();
  out.remote_source = text(in.getRemoteSource());
  out.remote_reason = text(in.getRemoteReason());
  out.sandbox_mode = text(in.getSandboxMode());
  out.sandbox = text(in.getSandbox());
  out.sandbox_reason = text(in.getSandboxReason());
  return out;
}

void encode(const service_status& value, wire::Status::Builder out) {
  out.setProject(text(value.project));
  out.setRoot(text(value.root));
  out.setState(text(value.state));
  out.setHeadsAddress(text(value.heads_address));
  out.setChunksAddress(text(value.chunks_address));
  out.setMetricsAddress(text(value.metrics_address));
  out.setWatchMode(text(value.watch_mode));
  out.setWatchReason(text(value.watch_reason));
  out.setPid(value.pid);
  out.setUptimeSeconds(value.uptime_seconds);
  out.setWatchedFolders(value.watched_folders);
  out.setSources(value.sources);
  out.setAssets(value.assets);
  out.setActions(value.actions);
  out.setStale(value.stale);
  out.setHeld(value.held);
  out.setFailedCount(value.failed_count);
  encode(value.machine, out.initMachine());
  encode_lists(value, out);
}

result<service_status> decode(wire::Status::Reader in) {
  service_status out;
  out.project = text(in.getProject());
  out.root = text(in.getRoot());
  out.state = text(in.getState());
  out.heads_address = text(in.getHeadsAddress());
  out.chunks_address = text(in.getChunksAddress());
  out.metrics_address = text(in.getMetricsAddress());
  out.watch_mode = text(in.getWatchMode());
  out.watch_reason = text(in.getWatchReason());
  out.pid = in.getPid();
  out.uptime_seconds = in.getUptimeSeconds();
  out.watched_folders = in.getWatchedFolders();
  out.sources = in.getSources();
  out.assets = in.getAssets();
  out.actions = in.getActions();
  out.stale = in.getStale();
  out.held = in.getHeld();
  out.failed_count = in.getFailedCount();
  out.machine = decode(in.getMachine());
  GRAPHITE_CHECK(decode_lists(in, out));
  return out;
}

static void encode(const key_change& value, wire::Change::Builder out) {
  out.setName(text(value.name));
  out.setHasBefore(value.before.has_value());
  out.setHasAfter(value.after.has_value());
  if (value.before) out.setBefore(text(*value.before));
  if (value.after) out.setAfter(text(*value.after));
}

static key_change decode(wire::Change::Reader in) {
  key_change out;
  out.name = text(in.getName());
  if (in.getHasBefore()) out.before = text(in.getBefore());
  if (in.getHasAfter()) out.after = text(in.getAfter());
  return out;
}

void encode(const why_answer& value, wire::Why::Builder out) {
  out.setPath(text(value.path));
  out.setRule(text(value.rule));
  out.setState(text(value.state));
  out.setWeakKey(text(value.weak_key));
  out.setStrongKey(text(value.strong_key));
  auto components = out.initKeyComponents(count(value.key_components.size()));
  for (std::size_t i = 0; i < value.key_components.size(); ++i) {
    components[count(i)].setName(text(value.key_components[i].first));
    components[count(i)].setValue(text(value.key_components[i].second));
  }
  out.setReason(text(value.reason));
  auto changed = out.initChanged(count(value.changed.size()));
  for (std::size_t i = 0; i < value.changed.size(); ++i) encode(value.changed[i], changed[count(i)]);
  out.setChangedLeftOut(value.changed_left_out);
  encode_texts(value.chain, out.initChain(count(value.chain.size())));
  out.setMessage(text(value.message));
  out.setSandbox(text(value.sandbox));
}

result<why_answer> decode(wire::Why::Reader in) {
  why_answer out;
  out.path = text(in.getPath());
  out.rule = text(in.getRule());
  out.state = text(in.getState());
  out.weak_key = text(in.getWeakKey());
  out.strong_key = text(in.getStrongKey());
  for (auto component : in.getKeyComponents())
    out.key_components.emplace_back(text(component.getName()), text(component.getValue()));
  out.reason = text(in.getReason());
  for (auto change : in.getChanged()) out.changed.push_back(decode(change));
  out.changed_left_out = in.getChangedLeftOut();
  out.chain = decode_texts(in.getChain());
  out.sandbox = text(in.getSandbox());
  out.message = text(in.getMessage());
  return out;
}

void encode(const graph_answer& value, wire::Lines::Builder out) {
  encode_texts(value.lines, out.initLines(count(value.lines.size())));
  out.setLeftOut(value.left_out);
}

result<graph_answer> decode(wire::Lines::Reader in) {
  return graph_answer{decode_texts(in.getLines()), in.getLeftOut()};
}

void encode(const generation_diff& value, wire::Diff::Builder out) {
  encode_texts(value.added, out.initAdded(count(value.added.size())));
  encode_texts(value.changed, out.initChanged(count(value.changed.size())));
  encode_texts(value.removed, out.initRemoved(count(value.removed.size())));
}

result<generation_diff> decode(wire::Diff::Reader in) {
  return generation_diff{decode_texts(in.getAdded()), decode_texts(in.getChanged()),
                         decode_texts(in.getRemoved())};
}

void encode(const gc_report& value, wire::Collected::Builder out) {
  out.setResults(value.results);
  out.setResultsDropped(value.results_dropped);
  out.setCacheBytes(value.cache_bytes);
  out.setCacheBytesDropped(value.cache_bytes_dropped);
  out.setFreedBytes(value.freed_bytes);
  out.setSegmentsRemoved(value.segments_removed);
  out.setSegmentBytes(value.segment_bytes);
  out.setSeconds(value.seconds);
}

result<gc_report> decode(wire::Collected::Reader in) {
  gc_report out;
  out.results = in.getResults();
  out.results_dropped = in.getResultsDropped();
  out.cache_bytes = in.getCacheBytes();
  out.cache_bytes_dropped = in.getCacheBytesDropped();
  out.freed_bytes = in.getFreedBytes();
  out.segments_removed = in.getSegmentsRemoved();
  out.segment_bytes = in.getSegmentBytes();
  out.seconds = in.getSeconds();
  return out;
}

wire::GraphKind to_wire(graph_query::kind kind) {
  switch (kind) {
    case graph_query::kind::path:
      return wire::GraphKind::PATH;
    case graph_query::kind::rdeps:
      return wire::GraphKind::RDEPS;
    case graph_query::kind::deps:
      return wire::GraphKind::DEPS;
    case graph_query::kind::cycles:
      return wire::GraphKind::CYCLES;
  }
  return wire::GraphKind::CYCLES;
}

result<graph_query::kind> from_wire(wire::GraphKind kind) {
  switch (kind) {
    case wire::GraphKind::PATH:
      return graph_query::kind::path;
    case wire::GraphKind::RDEPS:
      return graph_query::kind::rdeps;
    case wire::GraphKind::DEPS:
      return graph_query::kind::deps;
    case wire::GraphKind::CYCLES:
      return graph_query::kind::cycles;
  }
  return fail(errc::invalid_argument, "a kind of graph question this service does not know");
}

static std::uint64_t wire_bytes(const std::vector<std::string>& value) {
  std::uint64_t bytes = 8;
  for (const auto& line : value) bytes += 16 + line.size();  // pointer, terminator, padding
  return bytes;
}

std::uint64_t wire_bytes(const graph_answer& value) { return wire_bytes(value.lines); }

std::uint64_t wire_bytes(const generation_diff& value) {
  return wire_bytes(value.added) + wire_bytes(value.changed) + wire_bytes(value.removed);
}

}  // namespace graphite::service_codec
