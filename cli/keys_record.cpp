#include "cli/keys_record.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "platform/audit/audit_file.hpp"
#include "platform/keys/key_layout.hpp"

namespace graphite {

std::string keys_audit_folder(const std::string& keys) {
  return key_layout::join(key_layout::join(keys, key_layout::root), key_layout::audit);
}

result<std::unique_ptr<recorded_keys>> recorded_keys::open(const std::string& folder, console& out) {
  GRAPHITE_TRY(auto keys, key_authority::open(folder));
  return adopt(std::move(keys), folder, out);
}

result<std::unique_ptr<recorded_keys>> recorded_keys::adopt(key_authority made, const std::string& folder,
                                                            console& out) {
  std::unique_ptr<recorded_keys> opened(new recorded_keys(std::move(made), out));
  GRAPHITE_TRY(opened->record_, open_audit_file({keys_audit_folder(folder)}, opened->hash_, opened->clock_,
                                                opened->warnings_));
  return opened;
}

void recorded_keys::did(std::string_view what, const std::string& about) {
  record_->record({fmt::format("uid {} (pid {})", ::getuid(), ::getpid()), std::string(what), about});
}

void recorded_keys::gave(std::string_view what, const std::vector<issued_key>& rows) {
  for (const auto& row : rows)
    did(what, fmt::format("{} {} for {} ({})", to_string(row.what), row.serial, row.name, row.about));
}

int recorded_keys::failed(std::string_view what, const std::string& about, const error& why) {
  did(what, fmt::format("{}: failed: {}", about, why.context));
  return out_.failed(why);
}

}  // namespace graphite
