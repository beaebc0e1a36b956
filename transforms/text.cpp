#include "transforms/text.hpp"

namespace graphite {

result<transform_output> run_text(const transform_input& in) {
  (void)in;
  return fail(errc::unsupported, "to be written");
}

}  // namespace graphite
