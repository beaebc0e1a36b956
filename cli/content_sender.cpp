#include "cli/content_sender.hpp"

namespace graphite {

result<std::unique_ptr<content_sender>> content_sender::make(const ports& with) {
  GRAPHITE_TRY(auto visit, store_visit::make({with.contents, with.hash, with.clock, with.log}));
  return std::unique_ptr<content_sender>(new content_sender(std::move(visit)));
}

result<void> content_sender::send(const missing_answer& by, const std::vector<content_ref>& contents) {
  GRAPHITE_TRY(auto* const traffic, visit_->at(by));
  auto brought = traffic->bring(contents);
  // The store has found, and we after it, that bytes are not those of the snapshot.
  if (!brought && brought.error().code == errc::corrupt)
    return fail(errc::busy, "a file is not what it was when the snapshot was made: submit it again");
  return brought;
}

}  // namespace graphite
