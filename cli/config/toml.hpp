#pragma once

/// \file toml++ as transforms/toml.hpp has it, for the same in every file of a program.

#include "transforms/toml.hpp"
