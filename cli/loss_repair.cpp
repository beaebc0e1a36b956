#include "cli/loss_repair.hpp"

namespace graphite {

namespace {

/// The first asset that cannot be read, or empty.
result<std::string> missing_asset(const segment_store& contents, kept_archive& archive) {
  GRAPHITE_TRY(const auto newest, archive.newest());
  std::string out;
  if (!newest) return out;
  GRAPHITE_CHECK(newest->tree.for_each([&](const located_asset& asset) {
    for (const auto& part : asset.record.parts) {
      const auto found = contents.find(part.content.id);
      if (part.content.size > 0 && (!found || !*found)) out = asset.record.path.str();
    }
    return out.empty();
  }));
  return out;
}

}  // namespace

result<std::string> repair_losses(segment_store& contents, const std::vector<kept_archive*>& archives) {
  if (contents.lost().empty()) return std::string();
  GRAPHITE_CHECK(contents.fold());  // what was read again rides in no journal record
  for (auto* archive : archives) {
    GRAPHITE_TRY(auto missing, missing_asset(contents, *archive));
    if (!missing.empty()) return missing;
  }
  for (auto* archive : archives) {
    GRAPHITE_TRY(const auto newest, archive->newest());
    if (newest) GRAPHITE_CHECK(archive->rewrite());
  }
  GRAPHITE_CHECK(contents.forget_lost());
  return std::string();
}

}  // namespace graphite
