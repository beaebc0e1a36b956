#include <fcntl.h>
#include <unistd.h>

#include "platform/mirror/page_log.hpp"
#include "platform/mirror/record_log.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite::fuzz {

namespace {

/// A folder with one file of the given bytes.
class folder_with_log {
 public:
  explicit folder_with_log(byte_span bytes) : folder_(test::temporary_folder::quick_base()) {
    folder_.write("log", as_text(bytes));
    descriptor_ = owned_fd(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    GRAPHITE_INVARIANT(static_cast<bool>(descriptor_));
  }
  int descriptor() const { return descriptor_.get(); }

 private:
  test::temporary_folder folder_;
  owned_fd descriptor_;
};

std::vector<byte_vector> records_of(int folder) {
  std::vector<byte_vector> out;
  const auto keep = [&](std::uint64_t, byte_span record) { out.emplace_back(record.begin(), record.end()); };
  GRAPHITE_INVARIANT(graphite::record_log::open(folder, "log", keep).has_value());
  return out;
}

const auto added = as_bytes(std::string_view("a record that comes after whatever was there"));

}  // namespace

/// What is whole stays, and a record behind it is found again.
bool record_log(byte_span bytes) {
  const folder_with_log folder(bytes);
  auto kept = records_of(folder.descriptor());
  {
    auto log = graphite::record_log::open(folder.descriptor(), "log", [](auto, auto) {});
    GRAPHITE_INVARIANT(log && log->append({added}));
  }
  const bool any = !kept.empty();
  kept.emplace_back(added.begin(), added.end());
  GRAPHITE_INVARIANT(records_of(folder.descriptor()) == kept);
  return any;
}

bool page_log(byte_span bytes) {
  const folder_with_log folder(bytes);
  const digest id = blind.sha256({});
  const bool any = !records_of(folder.descriptor()).empty();
  {
    auto log = graphite::page_log::open(folder.descriptor(), "log");
    GRAPHITE_INVARIANT(log && (log->has(id) || log->append({{id, added}})));
  }
  const auto again = graphite::page_log::open(folder.descriptor(), "log");
  GRAPHITE_INVARIANT(again && again->read(id));
  return any;
}

}  // namespace graphite::fuzz
