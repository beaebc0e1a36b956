#include "gateway/jobs_codec_parts.hpp"

namespace graphite::jobs_codec {

namespace {

using limit = job_limits;

template <class Enum>
result<Enum> read_enum(std::uint16_t in, Enum last) {
  if (in <= static_cast<std::uint16_t>(last)) return static_cast<Enum>(in);
  return fail(errc::corrupt, "a word that this program does not know");
}

result<job_state> read_state(wire::State in) {
  return read_enum(static_cast<std::uint16_t>(in), job_state::deadline_exceeded);
}

void encode(const job_progress& value, wire::Progress::Builder out) {
  out.setActions(value.actions);
  out.setRan(value.ran);
  out.setCached(value.cached);
  out.setFailed(value.failed);
  out.setRunning(value.running);
}

job_progress read_progress(wire::Progress::Reader in) {
  return {in.getActions(), in.getRan(), in.getCached(), in.getFailed(), in.getRunning()};
}

void encode(const job_failure& value, wire::Failure::Builder out) {
  out.setPath(wire_text(value.path));
  out.setMessage(wire_text(value.message));
}

result<job_failure> read_failure(wire::Failure::Reader in) {
  job_failure out;
  GRAPHITE_TRY(out.path, read_text(in.getPath(), logical_path::bytes_max));
  GRAPHITE_TRY(out.message, read_text(in.getMessage(), limit::said_bytes_max));
  return out;
}

void encode(const job_output& value, wire::Output::Builder out) {
  out.setPath(wire_text(value.path));
  jobs_codec::encode(value.content, out.initContent());
}

result<job_output> read_output(wire::Output::Reader in) {
  job_output out;
  GRAPHITE_TRY(out.path, read_text(in.getPath(), logical_path::bytes_max));
  GRAPHITE_TRY(out.content, decode(in.getContent()));
  return out;
}

void encode(const job_outcome& value, wire::End::Builder out) {
  out.setState(static_cast<wire::State>(value.state));
  out.setMessage(wire_text(value.message));
  encode(value.progress, out.initProgress());
  auto failures = out.initFailures(count_of(value.failures.size()));
  for (std::size_t i = 0; i < value.failures.size(); ++i) encode(value.failures[i], failures[count_of(i)]);
  auto outputs = out.initOutputs(count_of(value.outputs.size()));
  for (std::size_t i = 0; i < value.outputs.size(); ++i) encode(value.outputs[i], outputs[count_of(i)]);
  out.setGeneration(wire_text(value.generation));
  if (value.listing != content_ref{}) jobs_codec::encode(value.listing, out.initListing());
  out.setAssets(value.assets);
}

result<job_outcome> read_outcome(wire::End::Reader in) {
  job_outcome out;
  GRAPHITE_TRY(out.state, read_state(in.getState()));
  if (!is_over(out.state)) return fail(errc::corrupt, "an end that is none");
  GRAPHITE_TRY(out.message, read_text(in.getMessage(), limit::said_bytes_max));
  out.progress = read_progress(in.getProgress());
  GRAPHITE_TRY(out.failures, read_list<job_failure>(in.getFailures(), limit::failures_max, read_failure));
  GRAPHITE_TRY(out.outputs, read_list<job_output>(in.getOutputs(), limit::outputs_max, read_output));
  GRAPHITE_TRY(out.generation, read_text(in.getGeneration(), limit::label_bytes_max));
  if (in.hasListing()) {
    GRAPHITE_TRY(out.listing, decode(in.getListing()));
  }
  out.assets = in.getAssets();
  return out;
}

void encode(const store_place& value, wire::Store::Builder out) {
  out.setAddress(wire_text(value.address));
  if (value.key != curve_key{}) out.setKey(wire_data(value.key.bytes));
}

result<store_place> read_store(wire::Store::Reader in) {
  store_place out;
  GRAPHITE_TRY(out.address, read_text(in.getAddress(), 300));
  if (in.hasKey() && in.getKey().size() > 0) {
    GRAPHITE_TRY(out.key, decode_curve_key(in.getKey()));
  }
  return out;
}

void encode(const job_log_piece& value, wire::LogPiece::Builder out) {
  out.setNumber(value.number);
  out.setUnixNs(value.unix_ns);
  out.setPath(wire_text(value.path));
  out.setText(wire_text(value.text));
}

result<job_log_piece> read_piece(wire::LogPiece::Reader in) {
  job_log_piece out;
  out.number = in.getNumber();
  out.unix_ns = in.getUnixNs();
  GRAPHITE_TRY(out.path, read_text(in.getPath(), logical_path::bytes_max));
  GRAPHITE_TRY(out.text, read_text(in.getText(), limit::said_bytes_max));
  return out;
}

/// Writes what an event tells.
struct event_writer {
  wire::Event::Builder out;
  void operator()(const job_events::state_changed& what) {
    auto state = out.initState();
    state.setNow(static_cast<wire::State>(what.now));
    state.setMessage(wire_text(what.message));
  }
  void operator()(const job_events::blobs_missing& what) {
    auto missing = out.initMissing();
    missing.setCount(what.count);
    missing.setBytes(what.bytes);
  }
  void operator()(const job_events::progressed& what) { encode(what.now, out.initProgress()); }
  void operator()(const job_events::action_failed& what) { encode(what.what, out.initFailure()); }
};

/// Ascending numbers, and the last of them.
template <class Item>
result<std::uint64_t> last_number(const std::vector<Item>& items) {
  std::uint64_t last = 0;
  for (const auto& one : items) {
    if (one.number <= last) return fail(errc::corrupt, "numbers that do not ascend");
    last = one.number;
  }
  return last;
}

}  // namespace

void encode(const job_info& value, wire::Job::Builder out) {
  out.setId(value.id.value);
  out.setTenant(wire_text(value.tenant));
  out.setOwner(wire_text(value.owner));
  out.setLabel(wire_text(value.label));
  out.setPriority(static_cast<wire::Priority>(value.priority));
  out.setIsAction(value.is_action);
  out.setState(static_cast<wire::State>(value.state));
  out.setAcceptedUnixNs(value.accepted_unix_ns);
  out.setDeadlineUnixNs(value.deadline_unix_ns);
  out.setEndedUnixNs(value.ended_unix_ns);
  out.setMissing(value.missing);
  out.setMissingBytes(value.missing_bytes);
  encode(value.progress, out.initProgress());
  if (value.outcome) encode(*value.outcome, out.initEnd());
}

result<job_info> decode(wire::Job::Reader in) {
  job_info out;
  out.id.value = in.getId();
  GRAPHITE_TRY(out.tenant, read_text(in.getTenant(), limit::label_bytes_max));
  GRAPHITE_TRY(out.owner, read_text(in.getOwner(), limit::label_bytes_max));
  GRAPHITE_TRY(out.label, read_text(in.getLabel(), limit::label_bytes_max));
  GRAPHITE_TRY(out.priority,
               read_enum(static_cast<std::uint16_t>(in.getPriority()), job_priority::background));
  out.is_action = in.getIsAction();
  GRAPHITE_TRY(out.state, read_state(in.getState()));
  out.accepted_unix_ns = in.getAcceptedUnixNs();
  out.deadline_unix_ns = in.getDeadlineUnixNs();
  out.ended_unix_ns = in.getEndedUnixNs();
  out.missing = in.getMissing();
  out.missing_bytes = in.getMissingBytes();
  out.progress = read_progress(in.getProgress());
  if (in.hasEnd()) {
    GRAPHITE_TRY(out.outcome, read_outcome(in.getEnd()));
  }
  return out;
}

void encode(const job_accepted& value, wire::Accepted::Builder out) {
  encode(value.job, out.initJob());
  out.setKnown(value.known);
}

result<job_accepted> decode(wire::Accepted::Reader in) {
  job_accepted out;
  GRAPHITE_TRY(out.job, decode(in.getJob()));
  out.known = in.getKnown();
  return out;
}

void encode(const missing_answer& value, wire::Missing::Builder out) {
  auto places = out.initPlaces(count_of(value.missing.size()));
  for (std::size_t i = 0; i < value.missing.size(); ++i) places.set(count_of(i), value.missing[i]);
  auto stores = out.initStores(count_of(value.stores.size()));
  for (std::size_t i = 0; i < value.stores.size(); ++i) encode(value.stores[i], stores[count_of(i)]);
  out.setCopies(value.copies);
  out.setTicket(wire_data(value.ticket));
  out.setUntilUnixNs(value.until_unix_ns);
}

result<missing_answer> decode(wire::Missing::Reader in, std::size_t asked) {
  missing_answer out;
  for (const auto place : in.getPlaces()) {
    if (place >= asked || (!out.missing.empty() && place <= out.missing.back()))
      return fail(errc::corrupt, "places that the question does not have");
    out.missing.push_back(place);
  }
  GRAPHITE_TRY(out.stores, read_list<store_place>(in.getStores(), limit::stores_max, read_store));
  out.copies = in.getCopies();
  const auto ticket = in.getTicket();
  if (ticket.size() > ticket_bytes_max) return fail(errc::too_large, "a ticket of too many bytes");
  out.ticket.resize(ticket.size());
  read_exactly_into(ticket, out.ticket);
  out.until_unix_ns = in.getUntilUnixNs();
  return out;
}

void encode(const std::vector<job_info>& value, wire::Listing::Builder out) {
  write_each(value, out.initJobs(count_of(value.size())));
}

result<std::vector<job_info>> decode(wire::Listing::Reader in) {
  return read_list<job_info>(in.getJobs(), limit::listed_max, [](auto one) { return decode(one); });
}

void encode(const job_event& value, wire::Event::Builder out) {
  out.setNumber(value.number);
  out.setUnixNs(value.unix_ns);
  std::visit(event_writer{out}, value.what);
}

result<job_event> decode(wire::Event::Reader in) {
  job_event out;
  out.number = in.getNumber();
  out.unix_ns = in.getUnixNs();
  switch (in.which()) {
    case wire::Event::STATE: {
      job_events::state_changed what;
      GRAPHITE_TRY(what.now, read_state(in.getState().getNow()));
      GRAPHITE_TRY(what.message, read_text(in.getState().getMessage(), limit::said_bytes_max));
      out.what = std::move(what);
      return out;
    }
    case wire::Event::MISSING:
      out.what = job_events::blobs_missing{in.getMissing().getCount(), in.getMissing().getBytes()};
      return out;
    case wire::Event::PROGRESS:
      out.what = job_events::progressed{read_progress(in.getProgress())};
      return out;
    case wire::Event::FAILURE: {
      GRAPHITE_TRY(auto what, read_failure(in.getFailure()));
      out.what = job_events::action_failed{std::move(what)};
      return out;
    }
  }
  return fail(errc::corrupt, "an event that this program does not know");
}

void encode(const job_event_batch& value, wire::EventBatch::Builder out) {
  write_each(value.items, out.initEvents(count_of(value.items.size())));
  out.setLeftOut(value.left_out);
  if (value.summary) encode(*value.summary, out.initSummary());
}

result<job_event_batch> decode(wire::EventBatch::Reader in) {
  job_event_batch out;
  GRAPHITE_TRY(out.items,
               read_list<job_event>(in.getEvents(), limit::events_max, [](auto one) { return decode(one); }));
  out.left_out = in.getLeftOut();
  if (in.hasSummary()) {
    GRAPHITE_TRY(out.summary, decode(in.getSummary()));
  }
  GRAPHITE_TRY(out.last, last_number(out.items));
  return out;
}

void encode(const job_log_batch& value, wire::LogBatch::Builder out) {
  auto pieces = out.initPieces(count_of(value.items.size()));
  for (std::size_t i = 0; i < value.items.size(); ++i) encode(value.items[i], pieces[count_of(i)]);
  out.setLeftOut(value.left_out);
}

result<job_log_batch> decode(wire::LogBatch::Reader in) {
  job_log_batch out;
  GRAPHITE_TRY(out.items, read_list<job_log_piece>(in.getPieces(), limit::events_max, read_piece));
  out.left_out = in.getLeftOut();
  GRAPHITE_TRY(out.last, last_number(out.items));
  return out;
}

void encode(const curve_key& value, capnp::Data::Builder out) {
  std::transform(value.bytes.begin(), value.bytes.end(), out.begin(),
                 [](std::byte one) { return static_cast<kj::byte>(one); });
}

result<curve_key> decode_curve_key(capnp::Data::Reader in) {
  curve_key out;
  if (!read_exactly_into(in, out.bytes)) return fail(errc::invalid_argument, "a CURVE key has 32 bytes");
  return out;
}

std::uint64_t wire_bytes(const job_event& value) {
  constexpr std::uint64_t frame = 160;
  if (const auto* state = std::get_if<job_events::state_changed>(&value.what))
    return frame + state->message.size();
  if (const auto* failed = std::get_if<job_events::action_failed>(&value.what))
    return frame + failed->what.path.size() + failed->what.message.size();
  return frame;
}

std::uint64_t wire_bytes(const job_log_piece& value) { return 64 + value.path.size() + value.text.size(); }

}  // namespace graphite::jobs_codec
