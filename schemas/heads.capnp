@0xea9f6a88d8d6d5d9;
# The heads port (7402): how runtime nodes learn that a channel has a new generation.
#
# A coordinator or relay publishes, any number of runtime nodes listen; nothing flows back but the
# subscription. A ZeroMQ message is two frames: a topic, then one message of this file. Topics are "h" for a
# Heartbeat and "a/", the channel's name and a NUL for an Announcement (ZeroMQ matches prefixes; the NUL
# keeps "main" from matching "main2").
#
# State, not events: a listener that missed any number of announcements learns from the next heartbeat that
# it is behind and pulls a snapshot from the chunk port. Nothing here is trusted before digests are checked.
#
# With keys the port speaks CURVE: it lets in who has enrolled at the chunk port (chunks.capnp), and hears only
# subscriptions to "h" and to whole topics of channels that he has a grant for. When a grant ends, all
# connections are ended and made anew by those who may: as after any gap, the heartbeat says what was missed.
# Heartbeats are the same for all.
# Limits are named in core/messages/heads.hpp; a message over one is dropped as a whole.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("graphite::wire");

struct Announcement {
  # Sent once, right after the generation's journal record is synced.

  head @0 :Data;
  # The encoded head (docs/formats/bundle.md), exactly the bytes that a signature covers.

  signature @1 :Data;
  # Not used: the signature is in the head itself.

  baseRoot @2 :Data;
  # 32 bytes: root of the generation which the changes start from. A listener whose own root differs
  # cannot use them and pulls a snapshot.

  baseEpoch @3 :UInt64;
  baseSequence @4 :UInt64;
  # Number of that generation, for logs. Zero and zero: there was none.

  complete @5 :Bool;
  # True: `upserts` and `removals` are all that changed. False: too much changed to be carried, both are
  # empty, and the listener compares index pages.

  upserts @6 :List(Data);
  # Asset records of new and changed assets as the index encodes them, ascending by path.

  removals @7 :List(Text);
  # Logical paths of assets that are gone, ascending.

  lists @8 :List(ChunkList);
  # Chunk lists of changed contents that have more than one chunk. One that is missing is asked for.

  chunks @9 :List(Chunk);
  # Bytes of chunks, at most 32 KiB in all. One that is missing is asked for.

  times @10 :Times;
  clock @11 :Data;
  # 16 bytes: boot id of the machine whose clock `times` are. A listener with another boot id must not
  # subtract them from its own readings. Empty: not known.

  trace @12 :UInt64;
  # Follows one save from notice to swap. Zero: none.
}

struct ChunkList {
  content @0 :Data;
  # 32 bytes: digest of the list, which is the content's name.
  digests @1 :Data;
  # 32 bytes a chunk, one after the other.
  sizes @2 :List(UInt32);
  # Bytes of each chunk, in the same order.
}

struct Chunk {
  digest @0 :Data;
  # 32 bytes: SHA-256 of `bytes`.
  bytes @1 :Data;
}

struct Times {
  # Nanoseconds of CLOCK_MONOTONIC; zero: not reached or not known.
  edited @0 :Int64;
  # Newest modification time of the changed files.
  noticed @1 :Int64;
  hashed @2 :Int64;
  invalidated @3 :Int64;
  scheduled @4 :Int64;
  built @5 :Int64;
  published @6 :Int64;
}

struct Heartbeat {
  # Sent each 500 ms, and soon after somebody subscribes. One record for each channel that is served.

  publisher @0 :Data;
  # 16 bytes: incarnation of the sending process.

  chunkHost @1 :Text;
  chunkPort @2 :UInt16;
  # Where chunks, pages and snapshots are served. Empty host: the one the heads come from.
  # Port zero: nowhere; only what announcements carry can be had.

  channels @3 :List(ChannelState);
  # Ascending by name.

  vouchers @4 :List(Data);
  # Signed statements that one root, or one lineage of a channel, follows another; at most 16, the newest last.
  # Encoded as core/statements.hpp says.

  revocations @5 :Data;
  # The signed list of keys that count no more, where it has at most 64 KiB. Empty: there is none, or the next
  # two fields name it.

  revocationsName @6 :Data;
  # 32 bytes: SHA-256 of the signed list. Its bytes are fetched in pieces from the chunk port. Empty: none is
  # named.
  revocationsBytes @7 :UInt32;
  # Of that list. Zero: none is named.
}

struct ChannelState {
  name @0 :Text;
  lineage @1 :Data;
  # 16 bytes. A new value means that the publisher's state was made anew.
  epoch @2 :UInt64;
  sequence @3 :UInt64;
  root @4 :Data;
  # 32 bytes: root of the index of the newest generation.
  expires @5 :Int64;
  # Unix time in nanoseconds after which this record proves nothing. Zero: never.
  signature @6 :Data;
  # The key's statement and the signature of all fields above, and of the heartbeat's publisher, chunkHost and
  # chunkPort (bundle/head_signature.hpp). Empty: not signed.
}
