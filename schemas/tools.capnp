@0xb3a6f0c1d2574e19;
# How a tool stays warm between actions: the rule's `worker` is started once, reads work from its standard input and
# answers on its standard output, one piece of work after the other. It ends when its standard input is closed.
#
# Each message is preceded by its length in bytes: four bytes, least significant first. The message itself is in Cap'n
# Proto's standard stream format (segment table first). A message is at most 16 MiB (core/messages/tools.hpp).
#
# What the tool prints for people goes into the answer or to standard error, never to standard output. An answer that
# cannot be read, one that is not asked for, or the end of the process fails the work in hand; the next work starts the
# tool anew. Several processes of one tool may run at once, each with its own work.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("graphite::wire");

struct ToolWork {
  id @0 :UInt64;
  # Comes back in the answer.

  arguments @1 :List(Text);
  # The rule's `argv` with its placeholders filled in. Paths in it are relative to workingFolder.

  workingFolder @2 :Text;
  # Absolute. Holds the inputs of this work and nothing else; outputs are written there. It is another one for each
  # work, and is gone after the answer: keep nothing open in it, and do not make it the process's working folder for
  # longer than the work.

  temporaryFolder @3 :Text;
  # Absolute, for files that nobody else needs. Gone after the answer, too.

  inputs @4 :List(ToolInput);
  # Every file that lies in workingFolder. A tool may keep what it has read by its digest.
}

struct ToolInput {
  path @0 :Text;
  # Relative to workingFolder.
  content @1 :Data;
  # 32 bytes that are equal where the file's bytes are.
  size @2 :UInt64;
}

struct ToolAnswer {
  id @0 :UInt64;
  # Of the work.
  exitCode @1 :Int32;
  # 0: the outputs are there. Anything else fails the action.
  output @2 :Text;
  # What the tool has to say of it, as a program prints it. At most 64 KiB count, its end.
}
