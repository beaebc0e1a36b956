@0xb86b0f4ac6f7c1d5;
# What a running GRAPHITE process can be asked by clients.
#
# Who talks: the command line program (and editors' plug-ins) to `graphite dev` or another resident process.
# Over the unix socket `STATE/sock` the process at the other end is known by its credentials (SO_PEERCRED):
# only the owner of the service and root are served, with everything. Over TCP port 7400 it is known by its
# certificate (mutual TLS 1.3), on port 7405 by a token in hello (TLS 1.3); each may call the methods of its
# verbs (gateway/method_verbs.hpp) and gets `permission_denied` for others. Without keys these ports listen on
# loopback only, without TLS, and hello needs the token of `STATE/token`. One connection carries any number of
# calls at once.
#
# When: a client connects, calls `Gate.hello`, and may pipeline its first question on the session that hello
# returns, so that "connect and ask" costs one round trip. A connection that has not said hello within 5 s is
# closed. Every question first waits for a sync cookie, so a write made before the call is always seen.
#
# Limits (defaults of local_service_options): a request ≤ 256 KiB, 64 connections, 32 calls at once on one of
# them, an answer ≤ 32 MiB. Beyond: the error `busy` or `too_large`, or, for an oversized request, the end of
# the connection.
#
# Errors: a call that reached the service answers with an Outcome; RPC exceptions mean the connection broke.
# Field numbers are never reused. Absent text is empty, absent numbers are 0, times are as their names say.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("graphite::schema::service");

const protocolVersion :UInt32 = 1;
# Raised when an old client or service could misunderstand the other; new methods and fields do not raise it.

struct Error {
  code @0 :UInt16;      # core/error.hpp, errc: stable
  context @1 :Text;     # for people, never parsed
}

struct Outcome(Value) {
  union {
    ok @0 :Value;
    failed @1 :Error;
  }
}

interface Gate {
  # The bootstrap capability: all a connection can do before versions are known to fit.

  hello @0 (protocol :UInt32, program :Text, token :Text) -> (welcome :Welcome);
  # `program` is the client's version, for the service's log. Fails with `newer_version` where `protocol` is
  # not the service's own; `welcome.program` is filled then, too, so that the client can say what runs.
  # `token` is what the port asks for, or empty. Fails with `permission_denied` where it does not count: nothing
  # of the service is told then. Said once: a second one is refused, and so is all else before the first.
}

struct Welcome {
  protocol @0 :UInt32;  # the service's
  program @1 :Text;     # the service's version, as `graphite --version` prints it
  pid @2 :UInt64;       # of the service, on its own machine
  session @3 :Session;  # null where `refusal` is set
  refusal @4 :Error;    # null where welcome
}

interface Session {
  # Everything in actors/facade.hpp. Dropping a call's promise gives up waiting; what it began goes on.

  build @0 (keepGoing :Bool, dryRun :Bool) -> (outcome :Outcome(BuildSummary));
  # Waits until the revision with all earlier writes is closed and built. No deadline.

  status @1 () -> (outcome :Outcome(Status));

  why @2 (path :Text) -> (outcome :Outcome(Why));
  # `not_found` where no source or asset has that name.

  graph @3 (kind :GraphKind, from :Text, to :Text) -> (outcome :Outcome(Lines));
  # `path` uses both names, `rdeps` and `deps` only `from`, `cycles` none.

  hold @4 (timeoutMs :UInt64) -> (outcome :Outcome(HoldGrant));
  # Keeps revisions back. 0: no timeout.

  releaseAll @5 () -> (outcome :Outcome(Released));
  # Ends every hold of every client of this service.

  rollback @6 (channel :Text, sequence :UInt64) -> (outcome :Outcome(Head));
  # Publishes that generation's root again under a new sequence, which is returned.

  diff @7 (channel :Text, from :UInt64, to :UInt64) -> (outcome :Outcome(Diff));
  # Between two generations of a channel, by sequence; an empty channel means the only or default one.

  stop @8 () -> (outcome :Outcome(Stopping));
  # Ends the service in good order. It has ended when the connection is closed from its side.

  gc @9 (cacheBytes :UInt64, cacheBytesGiven :Bool, dryRun :Bool) -> (outcome :Outcome(Collected));
  # Brings the action cache within bounds (the project's, unless `cacheBytesGiven`) and frees what nothing needs.
  # Begins when nothing is being built; no deadline. `dryRun` only tells what would go. `busy` where one was
  # asked for already.

