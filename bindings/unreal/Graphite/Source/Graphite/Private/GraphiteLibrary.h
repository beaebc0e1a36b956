// The only way in this module to graphite.h. The engine gives a module of this name a macro GRAPHITE_API of
// its own, which the library's must not meet; graphite.hpp, which has exceptions and a function `check`, is
// not for code that sees the engine's headers.
#pragma once

#pragma push_macro("GRAPHITE_API")
#undef GRAPHITE_API
#include "graphite.h"
#undef GRAPHITE_API
#pragma pop_macro("GRAPHITE_API")
