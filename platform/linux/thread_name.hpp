#pragma once

#include <pthread.h>

namespace graphite {

/// Names the calling thread for `top -H`, debuggers and /proc: at most 15 bytes. What the system refuses only
/// leaves the name of whoever started it.
inline void name_thread(const char* name) { (void)::pthread_setname_np(::pthread_self(), name); }

}  // namespace graphite
