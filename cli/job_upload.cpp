#include "cli/job_upload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

namespace graphite {

namespace {

/// What is sent at once: as much as a question holds, or so many bytes.
constexpr std::uint64_t sending_bytes_max = 64 * MiB;
constexpr int rounds_max = 3;

/// One walk from the root down.
class upload_round {
 public:
  upload_round(const upload_source& source, const upload_calls& calls, bool all)
      : source_(source), calls_(calls), all_(all) {}

  result<void> run() {
    add(source_.root());
    while (!to_ask_.empty()) GRAPHITE_CHECK(ask());
    // In the order in which they were found, parents come before what they lead to.
    std::reverse(missing_.begin(), missing_.end());
    for (auto from = missing_.begin(); from != missing_.end();) {
      std::vector<content_ref> part;
      for (std::uint64_t bytes = 0; from != missing_.end() && part.size() < job_limits::contents_max;
           ++from) {
        bytes += from->size;
        if (!part.empty() && bytes > sending_bytes_max) break;
        part.push_back(*from);
      }
      GRAPHITE_CHECK(send(part));
    }
    return {};
  }

 private:
  void add(const content_ref& content) {
    if (content.size == 0) return;  // no store keeps it
    if (known_.insert(content).second) to_ask_.push_back(content);
  }

  result<void> ask() {
    const auto count = std::min(to_ask_.size(), job_limits::contents_max);
    const std::vector<content_ref> asked(to_ask_.begin(),
                                         to_ask_.begin() + static_cast<std::ptrdiff_t>(count));
    to_ask_.erase(to_ask_.begin(), to_ask_.begin() + static_cast<std::ptrdiff_t>(count));
    GRAPHITE_TRY(const auto answer, calls_.missing(asked));
    auto place = answer.missing.begin();
    for (std::uint32_t i = 0; i < asked.size(); ++i) {
      const bool lacks = place != answer.missing.end() && *place == i;
      if (lacks) {
        ++place;
        missing_.push_back(asked[i]);
      }
      if (lacks || all_)
        for (const auto& one : source_.below(asked[i])) add(one);
    }
    tell();
    return {};
  }

  /// Asks once more: others may have brought them, and a ticket that is fresh comes with the answer.
  result<void> send(const std::vector<content_ref>& part) {
    GRAPHITE_TRY(const auto answer, calls_.missing(part));
    std::vector<content_ref> wanted;
    for (const auto place : answer.missing) wanted.push_back(part.at(place));
    if (!wanted.empty()) GRAPHITE_CHECK(calls_.send(answer, wanted));
    sent_ += part.size();
    tell();
    return {};
  }

  void tell() const {
    if (calls_.progress) calls_.progress(sent_, missing_.size());
  }

  const upload_source& source_;
  const upload_calls& calls_;
  const bool all_;
  std::set<content_ref> known_;
  std::deque<content_ref> to_ask_;
  std::vector<content_ref> missing_;
  std::uint64_t sent_ = 0;
};

}  // namespace

result<upload_source> upload_source::make(std::vector<snapshot_file> files, const hasher& hash) {
  upload_source out;
  out.count_ = files.size();
  for (const auto& one : files) out.files_.emplace(one.content, one.path.str());
  GRAPHITE_TRY(out.root_,
               build_snapshot(std::move(files), hash, [&out](const content_ref& name, byte_vector bytes) {
                 out.objects_.insert_or_assign(name, std::move(bytes));
               }));
  return out;
}

std::variant<byte_span, std::string> upload_source::find(const content_ref& content) const {
  if (const auto object = objects_.find(content); object != objects_.end()) return byte_span(object->second);
  return files_.at(content);
}

std::optional<content_ref> upload_source::known(const digest& content) const {
  const content_ref first{content, 0};
  if (const auto object = objects_.lower_bound(first);
      object != objects_.end() && object->first.id == content)
    return object->first;
  if (const auto file = files_.lower_bound(first); file != files_.end() && file->first.id == content)
    return file->first;
  return std::nullopt;
}

std::vector<content_ref> upload_source::below(const content_ref& content) const {
  std::vector<content_ref> out;
  const auto found = objects_.find(content);
  if (found == objects_.end()) return out;
  const auto object = decode_snapshot_object(found->second);
  GRAPHITE_INVARIANT(object.has_value());
  if (const auto* entries = std::get_if<snapshot_entries>(&*object))
    for (const auto& one : *entries) out.push_back(one.content);
  else
    for (const auto& one : std::get<snapshot_branches>(*object)) out.push_back(one.object);
  return out;
}

result<job_info> upload_missing(const upload_source& source, const upload_calls& calls) {
  for (int round = 0; round < rounds_max; ++round) {
    GRAPHITE_CHECK(upload_round(source, calls, round > 0).run());
    GRAPHITE_TRY(auto job, calls.uploaded());
    if (job.state != job_state::waiting_for_blobs || job.missing == 0) return job;
  }
  return fail(errc::unavailable,
              "the stores lose what was uploaded: look at `graphite status` of the coordinator");
}

}  // namespace graphite
