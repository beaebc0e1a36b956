#include "cli/store_copying.hpp"

namespace graphite {

result<void> store_copying::fetch(std::span<const digest> contents) {
  port_.arriving(contents);
  auto done = traffic_.fetch(contents).and_then([this] { return store_.sync(); });
  // Where the sync has failed they are not durable, whatever of them has come.
  port_.arrived(contents, done.has_value());
  return done;
}

}  // namespace graphite
