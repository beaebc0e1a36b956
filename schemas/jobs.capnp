@0xa6f1e20c94b7d538;
# What a build farm submits to a coordinator, and what it hears of it.
#
# Who talks: `graphite submit`, `jobs`, `job`, `cancel` and `logs`, build systems, and gateways of other protocols, to
# `graphite coordinator`, on the ports and with the identities of service.capnp: `Session.jobs` gives the capability
# below. Whose a job is follows from who is connected, and is nowhere said. Each method needs a verb of the identity
# (gateway/method_verbs.hpp); what belongs to another tenant is `not_found`, but for identities with `operate`.
#
# When. The client makes a snapshot of its files (docs/formats/snapshot.md): a tree of small contents, so that it
# knows the digest of everything before a byte has travelled. Then
#
#   1. submit: answered when the job is on disk, so that no crash loses it. A client that heard no answer asks again
#      with the same key, and gets the same job, whether the first question arrived or not.
#   2. missing: which of these contents the cluster has not got, and a ticket for its stores, where the client puts
#      them (stores.capnp): no byte of them passes the coordinator. Best asked for the root first, then for folders
#      below what is missing, so that what did not change is not even asked for.
#   3. uploaded: look again. What is still missing, says the answer.
#   4. watch, or come back later. The job goes on whether anybody is connected or not.
#
# A slow watcher slows nobody: the coordinator keeps the newest events of a job for everybody, sends what there is when
# the watcher has taken what came before, and a summary instead of what it keeps no more.
#
# Limits are named in core/messages/jobs.hpp (job_limits), and those of a connection in gateway/local_service.hpp: over
# them a call fails with `too_large` or `invalid_argument`, or with `busy` where it helps to wait.
#
# Errors come as in service.capnp. Field numbers are never reused. Absent text is empty, absent numbers are 0.

using Cxx = import "/capnp/c++.capnp";
using Service = import "service.capnp";
$Cxx.namespace("graphite::schema::jobs");

interface Jobs {
  submit @0 (request :Request) -> (outcome :Service.Outcome(Accepted));
  # Errors: invalid_argument; already_exists (the key was used for another request); busy (the tenant has as many jobs
  # as it may, or submits too often: says when to come again); too_large (its quota of bytes); out_of_space (the
  # coordinator's disk is full: nothing was accepted).

  missing @1 (job :UInt64, contents :List(Content), client :Data) -> (outcome :Service.Outcome(Missing));
  # At most 1,024 contents. `client` is the CURVE key, 32 bytes, with which the client will meet the stores: the ticket
  # counts for it alone. With no contents it tells where the stores are and gives a ticket, also of a job that is over:
  # so its outputs are fetched. Errors: not_found; unavailable (no store is there); too_large (more bytes than the tenant
  # may upload); cancelled (the job is over).

  uploaded @2 (job :UInt64) -> (outcome :Service.Outcome(Job));
  # All that was missing has been put. Answered after the coordinator has looked: `missing` of the answer is what it
  # waits for now. Harmless where it waits for nothing.

  cancel @3 (job :UInt64) -> (outcome :Service.Outcome(Job));
  # Answered when it is on disk that the job is over. What others wait for too goes on. Harmless for one that is over.

  list @4 (openOnly :Bool, before :UInt64, most :UInt32) -> (outcome :Service.Outcome(Listing));
  # The newest first, older ones than `before` (0: from the newest), at most `most` (0: 100), at most 1,000. Of the
  # identity's tenant; of all for one with `operate`.

  status @5 (job :UInt64) -> (outcome :Service.Outcome(Job));

  why @6 (job :UInt64, path :Text) -> (outcome :Service.Outcome(Service.Why));
  # Of an asset, in the job's view as it is now.

  watch @7 (job :UInt64, after :UInt64, to :EventSink) -> (outcome :Service.Outcome(Watched));
  # Sends events with numbers over `after` (0: all that are kept) until the job is over and all were taken. Dropping the
  # call ends it. At most 8 of these and of logs at once on one connection: `busy`.

  logs @8 (job :UInt64, path :Text, after :UInt64, follow :Bool, to :LogSink) -> (outcome :Service.Outcome(Watched));
  # What tools said. `path`: of one asset; empty: of all. Without `follow` it ends with what there is now.

  trace @9 (job :UInt64, after :UInt64) -> (outcome :Service.Outcome(Service.TracePage));
  # Where its build's time went. Kept in memory, of the newest builds: `not_found` of others, and of one in which nothing
  # ran; `unavailable` while it is built.
}

interface EventSink {
  # The client's. What was not taken yet stays with the coordinator, which keeps so much and no more.

  events @0 (batch :EventBatch) -> stream;

  end @1 ();
  # All were sent. What watch answers comes when this was answered.
}

interface LogSink {
  pieces @0 (batch :LogBatch) -> stream;
  end @1 ();
}

struct Watched {
  last @0 :UInt64;              # number that a later call goes on behind
  over @1 :Bool;                # the job is; nothing will follow
}

struct Content {
  id @0 :Data;                  # 32 bytes: the digest of its chunk list (docs/formats/bundle.md)
  size @1 :UInt64;              # in bytes
}

struct Request {
  key @0 :Data;                 # 16 to 64 bytes, of the client's choice, random; one for each thing it wants
  label @1 :Text;               # for people
  priority @2 :Priority;        # among jobs
  deadlineMs @3 :UInt64;        # from its acceptance; then it is ended. 0: none, at most seven days
  what :union {
    project @4 :Project;
    action @5 :Action;
  }
}

