#include "coordinator/graph_rows.hpp"

#include "bundle/asset.hpp"
#include "core/path_check.hpp"
#include "core/record_codec.hpp"

namespace graphite {

namespace {

// Version 1 of both knew no references of what is made, and no parts.
constexpr std::uint8_t sources_version = 2, results_version = 2;
constexpr std::uint64_t records_max = 4'000'000, references_max = 65'536, candidates_max = 4'096,
                        files_max = 1'000'000;

void put_signature(record_writer& out, const stat_signature& s) {
  out.number(s.device);
  out.number(s.inode);
  out.number(s.size);
  out.signed_number(s.mtime_ns);
  out.signed_number(s.ctime_ns);
}

stat_signature get_signature(record_reader& in, bool trusted) {
  stat_signature s;
  s.device = in.number();
  s.inode = in.number();
  s.size = in.number();
  s.mtime_ns = in.signed_number();
  s.ctime_ns = in.signed_number();
  s.trusted = trusted;
  return s;
}

std::optional<logical_path> get_path(record_reader& in) {
  auto path = logical_path::parse(in.bytes(logical_path::bytes_max));
  if (in.ok() && path) return std::move(*path);
  in.fault();
  return std::nullopt;
}

void put_source(record_writer& out, const source_record& r) {
  out.bytes(r.path.str());
  out.byte(static_cast<std::uint8_t>((r.present ? 1 : 0) | (r.listed ? 2 : 0) |
                                     (r.state.signature.trusted ? 4 : 0) | (r.shown ? 8 : 0)));
  if (!r.present) return;
  out.number(r.rule);
  out.content(r.state.content);
  put_signature(out, r.state.signature);
  out.number(r.state.references.size());
  for (const auto& reference : r.state.references) {
    out.byte(static_cast<std::uint8_t>((reference.required ? 1 : 0) | (reference.at_run ? 2 : 0)));
    out.number(reference.candidates.size());
    for (const auto& candidate : reference.candidates) out.bytes(candidate.str());
  }
  if (!r.shown) return;
  out.number(r.shown->size());
  for (const auto& target : *r.shown) out.bytes(target.str());
}

/// Appends a path to the row's names.
std::uint32_t get_name(record_reader& in, source_rows& into) {
  const auto text = in.bytes(logical_path::bytes_max);
  if (!in.ok() || !is_logical_path(text)) return in.fault(), 0;
  into.names.push_back(text);
  return static_cast<std::uint32_t>(into.names.size() - 1);
}

source_rows::list get_names(record_reader& in, std::uint64_t max, source_rows& into) {
  source_rows::list out{static_cast<std::uint32_t>(into.names.size()), 0};
  const auto count = in.number_up_to(max);
  for (; in.ok() && out.count < count; ++out.count) get_name(in, into);
  return out;
}

source_rows::list get_references(record_reader& in, source_rows& into) {
  source_rows::list out{static_cast<std::uint32_t>(into.references.size()), 0};
  const auto count = in.number_up_to(references_max);
  for (; in.ok() && out.count < count; ++out.count) {
    const auto bits = in.byte();
    if (bits > 3) in.fault();
    into.references.push_back({get_names(in, candidates_max, into), (bits & 1) != 0, (bits & 2) != 0});
  }
  return out;
}

void get_source(record_reader& in, source_rows& into) {
  source_rows::record r;
  r.path = get_name(in, into);
  const auto bits = in.byte();
  if (!in.ok() || bits > 15) return in.fault();
  r.present = (bits & 1) != 0;
  r.listed = (bits & 2) != 0;
  r.has_shown = r.present && (bits & 8) != 0;
  if (r.present) {
    r.rule = static_cast<std::uint16_t>(in.number_up_to(0xffff));
    r.content = in.content();
    r.signature = get_signature(in, (bits & 4) != 0);
    r.references = get_references(in, into);
    if (r.has_shown) r.shown = get_names(in, references_max, into);
  }
  if (in.ok()) into.records.push_back(r);
}

void put_result(record_writer& out, const result_record& r) {
  out.bytes(r.main.str());
  out.byte(static_cast<std::uint8_t>((r.present ? 1 : 0) | (r.narrowed ? 2 : 0)));
  if (!r.present) return;
  out.number(r.rule);
  out.digest_value(r.recipe);
  out.digest_value(r.built);
  out.number(r.signature);
  out.number(r.cost_ns);
  out.number(r.outputs.size());
  for (const auto& output : r.outputs) {
    out.bytes(output.path.str());
    out.content(output.content);
    out.byte(output.listed ? 1 : 0);
    out.contents(output.parts);
    out.number(output.shown.size());
    for (const auto& target : output.shown) out.bytes(target.str());
  }
  out.number(r.discovered.size());
  for (const auto& path : r.discovered) out.bytes(path.str());
}

void get_paths(record_reader& in, std::vector<logical_path>& into) {
  const auto count = in.number_up_to(files_max);
  for (std::uint64_t i = 0; in.ok() && i < count; ++i)
    if (auto path = get_path(in)) into.push_back(std::move(*path));
}

void get_files(record_reader& in, std::uint8_t version, result_record& r) {
  const auto outputs = in.number_up_to(files_max);
  for (std::uint64_t i = 0; in.ok() && i < outputs; ++i) {
    auto path = get_path(in);
    const auto content = in.content();
    const auto listed = in.byte();
    if (!in.ok() || listed > 1) return in.fault();
    auto& output = r.outputs.emplace_back(result_record::output{std::move(*path), content, listed == 1});
    if (version == 1) continue;
    output.parts = in.contents(asset_record::parts_max);
    get_paths(in, output.shown);
  }
  get_paths(in, r.discovered);
}

void get_result(record_reader& in, std::uint8_t version, std::vector<result_record>& into) {
  auto main = get_path(in);
  const auto bits = in.byte();
  if (!in.ok() || bits > 3) return in.fault();
  result_record r{std::move(*main), (bits & 1) != 0, 0xffff, {}, {}, 0, 0, (bits & 2) != 0, {}, {}};
  if (r.present) {
    r.rule = static_cast<std::uint16_t>(in.number_up_to(0xffff));
    r.recipe = in.digest_value();
    r.built = in.digest_value();
    r.signature = in.number();
    r.cost_ns = in.number();
    get_files(in, version, r);
  }
  if (in.ok()) into.push_back(std::move(r));
}

template <class Record, class Put>
std::string encode_rows(std::uint8_t version, const row_header& header, const std::vector<Record>& records,
                        Put put) {
  record_writer out;
  out.byte(version);
  out.number(header.rules);
  out.number(header.sequence);
  out.number(records.size());
  for (const auto& record : records) put(out, record);
  return out.take();
}

/// `get` reads one record and keeps it.
template <class Get>
result<row_header> decode_rows(std::uint8_t version, std::string_view bytes, Get get) {
  record_reader in(bytes);
  const auto written = in.byte();
  if (in.ok() && written > version) return fail(errc::newer_version, "a graph row of a newer version");
  row_header header;
  header.rules = in.number();
  header.sequence = in.number();
  const auto count = in.number_up_to(records_max);
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) get(in, written);
  if (!in.ok() || !in.at_end() || written == 0) return fail(errc::corrupt, "a graph row is damaged");
  return header;
}

}  // namespace

