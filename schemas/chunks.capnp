@0xee18b4f95cec0171;
# The chunk port (7403): how runtime nodes get what an announcement did not carry, and report back.
#
# A runtime node or relay asks (ZeroMQ DEALER), a coordinator, store or relay answers (ROUTER). A request is
# two frames: eight bytes chosen by the asker, which come back unchanged, and one Request. A reply is those
# eight bytes, one Reply and raw frames as the verb says: bulk bytes are never inside a message of this file.
#
# The asker holds the credit: it has few requests under way and each says how many raw bytes it takes. An
# answer that is cut short is no error; the asker asks again from what is missing, which is also how a
# transfer resumes after either side was gone. Requests may be repeated at will.
# Limits are named in core/messages/chunks.hpp (chunk_port_limits).

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("graphite::wire");

# With keys, both ports speak CURVE. The chunk port talks to whoever proves a key of his own, and answers him one
# thing: `welcome`, which takes tickets and gives a grant for the key. Every other request names its channel, and
# the grant is looked up for each: one that was revoked or has run out gives nothing from then on. What is asked
# for has to belong to a generation of that channel which is kept (docs/decisions/0015).

struct Request {
  union {
    welcome @0 :Welcome;
    # The only request that a port with keys answers without a grant. A port without keys refuses it: there a
    # listener learns the chunk port from the heartbeat (heads.capnp).

    snapshot @1 :Text;
    # A channel's name: its newest head. Asked after a gap, on a late join and after a restart.

    pages @2 :List(Data);
    # Digests of index pages, 32 bytes each, at most 256.

    list @3 :Data;
    # Digest of a content: its chunk list.

    contents @4 :Contents;
    # Bytes of contents.

    behind @5 :Data;
    # Digest of the side object that a head names: what is behind and why.

    ack @6 :Ack;
    # Tells which generation this runtime node has; sent after each swap and then each 5 s.

    revocations @9 :RevocationsPiece;
    # A piece of the list of revoked keys, which is the same for all channels.
  }

  channel @7 :Text;
  # What the grant is for. Needed by a port with keys for all but `welcome`; others do not look at it.

  asset @8 :UInt64;
  # For `list`: see Range.
}

struct Welcome {
  who @0 :Data;
  # 16 bytes: incarnation of the asking process.
  tickets @1 :List(Data);
  # At most 4 of at most 1 KiB each (core/credentials.hpp). They are for the CURVE key of this connection, or
  # refused.
}

struct RevocationsPiece {
  list @0 :Data;
  # 32 bytes: SHA-256 of the list, which a heartbeat names (heads.capnp).
  offset @1 :UInt32;
  # Of its first byte that is wanted.
}

struct Contents {
  ranges @0 :List(Range);
  # At most 256, in the order wanted.
  credit @1 :UInt32;
  # Raw bytes that the asker takes now; at most 1 MiB is sent whatever it says. One chunk is always sent.
}

struct Range {
  content @0 :Data;
  # 32 bytes.
  first @1 :UInt32;
  # Index of the first chunk wanted.
  count @2 :UInt32;
  # How many; zero: all to the end.
  asset @3 :UInt64;
  # An asset that has this content in a generation of `channel` (XXH3-64 of its path). A port with keys looks
  # it up in the generations that it keeps, and says that what is not there is absent.
}

struct Ack {
  who @0 :Data;
  # 16 bytes: incarnation of the runtime node.
  name @1 :Text;
  # HOST:PID, for people.
  channel @2 :Text;
  lineage @3 :Data;
  acceptedEpoch @4 :UInt64;
  acceptedSequence @5 :UInt64;
  # The newest generation it holds completely.
  activeEpoch @6 :UInt64;
  activeSequence @7 :UInt64;
  activeRoot @8 :Data;
  # The generation its readers see. Zero and 32 zero bytes: none yet.
}

struct Reply {
  union {
    refused @0 :Refusal;
    # No raw frames.

    welcome @1 :Endpoints;
    # No raw frames.

    snapshot @2 :Snapshot;
    # Raw frames: the encoded head, then index pages from the root down that will probably be asked for.

    pages @3 :List(Bool);
    # One for each page asked for, in order: true where its bytes follow as the next raw frame. A shorter
    # list ends where the credit did; false: not known here.

    list @4 :Void;
    # One raw frame: the first blob of the encoded list (docs/formats/bundle.md). For a list of two levels
    # a second frame: its sub-lists' bytes one after the other.

    contents @5 :List(Piece);
    # One for each range asked for, in order; a shorter list ends where the credit did. Each with
    # `chunks` > 0 has one raw frame: the chunks' bytes one after the other.

    behind @6 :Void;
    # One raw frame.

    ack @7 :Void;
    # No raw frames.

    revocations @8 :Void;
    # One raw frame: 256 KiB from the offset on, or fewer to the end. Refused where another list is in force.
  }
}

struct Refusal {
  code @0 :UInt16;
  # Number of graphite::errc.
  message @1 :Text;
  # For people.
}

struct Endpoints {
  heads @0 :Text;
  chunks @1 :Text;
  # HOST:PORT; an empty host is the one that was asked. Empty: not served.

  grants @2 :List(Grant);
  # What the client may have now, ascending by channel. At most 16.

  refused @3 :Text;
  # For people: why other tickets were not taken. Empty: all were.
}

struct Grant {
  channel @0 :Text;
  until @1 :Int64;
  # Unix time in nanoseconds.
}

struct Snapshot {
  pages @0 :UInt64;
  bytes @1 :UInt64;
  # About how much the whole generation is, for progress bars. Zero: not known.
}

struct Piece {
  absent @0 :Bool;
  # True: the content is not here; chunks is zero.
  chunks @1 :UInt32;
}