enum Priority {
  high @0;
  normal @1;
  low @2;
  background @3;
}

struct Project {
  # To build a project as it is in a snapshot: all of it or nothing is shown, as by `graphite build`.
  snapshot @0 :Content;         # the root
  projectFile @1 :Text;         # a path in it
  view @2 :Text;                # which of the tenant's views this is the next state of: named as channels are
  keepGoing @3 :Bool;           # after a failure, with all that does not depend on it
  targets @4 :List(Text);       # paths of assets; none: all
}

struct Action {
  # One action without a project, of the shape that the Remote Execution API has.
  inputRoot @0 :Content;        # of a snapshot: all that the action may read
  run :union {
    command @1 :Command;
    transform @2 :Transform;
  }
  platform @3 :List(Pair);      # what a node must have: "os" = "linux"
  outputs @4 :List(Text);       # paths of the files that it makes, ascending
  timeoutMs @5 :UInt64;         # of one execution, at most a day
  memoryBytesMax @6 :UInt64;
  useCache @7 :Bool;            # take a result that is there, and keep this one for others
}

struct Command {
  argv @0 :List(Text);
  environment @1 :List(Pair);   # the whole of it, ascending
  workingFolder @2 :Text;       # a path of the input root; empty: its top
}

struct Transform {
  # A built-in one: docs/transforms.md.
  name @0 :Text;
  version @1 :UInt32;
  mainInput @2 :Text;           # a path of the input root
  options @3 :Data;             # all of them, as they enter keys (core/transform_options.hpp)
}

struct Pair { name @0 :Text; value @1 :Text; }

struct Accepted {
  job @0 :Job;
  known @1 :Bool;               # it was there before, by this key
}

struct Missing {
  places @0 :List(UInt32);      # of the question's contents, from 0, ascending: these have to be uploaded
  stores @1 :List(Store);       # that are alive: each content to the first `copies` of its order (core/store_choice.hpp)
  copies @2 :UInt32;
  ticket @3 :Data;              # for the stores (core/store_pass.hpp); none: they ask for none
  untilUnixNs @4 :Int64;        # the ticket's end; ask again then
}

struct Store {
  address @0 :Text;             # HOST:PORT
  key @1 :Data;                 # 32 bytes: the CURVE key that it proves. None: it speaks without keys, on loopback
}

enum State {
  accepted @0;                  # it is on disk
  waitingForBlobs @1;           # contents are missing: see `missing`
  planning @2;
  building @3;
  done @4;                      # this and all below: it is over
  failed @5;
  cancelled @6;
  deadlineExceeded @7;
}

struct Progress {
  # Of actions. `actions` grows while the job is planned.
  actions @0 :UInt64;
  ran @1 :UInt64;
  cached @2 :UInt64;
  failed @3 :UInt64;
  running @4 :UInt64;
}

struct Job {
  id @0 :UInt64;
  tenant @1 :Text;
  owner @2 :Text;               # who submitted it, for people
  label @3 :Text;
  priority @4 :Priority;
  isAction @5 :Bool;
  state @6 :State;
  acceptedUnixNs @7 :Int64;
  deadlineUnixNs @8 :Int64;     # 0: none
  endedUnixNs @9 :Int64;        # 0: it goes on
  missing @10 :UInt64;          # contents that it waits for, as far as was looked
  missingBytes @11 :UInt64;
  progress @12 :Progress;
  end @13 :End;                 # of one that is over; null in lists
}

struct End {
  state @0 :State;
  message @1 :Text;             # where it did not end well: why, and what to do
  progress @2 :Progress;
  failures @3 :List(Failure);   # the first 100; progress.failed counts all
  outputs @4 :List(Output);     # of an action
  generation @5 :Text;          # of a project: the digest of its listing, for people; equal assets have an equal one
  listing @6 :Content;          # of a project: all its assets with their contents (docs/formats/asset-list.md), in the
                                # stores, as the assets are; null where nothing is shown
  assets @7 :UInt64;            # in it
}

struct Failure { path @0 :Text; message @1 :Text; }
struct Output { path @0 :Text; content @1 :Content; }

struct Listing {
  jobs @0 :List(Job);
}

struct Event {
  number @0 :UInt64;            # ascending within a job, over restarts of the coordinator too, with gaps
  unixNs @1 :Int64;
  union {
    state @2 :StateChange;
    missing @3 :BlobsMissing;
    progress @4 :Progress;
    failure @5 :Failure;        # of one asset or action
  }
}

struct StateChange { now @0 :State; message @1 :Text; }
struct BlobsMissing { count @0 :UInt64; bytes @1 :UInt64; }

struct EventBatch {
  events @0 :List(Event);       # at most 256
  leftOut @1 :UInt64;           # before them, that are kept no more
  summary @2 :Job;              # first, and after a gap: how the job stands; null otherwise
}

struct LogPiece {
  number @0 :UInt64;            # as of events; the two have nothing to do with each other
  unixNs @1 :Int64;
  path @2 :Text;                # of the asset, or of an action's first output
  text @3 :Text;                # at most 16 KiB
}

struct LogBatch {
  pieces @0 :List(LogPiece);
  leftOut @1 :UInt64;           # before them, that are kept no more
}
