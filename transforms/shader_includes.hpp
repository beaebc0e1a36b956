#pragma once

#include <glslang/Public/ShaderLang.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "transforms/built_in.hpp"
#include "transforms/shader_macros.hpp"

namespace graphite {

/// Finds what a shader includes, by asking the transform's files. One compilation, one thread.
///
/// Bounds: shader_includes_max, shader_included_bytes_max, shader_include_depth_max. A failure becomes a
/// message of the compiler at the place of the #include.
class shader_includes final : public glslang::TShader::Includer {
 public:
  /// `folders` have no `/` at their end; an empty one is the root.
  /// `macros`, if there are any, take every file before the compiler does.
  shader_includes(const logical_path& source, const std::vector<std::string>& folders, transform_files& files,
                  shader_macros* macros)
      : source_(source), folders_(folders), files_(files), macros_(macros) {}

  IncludeResult* includeLocal(const char* name, const char* from, size_t depth) override;
  IncludeResult* includeSystem(const char* name, const char* from, size_t depth) override;
  void releaseInclude(IncludeResult* taken) override;

 private:
  struct open_file {
    logical_path path;
    std::unique_ptr<IncludeResult> taken;
  };
  /// Null where there is no such file.
  IncludeResult* take(result<logical_path> path);
  IncludeResult* search(const char* name);
  IncludeResult* refuse(std::string why);

  const logical_path& source_;
  const std::vector<std::string>& folders_;
  transform_files& files_;
  shader_macros* const macros_;
  std::vector<open_file> open_;  ///< the chain of includes that is being read
  std::deque<std::string> messages_;
  std::vector<std::unique_ptr<IncludeResult>> refused_;
  bool local_failed_ = false;  ///< the compiler asks includeSystem() next
  std::size_t count_ = 0, bytes_ = 0;
};

}  // namespace graphite
