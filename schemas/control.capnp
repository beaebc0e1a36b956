@0xb3d6a1f07c52e894;
# The control port (7401): how nodes offer their domains to the coordinator, get attempts, and say how they ended.
#
# A node dials in over TLS of the control authority. Both prove who they are (core/hello.hpp: challenge, answer, proof);
# nothing of this file is read before. From then on each side sends batches, one message of at most 1 MiB each. A
# session belongs to one start of the node (its incarnation) and one reign of the coordinator (its epoch): what carries
# another of either is refused, and the sender is told why.
#
# No queue grows at the other end: a domain has a credit of attempts, which an assignment takes and a result gives
# back. The coordinator acknowledges results by their numbers; until then the node keeps them, and says them again in
# the next session. Contents are not sent here, but for small ones (32 KiB) that save a round trip to a store.
# Limits are named in core/messages/control.hpp (control_limits).

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("graphite::wire::control");

struct ToCoordinator {
  union {
    join @0 :Join;
    # First, and once.

    results @1 :Results;

    beat @2 :Beat;
    # Each second. It is the lease: without it the node is taken for lost.

    leave @3 :Text;
    # Wants no more work, and why. Comes back with what waits; what runs is finished or handed back.

    needed @4 :NeedQuestion;
    # Of a store that has to make room, or copies what other stores lack. Answered in a while; a newer one replaces
    # it.

    store @5 :StoreState;
    # Of a store, each few seconds where it has changed.
  }
}

struct ToNode {
  union {
    welcome @0 :Welcome;
    # Answers join.

    refusal @1 :Refusal;
    # A last word: the session is over.

    work @2 :Work;

    settings @3 :Settings;
    # Replaces what welcome said.

    needed @4 :NeedAnswer;

    revocations @5 :Data;
    # The list of revoked keys as a root of the cluster signed it (core/credentials.hpp), at most 896 KiB: after
    # welcome, and within a second whenever it is another. A node takes one that is signed and newer than its own.
  }
}

struct Join {
  protocol @0 :UInt32;
  # 1. Another one is refused, and both numbers are told.
  incarnation @1 :Data;
  # 16 bytes.
  epochSeen @2 :UInt64;
  # The highest reign that this node has worked for: a coordinator of a lower one is an old one.
  domains @3 :List(Domain);
  # 1 to 64, called by their places.
  running @4 :List(Running);
  # Attempts of earlier sessions that still run here, or whose results nobody has acknowledged.
  chunks @5 :Text;
  # HOST:PORT under which others reach its chunk port; empty: it has none.
  store @6 :Bool;
  # It keeps contents for the cluster.
  tools @7 :List(Tool);
  # What this machine has: attempts name the tools that they need.
  properties @8 :List(Property);
  # "os" = "linux", "arch" = "x64" … (core/platform_facts.hpp)
  chunksKey @9 :Data;
  # 32 bytes: the CURVE key that its chunk port proves. None: it speaks without keys, on loopback.
}

struct Domain {
  cpuMilli @0 :UInt32;
  # Thousandths of a processor, over all attempts that run at once.
  memoryBytes @1 :UInt64;
  resources @2 :List(Amount);
  credit @3 :UInt32;
  # Attempts that it takes at once, waiting ones included.
  cpus @4 :Text;
  # For people: "0-7".
}

struct Amount {
  name @0 :Text;
  # "gpu", or a licence's name.
  count @1 :UInt32;
}

struct Property {
  name @0 :Text;
  value @1 :Text;
}

struct Tool {
  name @0 :Text;
  what @1 :Data;
  # 32 bytes, as they enter keys.
}

struct AttemptKey {
  epoch @0 :UInt64;
  task @1 :UInt64;
  number @2 :UInt32;
  # From 1 within its task.
}

struct Needs {
  cpuMilli @0 :UInt32;
  memoryBytes @1 :UInt64;
  resources @2 :List(Amount);
}

struct Running {
  was @0 :AttemptKey;
  key @1 :Data;
  # The task's, 32 bytes: a coordinator that started anew knows it by this alone.
  domain @2 :UInt32;
  needs @3 :Needs;
  rule @4 :UInt64;
  ranNs @5 :UInt64;
  pool @6 :UInt64;
  # Of its recipe.
  state @7 :RunState;
}

enum RunState {
  waiting @0;
  # It has not begun.
  running @1;
  ended @2;
  # Its result is said as soon as it is welcome.
}

struct Results {
  first @0 :UInt64;
  # Number of the first, counted from 1 in each session; the others follow without a gap.
  ends @1 :List(End);
}

struct End {
  attempt @0 :AttemptKey;
  status @1 :Status;
  outputs @2 :List(Output);
  # Ascending by path; durable in as many stores as Settings says, or among `bodies`.
  tells @3 :Bool;
  # `discovered` says all that it has read beside the main input.
  discovered @4 :List(Text);
  message @5 :Data;
  log @6 :Data;
  # Tails of what a tool wrote, 16 KiB each, in whatever it is written.
  wallNs @7 :UInt64;
  cpuNs @8 :UInt64;
  sandbox @9 :UInt8;
  # 0 none, 1 limits, 2 landlock, 3 bubblewrap, 4 namespaces.
  memoryPeakBytes @10 :UInt64;
  bodies @11 :List(Data);
  # Bytes of small outputs, each at most 32 KiB.
  lost @12 :Data;
  # Of lostInput: digests of contents, 32 bytes each, one after the other; at most 1,024.
  waitedNs @13 :UInt64;
  # From the assignment's arrival until it began. This and the next three by the node's steady clock, for traces; 0:
  # none, or not known.
  fetchNs @14 :UInt64;
  # Until its inputs were here. What a built-in transform asks for later is in runNs.
  runNs @15 :UInt64;
  # With what prepares it and takes its outputs; wallNs is the tool's alone.
  storeNs @16 :UInt64;
  # Until so many stores as are asked for had its outputs.
}

