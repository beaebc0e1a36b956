#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "core/logical_path.hpp"
#include "gateway/jobs_codec.hpp"

/// \file What the codecs of jobs share; for gateway/jobs_*_codec.cpp.

namespace graphite::jobs_codec {

inline capnp::uint count_of(std::size_t size) { return static_cast<capnp::uint>(size); }

inline capnp::Text::Reader wire_text(const std::string& in) { return {in.c_str(), in.size()}; }

template <class Bytes>
capnp::Data::Reader wire_data(const Bytes& in) {
  return {reinterpret_cast<const kj::byte*>(in.data()), in.size()};
}

template <class Bytes>
bool read_exactly_into(capnp::Data::Reader in, Bytes& out) {
  using byte = typename Bytes::value_type;
  if (in.size() != out.size()) return false;
  std::transform(in.begin(), in.end(), out.begin(), [](kj::byte one) { return static_cast<byte>(one); });
  return true;
}

/// Errors: too_large; corrupt where it is not UTF-8 or has a NUL.
inline result<std::string> read_text(capnp::Text::Reader in, std::size_t bytes_max) {
  if (in.size() > bytes_max) return fail(errc::too_large, fmt::format("a text of {} bytes", in.size()));
  std::string out(in.begin(), in.size());
  if (!is_utf8(out) || out.find('\0') != out.npos) return fail(errc::corrupt, "a text that is none");
  return out;
}

/// Errors: too_large over `most`; those of `read_one`.
template <class Value, class List, class Read>
result<std::vector<Value>> read_list(List in, std::size_t most, Read&& read_one) {
  if (in.size() > most)
    return fail(errc::too_large, fmt::format("a list of {} where {} are the most", in.size(), most));
  std::vector<Value> out;
  out.reserve(in.size());
  for (const auto one : in) {
    GRAPHITE_TRY(auto value, read_one(one));
    out.push_back(std::move(value));
  }
  return out;
}

inline result<std::vector<std::string>> read_texts(capnp::List<capnp::Text>::Reader in, std::size_t most) {
  return read_list<std::string>(in, most,
                                [](auto one) { return read_text(one, job_limits::request_bytes_max); });
}

inline void write_texts(const std::vector<std::string>& in, capnp::List<capnp::Text>::Builder out) {
  for (std::size_t i = 0; i < in.size(); ++i) out.set(count_of(i), wire_text(in[i]));
}

template <class Values, class List>
void write_each(const Values& in, List out) {
  capnp::uint at = 0;
  for (const auto& one : in) encode(one, out[at++]);
}

}  // namespace graphite::jobs_codec