  jobs @10 () -> (outcome :Outcome(JobsGrant));
  # What a coordinator does with jobs: jobs.capnp. `unsupported` of a service that has none.

  cluster @11 () -> (outcome :Outcome(ClusterGrant));
  # A coordinator's nodes and what they do: cluster.capnp. `unsupported` of a service that has none.

  trace @12 (build :Text, after :UInt64) -> (outcome :Outcome(TracePage));
  # Where the time of a build of the service's own view went. `build`: "latest", the number of a generation that it
  # published, or "#ID", by which further pages are asked for. Kept in memory, the newest builds: `not_found` of others.
}

interface Hold {
  # Revisions are held as long as the client keeps this capability: dropping it, or dying, releases.

  release @0 () -> (outcome :Outcome(Released));
  # Ends it now and tells whether it still held. Idempotent.

  ended @1 () -> ();
  # Returns once the hold was ended by release or by anybody's releaseAll; not when its timeout passed, which
  # the client knows itself. No deadline.
}

struct HoldGrant { hold @0 :Hold; }
struct JobsGrant { jobs @0 :Capability; }   # a Jobs
struct ClusterGrant { cluster @0 :Capability; }   # a Cluster
struct Released { count @0 :UInt32; }   # holds that were in force until this call
struct Stopping { pid @0 :UInt64; }     # of the service

struct Collected {
  results @0 :UInt64;             # of actions, in the cache when it began
  resultsDropped @1 :UInt64;      # or, of a dry run, to be dropped
  cacheBytes @2 :UInt64;          # of contents that only the cache kept
  cacheBytesDropped @3 :UInt64;   # of these
  freedBytes @4 :UInt64;          # of segments that were unlinked
  segmentsRemoved @5 :UInt64;
  segmentBytes @6 :UInt64;        # in segments now
  seconds @7 :Float64;
}

struct Head {
  # core: bundle/head.hpp.
  channel @0 :Text;
  lineage @1 :Data;             # 16 bytes
  epoch @2 :UInt64;
  sequence @3 :UInt64;
  root @4 :Data;                # 32 bytes
  assets @5 :UInt64;
  revision @6 :UInt64;
  publishedUnixNs @7 :Int64;
  behind @8 :Data;              # 32 bytes; all zero: nothing is behind or failed
}

struct Diagnostic {
  severity @0 :Severity;
  path @1 :Text;                # logical path, or empty
  text @2 :Text;
  enum Severity { info @0; warning @1; error @2; }
}

struct BuildSummary {
  generation @0 :Head;          # null before the first generation
  assets @1 :UInt64;
  ran @2 :UInt64;
  cached @3 :UInt64;
  failed @4 :UInt64;
  behind @5 :UInt64;
  changedSources @6 :UInt64;
  seconds @7 :Float64;
  bundle @8 :Text;              # absolute folder
  diagnostics @9 :List(Diagnostic);
}

struct Running { rule @0 :Text; path @1 :Text; seconds @2 :Float64; }
struct Failed { path @0 :Text; message @1 :Text; }

struct Subscriber {
  name @0 :Text;                # host:pid or address
  channel @1 :Text;
  epoch @2 :UInt64;             # what it reported last
  sequence @3 :UInt64;
  secondsAgo @4 :Float64;
}

struct Channel {
  name @0 :Text;
  newest @1 :Head;              # null before the first generation
  behind @2 :UInt64;
  subscribers @3 :UInt64;
}

struct Status {
  project @0 :Text;
  root @1 :Text;
  state @2 :Text;
  headsAddress @3 :Text;
  chunksAddress @4 :Text;
  metricsAddress @5 :Text;
  watchMode @6 :Text;
  watchReason @7 :Text;
  pid @8 :UInt64;
  uptimeSeconds @9 :Float64;
  watchedFolders @10 :UInt64;
  sources @11 :UInt64;
  assets @12 :UInt64;
  actions @13 :UInt64;
  stale @14 :UInt64;
  held @15 :Bool;
  running @16 :List(Running);           # first 100
  failed @17 :List(Failed);             # first 100
  failedCount @18 :UInt64;
  channels @19 :List(Channel);
  subscribers @20 :List(Subscriber);    # first 1,000
  machine @21 :Machine;
}

