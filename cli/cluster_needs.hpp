#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/live_contents.hpp"
#include "core/messages/control.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/log.hpp"
#include "platform/store/live_set.hpp"

namespace graphite {

/// Answers which contents anybody needs: what kept generations show, what the view's results and the action
/// cache name, and what is under way (attempts that wait or run; whatever else a caller keeps).
///
/// Looks at all of it when somebody asks and the last look is older than `look_again_after`, and than
/// `looks_apart` times what that one took; says how old its knowledge is, so that nothing goes that was used
/// since. For `settle` after the start it says nothing:
/// nodes and jobs of before are to come back first. Owns a thread. Thread-safe. Memory: 8 bytes a content.
class cluster_needs {
 public:
  using keeper = std::function<result<void>(const content_marker& mark)>;
  struct ports {
    const key_value_store& rows;  ///< outlives it, and so does all that follows
    std::vector<kept_archive*> archives;
    clock_source& clock;
    log_sink& log;
    std::vector<keeper> under_way;  ///< first looked at: what ends meanwhile has its rows by then
  };
  struct options {
    duration settle = seconds(10);
    duration look_again_after = seconds(1);
    int looks_apart = 20;
  };
  using reply = std::function<void(control::need_answer)>;

  cluster_needs(ports with, options chosen);
  ~cluster_needs() { stop(); }
  cluster_needs(const cluster_needs&) = delete;
  cluster_needs& operator=(const cluster_needs&) = delete;

  /// `answer` is called once, by its thread; not at all where `who` asks anew before, or it ends.
  void ask(const std::string& who, control::need_question question, reply answer);
  /// Nobody is answered any more; waits for its thread.
  void stop();

 private:
  struct asked {
    control::need_question what;
    reply answer;
  };
  void work();
  bool look();
  bool stopping();

  const ports with_;
  const options options_;
  const time_point started_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::map<std::string, asked> asked_;  ///< by who asks
  // Of the thread.
  live_set needed_;
  time_point looked_at_{};
  duration took_{};
  bool looked_ = false;
  std::thread thread_;
};

}  // namespace graphite
