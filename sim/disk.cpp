#include "sim/disk.hpp"

#include <algorithm>

#include "core/record_codec.hpp"
#include "sim/graph.hpp"

namespace graphite::sim {

void disk::append(std::vector<std::string> records, std::function<void(result<void>)> done) {
  const auto wait = any_.between(microseconds(300), milliseconds(4));
  if (full) {
    owner_.after(wait, [done = std::move(done)] { done(fail(errc::out_of_space, "the disk is full")); });
    return;
  }
  record_writer out;
  for (const auto& record : records) {
    out.bytes(record);
    out.digest_value(hash_text(record));
  }
  written_ += out.text();
  const auto upto = safe_.size() + written_.size();
  owner_.after(wait, [this, upto, done = std::move(done)] {
    if (upto > safe_.size()) {
      const auto more = upto - safe_.size();
      safe_ += written_.substr(0, more);
      written_.erase(0, more);
    }
    done({});
  });
}

void disk::crash() {
  const auto kept = any_.below(written_.size() + 1);
  if (kept > 0 && kept < written_.size()) ++torn;
  safe_ += written_.substr(0, kept);
  written_.clear();
}

std::vector<std::string> disk::replay() {
  std::vector<std::string> out;
  std::size_t whole = 0;
  record_reader in(safe_);
  while (!in.at_end()) {
    const auto record = in.bytes(64 * MiB);
    const auto sum = in.digest_value();
    if (!in.ok() || sum != hash_text(record)) break;
    out.emplace_back(record);
    whole = static_cast<std::size_t>(record.data() + record.size() - safe_.data()) + sum.bytes.size();
  }
  safe_.resize(whole);
  return out;
}

}  // namespace graphite::sim
