#pragma once

#include "transforms/built_in.hpp"

namespace graphite {

/// For docs/transforms.md.
inline constexpr std::string_view archive_details =
    R"(Each file of a ZIP archive becomes an asset of its own below the folder of the rule's one wildcard output.
Stored and deflated entries are taken, of ZIP64 the sizes; times, modes, comments and empty folders are not
kept. The checksum of each file that is taken is checked.

An archive is refused as a whole, with the entry's name, where one would leave the folder, is a symbolic
link, is encrypted or packed by another method, or shares its bytes with another; and where one that is
taken has the name of another (also where only case differs) or unpacks to something else than the directory
says. Bounds against archives that unpack to far too much: `entries_max`, `size_max`, and of an entry of
over 16 MiB 250 times its packed size.

`strip` takes leading folders off, as archives of releases often have one round everything; `include` and
`exclude` see the names before that.)";

/// The files of a ZIP archive as assets of their own, below the folder of the rule's one wildcard output.
///
/// Bounds: the options size_max and entries_max; of one entry, zip_ratio_max (transforms/zip_reader.hpp).
/// Folders are skipped. Refused with the entry's name: names that leave the folder, symbolic links, twins
/// (also those that differ in case only), a file where another entry needs a folder, encryption, methods
/// other than stored and deflated, entries that share bytes, wrong sizes and checksums.
inline const transform_description& archive_description() {
  static const transform_description out{
      .name = "archive",
      .version = 1,
      .help = "takes the files out of a ZIP archive",
      .details = archive_details,
      .matches = {"*.zip"},
      .outputs = {"{dir}/{stem}/**"},
      .options =
          {
              {.name = "entries_max",
               .standard = std::int64_t{10'000},
               .help = "entries that an archive may have",
               .least = 1,
               .most = 65'534},
              {.name = "exclude",
               .standard = std::vector<std::string>{},
               .help = "globs of names in the archive that are left out"},
              {.name = "include",
               .standard = std::vector<std::string>{"**"},
               .help = "globs of names in the archive that are taken"},
              {.name = "size_max",
               .standard = std::int64_t{512},
               .help = "what all taken files together may have",
               .least = 1,
               .most = 1024,
               .unit = "MiB"},
              {.name = "strip",
               .standard = std::int64_t{0},
               .help = "leading folders taken off every name; what lies above is left out",
               .least = 0,
               .most = 64},
          },
      .references = {},
      .libraries = {"libz"},
      .inputs = {},
      .cost_ns_per_byte = 20,
      .memory_bytes_max = 2 * GiB,
  };
  return out;
}

/// See transform_function.
result<transform_output> run_archive(const transform_input& in);

}  // namespace graphite
