#pragma once

#include "core/error.hpp"
#include "core/messages/tools.hpp"

namespace graphite {

byte_vector encode(const tool_work& work);
/// Errors: too_large, corrupt.
result<tool_work> decode_tool_work(byte_span bytes);

byte_vector encode(const tool_answer& answer);
/// Whatever bytes: a tool may print anything. An output over tool_output_bytes_max is cut at its beginning.
/// Errors: too_large, corrupt.
result<tool_answer> decode_tool_answer(byte_span bytes);

}  // namespace graphite