struct Machine {
  # What the process makes of its machine, and why not more. Texts are for people.
  domains @0 :List(Domain);
  pinned @1 :Bool;                # all threads are bound to their domain
  pinReason @2 :Text;             # why they are, or are not; of a refusal what the system said
  placementReason @3 :Text;       # why memory cannot be placed on NUMA nodes; empty: it can
  ioAdapter @4 :Text;
  ioReason @5 :Text;              # why not a better one; empty for the best
  hasRemoteAccess @6 :Bool;       # off: unknown, and remoteReason says why
  remoteAccess @7 :Float64;       # 0 to 1: accesses that went to another node
  remoteSource @8 :Text;
  remoteReason @9 :Text;
  sandboxMode @10 :Text;          # of commands: "off", "best" or "required"
  sandbox @11 :Text;              # the tier that they run in: docs/sandbox.md
  sandboxReason @12 :Text;        # why in no stronger one; empty: there is none, or none is wanted
}

struct Domain {
  # The processors of one NUMA node, and the build threads that run there.
  node @0 :UInt64;
  cpus @1 :Text;                  # "0-3,8"
  threads @2 :UInt64;
}

struct TracePage {
  # Some of the actions of a build that is over, in the order in which they began to be run.
  build @0 :Text;               # for people: "job 12", "generation 7"
  cause @1 :Text;
  id @2 :UInt64;
  number @3 :UInt64;            # of the job, or of the last generation; 0: it has none
  beganUnixNs @4 :Int64;
  settledNs @5 :UInt64;         # from its begin until its last action had ended
  wallNs @6 :UInt64;            # and until what it made was published
  actionCount @7 :UInt64;
  leftOut @8 :UInt64;           # further actions, of which nothing is kept
  forgotten @9 :UInt64;         # older builds of which nothing is kept any more
  actions @10 :List(TracedAction);  # at most 2,048
  next @11 :UInt64;             # `after` of the next page; 0: this is the last one
}

struct TracedAction {
  # One attempt. The times count from the build's begin, in the order in which they are listed; between two of them
  # lies a span: queue, fetch, run, store, publish.
  rule @0 :Text;
  path @1 :Text;                # its main input
  cause @2 :Text;               # why it ran, and why it was tried again
  node @3 :Text;                # empty: the machine of the service
  domain @4 :UInt32;
  slot @5 :UInt32;
  tries @6 :UInt32;
  status @7 :UInt16;            # 0 succeeded, 1 failed, 2 stale input, 3 cancelled, 4 refused, 5 lost input
  found @8 :Bool;               # nobody ran it: its result was there
  critical @9 :Bool;            # of the chain of actions that determined the build's end
  readyNs @10 :UInt64;          # what it waits for had ended
  begunNs @11 :UInt64;
  fetchedNs @12 :UInt64;
  ranNs @13 :UInt64;
  storedNs @14 :UInt64;         # its result was with who asked for it
  endedNs @15 :UInt64;          # its result counted
  cpuNs @16 :UInt64;
}

struct Component { name @0 :Text; value @1 :Text; }

struct Why {
  path @0 :Text;
  rule @1 :Text;                # empty: unmatched, a copy
  state @2 :Text;
  weakKey @3 :Text;             # hexadecimal; empty for copies
  strongKey @4 :Text;
  keyComponents @5 :List(Component);
  retired6 @6 :List(Text);      # no longer written
  chain @7 :List(Text);
  message @8 :Text;
  reason @9 :Text;              # of the last run, or of the one to come
  changed @10 :List(Change);    # against the key before
  changedLeftOut @11 :UInt64;
  sandbox @12 :Text;            # tier that the command of the last result ran in; empty: no command's
}

struct Change {
  # A component of a key that differs. A side whose flag is off was not, or is not, part of the key.
  name @0 :Text;
  hasBefore @1 :Bool;
  before @2 :Text;
  hasAfter @3 :Bool;
  after @4 :Text;
}

enum GraphKind { path @0; rdeps @1; deps @2; cycles @3; }

struct Lines {
  lines @0 :List(Text);
  leftOut @1 :UInt64;  # of `rdeps` and `deps`: further ones that do not fit into an answer
}

struct Diff {
  added @0 :List(Text);         # logical paths, ascending
  changed @1 :List(Text);
  removed @2 :List(Text);
}
