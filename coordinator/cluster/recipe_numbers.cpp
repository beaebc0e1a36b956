#include "coordinator/cluster/recipe_numbers.hpp"

#include "core/planted_bug.hpp"

namespace graphite {

std::optional<recipe_numbers::told> recipe_numbers::number_of(recipe_id recipe) {
  if (const auto found = known_.find(recipe); found != known_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    recent_.front().message = message_;
    return told{recent_.front().number, false};
  }
  if (recent_.size() < most_) {
    recent_.push_front({recipe, static_cast<std::uint32_t>(recent_.size()), message_});
  } else {
    if (recent_.back().message == message_ && !planted(planted_bug::recipe_replaced_in_use))
      return std::nullopt;
    known_.erase(recent_.back().recipe);
    recent_.splice(recent_.begin(), recent_, std::prev(recent_.end()));
    recent_.front().recipe = recipe;
    recent_.front().message = message_;
  }
  known_[recipe] = recent_.begin();
  const bool fresh = !planted(planted_bug::recipe_not_told) || recent_.size() < most_;
  return told{recent_.front().number, fresh};
}

}  // namespace graphite
