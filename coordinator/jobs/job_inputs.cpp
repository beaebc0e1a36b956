#include "coordinator/jobs/job_inputs.hpp"

namespace graphite {

result<job_inputs> job_inputs::begin(std::optional<content_ref> before, const content_ref& root,
                                     const hasher& hash, const job_inputs_options& options) {
  GRAPHITE_TRY(auto diff, snapshot_diff::between(before, root, hash, options.limits));
  return job_inputs(std::move(diff), options);
}

std::vector<content_ref> job_inputs::to_fetch() {
  std::vector<content_ref> out;
  // Some that are wanted are told nothing for: they wait for one that is on its way, or missing.
  while (fetching_ < options_.fetches_max && diff_.wants_more())
    for (auto& one : diff_.wanted(options_.fetches_max - fetching_)) {
      out.push_back(one);
      ++fetching_;
    }
  return out;
}

result<void> job_inputs::fetched(const content_ref& object, byte_span bytes) {
  GRAPHITE_INVARIANT(fetching_ > 0);
  --fetching_;
  return diff_.supply(object, bytes);
}

void job_inputs::absent(const content_ref& object) {
  GRAPHITE_INVARIANT(fetching_ > 0);
  --fetching_;
  lacks(object);
}

std::vector<content_ref> job_inputs::to_ask() {
  std::vector<content_ref> out;
  const auto& found = diff_.found();
  for (; looked_at_ < found.size() && out.size() < options_.questions_max; ++looked_at_) {
    const auto& now = found[looked_at_].after;
    if (now && now->content.size > 0 && asked_.insert(now->content).second) out.push_back(now->content);
  }
  asking_ += out.size();
  return out;
}

void job_inputs::answered(std::span<const content_ref> contents, const std::vector<bool>& there) {
  GRAPHITE_INVARIANT(asking_ >= contents.size() && there.size() == contents.size());
  asking_ -= contents.size();
  for (std::size_t i = 0; i < contents.size(); ++i)
    if (!there[i]) lacks(contents[i]);
}

void job_inputs::lacks(const content_ref& content) {
  ++missing_;
  missing_bytes_ += content.size;
  if (first_missing_.size() < options_.told_max) first_missing_.push_back(content);
}

bool job_inputs::done() const {
  return fetching_ == 0 && asking_ == 0 && !diff_.wants_more() && looked_at_ == diff_.found().size();
}

std::vector<snapshot_change> job_inputs::take_changes() {
  GRAPHITE_INVARIANT(done() && missing_ == 0 && diff_.done());
  looked_at_ = 0;
  return diff_.take_changes();
}

}  // namespace graphite
