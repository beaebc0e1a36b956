#pragma once

#include <functional>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/content.hpp"
#include "platform/store/mapped_bundle.hpp"
#include "runtime/subscriber.hpp"

namespace graphite::c_api {

/// Where contents came to lie that the pages of a folder do not place: of one life of that folder.
class demand_places {
 public:
  void put(const digest& name, const extent& place);
  std::optional<extent> find(const digest& name) const;

 private:
  mutable std::shared_mutex mutex_;
  std::unordered_map<digest, extent> places_;
};

/// What readers wait for of a channel that is kept on demand: asked for by any thread, brought by one.
class demand {
 public:
  static constexpr std::size_t assets_max = 65'536;

  /// `wake` is called, by any thread, when there is something to take().
  explicit demand(std::function<void()> wake) : wake_(std::move(wake)) {}
  /// Nobody brings anything any more.
  void close();

  /// True where it is asked for now, or was before. False: closed, or too much is asked for.
  bool want(asset_id id);
  /// What was asked for since the last call.
  std::vector<asset_id> take();
  void settle(asset_id id);
  /// The folder is another one now: whatever is asked for is so anew, and nothing has a place yet.
  void reopen();

  /// Of the folder as it is now.
  std::shared_ptr<demand_places> places() const;

 private:
  mutable std::mutex mutex_;
  std::function<void()> wake_;  ///< empty: closed
  std::vector<asset_id> queue_;
  std::unordered_set<std::uint64_t> asked_;
  std::shared_ptr<demand_places> places_ = std::make_shared<demand_places>();
};

/// A bundle folder whose contents come when they are read.
class demand_files final : public bundle_files {
 public:
  demand_files(const std::string& folder, std::shared_ptr<demand> wanted)
      : folder_(folder), demand_(std::move(wanted)), places_(demand_->places()) {}

  result<byte_vector> head() const override { return folder_.head(); }
  result<std::vector<byte_vector>> earlier_heads() const override { return folder_.earlier_heads(); }
  result<mapping> page_file(std::uint32_t number) const override { return folder_.page_file(number); }
  result<std::vector<segment_id>> segments() const override { return folder_.segments(); }
  result<mapping> segment(segment_id id) const override { return folder_.segment(id); }
  std::optional<extent> place_of(const digest& name) const override { return places_->find(name); }
  bool want(asset_id id) const override { return demand_->want(id); }
  std::shared_ptr<std::byte> zeros(std::uint64_t bytes) const override { return folder_.zeros(bytes); }

 private:
  mapped_bundle_folder folder_;
  std::shared_ptr<demand> demand_;
  std::shared_ptr<demand_places> places_;  ///< generations of a former folder keep theirs
};

/// From wanted assets to contents and back: which assets are complete when a content has come. One thread.
class demand_book {
 public:
  explicit demand_book(demand& wanted) : demand_(wanted) {}

  /// `record`: of the asset as it is now. Its contents, to be fetched.
  std::vector<content_ref> open(asset_id id, const asset_record& record);
  /// `place`: where the content lies; nothing: it cannot be had. Assets that are complete, or cannot become
  /// so, by that.
  std::vector<asset_id> close(const digest& content, const std::optional<extent>& place);
  const content_ref* content(const digest& id) const;

 private:
  struct waited_for {
    content_ref content;
    digest name;  ///< as mapped_part has it
    std::vector<asset_id> assets;
  };
  demand& demand_;
  std::unordered_map<digest, waited_for> contents_;
  std::unordered_map<std::uint64_t, std::size_t> missing_;  ///< contents, by asset
};

}  // namespace graphite::c_api
