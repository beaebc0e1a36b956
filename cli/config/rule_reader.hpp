#pragma once

#include <vector>

#include "cli/config/table_reader.hpp"
#include "core/project.hpp"

namespace graphite {

/// Reads one `[[rule]]` table. Mistakes go to the list; the rule is then not to be used.
rule_spec read_rule(const toml::table& table, std::size_t number, mistake_list& mistakes);

/// Checks what only shows with all rules and tools together: names used twice, rules that never take a
/// source, outputs that two sources or two rules would write, tools nobody declared. Declares the program
/// that a command without shell begins with as a tool, so that its digest is part of the key.
void check_rules(project& value, mistake_list& mistakes);

/// The names that rule_spec::transform may have.
const std::vector<std::string_view>& transform_names();

/// Letters, digits, `_ . + -`, beginning with none of `. -`; 1 to 64 characters.
bool is_plain_name(std::string_view text);

}  // namespace graphite
