#include "gateway/service_codec.hpp"

namespace graphite::service_codec {

namespace {

std::string words(capnp::Text::Reader in) { return {in.begin(), in.size()}; }

capnp::Text::Reader words(const std::string& in) { return {in.c_str(), in.size()}; }

std::uint64_t ns(duration in) { return static_cast<std::uint64_t>(in.count()); }

duration ns(std::uint64_t in) { return duration(static_cast<std::int64_t>(in)); }

void encode_action(const traced_action& value, wire::TracedAction::Builder out) {
  out.setRule(words(value.rule));
  out.setPath(words(value.path));
  out.setCause(words(value.cause));
  out.setNode(words(value.node));
  out.setDomain(value.domain);
  out.setSlot(value.slot);
  out.setTries(value.tries);
  out.setStatus(static_cast<std::uint16_t>(value.status));
  out.setFound(value.found);
  out.setCritical(value.critical);
  out.setReadyNs(ns(value.ready));
  out.setBegunNs(ns(value.begun));
  out.setFetchedNs(ns(value.fetched));
  out.setRanNs(ns(value.ran));
  out.setStoredNs(ns(value.stored));
  out.setEndedNs(ns(value.ended));
  out.setCpuNs(ns(value.cpu));
}

bool in_order(const traced_action& value) {
  return duration::zero() <= value.ready && value.ready <= value.begun && value.begun <= value.fetched &&
         value.fetched <= value.ran && value.ran <= value.stored && value.stored <= value.ended &&
         duration::zero() <= value.cpu;
}

result<traced_action> decode_action(wire::TracedAction::Reader in) {
  traced_action out;
  out.rule = words(in.getRule());
  out.path = words(in.getPath());
  out.cause = words(in.getCause());
  out.node = words(in.getNode());
  out.domain = in.getDomain();
  out.slot = in.getSlot();
  out.tries = in.getTries();
  if (in.getStatus() > static_cast<std::uint16_t>(attempt_status::lost_input))
    return fail(errc::corrupt, "an end of an attempt that is none");
  out.status = static_cast<attempt_status>(in.getStatus());
  out.found = in.getFound();
  out.critical = in.getCritical();
  out.ready = ns(in.getReadyNs());
  out.begun = ns(in.getBegunNs());
  out.fetched = ns(in.getFetchedNs());
  out.ran = ns(in.getRanNs());
  out.stored = ns(in.getStoredNs());
  out.ended = ns(in.getEndedNs());
  out.cpu = ns(in.getCpuNs());
  if (!in_order(out)) return fail(errc::corrupt, "times of " + out.path + " that go back");
  return out;
}

}  // namespace

static_assert(int(attempt_status::succeeded) == 0 && int(attempt_status::failed) == 1 &&
              int(attempt_status::stale_input) == 2 && int(attempt_status::cancelled) == 3 &&
              int(attempt_status::refused) == 4 && int(attempt_status::lost_input) == 5);

void encode(const trace_page& value, wire::TracePage::Builder out) {
  const auto& head = value.head;
  out.setBuild(words(head.build));
  out.setCause(words(head.cause));
  out.setId(head.id);
  out.setNumber(head.number);
  out.setBeganUnixNs(head.began_unix_ns);
  out.setSettledNs(ns(head.settled));
  out.setWallNs(ns(head.wall));
  out.setActionCount(head.actions);
  out.setLeftOut(head.left_out);
  out.setForgotten(head.forgotten);
  auto actions = out.initActions(static_cast<capnp::uint>(value.actions.size()));
  for (capnp::uint i = 0; i < actions.size(); ++i) encode_action(value.actions[i], actions[i]);
  out.setNext(value.next);
}

result<trace_page> decode(wire::TracePage::Reader in) {
  trace_page out;
  auto& head = out.head;
  head.build = words(in.getBuild());
  head.cause = words(in.getCause());
  head.id = in.getId();
  head.number = in.getNumber();
  head.began_unix_ns = in.getBeganUnixNs();
  head.settled = ns(in.getSettledNs());
  head.wall = ns(in.getWallNs());
  head.actions = in.getActionCount();
  head.left_out = in.getLeftOut();
  head.forgotten = in.getForgotten();
  if (head.settled < duration::zero() || head.wall < head.settled)
    return fail(errc::corrupt, "a build that ends before its last action");
  out.actions.reserve(in.getActions().size());
  for (const auto& action : in.getActions()) {
    GRAPHITE_TRY(auto one, decode_action(action));
    out.actions.push_back(std::move(one));
  }
  out.next = in.getNext();
  return out;
}

std::uint64_t wire_bytes(const trace_page& value) {
  constexpr std::uint64_t action_bytes = 160;
  std::uint64_t bytes = 256 + value.head.cause.size();
  for (const auto& one : value.actions)
    bytes += action_bytes + one.rule.size() + one.path.size() + one.cause.size() + one.node.size();
  return bytes;
}

}  // namespace graphite::service_codec
