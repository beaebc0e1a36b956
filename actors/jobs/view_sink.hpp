#pragma once

#include <map>
#include <mutex>

#include "actors/interfaces.hpp"
#include "core/ports/clock.hpp"

/// \file Where the rows and publications of a view go that lives in memory only: what others may use is
/// written, the rest stays here.

namespace graphite {

/// A view's rows: those of the action cache are everybody's, its history stays here. Thread-safe.
class view_rows final : public key_value_store {
 public:
  static constexpr std::size_t history_max = 100'000;  ///< rows; beyond, later ones are not kept

  /// `shared` outlives it. `cached`: takes and keeps results.
  view_rows(key_value_store& shared, bool cached) : shared_(shared), cached_(cached) {}

  result<std::optional<std::string>> get(table where, std::string_view key) const override;
  /// Only history; what else there is is left out.
  result<void> write(const std::vector<row_write>& rows, durability how) override;
  result<void> scan(
      table where, std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;
  /// Those of `rows` that are everybody's. A result of another view under the same key is kept beside ours.
  std::vector<row_write> shared_of(const std::vector<row_write>& rows) const;

 private:
  key_value_store& shared_;
  const bool cached_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> history_;
};

/// What a view shows. Thread-safe.
class shown_assets {
 public:
  void apply(const publication& what);
  std::vector<asset_record> all() const;  ///< ascending by path
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::map<logical_path, asset_record> assets_;
};

/// Stands in the journal's place. Answers at once: a result that is lost with the machine is made again.
journal_actor::behavior_type view_journal(journal_actor::pointer self, std::shared_ptr<view_rows> rows,
                                          journal_actor journal);

/// Stands in a channel's place: keeps what is shown, announces nothing.
channel_actor::behavior_type view_channel(channel_actor::pointer self, std::shared_ptr<shown_assets> shown,
                                          journal_actor journal);

}  // namespace graphite
