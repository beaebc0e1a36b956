#pragma once

#include "cli/doctor/finding.hpp"
#include "cli/doctor/machine_layout.hpp"
#include "cli/json.hpp"
#include "cli/machine.hpp"
#include "cli/terminal.hpp"

/// \file How findings are shown. Pure.

namespace graphite::doctor {

struct text_look {
  bool color = false;
  std::size_t columns = 0;  ///< lines are broken between words to be no longer, where they can; 0: never
};

/// A line for each finding, with its advice below it, and how many there are of each state. Control
/// characters in what was found are shown as `?`.
std::string findings_text(const findings& all, const text_look& how);

/// The worst state of all; ok where there are none.
finding_state worst_of(const findings& all);

/// What stands below the title of the picture: quota and pinning.
std::string caption_of(const machine_plan& plan);

/// `{"event":"doctor",…}` of docs/cli.md, without what only run_doctor() knows. Field names are stable.
json_object report_object(const findings& all, const machine_plan& plan, const drawn_machine& machine,
                          pin_mode pinning);

}  // namespace graphite::doctor
