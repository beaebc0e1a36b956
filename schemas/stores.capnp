@0x9f3c61d84ab27e05;
# The port of a store (7403): how contents travel between nodes and the stores of a cluster, and from store to store.
# The coordinator only names them, by digest.
#
# A node asks (ZeroMQ DEALER), a store answers (ROUTER). A request is eight bytes chosen by the asker, which come back
# unchanged, one Request, and raw frames as the verb says; a reply is those eight bytes, one Reply and raw frames. Bulk
# bytes are never inside a message of this file.
#
# The asker holds the credit: it has few requests under way at each store, which send at most 1 MiB of raw bytes or say
# how many they take. Requests may be repeated at will, and that is also how a transfer goes on after either side was
# gone: the store says up to where it has a content, the asker which chunk it wants next. What neither heard of in time
# is asked of the next store in the content's order (core/store_choice.hpp).
#
# What a store says it has is durable: it survives the loss of power. Nothing is visible before its digest was verified.
# Limits are named in core/messages/stores.hpp (store_port_limits).

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("graphite::wire::stores");

# With keys the port speaks CURVE. It talks to whoever proves a key of his own, and answers him one thing: `enrol`. The
# grant is for that key, and is looked up for each other request: one that was revoked or has run out gives nothing from
# then on. Whoever asks has learnt the store's address and key from the coordinator (control.capnp, `Settings`).

struct Request {
  union {
    enrol @0 :Enrol;
    # The only request that a port with keys answers without a grant. A port without keys refuses it.

    have @1 :List(Data);
    # Digests of contents, 32 bytes each, at most 1,024: which of them are here durably?

    put @2 :Put;
    # Bytes of contents to be kept.

    list @3 :Data;
    # Digest of a content: its chunk list.

    contents @4 :Contents;
    # Bytes of contents.

    look @5 :List(Data);
    # Digests of contents whose bytes were wrong where they came in, at most 64. The store looks at what it has of
    # them, by and by, and forgets what is wrong: it believes nobody.
  }
}

struct Enrol {
  step @0 :Step;
  shown @1 :Data;
  # At most 1 KiB.
}

enum Step {
  begin @0;
  # Of a hello (core/hello.hpp), whose binding names the CURVE keys of both ends. Answered by its challenge.
  prove @1;
  # `shown` is the hello's answer; what it proves is granted to the CURVE key of this connection. Answered by the proof.
  pass @2;
  # `shown` is a pass: the coordinator's word that this CURVE key may bring and fetch contents for a tenant, until
  # some time. So clients that submit work reach the stores without a role key.
}

struct Put {
  who @0 :Data;
  # 16 bytes: incarnation of the asking process. What it has begun goes on when it asks again by another connection.
  pieces @1 :List(Piece);
  # At most 256; for each one raw frame, in order, of 1 MiB in all. Small contents go many in one message.
}

struct Piece {
  content @0 :Data;
  # 32 bytes.
  size @1 :UInt64;
  # Of the whole content: at most 64 GiB.
  offset @2 :UInt64;
  # Of the frame's first byte. Anything but the next byte that the store lacks changes nothing: the answer says which.
}

struct Contents {
  ranges @0 :List(Range);
  # At most 256, in the order wanted.
  credit @1 :UInt32;
  # Raw bytes that the asker takes now; at most 1 MiB is sent whatever it says. One chunk is always sent.
}

struct Range {
  content @0 :Data;
  first @1 :UInt32;
  # Index of the first chunk wanted.
  count @2 :UInt32;
  # How many; zero: all to the end.
}

struct Reply {
  union {
    refused @0 :Refusal;
    # No raw frames.

    enrol @1 :Data;
    # What the step says; no raw frames.

    have @2 :List(Bool);
    # One for each content asked for, in order. No raw frames.

    put @3 :List(Outcome);
    # One for each piece, in order. No raw frames. Where a piece completes a content this comes after the sync.

    list @4 :Void;
    # One raw frame: the first blob of the encoded list (docs/formats/bundle.md). For a list of two levels
    # a second frame: its sub-lists' bytes one after the other.

    contents @5 :List(Sent);
    # One for each range asked for, in order; a shorter list ends where the credit did. Each with
    # `chunks` > 0 has one raw frame: the chunks' bytes one after the other.

    look @6 :Void;
    # It will be looked at. No raw frames.
  }
}

struct Refusal {
  code @0 :UInt16;
  # Number of graphite::errc.
  message @1 :Text;
  # For people.
}

struct Outcome {
  union {
    durable @0 :Void;
    # All of the content.
    partly @1 :UInt64;
    # The store has its bytes up to here.
    refused @2 :UInt16;
    # Number of graphite::errc. 4 (corrupt): the bytes were not those of the digest, and are gone.
  }
}

struct Sent {
  absent @0 :Bool;
  # True: the content is not here; chunks is zero.
  chunks @1 :UInt32;
}
