#include "core/ports/key_value_store.hpp"

namespace graphite {

std::string_view to_string(table name) {
  switch (name) {
    case table::meta:
      return "meta";
    case table::journal:
      return "journal";
    case table::sources:
      return "sources";
    case table::graph:
      return "graph";
    case table::action_cache:
      return "action_cache";
    case table::chunk_index:
      return "chunk_index";
    case table::generations:
      return "generations";
    case table::history:
      return "history";
  }
  return "unknown";
}

}  // namespace graphite
