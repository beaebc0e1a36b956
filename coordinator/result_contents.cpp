#include "coordinator/result_contents.hpp"

#include "coordinator/graph_rows.hpp"

namespace graphite {

result<void> result_contents::see(std::string_view key, std::string_view row, const visitor& visit) {
  const auto name = decode_row_name(key);
  std::vector<result_record> records;
  const auto read = decode_results(row, records);
  if (!read && read.error().code == errc::newer_version) return tl::unexpected(read.error());
  if (!name || !read) return {};
  for (const auto& record : records) {
    if (name->delta) {
      auto& outputs = changed_[record.main.str()];
      outputs.clear();
      for (const auto& output : record.outputs)
        for (const auto& content : output.stored()) outputs.push_back(content.id);
    } else if (!changed_.contains(record.main.str())) {
      for (const auto& output : record.outputs)
        for (const auto& content : output.stored()) visit(content.id);
    }
  }
  return {};
}

void result_contents::finish(const visitor& visit) const {
  for (const auto& [main, outputs] : changed_)
    for (const auto& output : outputs) visit(output);
}

}  // namespace graphite
