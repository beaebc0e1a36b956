#pragma once

namespace graphite {

/// \file How soon a thread that wakes gets a processor. Linux's scheduler (6.12 and later; earliest eligible
/// virtual deadline first, Stoica and Abdel-Wahab 1995) lets whoever asks for short turns go before those in
/// the middle of a long one, at the same share of the processors. Older systems leave all as it was.

/// While it lives, this thread and those begun by it (and theirs) ask for turns of 0.1 ms. For what a save
/// passes through: it works for some microseconds a thread, and would else wait for milliseconds each time.
class short_turns {
 public:
  short_turns();
  /// Gives this thread, not those that were begun, its usual turns again.
  ~short_turns();
  short_turns(const short_turns&) = delete;
  short_turns& operator=(const short_turns&) = delete;
};

/// For a thread that works long or starts programs, whoever began it.
void take_usual_turns();

/// For a thread that serves whoever comes: usual turns and a smaller share where others want the processor,
/// so that strangers who knock hold up no save.
void stand_back();

}  // namespace graphite
