#pragma once

#include "cli/doctor/finding.hpp"
#include "cli/doctor/machine_layout.hpp"
#include "cli/json.hpp"
#include "cli/machine.hpp"
#include "cli/terminal.hpp"

/// \file How findings are shown. Pure.

namespace graphite::doctor {

/// A line for each finding, with its advice below it, and how many there are of each state. With colours
/// where `color`. Control characters in what was found are shown as `?`.
std::string findings_text(const findings& all, bool color);

/// The worst state of all; ok where there are none.
finding_state worst_of(const findings& all);

/// What stands below the title of the picture: quota and pinning.
std::string caption_of(const machine_plan& plan);

/// `{"event":"doctor",…}` of docs/cli.md, without what only run_doctor() knows. Field names are stable.
json_object report_object(const findings& all, const machine_plan& plan, const drawn_machine& machine,
                          pin_mode pinning);

}  // namespace graphite::doctor
