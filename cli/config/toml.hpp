#pragma once

/// \file toml++ as this project uses it: results instead of exceptions, and no assumptions about input.

#define TOML_EXCEPTIONS 0
#include <toml++/impl/preprocessor.h>

// toml++ 3.3 assumes (in release builds: undefined behaviour) that the key of a `[table]` begins with a key's
// character before it has looked; the check that follows reports it properly. See project_mistakes_test.
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_assert(true)

#include <toml++/toml.h>
