#pragma once

#include <string>

#include "cli/console.hpp"
#include "cli/json.hpp"
#include "core/messages/jobs.hpp"

/// \file Jobs as the objects of docs/cli.md, and as text for people.

namespace graphite {

/// {"event":"job",…}; how it ended is there once it is over, and not in lists.
json_object to_json(const job_info& job);
json_object to_json(job_id job, const job_event& event);
json_object to_json(job_id job, const job_log_piece& piece);

/// One line of a list, or the names of its columns. `unix_ns`: now.
std::string job_line(const console& out, const job_info& job, std::int64_t unix_ns);
std::string job_columns(const console& out);
/// All that is known of one.
void print_job(console& out, const job_info& job, std::int64_t unix_ns);
/// What has failed, and how a job that is over ended.
void print_end(console& out, const job_info& job);

/// "12 of 40 actions, 3 running": as far as it has come.
std::string progress_text(const job_progress& now);
/// 0: it was done; 1: it ended otherwise. It is over.
int exit_code_of(const job_info& job);

}  // namespace graphite
