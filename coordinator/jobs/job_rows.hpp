#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/messages/jobs.hpp"
#include "core/ports/key_value_store.hpp"

/// \file The rows of table::journal that jobs are kept in. No channel's rows begin as they do. Pure.

namespace graphite {

/// A job as it is on disk: all that a coordinator which starts anew has to know of it.
struct job_record {
  job_id id;
  std::string tenant, owner, key;
  std::string label;
  job_priority priority = job_priority::normal;
  bool is_action = false;
  digest request_digest;  ///< of its whole request: what the key stands for
  std::int64_t accepted_unix_ns = 0, deadline_unix_ns = 0, ended_unix_ns = 0;
  std::optional<job_request> request;  ///< of one that goes on
  std::optional<job_outcome> outcome;  ///< of one that is over
  bool operator==(const job_record&) const = default;
};

/// All rows begin with it.
inline constexpr std::string_view job_row_prefix{"\x01job", 4};
std::string job_row_key(job_id id);
/// None: another row's.
std::optional<job_id> job_of_row_key(std::string_view key);
/// The row that says which number comes next: none is given out again where the last job is forgotten.
std::string job_counter_key();
std::string encode_job_counter(job_id next);
/// Errors: corrupt, newer_version.
result<job_id> decode_job_counter(std::string_view value);

std::string encode_job(const job_record& record);
/// Errors: corrupt, newer_version.
result<job_record> decode_job(job_id id, std::string_view value);

/// One request has one encoding, which its digest is taken of. The key and the label are no part of it.
std::string encode_job_request(const job_request& request);

}  // namespace graphite
