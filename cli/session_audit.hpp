#pragma once

#include <memory>
#include <string>

#include "bundle/head.hpp"
#include "core/ports/audit_sink.hpp"
#include "platform/audit/audit_file.hpp"
#include "platform/keys/loaded_keys.hpp"

namespace graphite {

/// \file What a session writes into its audit record.

/// This process and whose it is: "uid 1000 (pid 4711)".
std::string own_name();
/// A generation is shown. It comes with each save: the disk is not waited for.
audit_entry published_entry(const head& now);
/// Other keys count from now on.
audit_entry keys_entry(const publisher_keys& now);

}  // namespace graphite
