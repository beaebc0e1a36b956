#include "runtime/crash_guard.hpp"

#include <algorithm>
#include <utility>

#include "bundle/byte_io.hpp"

namespace graphite {
namespace {

constexpr std::uint32_t record_magic = 0x31475243;  // CRG1

void put_generation(byte_writer& to, const crash_guard::held_generation& what) {
  to.id(what.root);
  to.number(what.epoch);
  to.number(what.sequence);
}

crash_guard::held_generation take_generation(byte_reader& from) {
  crash_guard::held_generation out;
  out.root = from.id();
  out.epoch = from.number<std::uint64_t>();
  out.sequence = from.number<std::uint64_t>();
  return out;
}

}  // namespace

crash_guard::crash_guard(options options, byte_span record) : options_(options) {
  if (record.empty() || !decode(record)) {
    held_.clear();
    trying_ = {};
    crashes_ = 0;
    return;
  }
  if (trying_.root.is_zero()) return;
  ++crashes_;
  changed_ = true;
  if (options_.crashes_max == 0 || crashes_ < options_.crashes_max) return;
  if (held_.size() == held_max) held_.erase(held_.begin());
  held_.push_back(trying_);
  newly_held_.push_back(trying_);
  trying_ = {};
  crashes_ = 0;
}

bool crash_guard::holds(const digest& root) const {
  return std::any_of(held_.begin(), held_.end(), [&](const auto& one) { return one.root == root; });
}

void crash_guard::activate(const head& shown, time_point now) {
  if (options_.crashes_max == 0) return;
  if (trying_.root != shown.root) crashes_ = 0;
  trying_ = {shown.root, shown.epoch.value, shown.sequence.value};
  settles_at_ = now + options_.window;
  changed_ = true;
}

void crash_guard::tick(time_point now) {
  if (now >= settles_at_) settle();
}

void crash_guard::settle() {
  settles_at_ = time_point::max();
  if (trying_.root.is_zero()) return;
  trying_ = {};
  crashes_ = 0;
  changed_ = true;
}

void crash_guard::lift_all() {
  changed_ = changed_ || !held_.empty();
  held_.clear();
}

bool crash_guard::take_changed() { return std::exchange(changed_, false); }

byte_vector crash_guard::encode() const {
  byte_vector out;
  byte_writer to(out);
  to.number(record_magic);
  to.number(static_cast<std::uint32_t>(crashes_));
  put_generation(to, trying_);
  to.number(static_cast<std::uint32_t>(held_.size()));
  for (const auto& one : held_) put_generation(to, one);
  return out;
}

bool crash_guard::decode(byte_span record) {
  byte_reader from(record);
  if (from.number<std::uint32_t>() != record_magic) return false;
  crashes_ = from.number<std::uint32_t>();
  trying_ = take_generation(from);
  const auto count = from.number<std::uint32_t>();
  if (!from.ok() || count > held_max) return false;
  for (std::uint32_t i = 0; i < count; ++i) held_.push_back(take_generation(from));
  return from.ok() && from.done();
}

}  // namespace graphite
