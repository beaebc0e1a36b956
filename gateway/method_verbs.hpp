#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/credentials.hpp"

namespace graphite {

/// One method of schemas/service.capnp's Session and the verb that it needs.
struct method_verb {
  std::string_view method;
  verb needs;
};

/// By the methods' ordinals. A method that is not here is refused to everybody.
inline constexpr std::array session_methods{
    method_verb{"build", verb::build},      method_verb{"status", verb::query},
    method_verb{"why", verb::query},        method_verb{"graph", verb::query},
    method_verb{"hold", verb::publish},     method_verb{"releaseAll", verb::publish},
    method_verb{"rollback", verb::publish}, method_verb{"diff", verb::query},
    method_verb{"stop", verb::operate},     method_verb{"gc", verb::operate},
};

}  // namespace graphite
