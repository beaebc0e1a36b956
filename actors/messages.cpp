#include "actors/messages.hpp"

namespace graphite {

void refuse(const query& q, const error& failure) {
  std::visit([&](const auto& asked) { asked.done(tl::unexpected<error>(failure)); }, q.what);
}

}  // namespace graphite
