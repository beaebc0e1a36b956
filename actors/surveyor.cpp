#include "actors/surveyor.hpp"

namespace graphite {

surveyor_actor::behavior_type surveyor(surveyor_actor::pointer, std::function<result<tree_survey>()> look) {
  return {[look = std::move(look)](atom::rescan) -> survey_ptr {
    return std::make_shared<const result<tree_survey>>(look());
  }};
}

}  // namespace graphite
