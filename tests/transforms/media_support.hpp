#pragma once

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.hpp"
#include "platform/linux/fresh_threads.hpp"
#include "tests/support/plain_buffers.hpp"
#include "transforms/built_in.hpp"

namespace graphite::test {

/// Files in memory; `asked` has every name that was asked for.
class memory_files final : public transform_files {
 public:
  result<byte_span> read(const logical_path& path) override {
    asked.push_back(path.str());
    const auto found = files.find(path.str());
    if (found == files.end()) return fail(errc::not_found, "no file " + path.str());
    return as_bytes(std::string_view(found->second));
  }
  std::map<std::string, std::string, std::less<>> files;
  std::vector<std::string> asked;
};

using given_options = std::map<std::string, option_value, std::less<>>;

/// One transform as a rule with the standard outputs, or with `outputs`, uses it.
struct transform_under_test {
  const transform_description& description;
  transform_function run;
  std::vector<std::string> outputs = {};
  memory_files files = {};
  std::size_t threads = 1;

  result<transform_output> operator()(std::string_view path, std::string_view bytes,
                                      const given_options& given = {}) {
    const auto source = logical_path::parse(path).value();
    std::vector<output_name> names;
    std::vector<std::string> templates = outputs;
    if (templates.empty()) templates.assign(description.outputs.begin(), description.outputs.end());
    for (const auto& text : templates) names.push_back(expand_output(text, source).value());
    GRAPHITE_TRY(const auto options, option_values::make(description.options, given));
    fresh_threads calls(threads);
    plain_buffers memory;
    return run({source, as_bytes(bytes), options, names, files, calls, memory});
  }
};

inline std::string text_of(const made_asset& asset) {
  std::string out;
  for (const auto& part : asset.parts) out += as_text(part);
  return out;
}

/// "CODE: context" of a failure, empty where there is none.
template <class T>
std::string mistake_of(const result<T>& made) {
  return made ? "" : std::string(to_string(made.error().code)) + ": " + made.error().context;
}

/// `use` sees `bytes` cut at each 64th of it, and `flips` copies with one to four bytes changed.
template <class Function>
void each_damaged(const std::string& bytes, int flips, Function use) {
  for (std::size_t cut = 0; cut < 64; ++cut) use(bytes.substr(0, bytes.size() * cut / 64));
  std::mt19937_64 random(7);
  for (int i = 0; i < flips; ++i) {
    auto copy = bytes;
    for (auto n = 1 + random() % 4; n > 0; --n) copy[random() % copy.size()] = static_cast<char>(random());
    use(copy);
  }
}

}  // namespace graphite::test
