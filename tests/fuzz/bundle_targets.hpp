#pragma once

#include <array>
#include <string_view>

#include "core/digest.hpp"

/// \file One function a decoder of outside bytes. Each takes any bytes at all; it aborts where a decoder
/// accepts what its encoder would not have written, and sanitizers watch the rest.

namespace graphite::fuzz {

void head(byte_span bytes);
void behind_list(byte_span bytes);
void chunk_list(byte_span bytes);
void index_page(byte_span bytes);
void page_record(byte_span bytes);
void segment(byte_span bytes);

struct target {
  std::string_view name;  ///< also the corpus folder's
  void (*run)(byte_span bytes);
};

inline constexpr std::array targets{
    target{"head", head},
    target{"behind_list", behind_list},
    target{"chunk_list", chunk_list},
    target{"index_page", index_page},
    target{"page_record", page_record},
    target{"segment", segment},
};

}  // namespace graphite::fuzz
