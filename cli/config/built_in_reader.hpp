#pragma once

#include "cli/config/table_reader.hpp"
#include "core/project.hpp"
#include "transforms/built_in.hpp"

namespace graphite {

/// Reads `[rule.options]` and `[rule.limits]` of a rule whose transform is `what`, and gives the rule what
/// the transform brings along: outputs where it names none, references, inputs. Mistakes go to the list.
void read_built_in(table_reader& rule_table, const transform_description& what, mistake_list& mistakes,
                   rule_spec& rule);

}  // namespace graphite
