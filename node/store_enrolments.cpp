#include "node/store_enrolments.hpp"

#include <algorithm>
#include <utility>

#include "core/store_pass.hpp"

namespace graphite {

using step_of = stores::enrol_request::what;

bool store_enrolments::connected(const std::string& store, const curve_key& key) {
  connection fresh;
  fresh.key = key;
  const bool own = key == shown_.own;
  if (own) fresh.at = state::done;
  open_.insert_or_assign(store, std::move(fresh));
  return own;
}

void store_enrolments::pause(connection& of, const hello_time& at) {
  of.pause = of.pause == duration::zero() ? options_.pause : std::min(of.pause * 2, options_.pause_max);
  of.not_before = at.now + of.pause;
  of.at = state::begins;
  of.dialler = nullptr;
}

void store_enrolments::refused(const std::string& store, const hello_time& at) {
  const auto found = open_.find(store);
  if (found != open_.end() && found->second.at == state::done) pause(found->second, at);
}

std::vector<store_enrolments::command> store_enrolments::step(const hello_time& at) {
  std::vector<command> out;
  for (auto& [store, of] : open_) {
    const bool waits = of.at == state::begun || (of.at == state::proving && of.answer.empty());
    if (waits && at.now >= of.until) pause(of, at);
    if (of.at == state::proving && !of.answer.empty()) {
      out.push_back({store, stores::enrol_request{step_of::prove, std::exchange(of.answer, {})}});
    } else if (of.at == state::begins && at.now >= of.not_before) {
      of.at = state::begun;
      of.until = at.now + options_.answer_within;
      if (shown_.self)
        of.dialler = std::make_unique<hello_dialler>(
            *shown_.self,
            hello_dialler::options{
                role::node, {}, options_.answer_within, store_port_binding(of.key, shown_.own)},
            verifier_, at.now);
      out.push_back({store, shown_.self ? stores::enrol_request{step_of::begin, {}}
                                        : stores::enrol_request{step_of::pass, shown_.pass}});
    }
  }
  return out;
}

result<bool> store_enrolments::answered(const std::string& store, const result<stores::reply>& reply,
                                        random_source& random, const role_trust& trust,
                                        const hello_time& at) {
  const auto found = open_.find(store);
  if (found == open_.end() || !waits_for(store)) return false;
  auto& of = found->second;
  const auto* no = reply ? std::get_if<refusal>(&reply->header) : nullptr;
  const auto* said = reply ? std::get_if<stores::enrol_reply>(&reply->header) : nullptr;
  auto out = !reply            ? tl::unexpected(reply.error())
             : no != nullptr   ? fail(no->code, no->message)
             : said == nullptr ? fail(errc::corrupt, "an answer to something else")
                               : go_on(of, said->shown, random, trust, at);
  if (!out) pause(of, at);
  return out;
}

result<bool> store_enrolments::go_on(connection& of, byte_span shown, random_source& random,
                                     const role_trust& trust, const hello_time& at) {
  if (of.dialler != nullptr && of.at == state::begun) {
    GRAPHITE_TRY(of.answer, of.dialler->answer(shown, random, trust, at));
    of.at = state::proving;
    return false;
  }
  if (of.dialler != nullptr) GRAPHITE_CHECK(of.dialler->finish(shown, trust, at));
  of.dialler = nullptr;
  of.at = state::done;
  of.pause = {};
  return true;
}

bool store_enrolments::waits_for(const std::string& store) const {
  const auto found = open_.find(store);
  return found != open_.end() && (found->second.at == state::begun || found->second.at == state::proving);
}

std::optional<time_point> store_enrolments::next_step() const {
  std::optional<time_point> out;
  for (const auto& [store, of] : open_) {
    if (of.at == state::done) continue;
    const auto at = of.at == state::begins ? of.not_before : of.until;
    out = out ? std::min(*out, at) : at;
  }
  return out;
}

}  // namespace graphite