enum Status {
  succeeded @0;
  failed @1;
  # The tool said no.
  staleInput @2;
  cancelled @3;
  refused @4;
  # The node's own side failed; it may go well elsewhere.
  lostInput @5;
  # No store has the right bytes of an input: `lost` says of which.
}

struct Content {
  id @0 :Data;
  # 32 bytes: of its chunk list.
  size @1 :UInt64;
}

struct Output {
  path @0 :Text;
  content @1 :Content;
  parts @2 :List(Content);
  # Of one that has several, at most 64.
}

struct Beat {
  running @0 :UInt64;
}

struct Welcome {
  epoch @0 :UInt64;
  leaseNs @1 :UInt64;
  running @2 :List(AttemptKey);
  # As in Join: the name under which each goes on. One of task 0 is to be stopped.
  first @3 :Settings;
}

struct Refusal {
  code @0 :UInt16;
  text @1 :Text;
  # What is wrong and what to do, for the node's log.
}

struct Settings {
  draining @0 :Bool;
  # Begin nothing that waits.
  copies @1 :UInt32;
  # Stores that must have an output before its result is said.
  stores @2 :List(Store);
  # That are alive, at most 256.
  awayNs @3 :UInt64;
  # A store that is away for longer is not waited for: the others copy what it had.
}

struct Store {
  chunks @0 :Text;
  key @1 :Data;
  # 32 bytes: the CURVE key that it proves. None: it speaks without keys, on loopback.
}

struct Work {
  recipes @0 :List(Recipe);
  # Read first.
  assignments @1 :List(Assignment);
  stops @2 :List(Stop);
  acknowledged @3 :UInt64;
  # Results up to this number are safe: the node forgets them.
}

struct Recipe {
  number @0 :UInt32;
  # Below 1,024: replaces what had it.
  rule @1 :Text;
  ruleNumber @2 :UInt64;
  union {
    command @3 :Command;
    builtIn @4 :BuiltIn;
  }
  environment @5 :List(Property);
  # The whole of it.
  tools @6 :List(Tool);
  # The node must have these, and no others of their names.
  needs @7 :Needs;
  pool @8 :UInt64;
  # Number of the limit of how many at once that its rule has in the whole cluster; 0: none. Nothing to the node: it
  # says it again in Running.
}

struct Command {
  argv @0 :List(Text);
  worker @1 :List(Text);
  # Not empty: the process that is kept between attempts (tools.capnp).
  shell @2 :Bool;
  inputs @3 :List(Text);
  # Globs.
  depfile @4 :Text;
  tools @5 :List(Text);
  programTool @6 :Text;
  timeoutMs @7 :UInt64;
  memoryBytesMax @8 :UInt64;
}

struct BuiltIn {
  name @0 :Text;
  version @1 :UInt32;
  options @2 :Data;
  # All of them, as they enter keys (core/transform_options.hpp).
  inputs @3 :List(Text);
  timeoutMs @4 :UInt64;
  memoryBytesMax @5 :UInt64;
  outputBytesMax @6 :UInt64;
}

struct Assignment {
  attempt @0 :AttemptKey;
  recipe @1 :UInt32;
  domain @2 :UInt32;
  key @3 :Data;
  trace @4 :UInt64;
  mainInput @5 :Text;
  inputs @6 :List(Output);
  # All that it may read, ascending by path, main input included.
  bodies @7 :List(Data);
  # Bytes of small inputs that no store need be asked for.
  outputs @8 :List(OutputName);
}

struct OutputName {
  text @0 :Text;
  wildcard @1 :Bool;
}

struct Stop {
  attempt @0 :AttemptKey;
  ifWaiting @1 :Bool;
  # Only where it has not begun. Either way its end is said.
}

struct NeedQuestion {
  number @0 :UInt64;
  # Comes back.
  contents @1 :Data;
  # Their digests, 32 bytes each, one after the other; at most 4,096. Contents that nobody has used for a while.
}

struct NeedAnswer {
  number @0 :UInt64;
  needed @1 :List(Bool);
  # One for each, in order. None: it cannot be said now, ask again.
  ageNs @2 :UInt64;
  # So long ago this was true. Whoever has put, asked for or fetched a content since may need it.
}

struct StoreState {
  contents @0 :UInt64;
  bytes @1 :UInt64;
  bytesMax @2 :UInt64;
  # That it may have. 0: not bounded.
  fileBytes @3 :UInt64;
  # That its files take.
  toCheck @4 :UInt64;
  # Contents of which it does not know yet whether the other stores have them as they should. 0: all are in place.
  copied @5 :UInt64;
  copiedBytes @6 :UInt64;
  # To stores that lacked them; these and the following since its start.
  dropped @7 :UInt64;
  droppedBytes @8 :UInt64;
  # That nobody needed, or that others had as they should.
  damaged @9 :UInt64;
  # Whose bytes were wrong.
  full @10 :Bool;
  # It takes nothing more.
}
