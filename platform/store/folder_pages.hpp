#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "bundle/page_file.hpp"
#include "platform/store/mapped_segment.hpp"

namespace graphite {

/// The page files of one bundle folder, mapped. Thread-safe; loaded pages keep their mapping, so that a file
/// may be removed while trees still read from it: what they load afterwards comes from where it was moved to.
class folder_pages final : public page_source {
 public:
  explicit folder_pages(std::string folder) : folder_(std::move(folder)) {}

  /// Errors: not_found (no such file; a page without a hint is not looked for), corrupt, io.
  result<stored_page> load(const digest& id, page_location hint) const override;
  /// All pages that are kept lie in `oldest` and files with higher numbers now; `places` says where those
  /// went that places in lower ones may still name. Mappings of lower ones are forgotten.
  void moved(std::uint32_t oldest, page_places places);
  /// No place in this file is one any more.
  bool gone(std::uint32_t file) const;

 private:
  result<std::shared_ptr<const mapped_segment>> view(std::uint32_t file, std::uint64_t bytes) const;
  result<std::uint64_t> size_of_file(std::uint32_t file) const;
  result<page_location> present_place(const digest& id, page_location hint) const;

  std::string folder_;
  mutable std::mutex mutex_;
  struct mapping {
    std::shared_ptr<const mapped_segment> view;
    std::uint64_t bytes = 0;  ///< mapped
    std::uint64_t size = 0;   ///< of the file when last looked at
  };
  mutable std::map<std::uint32_t, mapping> views_;
  std::uint32_t oldest_ = 0;  ///< files below were removed
  page_places places_;        ///< of the pages that the last move placed
};

}  // namespace graphite
