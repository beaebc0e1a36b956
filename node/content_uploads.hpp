#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/messages/stores.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/hasher.hpp"
#include "core/store_choice.hpp"
#include "core/units.hpp"

namespace graphite {

/// Contents that a node brings to the stores of its cluster: each to the first R of its order.
///
/// One has ended well when R stores have said that they have it durably. Small contents go many in one
/// message and unasked; for others a store is asked first whether it has them, and what was cut off goes on
/// where the store has it. Where a store has no room the next of the order takes its place; where fewer than
/// R are there a content waits, for `give_up_after` at most. Reads `local`; pure but for that; one thread.
class content_uploads {
 public:
  struct options {
    duration give_up_after = seconds(60);  ///< in which none of its stores has got on with anything
    unsigned stands_max = 8;   ///< answers in a row by which a store got no further: it is passed over
    bool asks_always = false;  ///< small contents are asked for, too: most are there already
  };
  /// What stores have taken that they lacked.
  struct tally {
    std::uint64_t contents = 0, bytes = 0;
  };
  struct sent_piece {
    digest content;
    std::uint64_t offset = 0, bytes = 0;
  };
  /// What a request was about; who sends it keeps this until the answer.
  struct inquiry {
    std::vector<digest> contents;
  };
  struct delivery {
    std::vector<sent_piece> pieces;
  };
  using about = std::variant<inquiry, delivery>;
  struct ask {
    stores::request what;
    std::vector<byte_vector> frames;
    about of;
    std::size_t bytes = 0;  ///< that are sent
  };
  struct ended {
    digest content;
    result<void> how;
  };

  /// `local` and `hash` outlive it; `local` keeps what is being brought.
  content_uploads(const chunk_store& local, const hasher& hash, incarnation_id self, options chosen)
      : local_(local), hash_(hash), self_(self), options_(chosen) {}

  /// Nothing happens where it is being brought already. `copies`: other than place() says; zero: as it says.
  void want(const content_ref& content, time_point now, std::size_t copies = 0);
  /// The stores that count from now on, and how many have to have each content.
  void place(const store_choice& all, std::size_t copies);
  /// The next request to `store`; nothing: none. Its answer, or that none will come, is told below.
  std::optional<ask> next(const std::string& store);
  /// False: the store is in trouble; it should be left alone for a while.
  bool answered(const std::string& store, const about& of, const stores::reply& reply);
  void unanswered(const std::string& store, const about& of);

  /// Ends what has waited in vain for too long: to be called now and then.
  void give_up(time_point now);
  std::vector<ended> take_ended() { return std::exchange(ended_, {}); }
  std::size_t size() const { return open_.size(); }
  tally delivered() const { return delivered_; }

 private:
  /// How far one store is with one content.
  struct target {
    bool durable = false;
    bool asked = false;    ///< whether it has it, and the answer is not here yet
    bool missing = false;  ///< it has said no, or there is no need to ask
    bool resumes = false;  ///< it may have a part: ask up to where before sending
    bool off = false;      ///< the store is elsewhere than was thought: send nothing until all is answered
    std::uint64_t sent = 0, have = 0;
    std::size_t under_way = 0;  ///< pieces
    unsigned stood = 0;
  };
  struct upload {
    content_ref content;
    time_point waits_since;
    std::size_t copies = 0;  ///< zero: copies_
    std::map<std::string, target> to;
    std::set<std::string> passed;  ///< stores that do not take it
  };
  struct lanes {
    std::deque<digest> ask, send;  ///< entries may be out of date
  };

  std::size_t copies_of(const upload& of) const { return of.copies == 0 ? copies_ : of.copies; }
  bool goes_unasked(const content_ref& content) const;
  void place_one(upload& of);
  void enqueue(const std::string& store, const upload& of, const target& to);
  target* find(const std::string& store, const digest& content);
  std::optional<ask> next_inquiry(const std::string& store, lanes& of);
  std::optional<ask> next_delivery(const std::string& store, lanes& of);
  bool add_piece(const std::string& store, const digest& content, ask& out, bool& more);
  bool took(const std::string& store, const about& of, const stores::reply& reply);
  bool took_inquiry(const std::string& store, const inquiry& of, const stores::have_reply& reply);
  bool took_outcome(const std::string& store, const sent_piece& of, const stores::put_outcome& outcome);
  bool took_progress(const std::string& store, upload& of, target& to, const sent_piece& piece,
                     std::uint64_t have);
  bool took_refusal(const std::string& store, upload& of, target& to, errc code);
  void again(const std::string& store, upload& of, target& to);
  void settle(const digest& content);
  void end(const digest& content, result<void> how);

  const chunk_store& local_;
  const hasher& hash_;
  const incarnation_id self_;
  const options options_;
  store_choice all_;
  std::size_t copies_ = 1;
  std::map<digest, upload> open_;
  std::map<std::string, lanes> lanes_;
  std::set<std::string> moved_;  ///< stores that have got on with something since give_up()
  std::vector<ended> ended_;
  tally delivered_;
};

}  // namespace graphite
