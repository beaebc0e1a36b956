#include "runtime/enrolling_link.hpp"

#include "schemas/codec/chunk_messages.hpp"

namespace graphite {

namespace {

constexpr std::uint64_t own_ids = std::uint64_t{1} << 63;

/// `told` with the host of `asked` where it has none.
std::string at_host_of(const std::string& asked, const std::string& told) {
  if (!told.starts_with(':')) return told;
  return asked.substr(0, asked.rfind(':')) + told;
}

}  // namespace

enrolling_link::enrolling_link(std::unique_ptr<runtime_link> link, options chosen, const clock_source& clock,
                               log_sink& log)
    : link_(std::move(link)),
      options_(std::move(chosen)),
      clock_(clock),
      log_(log),
      core_(options_.retrying),
      tickets_(options_.tickets),
      chunks_(options_.chunks) {}

void enrolling_link::show(std::vector<byte_vector> tickets) {
  tickets_ = ticket_round(std::move(tickets));
  obey(core_.on_tickets(clock_.now()));
}

result<void> enrolling_link::connect_heads(const std::string& address) {
  heads_ = address;
  GRAPHITE_CHECK(link_->connect_chunks(chunks_));
  chunks_unused_ = true;
  core_.on_connecting(clock_.now());
  return {};
}

result<void> enrolling_link::connect_chunks(const std::string& address) {
  if (chunks_unused_ && address == chunks_) {
    chunks_unused_ = false;
    return {};
  }
  GRAPHITE_CHECK(link_->connect_chunks(address));
  chunks_ = address;
  chunks_unused_ = false;
  held_.clear();
  core_.on_connecting(clock_.now());
  return {};
}

result<void> enrolling_link::request(std::uint64_t id, byte_span message) {
  chunks_unused_ = false;
  if (core_.granted()) return link_->request(id, message);
  if (held_.size() >= options_.held_max) return fail(errc::busy, "too many requests wait for a grant");
  held_.emplace_back(id, byte_vector(message.begin(), message.end()));
  return {};
}

result<void> enrolling_link::poll(duration timeout, link_listener& listener) {
  const auto until_tick = core_.next_deadline() - clock_.now();
  user_ = &listener;
  auto polled = link_->poll(std::max(duration::zero(), std::min<duration>(timeout, until_tick)), *this);
  obey(core_.on_tick(clock_.now(), clock_.unix_ns()));
  user_ = nullptr;
  if (failed_) return tl::unexpected(*std::exchange(failed_, std::nullopt));
  return polled;
}

void enrolling_link::on_reply(std::uint64_t id, std::vector<byte_vector> frames) {
  if ((id & own_ids) != 0) {
    if (id == asked_) take_welcome(std::move(frames));
    return;
  }
  notice_refusal(frames);
  user_->on_reply(id, std::move(frames));
}

void enrolling_link::take_welcome(std::vector<byte_vector> frames) {
  auto decoded = decode_chunk_reply(std::move(frames));
  std::optional<chunk_reply_header> answer;
  if (decoded) answer = std::move(decoded->header);
  const auto* welcome = answer ? std::get_if<welcome_reply>(&*answer) : nullptr;
  if (welcome != nullptr && !welcome->heads.empty()) heads_ = at_host_of(chunks_, welcome->heads);
  obey(core_.on_answer(answer, clock_.now(), clock_.unix_ns()));
  if (core_.granted()) send_held();
}

/// A refusal has one frame; so have few other answers, which are small.
void enrolling_link::notice_refusal(const std::vector<byte_vector>& frames) {
  if (frames.size() != 1) return;
  const auto decoded = decode_chunk_reply(frames);
  const auto* no = decoded ? std::get_if<refusal>(&decoded->header) : nullptr;
  if (no != nullptr && no->code == errc::permission_denied)
    obey(core_.on_refused_request(no->message, clock_.now()));
}

void enrolling_link::on_event(const link_event& event) {
  obey(core_.on_event(event, clock_.now()));
  user_->on_event(event);
}

void enrolling_link::obey(const enrolment::wishes& wishes) {
  for (const auto& note : wishes.notes) log_.write(note.level, note.text);
  if (wishes.other_tickets) tickets_.next();
  if (wishes.open_chunks) check(link_->connect_chunks(chunks_));
  // What cannot be sent now is not answered, and asked again then.
  if (wishes.ask) {
    asked_ = (asked_ + 1) | own_ids;
    (void)link_->request(asked_, encode(welcome_request{options_.who, tickets_.shown()}));
  }
  if (wishes.open_heads) check(link_->connect_heads(heads_));
}

/// What cannot be sent is asked again by whoever waits for its answer.
void enrolling_link::send_held() {
  for (const auto& [id, message] : held_) (void)link_->request(id, message);
  held_.clear();
}

void enrolling_link::check(const result<void>& outcome) {
  if (!outcome) failed_ = outcome.error();
}

}  // namespace graphite
