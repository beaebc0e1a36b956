#include "transforms/built_in_list.hpp"
#include "transforms/registry.hpp"

namespace graphite {

transform_function built_in_function(std::string_view name) {
#define GRAPHITE_TRANSFORM(one) \
  if (name == #one) return run_##one;
#include "transforms/built_in_list.inc"
#undef GRAPHITE_TRANSFORM
  return nullptr;
}

}  // namespace graphite
