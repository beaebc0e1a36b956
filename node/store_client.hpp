#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "node/content_fetches.hpp"
#include "node/content_questions.hpp"
#include "node/content_uploads.hpp"

namespace graphite {

/// A node's side of the ports of all stores: which request goes to which store next.
///
/// Told what is wanted, which stores there are and which of them answer; says what to send. Each store has a
/// window of requests and bytes; one that is silent for too long, or refuses, is left alone for a while that
/// doubles, and others of the order are asked. Events in, commands out; time is an argument. Touches `local`,
/// where contents come from and go to. One thread.
class store_client {
 public:
  struct options {
    std::size_t requests_max = 8;         ///< under way at one store
    std::size_t bytes_max = 4 * MiB;      ///< of them, sent or to come; one more request begins below it
    duration silent_after = seconds(10);  ///< without an answer
    duration pause = milliseconds(100), pause_max = seconds(5);
    content_fetches::options fetching = {};
    content_uploads::options bringing = {};
    content_questions::options asking = {};
  };
  /// To be sent to a store.
  struct command {
    std::string store;
    std::uint64_t request = 0;
    stores::request what;
    std::vector<byte_vector> frames;
  };
  /// A content has come, or is in all its stores, or was asked for; or why not.
  struct ended {
    enum class what { fetched, brought, asked } kind = what::fetched;
    digest content;
    result<void> how;
    content_presence found = {};  ///< of one that was asked for
  };

  /// `local` and `hash` outlive it.
  store_client(chunk_store& local, const hasher& hash, incarnation_id self, options chosen)
      : options_(chosen),
        fetches_(local, hash, chosen.fetching),
        uploads_(local, hash, self, chosen.bringing),
        questions_(chosen.asking) {}

  void fetch(const digest& content, time_point now) { fetches_.want(content, now); }
  /// `copies`: other than set_stores() says; zero: as it says.
  void bring(const content_ref& content, time_point now, std::size_t copies = 0) {
    uploads_.want(content, now, copies);
  }
  /// Whether the stores have it: content_questions::want().
  void ask(const digest& content, bool thorough, time_point now) { questions_.want(content, thorough, now); }

  /// The stores that count from now on, and how many copies each content has to have.
  void set_stores(std::vector<std::string> names, std::size_t copies, time_point now);
  /// A store can be asked, or what was asked will not be answered.
  void reached(const std::string& store);
  void lost(const std::string& store);
  /// An answer; `reply` is an error where it could not be read. What nobody waits for is left aside.
  void answered(const std::string& store, std::uint64_t request, result<stores::reply> reply, time_point now);

  /// What is to be sent now. O(answer) but for what waits for a store.
  std::vector<command> step(time_point now);
  std::vector<ended> take_ended();
  /// When step() has to be called again at the latest, if nothing happens.
  std::optional<time_point> next_step(time_point now) const;
  content_uploads::tally delivered() const { return uploads_.delivered(); }
  bool idle() const { return fetches_.size() == 0 && uploads_.size() == 0 && questions_.size() == 0; }

 private:
  using about = std::variant<content_fetches::about, content_uploads::about, content_questions::inquiry>;
  struct under_way {
    about of;
    std::size_t bytes = 0;
    time_point until{};
  };
  struct peer {
    bool reached = false;
    std::map<std::uint64_t, under_way> asked;
    std::size_t bytes = 0;
    time_point not_before{};
    duration pause{};
  };

  bool may_ask(const peer& of, time_point now) const { return of.reached && now >= of.not_before; }
  void unanswered(const std::string& store, const about& of);
  bool took(const std::string& store, const about& of, stores::reply&& reply);
  void drop(const std::string& store, peer& of, std::uint64_t request);
  void drop_all(const std::string& store, peer& of);
  void rest(peer& of, time_point now);
  void drop_silent(time_point now);
  void place(time_point now);
  bool ask_next(const std::string& store, peer& of, time_point now, std::vector<command>& out);

  const options options_;
  content_fetches fetches_;
  content_uploads uploads_;
  content_questions questions_;
  std::map<std::string, peer> peers_;
  store_choice choice_;
  std::size_t copies_ = 1;
  std::set<std::string> can_;  ///< as the fetches were told
  bool placed_ = false;
  time_point looked_{};
  std::uint64_t last_request_ = 0;
};

}  // namespace graphite
