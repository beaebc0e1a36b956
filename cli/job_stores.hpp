#pragma once

#include <functional>
#include <mutex>
#include <unordered_map>

#include "actors/jobs/view_stores.hpp"
#include "cli/cluster_store.hpp"
#include "core/messages/control.hpp"

namespace graphite {

/// The stores of a cluster for a coordinator's jobs. Small things that it reads lie in its own store
/// afterwards, as in a cache: that store's collector drops them.
class job_stores final : public view_stores {
 public:
  static constexpr std::size_t known_max = 2'000'000;  ///< contents seen in stores; beyond, asked for again
  static constexpr duration ticket_lasts = seconds(3'600);

  struct ports {
    chunk_store& local;  ///< these outlive it
    store_traffic& traffic;
    const hasher& hash;
    const clock_source& clock;
    /// A ticket for a client's key, until then. Errors: those of signing.
    std::function<result<byte_vector>(const std::string& tenant, const curve_key& client,
                                      std::int64_t until_unix_ns)>
        ticket;
  };
  explicit job_stores(ports with) : with_(std::move(with)), cache_(with_.local, with_.traffic, {}) {}

  /// The stores that are here now. True: one has come.
  bool set_stores(const control::settings& now);

  result<std::vector<bool>> have(std::span<const content_ref> contents) override;
  void doubt(std::span<const digest> contents) override;
  result<std::vector<std::optional<byte_vector>>> read(std::span<const content_ref> contents,
                                                       std::uint64_t bytes_max) override;
  result<content_ref> keep(byte_span bytes) override;
  result<missing_answer> missing(std::span<const content_ref> contents) override;
  result<void> add_ticket(const std::string& tenant, const curve_key& client, missing_answer& to) override;

 private:
  result<std::optional<byte_vector>> read_one(const content_ref& content, std::uint64_t bytes_max) const;
  result<missing_answer> places() const;
  bool is_known_locked(const digest& content, time_point now) const;
  void note(const digest& content);

  const ports with_;
  cluster_store cache_;
  mutable std::mutex mutex_;
  std::unordered_map<digest, time_point> known_;  ///< when they were seen
  control::settings now_;
};

}  // namespace graphite
