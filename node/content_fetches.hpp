#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/messages/stores.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/hasher.hpp"
#include "core/store_choice.hpp"
#include "core/units.hpp"

namespace graphite {

/// Contents that a node fetches from the stores of its cluster.
///
/// A content is asked of the first store of its order that can be asked; one that does not have it, sends
/// other bytes or is silent is followed by the next one, and what was verified by then is not asked for
/// again. One that sent other bytes is told so. Small contents are asked for together. Every byte is verified
/// before it reaches `local`, which alone is touched here. Pure but for that; one thread.
class content_fetches {
 public:
  struct options {
    std::size_t window_bytes = 4 * MiB;    ///< of one content: asked for and not yet in its place
    duration give_up_after = seconds(60);  ///< with nobody to ask, or none that gets on with anything
  };
  /// What a request was about; who sends it keeps this until the answer.
  struct probe {
    std::vector<digest> contents;
  };
  struct list {
    digest content;
  };
  struct run {
    digest content;
    std::uint32_t first = 0, count = 0;
  };
  /// What a store sent wrong, so that it looks at its own.
  struct doubt {
    std::vector<digest> contents;
  };
  using about = std::variant<probe, list, run, doubt>;
  struct ask {
    stores::request what;
    about of;
    std::size_t bytes = 0;  ///< that may come
  };
  struct ended {
    digest content;
    result<void> how;
  };

  /// `local` and `hash` outlive it.
  content_fetches(chunk_store& local, const hasher& hash, options chosen)
      : local_(local), hash_(hash), options_(chosen) {}

  /// Nothing happens where it is being fetched already; it has ended where it is here.
  void want(const digest& content, time_point now);
  /// Whom to ask from now on; `can` be asked now.
  void place(const store_choice& all, const std::set<std::string>& can);
  /// The next request to `store`; nothing: none. Its answer, or that none will come, is told below.
  std::optional<ask> next(const std::string& store);
  /// False: the store is not to be trusted with this, and something else was asked for.
  bool answered(const std::string& store, const about& of, stores::reply reply);
  void unanswered(const about& of);

  /// Ends what has waited in vain for too long: to be called now and then.
  void give_up(time_point now);
  std::vector<ended> take_ended() { return std::exchange(ended_, {}); }
  std::size_t size() const { return open_.size(); }

 private:
  struct part {
    std::uint32_t count = 0;
    byte_vector bytes;
  };
  struct fetch {
    std::string at;                ///< the store that is asked; empty: none can be
    std::set<std::string> passed;  ///< stores that do not have it, or have something else
    bool saw_wrong = false;
    bool asked = false;  ///< a probe or the list is under way
    time_point waits_since;
    // From here on for one of several chunks, once the first has come.
    bool large = false;
    std::optional<chunk_list> chunks;
    std::unique_ptr<content_writer> writer;
    std::uint32_t appended = 0, next = 0;          ///< chunks
    std::uint64_t under_way_bytes = 0;             ///< asked for or waiting for its turn
    std::map<std::uint32_t, std::uint32_t> again;  ///< runs to be asked for once more: first, count
    std::map<std::uint32_t, part> early;           ///< that came before their turn
  };

  void place_one(const digest& content, fetch& of);
  void end(const digest& content, result<void> how);
  void pass(const digest& content, const std::string& store, bool wrong);
  std::optional<ask> next_doubt(const std::string& store);
  std::optional<ask> next_probe(std::deque<digest>& lane, const std::string& store);
  std::optional<ask> next_of_large(const digest& content, fetch& of);
  std::optional<run> next_run(const digest& content, fetch& of) const;
  bool took(const std::string& store, const about& of, stores::reply& reply);
  bool took_probe(const std::string& store, const probe& of, stores::reply& reply);
  bool took_first(const digest& content, byte_span bytes, const digest& hash, std::uint32_t chunks);
  bool took_list(const digest& content, const stores::reply& reply);
  bool took_run(const run& of, stores::reply& reply);
  std::uint64_t bytes_of(const fetch& of, std::uint32_t first, std::uint32_t count) const;
  result<void> append_ready(const digest& content, fetch& of);

  chunk_store& local_;
  const hasher& hash_;
  const options options_;
  store_choice all_;
  std::set<std::string> can_;
  std::map<digest, fetch> open_;
  std::map<std::string, std::deque<digest>> probes_, large_;  ///< by store; entries may be out of date
  std::map<std::string, std::set<digest>> doubts_;            ///< by store: to be told
  std::set<std::string> moved_;  ///< stores that have got on with something since give_up()
  std::vector<ended> ended_;
};

}  // namespace graphite
