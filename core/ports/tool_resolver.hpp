#pragma once

#include <string>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/ports/file_reader.hpp"
#include "core/project.hpp"

namespace graphite {

/// A tool as this machine has it now.
struct resolved_tool {
  struct file {
    std::string path;          ///< absolute
    stat_signature signature;  ///< of the bytes that were digested
  };
  std::string name;
  std::string program;      ///< absolute path of the first file: what {tool:NAME} stands for
  std::vector<file> files;  ///< as digested; of a machine tool: its program
  digest identity;          ///< what enters an action's key
};

/// Finds tools and says what they are. Thread-safe.
class tool_resolver {
 public:
  virtual ~tool_resolver() = default;
  /// Cheap where the files' stat signatures are those of the last time; otherwise reads or runs the tool.
  /// Blocks. Errors: not_found (with the folders searched), action_failed (a version command that fails),
  /// permission_denied, io.
  virtual result<resolved_tool> resolve(const tool_spec& spec) = 0;
};

}  // namespace graphite
