#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "coordinator/cluster/dispatch_types.hpp"
#include "coordinator/cluster/scheduler.hpp"

namespace graphite {

/// The recipes that tasks are made by, each once, and what the scheduler calls what they need.
///
/// Pure, one thread. A recipe is kept while somebody uses it: who added it, and each task. add() is
/// O(recipe), the others O(1). Bound: `most` recipes.
class recipe_book {
 public:
  explicit recipe_book(std::size_t most) : most_(most) {}

  struct entry {
    std::shared_ptr<const control::recipe> what;
    std::shared_ptr<const std::string> rule;
    std::vector<control::property> platform;
    shape_index shape = 0;
    rule_index index = 0;
    std::size_t bytes = 0;  ///< in a message, at most
  };
  /// Errors: as dispatcher::add_recipe.
  result<recipe_id> add(const control::recipe& what, const std::optional<rule_pool>& pool,
                        const std::vector<control::property>& platform, scheduler& in);
  /// Null where it is not known.
  const entry* find(recipe_id recipe) const;
  void use(recipe_id recipe);
  void drop(recipe_id recipe);
  std::size_t size() const { return entries_.size(); }

  /// What is left of a domain's offer for the scheduler. Names of resources that are one too many are left
  /// out: no recipe can ask for them.
  domain_capacity capacity_of(const control::domain_offer& offer);
  /// Of an attempt that runs. Errors: busy, invalid_argument (as of recipes).
  result<task_needs> needs_of(const attempt_needs& needs);
  /// All that a node is and has, as requirements name it.
  static std::vector<std::string> offers_of(const control::join& join);

 private:
  struct used_entry : entry {
    std::size_t users = 0;
    const std::string* content = nullptr;  ///< its key in `by_content_`
  };
  result<std::uint8_t> resource(const std::string& name);

  std::size_t most_;
  std::uint64_t last_ = 0;
  std::map<std::string, recipe_id> by_content_;
  std::unordered_map<recipe_id, used_entry> entries_;
  std::vector<std::string> resources_;  ///< names, by the scheduler's number
};

}  // namespace graphite
