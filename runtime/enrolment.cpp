#include "runtime/enrolment.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace graphite {

namespace {

std::string day_of(std::int64_t unix_ns) {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(static_cast<std::time_t>(unix_ns / 1'000'000'000)));
}

}  // namespace

void enrolment::on_connecting(time_point now) {
  renewing_ = false;
  state_ = state::connecting;
  chunks_connected_ = false;
  deadline_ = now + options_.answer_timeout;
}

enrolment::wishes enrolment::ask(time_point now) {
  renewing_ = false;
  state_ = state::asking;
  deadline_ = now + options_.answer_timeout;
  wishes out;
  out.ask = true;
  return out;
}

duration enrolment::next_delay() {
  const auto grown = options_.retry_delay * (1u << std::min(failures_, 16u));
  ++failures_;
  return std::min<duration>(grown, options_.retry_delay_max);
}

void enrolment::wait(time_point now) {
  renewing_ = false;
  state_ = state::waiting;
  deadline_ = now + next_delay();
}

enrolment::wishes enrolment::on_event(const link_event& event, time_point now) {
  if (event.port == served_port::heads) return on_heads(event.happened, now);
  if (event.happened == link_event::what::connected) {
    chunks_connected_ = true;
    return ask(now);
  }
  wishes out;
  chunks_connected_ = false;
  wait(now);
  say(out, log_level::warning,
      "the chunk port did not prove the server's key: is the key of another server given, or has it no "
      "keys?");
  return out;
}

enrolment::wishes enrolment::on_heads(link_event::what happened, time_point now) {
  wishes out;
  heads_connected_ = happened == link_event::what::connected;
  if (heads_connected_) {
    failures_ = 0;
    open_heads_at_ = time_point::max();
    return out;
  }
  const bool refused = happened == link_event::what::refused;
  say(out, log_level::warning,
      refused ? "the heads port refused this client's key, which has no grant (any more): enrolling again"
              : "the heads port did not prove the server's key; trying again");
  if (refused && granted())
    wait(now);
  else if (!refused)
    open_heads_at_ = now + next_delay();
  return out;
}

enrolment::wishes enrolment::on_answer(const std::optional<chunk_reply_header>& answer, time_point now,
                                       std::int64_t unix_ns) {
  wishes out;
  if (state_ != state::asking && !renewing_) return out;  // too late
  const auto* welcome = answer ? std::get_if<welcome_reply>(&*answer) : nullptr;
  if (welcome == nullptr) {
    const auto* no = answer ? std::get_if<refusal>(&*answer) : nullptr;
    const auto why = no ? no->message : std::string("an answer that cannot be read");
    out.other_tickets = no != nullptr && no->code == errc::permission_denied;
    if (!std::exchange(renewing_, false)) {
      wait(now);
      say(out, log_level::warning, fmt::format("not enrolled: {}; trying again", why));
    } else {
      say(out, log_level::warning,
          fmt::format("the new tickets are not taken: {}; those before count on", why));
    }
    return out;
  }
  renewing_ = false;
  state_ = state::granted;
  deadline_ = time_point::max();
  if (welcome->grants != grants_) expiry_said_ = false;
  grants_ = welcome->grants;
  for (const auto& grant : grants_)
    say(out, log_level::info,
        fmt::format("enrolled for channel {} until {}", grant.channel, day_of(grant.until_unix_ns)));
  if (!welcome->refused.empty()) say(out, log_level::warning, "a ticket was refused: " + welcome->refused);
  out.open_heads = !heads_connected_;
  say_expiry(out, unix_ns);
  return out;
}

enrolment::wishes enrolment::on_tickets(time_point now) {
  wishes out;
  if (!chunks_connected_) return out;
  if (!granted()) return ask(now);
  renewing_ = out.ask = true;
  return out;
}

enrolment::wishes enrolment::on_refused_request(const std::string& why, time_point now) {
  wishes out;
  if (!granted()) return out;
  wait(now);
  out.other_tickets = true;
  say(out, log_level::warning, fmt::format("refused: {}; enrolling again", why));
  return out;
}

enrolment::wishes enrolment::on_tick(time_point now, std::int64_t unix_ns) {
  wishes out;
  if (deadline_ <= now) {
    const bool anew = state_ != state::waiting || !chunks_connected_;
    if (anew) {
      if (state_ == state::asking) say(out, log_level::warning, "no answer to the tickets; connecting anew");
      on_connecting(now);
      out.open_chunks = true;
    } else {
      out = ask(now);
    }
  }
  if (granted() && open_heads_at_ <= now) {
    open_heads_at_ = time_point::max();
    out.open_heads = true;
  }
  if (granted()) say_expiry(out, unix_ns);
  return out;
}

time_point enrolment::next_deadline() const {
  return granted() ? std::min(deadline_, open_heads_at_) : deadline_;
}

void enrolment::say(wishes& to, log_level level, std::string text) {
  if (text == last_said_) return;  // what lasts is told once
  last_said_ = text;
  to.notes.push_back({level, std::move(text)});
}

void enrolment::say_expiry(wishes& to, std::int64_t unix_ns) {
  if (expiry_said_) return;
  for (const auto& grant : grants_) {
    if (grant.until_unix_ns - unix_ns > options_.expiring_within.count()) continue;
    expiry_said_ = true;
    say(to, log_level::warning,
        fmt::format("the ticket for channel {} ends on {}: make a new one with `graphite keys ticket`",
                    grant.channel, day_of(grant.until_unix_ns)));
  }
}

}  // namespace graphite
