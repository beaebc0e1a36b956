#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "core/ids.hpp"
#include "core/ports/clock.hpp"
#include "runtime/enrolment.hpp"
#include "runtime/tickets.hpp"

namespace graphite {

/// A link to ports with keys, for those who know nothing of keys: it enrols by itself.
///
/// connect_heads() begins with the chunk port; the heads port is where the welcome says. Requests that come
/// before a grant wait for it, `held_max` of them. What the user of the link gets and may do is as
/// runtime_link says; request ids with the highest bit are the link's own.
class enrolling_link final : public runtime_link, private link_listener {
 public:
  struct options {
    std::string chunks;  ///< HOST:PORT where it enrols
    /// encode_ticket; for the public half of the link's own key. See ticket_round.
    std::vector<byte_vector> tickets;
    incarnation_id who;
    std::size_t held_max = 64;
    enrolment::options retrying;
  };
  /// `link` has keys. `clock` and `log` outlive it.
  enrolling_link(std::unique_ptr<runtime_link> link, options chosen, const clock_source& clock,
                 log_sink& log);

  /// Shows these from now on, and at once where it is connected.
  void show(std::vector<byte_vector> tickets);

  /// `address` is where heads are if the welcome does not say it.
  result<void> connect_heads(const std::string& address) override;
  result<void> follow(std::string_view channel) override { return link_->follow(channel); }
  result<void> connect_chunks(const std::string& address) override;
  result<void> request(std::uint64_t id, byte_span message) override;
  result<void> poll(duration timeout, link_listener& listener) override;
  void wake() noexcept override { link_->wake(); }

 private:
  void on_announcement(byte_span message) override { user_->on_announcement(message); }
  void on_heartbeat(byte_span message) override { user_->on_heartbeat(message); }
  void on_reply(std::uint64_t id, std::vector<byte_vector> frames) override;
  void on_event(const link_event& event) override;

  void take_welcome(std::vector<byte_vector> frames);
  void notice_refusal(const std::vector<byte_vector>& frames);
  void obey(const enrolment::wishes& wishes);
  void send_held();
  void check(const result<void>& outcome);

  const std::unique_ptr<runtime_link> link_;
  const options options_;
  const clock_source& clock_;
  log_sink& log_;
  enrolment core_;
  ticket_round tickets_;
  link_listener* user_ = nullptr;  ///< while polled
  std::string chunks_, heads_;
  bool chunks_unused_ = false;  ///< since it was connected for the tickets
  std::uint64_t asked_ = 0;     ///< id of the latest welcome request
  std::deque<std::pair<std::uint64_t, byte_vector>> held_;
  std::optional<error> failed_;
};

}  // namespace graphite
