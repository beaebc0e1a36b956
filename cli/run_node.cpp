#include <unistd.h>

#include <mutex>

#include "cli/console.hpp"
#include "cli/json.hpp"
#include "cli/log_setup.hpp"
#include "cli/node_process.hpp"
#include "cli/signals.hpp"

namespace graphite {

int run_node(const node_options& options) {
  console out(options.json);
  stop_signals signals;
  const auto log = make_log(options.log_level, options.log_json);
  std::mutex mutex;
  std::optional<error> refused;
  bool over = false;
  const auto opened = node_process::open(options, *log, [&](const error* why) {
    {
      const std::lock_guard lock(mutex);
      if (why != nullptr) refused = *why;
      over = true;
    }
    stop_signals::nudge();
  });
  if (!opened) return out.failed(opened.error());
  auto& node = **opened;
  if (out.json()) {
    json_object event{{"event", "ready"}, {"node", node.name()}, {"pid", ::getpid()}};
    if (!node.store_address().empty()) event["store"] = node.store_address();
    out.object(event);
  } else {
    out.line(fmt::format("node {} works for the coordinator at {}", node.name(), options.coordinator));
    if (!node.store_address().empty()) out.line("  keeps contents, at " + node.store_address());
    out.line(
        "stop with Ctrl-C: what runs is finished, what waits is handed back; a second one ends it at once");
  }
  out.flush();
  bool leaving = false;
  while (true) {
    const bool told = signals.wait();
    const std::lock_guard lock(mutex);
    if (refused) return out.failed(*refused);
    if (over || (told && leaving)) return 0;
    if (!told) continue;
    leaving = true;
    node.leave("it was told to stop");
  }
}

}  // namespace graphite
