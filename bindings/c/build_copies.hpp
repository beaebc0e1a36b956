#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "actors/facade.hpp"
#include "bindings/c/graphite_build.h"
#include "coordinator/asset_report.hpp"
#include "core/project.hpp"

/// \file What the library knows, as C structures that own what they point to.

namespace graphite::build_api {

/// Texts and lists of texts whose addresses stay, for structures that point to them.
class text_arena {
 public:
  const char* add(std::string text) { return texts_.emplace_back(std::move(text)).c_str(); }
  /// `text` lives as long as this; null where there is none.
  const char** list(const std::vector<std::string>& texts);

 private:
  std::deque<std::string> texts_;
  std::deque<std::vector<const char*>> lists_;
};

/// What `rule` says; null: a copy. Points into `texts`; its owner_ stays empty.
graphite_transform_config describe_rule(const rule_spec* rule, text_arena& texts);

/// The same, given to a caller: release(owner_) frees what it points to.
void give(const rule_spec* rule, graphite_transform_config& out);
void give(const asset_report& report, graphite_asset_state& out);
void release(void* owner);

/// The first eight bytes, little-endian.
std::uint64_t short_hash(const digest& of);

}  // namespace graphite::build_api
