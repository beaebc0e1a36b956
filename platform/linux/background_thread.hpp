#pragma once

namespace graphite {

/// The calling thread works beside others that must not wait for it: when it wakes up it takes no processor
/// from a thread that runs. Its share of the processors stays as it was. Where the system refuses, nothing
/// changes.
void work_in_background();

}  // namespace graphite
