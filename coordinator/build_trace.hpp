#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/attempt.hpp"
#include "core/messages/build_trace.hpp"

namespace graphite {

/// A build that is over.
struct build_trace {
  build_trace_head head;               ///< `forgotten` is filled by who keeps it
  std::uint64_t first_generation = 0;  ///< 0: it has published none
  std::vector<traced_action> actions;  ///< ascending by `begun`
  std::uint64_t bytes = 0;             ///< that it takes, about
};

struct trace_recorder_options {
  std::uint64_t bytes_max = 64 * MiB;  ///< of one build; what comes then is counted and left out
};

/// Writes down what the attempts of one view do, from rest to rest.
///
/// Pure, one thread; time as an argument, which never goes back. An attempt waits from the end of the last of
/// its inputs' makers (of itself, where it is tried again), or from the build's begin: so the spans along the
/// chain that determined the end add up to the whole time, without a gap. What ran elsewhere is placed
/// between its `given` and `back`: the clocks of nodes are not compared with ours.
class trace_recorder {
 public:
  explicit trace_recorder(trace_recorder_options options = {}) : options_(options) {}

  /// At rest: a build begins, for `cause`. Else nothing.
  void stir(std::string cause, time_point now, std::int64_t unix_ns);
  bool at_rest() const { return !now_; }
  /// Of a build that was stirred.
  void started(const attempt_spec& spec, time_point now);
  /// Of one that was started; of another: nothing.
  void ended(const attempt_result& how, time_point now);
  /// The generation of this number is out.
  void published(std::uint64_t sequence, time_point now);
  /// Nothing runs any more: the build is over. Null where nothing has run in it and nothing was published.
  std::shared_ptr<build_trace> rest();

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  using attempt_name = std::pair<std::uint32_t, std::uint32_t>;  ///< action and number

  struct build {
    build_trace out;
    time_point began{}, last{};
    std::vector<std::size_t> before;  ///< by action: whose end it waited for; none: the build's begin
    std::vector<time_point> given;
    std::map<attempt_name, std::size_t> running;
    std::unordered_map<std::string, std::size_t> makers;     ///< by path of an output
    std::unordered_map<std::uint32_t, std::size_t> last_of;  ///< by action: its attempt that ended last
  };

  void wait_for(std::size_t action, std::size_t before);
  void mark_chain();

  trace_recorder_options options_;
  std::optional<build> now_;
};

/// Puts them in order, and each into the lowest slot of its node's domain that is free then. O(n log n).
void give_slots(std::vector<traced_action>& actions);

}  // namespace graphite
