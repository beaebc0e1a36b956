#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/messages/stores.hpp"
#include "core/store_choice.hpp"
#include "core/units.hpp"

namespace graphite {

/// Where a content lies, as far as stores were asked.
struct content_presence {
  std::size_t copies = 0;  ///< of the first R of its order that have it durably
  bool anywhere = false;   ///< these, or one behind them: it can be fetched
  bool operator==(const content_presence&) const = default;
};

/// Which contents the stores of a cluster have.
///
/// The first R stores of a content's order are asked, many contents in a message; where none of them has it,
/// those behind them that may have it still. Pure: time is an argument; one thread. Each content that is
/// wanted ends once, with an answer or as `unavailable`.
class content_questions {
 public:
  struct options {
    std::size_t further_max = 3;  ///< stores that are asked behind the first R
    duration give_up_after = seconds(15);
  };
  /// What a request was about; who sends it keeps this until the answer.
  struct inquiry {
    std::vector<digest> contents;
  };
  struct ask {
    stores::request what;
    inquiry of;
  };
  struct ended {
    digest content;
    result<content_presence> how;
  };

  explicit content_questions(options chosen) : options_(chosen) {}

  /// `thorough`: all of the first R are asked; else one that has it is enough.
  void want(const digest& content, bool thorough, time_point now);
  /// The stores that count from now on, and R.
  void place(const store_choice& all, std::size_t copies);
  /// The next request to `store`; nothing: none. Its answer, or that none will come, is told below.
  std::optional<ask> next(const std::string& store);
  /// False: it was no answer to that.
  bool answered(const std::string& store, const inquiry& of, const stores::reply& reply);
  void unanswered(const std::string& store, const inquiry& of);

  /// Ends what has waited in vain for too long: to be called now and then.
  void give_up(time_point now);
  std::vector<ended> take_ended() { return std::exchange(ended_, {}); }
  std::size_t size() const { return open_.size(); }

 private:
  enum class answer : std::uint8_t { none, asked, yes, no };
  struct question {
    time_point since{};
    bool thorough = false;
    std::map<std::string, answer> by;
  };
  /// What some stores of an order have said.
  struct tally {
    std::size_t yes = 0, open = 0;
  };

  void look_at(const digest& content);
  tally ask_some(const digest& content, question& of, std::span<const std::string> stores);
  void note(const std::string& store, const digest& content, answer what);
  void end(const digest& content, result<content_presence> how);

  const options options_;
  store_choice all_;
  std::size_t copies_ = 1;
  std::map<digest, question> open_;
  std::map<std::string, std::deque<digest>> lanes_;  ///< by store; entries may be out of date
  std::vector<ended> ended_;
};

}  // namespace graphite
