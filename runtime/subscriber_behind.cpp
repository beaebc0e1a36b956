#include <algorithm>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/head_codec.hpp"
#include "runtime/subscriber.hpp"

// What a head says is behind or failed. It never holds back a swap: the list follows when it is here.

namespace graphite {

/// Nothing where it is still to be fetched.
std::optional<behind_list> subscriber::known_behind(const head& of) const {
  if (of.behind.is_zero()) return behind_list{};
  if (of.behind == behind_object_) return behind_;
  return std::nullopt;
}

/// The active generation's first, then the one under way; zero: none.
digest subscriber::behind_wanted() const {
  if (behind_to_tell_ && active_) return active_->behind;
  if (!target_ || known_behind(target_->now)) return {};
  const bool in_vain = target_->now.behind == behind_missed_ && behind_tries_ >= options_.behind_tries_max;
  return in_vain ? digest{} : target_->now.behind;
}

void subscriber::ask_behind(instant at) {
  const digest object = behind_wanted();
  const bool asked = std::any_of(under_way_.begin(), under_way_.end(), [](const auto& entry) {
    return std::holds_alternative<behind_ask>(entry.second.what);
  });
  if (object.is_zero() || asked) return;
  if (object != behind_missed_) behind_tries_ = 0;
  behind_missed_ = object;
  if (++behind_tries_ > options_.behind_tries_max) return tell_behind(std::nullopt);
  send(behind_request{object}, behind_ask{object}, at);
}

void subscriber::take(const behind_ask& asked, const std::optional<chunk_reply>& reply) {
  const bool answered =
      reply && std::holds_alternative<behind_reply>(reply->header) && !reply->frames.empty();
  if (!answered) return note(log_level::warning, "what is behind is not served");
  const byte_span bytes = reply->frames.front();
  if (bytes.size() > behind_bytes_max || content_of(chunk_bytes(bytes, hash_), hash_).id != asked.object)
    return note(log_level::warning, "the list of what is behind fails its digest");
  auto list = decode_behind(bytes);
  if (!list) return note(log_level::warning, "the list of what is behind: " + list.error().context);
  behind_object_ = asked.object;
  behind_ = std::move(*list);
  if (active_ && active_->behind == asked.object) tell_behind(behind_);
}

void subscriber::tell_behind(std::optional<behind_list> told) {
  if (!std::exchange(behind_to_tell_, false)) return;
  out_.push_back(behind_told{std::move(told)});
}

}  // namespace graphite
