#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "core/messages/control.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/log.hpp"
#include "core/ports/random.hpp"
#include "core/ports/store_transport.hpp"
#include "node/store_client.hpp"
#include "node/store_enrolments.hpp"

namespace graphite {

/// A node's traffic with the stores: runs a store_client over a link in a thread of its own. Thread-safe.
///
/// Who wants a content waits here; what several want at once is moved once. Ends with stop(), which ends all
/// waiting with `cancelled`, or its destructor.
class store_traffic final : private store_link_listener {
 public:
  struct ports {
    std::unique_ptr<store_link> link;
    chunk_store& local;  ///< that and what follows outlives it
    const hasher& hash;
    const clock_source& clock;
    log_sink& log;
  };
  /// With keys: how it enrols at the stores. Pointers outlive the object.
  struct enrolling {
    store_enrolments::credential shown;
    const signature_verifier* verifier = nullptr;
    random_source* random = nullptr;
    std::function<role_trust()> trust;  ///< what counts now; called by the thread
    store_enrolments::options how = {};
  };
  store_traffic(ports with, incarnation_id self, store_client::options chosen = {},
                std::optional<enrolling> keys = std::nullopt);
  ~store_traffic() override;

  /// Ends all waiting with `cancelled`, now and from now on. By whoever owns it.
  void stop();
  /// The stores from now on, and how many of them have to have each content.
  void set_stores(std::vector<store_endpoint> stores, std::size_t copies);
  /// As the coordinator says. A store is called by its key, which it keeps wherever it is, or by its address
  /// where there are no keys.
  void set_stores(const control::settings& said);
  /// Waits until the contents are in `local`. Errors: not_found (no store has one), corrupt (none has its
  /// right bytes), unavailable (nobody can be asked), cancelled, those of `local`; the first of them.
  result<void> fetch(std::span<const digest> contents) { return fetch_all(contents).how; }
  struct fetched {
    result<void> how;
    std::vector<digest> lost;  ///< of which every store has said that it lacks the right bytes
  };
  fetched fetch_all(std::span<const digest> contents);
  /// Waits until each of the contents is durable in as many stores as it has to be, or in `copies` where that
  /// is not zero. Errors: unavailable (too few stores, for long), corrupt (`local` has other bytes),
  /// out_of_space …, cancelled; not_found (`local` has it no more).
  result<void> bring(std::span<const content_ref> contents, std::size_t copies = 0);
  /// Waits until it is known which stores have the contents; one answer for each. `thorough`: all that have
  /// to have it are asked, else until one has it. Errors: unavailable (nobody can be asked, for long),
  /// cancelled.
  result<std::vector<content_presence>> ask(std::span<const digest> contents, bool thorough);
  /// What stores have taken that they lacked, since the start.
  content_uploads::tally delivered() const { return {delivered_contents_.load(), delivered_bytes_.load()}; }

 private:
  /// Somebody who waits.
  struct waiting {
    std::size_t left = 0;
    result<void> how;
    std::vector<content_presence> found = {};  ///< of a question, by its places
    std::vector<digest> lost;
  };
  using waiters = std::multimap<digest, std::shared_ptr<waiting>>;
  struct asker {
    std::shared_ptr<waiting> whom;
    std::size_t place = 0;  ///< of the content in its question
  };
  struct inbox {
    std::vector<digest> fetch;
    std::vector<std::pair<digest, bool>> ask;
    std::vector<std::pair<content_ref, std::size_t>> bring;  ///< with copies
    bool has_stores = false;
    std::vector<store_endpoint> stores;
    std::size_t copies = 1;
  };

  void on_reply(const std::string& store, std::uint64_t request, std::vector<byte_vector> frames) override;
  void on_connected(const std::string& store) override;
  void on_lost(const std::string& store) override;
  void run();
  void take_inbox();
  void take_stores(std::vector<store_endpoint> stores, std::size_t copies);
  hello_time time() const { return {with_.clock.now(), with_.clock.unix_ns()}; }
  void enrol();
  void took_enrolment(const std::string& store, const result<stores::reply>& reply);
  duration poll_timeout() const;
  bool send_all();
  void tell_ended();
  static void tell(waiting& whom, const store_client::ended& what);
  void wait_for_stores();
  void wait(std::unique_lock<std::mutex>& lock, const std::shared_ptr<waiting>& until);
  void end_all_locked();

  const ports with_;
  const std::optional<enrolling> keys_;
  store_client client_;                         ///< this and what follows: of the thread
  std::optional<store_enrolments> enrolments_;  ///< with keys
  std::map<std::string, store_endpoint> stores_;
  std::map<std::string, std::uint64_t> enrolment_of_;  ///< the last request of each store
  std::uint64_t last_enrolment_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  inbox inbox_;
  waiters fetching_, bringing_;
  std::multimap<digest, asker> asking_;
  std::size_t callers_ = 0;  ///< that wait here
  std::atomic<std::uint64_t> delivered_contents_{0}, delivered_bytes_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace graphite
