#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bundle/tree_snapshot.hpp"
#include "core/messages/jobs.hpp"

namespace graphite {

/// A snapshot that can be uploaded: its objects, and where its files lie. A value; O(files).
class upload_source {
 public:
  /// Errors: those of build_snapshot().
  static result<upload_source> make(std::vector<snapshot_file> files, const hasher& hash);

  const content_ref& root() const { return root_; }
  std::size_t files() const { return count_; }
  /// Different ones: of files, and of folders.
  std::size_t contents() const { return files_.size() + objects_.size(); }
  /// An object's bytes, or the path of a file with this content. The content is of the snapshot.
  std::variant<byte_span, std::string> find(const content_ref& content) const;
  /// With its size; nothing: none of the snapshot has this digest.
  std::optional<content_ref> known(const digest& content) const;
  /// What an object leads to; empty of a file.
  std::vector<content_ref> below(const content_ref& content) const;

 private:
  content_ref root_;
  std::size_t count_ = 0;
  std::map<content_ref, byte_vector> objects_;
  std::map<content_ref, std::string> files_;  ///< path of one that has it
};

/// How an upload asks and sends.
struct upload_calls {
  /// At most job_limits::contents_max contents a question.
  std::function<result<missing_answer>(const std::vector<content_ref>& contents)> missing;
  std::function<result<job_info>()> uploaded;
  /// Puts these into the stores that the answer names, durably. Errors: those of the stores; busy (a file is
  /// not what it was when the snapshot was made).
  std::function<result<void>(const missing_answer& by, const std::vector<content_ref>& contents)> send;
  /// Contents known to be needed and sent so far, for progress bars. May be empty.
  std::function<void(std::uint64_t sent, std::uint64_t known)> progress = {};
};

/// Uploads of `source` what the cluster lacks, until the job waits for nothing. Asks from the root down, and
/// below an object that is there for nothing: where that was not enough, for all of it, once. Sends what
/// objects lead to before these. Blocks. Errors: those of the calls; unavailable (contents are missing again
/// and again). Returns the job as it is then, which may be over.
result<job_info> upload_missing(const upload_source& source, const upload_calls& calls);

}  // namespace graphite
