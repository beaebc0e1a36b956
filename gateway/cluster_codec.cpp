#include "gateway/cluster_codec.hpp"

#include <algorithm>

#include "gateway/jobs_codec_parts.hpp"

namespace graphite::cluster_codec {

namespace {

using jobs_codec::count_of;
using jobs_codec::read_list;
using jobs_codec::wire_text;
using limit = cluster_limits;

result<std::string> read_text(capnp::Text::Reader in) {
  return jobs_codec::read_text(in, limit::text_bytes_max);
}

/// A time of a peer: shown, so any that is one will do.
result<double> read_seconds(double in) {
  if (in >= 0 && in <= 1e18) return in;
  return fail(errc::corrupt, "a time that is none");
}

void write_one(const cluster_domain& value, wire::Domain::Builder out) {
  out.setCpus(wire_text(value.cpus));
  out.setCpuMilli(value.cpu_milli);
  out.setCpuMilliUsed(value.cpu_milli_used);
  out.setMemoryBytes(value.memory_bytes);
  out.setMemoryBytesUsed(value.memory_bytes_used);
  out.setRunning(value.running);
  out.setAhead(value.ahead);
  out.setResources(wire_text(value.resources));
}

result<cluster_domain> read_domain(wire::Domain::Reader in) {
  cluster_domain out;
  GRAPHITE_TRY(out.cpus, read_text(in.getCpus()));
  out.cpu_milli = in.getCpuMilli();
  out.cpu_milli_used = in.getCpuMilliUsed();
  out.memory_bytes = in.getMemoryBytes();
  out.memory_bytes_used = in.getMemoryBytesUsed();
  out.running = in.getRunning();
  out.ahead = in.getAhead();
  GRAPHITE_TRY(out.resources, read_text(in.getResources()));
  return out;
}

void write_one(const cluster_class& value, wire::Class::Builder out) {
  out.setName(wire_text(value.name));
  out.setWaiting(value.waiting);
  out.setRunning(value.running);
  out.setOldestSeconds(value.oldest_seconds);
}

result<cluster_class> read_class(wire::Class::Reader in) {
  cluster_class out;
  GRAPHITE_TRY(out.name, read_text(in.getName()));
  out.waiting = in.getWaiting();
  out.running = in.getRunning();
  GRAPHITE_TRY(out.oldest_seconds, read_seconds(in.getOldestSeconds()));
  return out;
}

void write_one(const cluster_running& value, wire::Running::Builder out) {
  out.setRule(wire_text(value.rule));
  out.setPath(wire_text(value.path));
  out.setNode(wire_text(value.node));
  out.setSeconds(value.seconds);
  out.setSecond(value.second);
}

result<cluster_running> read_running(wire::Running::Reader in) {
  cluster_running out;
  GRAPHITE_TRY(out.rule, read_text(in.getRule()));
  GRAPHITE_TRY(out.path, read_text(in.getPath()));
  GRAPHITE_TRY(out.node, read_text(in.getNode()));
  GRAPHITE_TRY(out.seconds, read_seconds(in.getSeconds()));
  out.second = in.getSecond();
  return out;
}

void write_one(const cluster_misfit& value, wire::Misfit::Builder out) {
  out.setRule(wire_text(value.rule));
  out.setNeeds(wire_text(value.needs));
  out.setCount(value.count);
}

result<cluster_misfit> read_misfit(wire::Misfit::Reader in) {
  cluster_misfit out;
  GRAPHITE_TRY(out.rule, read_text(in.getRule()));
  GRAPHITE_TRY(out.needs, read_text(in.getNeeds()));
  out.count = in.getCount();
  return out;
}

void write_one(const cluster_node& value, wire::Node::Builder out) { encode(value, out); }

template <class Values, class List>
void write_first(const Values& values, List out) {
  for (capnp::uint i = 0; i < out.size(); ++i) write_one(values[i], out[i]);
}
capnp::uint at_most(std::size_t size, std::size_t most) { return count_of(std::min(size, most)); }

}  // namespace

void encode(const cluster_node& value, wire::Node::Builder out) {
  out.setName(wire_text(value.name));
  out.setService(encode(value.service));
  out.setHere(value.here);
  out.setLeaving(value.leaving);
  out.setStore(value.store);
  out.setChunks(wire_text(value.chunks));
  out.setUnheardSeconds(value.unheard_seconds);
  out.setUnacknowledged(value.unacknowledged);
  write_first(value.domains, out.initDomains(at_most(value.domains.size(), limit::domains_max)));
}

result<cluster_node> decode(wire::Node::Reader in) {
  cluster_node out;
  GRAPHITE_TRY(out.name, read_text(in.getName()));
  GRAPHITE_TRY(out.service, decode(in.getService()));
  out.here = in.getHere();
  out.leaving = in.getLeaving();
  out.store = in.getStore();
  GRAPHITE_TRY(out.chunks, read_text(in.getChunks()));
  GRAPHITE_TRY(out.unheard_seconds, read_seconds(in.getUnheardSeconds()));
  out.unacknowledged = in.getUnacknowledged();
  GRAPHITE_TRY(out.domains, read_list<cluster_domain>(in.getDomains(), limit::domains_max, read_domain));
  return out;
}

void encode(const cluster_report& value, wire::Report::Builder out) {
  out.setEpoch(value.epoch);
  out.setInGrace(value.in_grace);
  out.setDeposed(value.deposed);
  out.setCopies(value.copies);
  out.setStores(value.stores);
  write_first(value.nodes, out.initNodes(at_most(value.nodes.size(), limit::nodes_max)));
  write_first(value.classes, out.initClasses(at_most(value.classes.size(), limit::classes_max)));
  write_first(value.running, out.initRunning(at_most(value.running.size(), limit::running_max)));
  write_first(value.misfits, out.initMisfits(at_most(value.misfits.size(), limit::misfits_max)));
  out.setTasks(value.tasks);
  out.setWaiters(value.waiters);
  out.setDelayed(value.delayed);
  out.setUnplaceable(value.unplaceable);
  out.setHedged(value.hedged);
  out.setUncommitted(value.uncommitted);
  out.setCommitTrouble(wire_text(value.commit_trouble));
  out.setCriticalSeconds(value.critical_seconds);
  out.setWorkSeconds(value.work_seconds);
}

result<cluster_report> decode(wire::Report::Reader in) {
  cluster_report out;
  out.epoch = in.getEpoch();
  out.in_grace = in.getInGrace();
  out.deposed = in.getDeposed();
  out.copies = in.getCopies();
  out.stores = in.getStores();
  GRAPHITE_TRY(out.nodes, read_list<cluster_node>(in.getNodes(), limit::nodes_max,
                                                  [](wire::Node::Reader one) { return decode(one); }));
  GRAPHITE_TRY(out.classes, read_list<cluster_class>(in.getClasses(), limit::classes_max, read_class));
  GRAPHITE_TRY(out.running, read_list<cluster_running>(in.getRunning(), limit::running_max, read_running));
  GRAPHITE_TRY(out.misfits, read_list<cluster_misfit>(in.getMisfits(), limit::misfits_max, read_misfit));
  out.tasks = in.getTasks();
  out.waiters = in.getWaiters();
  out.delayed = in.getDelayed();
  out.unplaceable = in.getUnplaceable();
  out.hedged = in.getHedged();
  out.uncommitted = in.getUncommitted();
  GRAPHITE_TRY(out.commit_trouble, read_text(in.getCommitTrouble()));
  GRAPHITE_TRY(out.critical_seconds, read_seconds(in.getCriticalSeconds()));
  GRAPHITE_TRY(out.work_seconds, read_seconds(in.getWorkSeconds()));
  return out;
}

result<node_service> decode(wire::NodeService in) {
  if (in <= wire::NodeService::DRAINING) return static_cast<node_service>(in);
  return fail(errc::corrupt, "a word that this program does not know");
}
wire::NodeService encode(node_service value) { return static_cast<wire::NodeService>(value); }

}  // namespace graphite::cluster_codec