std::string encode_sources(const row_header& header, const std::vector<source_record>& records) {
  return encode_rows(sources_version, header, records, put_source);
}

std::string encode_results(const row_header& header, const std::vector<result_record>& records) {
  return encode_rows(results_version, header, records, put_result);
}

result<row_header> decode_sources(std::string_view bytes, source_rows& into) {
  into.records.clear();
  into.references.clear();
  into.names.clear();
  return decode_rows(sources_version, bytes, [&](record_reader& in, std::uint8_t) { get_source(in, into); });
}

result<row_header> decode_results(std::string_view bytes, std::vector<result_record>& into) {
  std::vector<result_record> read;
  GRAPHITE_TRY(const auto header,
               decode_rows(results_version, bytes,
                           [&](record_reader& in, std::uint8_t version) { get_result(in, version, read); }));
  into.insert(into.end(), std::make_move_iterator(read.begin()), std::make_move_iterator(read.end()));
  return header;
}

static void put_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

static std::uint64_t get_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const auto c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string encode(const row_name& name) {
  std::string out;
  if (name.delta) {
    out = "d";
    put_big_endian(out, name.sequence, 8);
    return out;
  }
  out = "f" + name.folder;
  out.push_back('\0');
  out.push_back(static_cast<char>(name.bits));
  put_big_endian(out, name.bucket, 2);
  return out;
}

result<row_name> decode_row_name(std::string_view key) {
  row_name name;
  if (key.size() == 9 && key[0] == 'd') {
    name.delta = true;
    name.sequence = get_big_endian(key.substr(1));
    return name;
  }
  const bool shaped = key.size() >= 5 && key[0] == 'f' && key[key.size() - 4] == '\0' && key.size() <= 1'100;
  if (!shaped) return fail(errc::corrupt, "a graph row has a damaged key");
  name.folder = key.substr(1, key.size() - 5);
  name.bits = static_cast<std::uint8_t>(key[key.size() - 3]);
  name.bucket = static_cast<std::uint16_t>(get_big_endian(key.substr(key.size() - 2)));
  if (name.bits > 16 || name.bucket >> name.bits != 0)
    return fail(errc::corrupt, "a graph row has a damaged key");
  return name;
}

std::uint16_t bucket_of(std::string_view file_name, std::uint8_t bits) {
  return static_cast<std::uint16_t>(id_of_path_text(file_name).value & ((1u << bits) - 1));
}

}  // namespace graphite
