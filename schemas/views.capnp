@0x9d41c8e6b2f7035a;
# The control port (7401): how a watcher beside the sources tells the coordinator how a view is now.
#
# A watcher (`graphite watch`) dials in as nodes do (control.capnp), with a key of the role `watch`, and both prove who they
# are; nothing of this file is read before. It says which view it feeds, and is told where the stores are. Of each closed
# revision it makes the snapshot (docs/formats/snapshot.md), brings what the stores have not got to them
# (stores.capnp; its role is its grant), and then says the snapshot's digest: no name and no byte of a file passes here.
#
# At most one revision waits for an answer, `accepted`, `refused` or `missing`; what closes meanwhile is the next one, as
# it is then. A session belongs to one start of the watcher and one reign of the coordinator. After it was broken the
# watcher joins again, and `welcome` says what was taken of it. A view has one watcher at a time: another one is refused.
# Limits are named in core/messages/views.hpp (view_limits).

using Cxx = import "/capnp/c++.capnp";
using Control = import "control.capnp";
$Cxx.namespace("graphite::wire::views");

struct ToCoordinator {
  union {
    join @0 :Join;
    # First, and once.

    revised @1 :Revised;
  }
}

struct ToWatcher {
  union {
    welcome @0 :Welcome;
    # Answers join.

    refusal @1 :Control.Refusal;
    # A last word: the session is over.

    settings @2 :Settings;
    # Replaces what welcome said.

    verdict @3 :Verdict;
  }
}

struct Join {
  protocol @0 :UInt32;
  # 1. Another one is refused, and both numbers are told.
  incarnation @1 :Data;
  # 16 bytes.
  epochSeen @2 :UInt64;
  # The highest reign that this watcher has fed: a coordinator of a lower one is an old one.
  view @3 :Text;
  projectFile @4 :Text;
  # Its logical path in each snapshot.
}

struct Revised {
  revision @0 :UInt64;
  # Ascending from 1 in each incarnation, with gaps.
  snapshot @1 :Control.Content;
  # The root. All of it is in the stores.
}

struct Welcome {
  epoch @0 :UInt64;
  snapshot @1 :Control.Content;
  # The last that was taken of this view, whoever said it. None: there is none.
  first @2 :Settings;
}

struct Settings {
  copies @0 :UInt32;
  # Stores that must have a content.
  stores @1 :List(Control.Store);
  # That are alive, at most 256.
}

struct Verdict {
  revision @0 :UInt64;
  state @1 :State;
  code @2 :UInt16;
  # Number of graphite::errc, of a refused one.
  text @3 :Text;
  # For people: why it was refused, which generation shows it.
}

enum State {
  accepted @0;
  # It is the view's state now.
  published @1;
  # It, or what it has become since, is shown; may come long after `accepted`, or never.
  refused @2;
  # It never will be.
  missing @3;
  # Contents are in no store: bring them, and say it again.
}
