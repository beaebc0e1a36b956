#include "cli/cluster_store.hpp"

#include <algorithm>
#include <utility>

#include "bundle/stored_bytes.hpp"

namespace graphite {

/// Tells the store what was committed.
class cluster_store::writer final : public content_writer {
 public:
  writer(cluster_store& of, std::unique_ptr<content_writer> local) : of_(of), local_(std::move(local)) {}
  result<void> append(byte_span bytes) override { return local_->append(bytes); }
  result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
    return local_->read(offset, out);
  }
  result<extent> keep_cut_off(bool keep) override { return local_->keep_cut_off(keep); }
  result<stored_content> commit(const chunk_list& chunks) override {
    const std::shared_lock storing(of_.storing_);
    GRAPHITE_TRY(auto stored, local_->commit(chunks));
    of_.stored(stored.ref);
    return stored;
  }

 private:
  cluster_store& of_;
  std::unique_ptr<content_writer> local_;
};

cluster_store::cluster_store(chunk_store& local, store_traffic& traffic, options chosen)
    : local_(local), traffic_(traffic), options_(std::move(chosen)), cache_(options_.cache) {}

void cluster_store::stored(const content_ref& content) {
  const std::lock_guard lock(mutex_);
  cache_.used(content);
  if (unsynced_.emplace(content.id, content).second) cache_.pin(content);
}

void cluster_store::used(const content_ref& content) const {
  const std::lock_guard lock(mutex_);
  cache_.used(content);
}

result<stored_content> cluster_store::put(byte_span bytes, const chunk_list& chunks) {
  GRAPHITE_CHECK(collect(true));
  const auto try_it = [&]() -> result<stored_content> {
    const std::shared_lock storing(storing_);
    GRAPHITE_TRY(auto stored_here, local_.put(bytes, chunks));
    stored(stored_here.ref);
    return stored_here;
  };
  auto done = try_it();
  if (done || done.error().code != errc::out_of_space || !make_room()) return done;
  return try_it();
}

result<std::unique_ptr<content_writer>> cluster_store::begin(std::uint64_t size) {
  GRAPHITE_CHECK(collect(true));
  auto local = local_.begin(size);
  if (!local && local.error().code == errc::out_of_space && make_room()) local = local_.begin(size);
  if (!local) return tl::unexpected(local.error());
  return std::make_unique<writer>(*this, std::move(*local));
}

result<std::optional<stored_content>> cluster_store::find(const digest& content) const {
  GRAPHITE_TRY(auto known, local_.find(content));
  if (!known) {
    const auto fetched = traffic_.fetch(std::span(&content, 1));
    if (!fetched && fetched.error().code == errc::not_found) return std::nullopt;
    GRAPHITE_CHECK(fetched);
    GRAPHITE_TRY(known, local_.find(content));
  }
  if (known) used(known->ref);
  return known;
}

/// It may be dropped between the fetch and the copying: once more, then.
result<void> cluster_store::read(const digest& content, std::uint64_t offset,
                                 std::span<std::byte> out) const {
  constexpr int tries_max = 3;
  for (int i = 1;; ++i) {
    auto done = local_.read(content, offset, out);
    if (done || done.error().code != errc::not_found || i == tries_max) return done;
    GRAPHITE_CHECK(traffic_.fetch(std::span(&content, 1)));
    GRAPHITE_TRY(const auto known, local_.find(content));
    if (known) used(known->ref);
  }
}

result<std::vector<digest>> cluster_store::fetch(std::span<const content_ref> contents) const {
  std::vector<digest> missing;
  for (const auto& content : contents) {
    GRAPHITE_TRY(const auto known, local_.find(content.id));
    if (!known && content.size != 0) missing.push_back(content.id);
    if (known) used(content);
  }
  if (missing.empty()) return missing;
  auto done = traffic_.fetch_all(missing);
  if (!done.how && done.lost.empty()) return tl::unexpected(done.how.error());
  for (const auto& content : contents)
    if (std::ranges::find(done.lost, content.id) == done.lost.end()) used(content);
  return std::move(done.lost);
}

result<cluster_store::mended> cluster_store::mend(std::span<const content_ref> contents, const hasher& hash) {
  mended out;
  for (const auto& content : contents) {
    GRAPHITE_TRY(const auto known, local_.find(content.id));
    if (!known || !options_.forget || has_right_bytes(local_, content, hash)) continue;
    GRAPHITE_CHECK(options_.forget(content.id));
    const std::lock_guard lock(mutex_);
    cache_.forget(content.id);
    unsynced_.erase(content.id);
    ++out.wrong;
  }
  GRAPHITE_TRY(out.lost, fetch(contents));
  return out;
}

result<void> cluster_store::sync() {
  std::map<digest, content_ref> all;
  {
    const std::lock_guard lock(mutex_);
    all = unsynced_;
  }
  return all.empty() ? result<void>() : bring(all);
}

/// Those that another sync() brings at the same time are brought once, and both wait for them.
result<void> cluster_store::bring(const std::map<digest, content_ref>& all) {
  std::vector<content_ref> contents;
  for (const auto& [id, content] : all) contents.push_back(content);
  GRAPHITE_CHECK(traffic_.bring(contents));
  const std::lock_guard lock(mutex_);
  for (const auto& content : contents)
    if (unsynced_.erase(content.id) != 0) cache_.unpin(content.id);
  return {};
}

result<stored_content> cluster_store::hold(byte_span bytes, const chunk_list& chunks) {
  GRAPHITE_TRY(auto held, local_.hold(bytes, chunks));
  used(held.ref);
  return held;
}

result<void> cluster_store::fold() {
  GRAPHITE_CHECK(local_.fold());
  return collect(false);
}

/// One at a time; who only would have helped goes on.
result<void> cluster_store::collect(bool only_if_needed) {
  if (!options_.collect) return {};
  std::unique_lock turn(collecting_, std::try_to_lock);
  if (!turn && only_if_needed) return {};
  if (!turn) turn.lock();
  {
    const std::lock_guard lock(mutex_);
    const auto most = options_.cache.bytes_max;
    if (!cache_.too_large() || (only_if_needed && cache_.bytes() < most + most / 4)) return {};
    cache_.evict();
  }
  return options_.collect([this] { return kept(); });
}

std::vector<digest> cluster_store::kept() {
  const std::unique_lock all(storing_);
  const std::lock_guard lock(mutex_);
  return cache_.kept();
}

/// The disk is full before the cache is: half of what may go goes. Errors: out_of_space (nothing may).
result<void> cluster_store::make_room() {
  if (!options_.collect) return fail(errc::out_of_space, "nothing is dropped here");
  const std::lock_guard turn(collecting_);
  {
    const std::lock_guard lock(mutex_);
    const auto before = cache_.bytes();
    cache_.evict_to(before / 2);
    if (cache_.bytes() == before) return fail(errc::out_of_space, "all that is here is in no store yet");
  }
  return options_.collect([this] { return kept(); });
}

}  // namespace graphite
