#include "platform/mirror/mirror_change.hpp"

#include <cstring>

namespace graphite {
namespace {

class writer {
 public:
  template <class T>
  void number(T value) {
    raw(&value, sizeof value);
  }
  void raw(const void* from, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(from);
    out.insert(out.end(), bytes, bytes + size);
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    raw(value.data(), value.size());
  }
  void content(const content_ref& value) {
    raw(value.id.bytes.data(), value.id.bytes.size());
    number(value.size);
  }
  void files(const std::vector<mirror_file>& values) {
    number(static_cast<std::uint32_t>(values.size()));
    for (const auto& file : values) {
      text(file.path.str());
      content(file.content);
    }
  }
  byte_vector out;
};

/// Past the end everything is zero and ok is false.
class reader {
 public:
  explicit reader(byte_span in) : in_(in) {}
  template <class T>
  T number() {
    T value{};
    if (const byte_span from = take(sizeof value); ok) std::memcpy(&value, from.data(), sizeof value);
    return value;
  }
  byte_span take(std::size_t size) {
    if (size > in_.size()) ok = false;
    if (!ok) return {};
    const byte_span out = in_.first(size);
    in_ = in_.subspan(size);
    return out;
  }
  byte_span text() { return take(number<std::uint32_t>()); }
  content_ref content() {
    content_ref value;
    if (const byte_span from = take(32); ok) std::memcpy(value.id.bytes.data(), from.data(), 32);
    value.size = number<std::uint64_t>();
    return value;
  }
  std::optional<logical_path> path() {
    auto parsed = logical_path::parse(as_text(text()));
    if (!parsed) ok = false;
    if (!ok) return std::nullopt;
    return std::move(*parsed);
  }
  std::vector<mirror_file> files() {
    std::vector<mirror_file> out;
    for (auto left = number<std::uint32_t>(); ok && left > 0; --left) {
      auto name = path();
      const content_ref shown = content();
      if (name && ok) out.push_back({std::move(*name), shown});
    }
    return out;
  }
  bool done() const { return ok && in_.empty(); }
  bool ok = true;

 private:
  byte_span in_;
};

constexpr std::uint8_t version = 1;

}  // namespace

byte_vector encode(const mirror_change& change) {
  writer to;
  to.number(version);
  to.number(change.tree);
  to.number(static_cast<std::uint8_t>(change.from_nothing));
  to.text(as_text(change.note));
  to.files(change.shown);
  to.number(static_cast<std::uint32_t>(change.hidden.size()));
  for (const auto& path : change.hidden) to.text(path.str());
  to.files(change.replaced);
  return std::move(to.out);
}

result<mirror_change> decode_mirror_change(byte_span bytes) {
  reader from(bytes);
  mirror_change out;
  if (from.number<std::uint8_t>() != version) return fail(errc::newer_version, "a change of another version");
  out.tree = from.number<std::uint8_t>();
  const auto from_nothing = from.number<std::uint8_t>();
  out.from_nothing = from_nothing == 1;
  const byte_span note = from.text();
  out.note.assign(note.begin(), note.end());
  out.shown = from.files();
  for (auto left = from.number<std::uint32_t>(); from.ok && left > 0; --left)
    if (auto path = from.path()) out.hidden.push_back(std::move(*path));
  out.replaced = from.files();
  if (!from.done() || out.tree > 1 || from_nothing > 1) return fail(errc::corrupt, "a damaged change");
  return out;
}

}  // namespace graphite
