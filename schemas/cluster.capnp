@0xd3a0b1f6c2e94871;
# What people ask of a coordinator's cluster, and order it to do.
#
# Who talks: `graphite status`, `drain`, `cordon` and `uncordon` (and whatever draws the cluster) to a coordinator, over a
# session of service.capnp, which `Session.cluster` leads here from. Whose connection it is and what it may do is known
# from there: `report` needs the verb `query`, `order` the verb `operate`.
#
# Limits (core/messages/cluster_report.hpp): 1,024 nodes of 64 domains, the first 100 actions that run, the first 16
# kinds of actions that no node can run; texts up to 4 KiB.
#
# Field numbers are never reused. Times are seconds, processors are thousandths.

using Service = import "service.capnp";
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("graphite::schema::cluster");

interface Cluster {
  report @0 () -> (outcome :Service.Outcome(Report));
  # How things are now.

  order @1 (node :Text, service :NodeService, withinMs :UInt64) -> (outcome :Service.Outcome(Node));
  # Holds from now on, over restarts of the node and of the coordinator. Answers with the node as it is then.
  # `withinMs` is of draining: what still runs after it goes elsewhere. `not_found` where no node of this name is known.
}

enum NodeService {
  in @0;         # takes attempts
  cordoned @1;   # takes no more; what is there ends there
  draining @2;   # the same, and what only waits there goes elsewhere
}

struct Report {
  epoch @0 :UInt64;
  inGrace @1 :Bool;           # after a start: nothing is given out until nodes that were here are back
  deposed @2 :Bool;           # a later coordinator reigns
  copies @3 :UInt32;          # of each content
  stores @4 :UInt32;          # that are here
  nodes @5 :List(Node);       # ascending by name: those that are here, or cordoned
  classes @6 :List(Class);    # most urgent first
  running @7 :List(Running);
  misfits @8 :List(Misfit);
  tasks @9 :UInt64;           # actions that are wanted and not done
  waiters @10 :UInt64;        # wishes for them: equal ones run once
  delayed @11 :UInt64;        # wait before they are tried again
  unplaceable @12 :UInt64;    # need more than any node has
  hedged @13 :UInt64;         # second attempts of late ones
  uncommitted @14 :UInt64;    # results that wait for the disk
  commitTrouble @15 :Text;    # why the disk does not take them; empty: it does
  criticalSeconds @16 :Float64;   # the longest chain of what is ready
  workSeconds @17 :Float64;       # all that is ready, by all processors
}

struct Node {
  name @0 :Text;
  service @1 :NodeService;
  here @2 :Bool;
  leaving @3 :Bool;
  store @4 :Bool;
  chunks @5 :Text;            # HOST:PORT
  unheardSeconds @6 :Float64;
  unacknowledged @7 :UInt64;  # results that it keeps until they are durable
  domains @8 :List(Domain);
}

struct Domain {
  cpus @0 :Text;              # "0-3"
  cpuMilli @1 :UInt32;
  cpuMilliUsed @2 :UInt32;
  memoryBytes @3 :UInt64;
  memoryBytesUsed @4 :UInt64;
  running @5 :UInt64;
  ahead @6 :UInt64;           # attempts that wait there
  resources @7 :Text;         # "gpu=1, licence=4"
}

struct Class { name @0 :Text; waiting @1 :UInt64; running @2 :UInt64; oldestSeconds @3 :Float64; }
struct Running { rule @0 :Text; path @1 :Text; node @2 :Text; seconds @3 :Float64; second @4 :Bool; }
struct Misfit { rule @0 :Text; needs @1 :Text; count @2 :UInt64; }
