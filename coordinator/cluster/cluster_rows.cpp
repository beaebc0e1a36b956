#include "coordinator/cluster/cluster_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/record_codec.hpp"

namespace graphite {

namespace {

constexpr std::string_view rule_row_prefix = "rule/";

constexpr std::uint8_t cluster_version = 1, rule_version = 1;
using service = lease_table::service;

bool fits_a_row(const std::string& name) { return name.size() <= cluster_record::name_bytes_max; }

void put_sketch(record_writer& out, const size_sketch& sketch) {
  const auto& counts = sketch.counts();
  out.number(static_cast<std::uint64_t>(std::ranges::count_if(counts, [](auto count) { return count > 0; })));
  std::size_t from = 0;
  for (std::size_t step = 0; step < counts.size(); ++step) {
    if (counts[step] == 0) continue;
    out.number(step - from);
    out.number(counts[step]);
    from = step + 1;
  }
}

/// Steps ascending, each with something; together no more than a sketch counts.
size_sketch get_sketch(record_reader& in) {
  std::array<std::uint16_t, size_sketch::steps> counts{};
  const auto entries = in.number_up_to(size_sketch::steps);
  std::uint64_t step = 0, all = 0;
  for (std::uint64_t i = 0; in.ok() && i < entries; ++i) {
    step += in.number_up_to(size_sketch::steps);
    const auto count = in.number_up_to(size_sketch::counted_max);
    if (count == 0 || step >= counts.size() || (all += count) > size_sketch::counted_max) in.fault();
    if (!in.ok()) break;
    counts[step++] = static_cast<std::uint16_t>(count);
  }
  return size_sketch::of(counts);
}

result<void> begin_row(record_reader& in, std::uint8_t version, const char* what) {
  const auto its = in.byte();
  if (!in.ok() || its == 0) return fail(errc::corrupt, std::string(what) + " without a version");
  if (its > version)
    return fail(errc::newer_version, std::string(what) + " of version " + std::to_string(its));
  return {};
}

result<void> end_row(const record_reader& in, const char* what) {
  if (!in.ok() || !in.at_end()) return fail(errc::corrupt, std::string(what) + " that cannot be read");
  return {};
}

}  // namespace

std::string encode_cluster(const cluster_record& what) {
  record_writer out;
  out.byte(cluster_version);
  std::vector<const cluster_memory::node*> nodes;
  for (const auto& one : what.nodes)
    if (fits_a_row(one.name) && nodes.size() < cluster_record::nodes_max) nodes.push_back(&one);
  out.number(nodes.size());
  for (const auto* one : nodes) {
    out.bytes(one->name);
    out.byte(static_cast<std::uint8_t>(static_cast<unsigned>(one->how) << 1 | (one->here ? 1u : 0u)));
  }
  std::vector<const cluster_record::poisoned*> poison;
  for (const auto& one : what.poison)
    if (fits_a_row(one.tenant)) poison.push_back(&one);
  const auto old = poison.size() - std::min(poison.size(), cluster_record::poison_max);
  poison.erase(poison.begin(), poison.begin() + static_cast<std::ptrdiff_t>(old));
  out.number(poison.size());
  for (const auto* one : poison) {
    out.bytes(one->tenant);
    out.digest_value(one->key);
    out.bytes(std::string_view(one->reason).substr(0, cluster_record::reason_bytes_max));
  }
  return out.take();
}

result<cluster_record> decode_cluster(std::string_view bytes) {
  record_reader in(bytes);
  GRAPHITE_CHECK(begin_row(in, cluster_version, "a record of the cluster"));
  cluster_record out;
  const auto nodes = in.number_up_to(cluster_record::nodes_max);
  for (std::uint64_t i = 0; in.ok() && i < nodes; ++i) {
    cluster_memory::node one;
    one.name = in.bytes(cluster_record::name_bytes_max);
    const auto bits = in.byte();
    if (bits >> 1 > static_cast<unsigned>(service::draining)) in.fault();
    one.how = static_cast<service>(bits >> 1);
    one.here = (bits & 1) != 0;
    if (in.ok()) out.nodes.push_back(std::move(one));
  }
  const auto poison = in.number_up_to(cluster_record::poison_max);
  for (std::uint64_t i = 0; in.ok() && i < poison; ++i) {
    cluster_record::poisoned one;
    one.tenant = in.bytes(cluster_record::name_bytes_max);
    one.key = in.digest_value();
    one.reason = in.bytes(cluster_record::reason_bytes_max);
    if (in.ok()) out.poison.push_back(std::move(one));
  }
  GRAPHITE_CHECK(end_row(in, "a record of the cluster"));
  return out;
}

std::string encode_rule(const learned_rules::row& what) {
  record_writer out;
  out.byte(rule_version);
  out.number(what.rule);
  put_sketch(out, what.wall);
  put_sketch(out, what.memory);
  put_sketch(out, what.cpu_milli);
  return out.take();
}

result<learned_rules::row> decode_rule(std::string_view bytes) {
  record_reader in(bytes);
  GRAPHITE_CHECK(begin_row(in, rule_version, "what is learned of a rule"));
  learned_rules::row out;
  out.rule = in.number();
  out.wall = get_sketch(in);
  out.memory = get_sketch(in);
  out.cpu_milli = get_sketch(in);
  GRAPHITE_CHECK(end_row(in, "what is learned of a rule"));
  return out;
}

std::string rule_row_key(std::uint64_t rule) { return fmt::format("{}{:016x}", rule_row_prefix, rule); }

result<std::vector<learned_rules::row>> load_rules(const key_value_store& rows, log_sink& log) {
  std::vector<learned_rules::row> out;
  GRAPHITE_CHECK(rows.scan(table::meta, rule_row_prefix, [&](std::string_view key, std::string_view bytes) {
    auto row = decode_rule(bytes);
    if (row)
      out.push_back(std::move(*row));
    else
      log.warn("what was learned of a rule ({}) cannot be read: {}", key, row.error().context);
    return true;
  }));
  return out;
}

}  // namespace graphite
