#include "tests/fuzz/seeds.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <fcntl.h>

#include <fstream>

#include "bundle/byte_io.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/export.hpp"
#include "bundle/page_file.hpp"
#include "bundle/record_bytes.hpp"
#include "cli/mirror_list.hpp"
#include "cli/subscriber_state.hpp"
#include "cli/subscriber_trust.hpp"
#include "coordinator/action_history.hpp"
#include "coordinator/graph_rows.hpp"
#include "core/checksum.hpp"
#include "core/client_identity.hpp"
#include "core/credentials.hpp"
#include "core/hello_messages.hpp"
#include "gateway/service_codec.hpp"
#include "platform/keys/key_text.hpp"
#include "platform/mirror/mirror_change.hpp"
#include "platform/mirror/page_log.hpp"
#include "platform/store/index_row.hpp"
#include "runtime/crash_guard.hpp"
#include "schemas/codec/announcement.hpp"
#include "schemas/codec/chunk_messages.hpp"
#include "tests/fuzz/blind_signer.hpp"
#include "transforms/ktx2.hpp"
#include "transforms/preview.hpp"

namespace graphite::fuzz {
namespace {

namespace wire = schema::service;

std::filesystem::path folder;

void write(const std::string& name, byte_span bytes) {
  const auto path = folder / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << as_text(bytes);
}
void write(const std::string& name, std::string_view text) { write(name, as_bytes(text)); }

digest number(unsigned n) {
  digest out;
  for (auto& byte : out.bytes) byte = static_cast<std::uint8_t>(n++ * 7);
  return out;
}
logical_path path(std::string_view text) { return logical_path::parse(text).value(); }
byte_vector bytes_of(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

graphite::head some_head() {
  graphite::head out;
  out.channel = "main";
  out.lineage.value.bytes[3] = 7;
  out.epoch.value = 1'700'000'000;
  out.sequence.value = 42;
  out.root = number(9);
  out.assets = 4056;
  out.revision.value = 17;
  return out;
}

/// Of `size` bytes, as the blind hasher names them: all contents and pages have one name.
asset_record some_asset(std::string_view name, std::uint32_t size, std::size_t references,
                        const hasher& hash = blind) {
  asset_record out{path(name), {}, {}};
  asset_part part;
  part.only_chunk = hash.sha256({});
  part.content = content_of(chunk_ref{part.only_chunk, size}, hash);
  out.parts.push_back(part);
  for (std::size_t i = 0; i < references; ++i) out.references.push_back(asset_id{i * 1000});
  return out;
}

void write_records() {
  write("announced_record/inline", encode_record(some_asset("a/tux.png", 4096, 2), blind));
  write("announced_record/blob", encode_record(some_asset("a/tux.png", 4096, 200), blind));
}

/// Contents and pages have one name each, so there is one of either: the content is the side object, too.
void write_export() {
  struct one_content final : extent_source {
    byte_vector bytes_ = encode_behind({1, {{path("b.png"), behind_asset::why::failed, "no"}}});
    result<byte_span> bytes(const extent&) const override { return bytes_; }
  } const source;
  const extent where{segment_id{1}, 0, source.bytes_.size()};
  const auto tree =
      index_tree::build({some_asset("a.png", static_cast<std::uint32_t>(where.length), 1)}, blind).value();
  head_file from{some_head(), {}, where, {}};
  from.value.root = tree.root();
  from.value.assets = tree.assets();
  from.value.behind = blind.sha256({});
  byte_vector out;
  const auto put = [&](byte_span more) -> result<void> {
    byte_writer(out).bytes(more);
    return {};
  };
  (void)export_bundle(
      from, tree, source, [&](const content_ref&) { return std::optional(where); }, put)
      .value();
  write("exported_file/one", out);
}

void write_pages(const std::string& name, const std::vector<byte_vector>& pages) {
  byte_vector out;
  for (const auto& page : pages) {
    byte_writer(out).number(static_cast<std::uint16_t>(page.size()));
    byte_writer(out).bytes(page);
  }
  write("index_walk/" + name, out);
}

/// Children behind their parent, as hostile_pages has their places.
void write_index_walks() {
  const auto page_of = [](const index_tree::node_ptr& node) {
    return byte_vector(node->bytes().begin(), node->bytes().end());
  };
  std::vector<asset_record> records;
  for (int i = 0; i < 80; ++i) records.push_back(some_asset("images/tux" + std::to_string(i), 4096, 1));
  const auto inner = index_tree::build(records, blind).value();
  std::vector<byte_vector> pages{page_of(inner.root_node())};
  for (const auto& link : inner.root_node()->links()) pages.push_back(page_of(link.held()));
  write_pages("inner", pages);
  const auto leaf = index_tree::build({some_asset("a", 10, 0), some_asset("b", 10, 200)}, blind).value();
  write_pages("blob", {page_of(leaf.root_node()), page_of(leaf.root_node()->links().at(0).held())});
  write_pages("empty", {page_of(index_tree(blind).root_node())});
}

/// Other bytes have other names: pages of equal names would be written once.
class checksum_hasher final : public hasher {
 public:
  digest sha256(byte_span bytes) const override {
    const auto sum = checksum64(bytes);
    digest out;
    std::memcpy(out.bytes.data(), &sum, sizeof sum);
    return out;
  }
};

/// One page file and a second with what a change added; the one asset that has a blob is looked up, too.
void write_mapped_indexes() {
  const checksum_hasher hash;
  const auto anywhere = [](const content_ref& content) {
    return std::optional(extent{segment_id{5}, 4096, content.size});
  };
  std::vector<asset_record> records;
  for (unsigned i = 0; i < 60; ++i)
    records.push_back(some_asset("images/tux" + std::to_string(i), 4096, i == 7 ? 200 : i % 3, hash));
  const auto before = index_tree::build(records, hash).value();
  byte_vector first = encode_page_file_header(1), second = encode_page_file_header(2);
  const auto append = [&](const index_tree& tree, std::uint32_t file, byte_vector& to) {
    const auto batch = encode_pages(unwritten_pages(tree), file, to.size(), anywhere, hash).value();
    byte_writer(to).bytes(batch.bytes);
    batch.mark_written();
    return tree.root_location();
  };
  const auto write_one = [&](const char* name, page_location root) {
    byte_vector out;
    byte_writer to(out);
    to.number(root.file);
    to.number(root.offset);
    to.number(static_cast<std::uint32_t>(first.size()));
    for (unsigned i = 0; i < 8; ++i) to.number(records[i].id().value);
    to.bytes(first);
    if (root.file == 2) to.bytes(second);
    write(std::string("mapped_index/") + name, out);
  };
  write_one("one_file", append(before, 1, first));
  records[3].parts.push_back(records[3].parts.front());
  write_one("two_files", append(before.apply({{records[3]}, {}}).value(), 2, second));
}

void write_crash_records() {
  const crash_guard::options options{seconds(10), 1};
  graphite::head deadly = some_head();
  crash_guard first(options, {});
  first.activate(deadly, {});
  write("crash_record/trying", first.encode());
  crash_guard second(options, first.encode());
  write("crash_record/held", second.encode());
  second.lift_all();
  write("crash_record/none", second.encode());
}

void write_announcements() {
  announcement full;
  full.head = bytes_of("a head, encoded");
  full.base_root = number(1);
  full.base_epoch.value = 1'700'000'000;
  full.base_sequence.value = 41;
  full.upserts = {bytes_of("record one"), bytes_of("record two")};
  full.removals = {path("a/gone.png"), path("b/gone.wav")};
  full.lists = {{number(2), {{{number(3), 65536}, {number(4), 17}}}}};
  full.chunks = {{number(5), bytes_of("some bytes")}};
  full.times.edited = time_from_ns(10);
  full.trace.value = 77;
  write("announcement/full", encode(full));
  write("announcement/empty", encode(announcement{}));
  heartbeat beat;
  beat.place.publisher.value.bytes.fill(3);
  beat.place.chunk_host = "host";
  beat.place.chunk_port = 7403;
  beat.channels = {{"levels", {}, {1}, {2}, number(3), 4, bytes_of("sig")},
                   {"main", {}, {5}, {6}, number(7), 0, {}}};
  write("heartbeat/two", encode(beat));
  beat.news = {{bytes_of("one"), bytes_of("two")}, bytes_of("revoked")};
  write("heartbeat/news", encode(beat));
  beat.news.revocations.clear();
  beat.news.longer = {number(8), 70'000};
  write("heartbeat/named_list", encode(beat));
}

byte_vector in_frames(const std::vector<byte_vector>& frames) {
  byte_vector out;
  byte_writer to(out);
  for (const auto& frame : frames) {
    to.number(static_cast<std::uint16_t>(frame.size()));
    to.bytes(frame);
  }
  return out;
}

void write_chunk_messages() {
  ack_request ack;
  ack.name = "host:42";
  ack.channel = "main";
  ack.active_root = number(9);
  const chunk_request requests[] = {snapshot_request{"main"},
                                    pages_request{{number(1), number(2)}},
                                    list_request{number(3)},
                                    contents_request{{{number(4), 5, 6}, {number(7), 0, 0}}, 65536},
                                    behind_request{number(8)},
                                    ack,
                                    welcome_request{{}, {bytes_of("a ticket")}},
                                    revocations_request{number(10), 262'144}};
  for (const auto& request : requests)
    write("chunk_request/" + std::to_string(request.index()), encode(request));
  const chunk_reply replies[] = {{refusal{errc::not_found, "no such channel"}, {}},
                                 {snapshot_reply{3, 4}, {bytes_of("head"), bytes_of("page")}},
                                 {pages_reply{{true, false, true}}, {bytes_of("one"), bytes_of("two")}},
                                 {list_reply{}, {bytes_of("list")}},
                                 {contents_reply{{{false, 2}, {true, 0}}}, {bytes_of("chunks")}},
                                 {behind_reply{}, {bytes_of("behind")}},
                                 {ack_reply{}, {}},
                                 {welcome_reply{":7402", "host:7403", {{"main", 5}}, "one"}, {}},
                                 {revocations_reply{}, {bytes_of("piece")}}};
  for (const auto& reply : replies)
    write("chunk_reply/" + std::to_string(reply.header.index()), in_frames(encode(reply)));
}

void write_access() {
  const auto key = sign_channel_key({"main", blind_key.key(), 3, {-5, 50}}, blind_key).value();
  const auto grant = sign_ticket({"main", "pc", curve_key{}, 7, {-4, 40}}, blind_key).value();
  const auto shown = encode_ticket({key, grant});
  write("enrol_request/one", encode(welcome_request{{}, {shown}}));
  write("enrol_request/two", encode(welcome_request{{}, {bytes_of("bad"), shown}}));
  write("zap_frames/chunks", in_frames({bytes_of("1.0"),
                                        bytes_of("9"),
                                        bytes_of("graphite.chunks"),
                                        bytes_of("10.0.0.1"),
                                        {},
                                        bytes_of("CURVE"),
                                        byte_vector(32)}));
}

template <class Wire, class Value>
void write_service(std::uint8_t kind, const char* name, const Value& value) {
  capnp::MallocMessageBuilder message;
  service_codec::encode(value, message.initRoot<Wire>());
  const auto words = capnp::messageToFlatArray(message);
  byte_vector out(8);
  out[0] = std::byte{kind};
  const auto bytes = words.asBytes();
  out.insert(out.end(), reinterpret_cast<const std::byte*>(bytes.begin()),
             reinterpret_cast<const std::byte*>(bytes.end()));
  write(std::string("service_message/") + name, out);
}

void write_service_messages() {
  build_summary summary;
  summary.generation = some_head();
  summary.bundle = "/b";
  summary.diagnostics = {{diagnostic_line::level::warning, "x", "dangling"}};
  service_status status;
  status.project = "supertux";
  status.running = {{"convert", "a.png", 0.25}};
  status.failed = {{"b.png", "tool said no"}};
  status.channels = {{"main", some_head(), 1, 2}, {"empty", std::nullopt, 0, 0}};
  status.subscribers = {{"host:1", "main", 5, 6, 0.5}};
  why_answer why;
  why.path = "a.up";
  why.rule = "upper";
  why.key_components = {{"argv", "tr a-z A-Z"}};
  why.chain = {"a.low", "a.up"};
  write_service<wire::Head>(0, "head", some_head());
  write_service<wire::BuildSummary>(1, "summary", summary);
  write_service<wire::Status>(2, "status", status);
  write_service<wire::Why>(3, "why", why);
  write_service<wire::Lines>(4, "lines", graph_answer{{"a", "b/c"}, 7});
  write_service<wire::Diff>(5, "diff", generation_diff{{"added"}, {"changed"}, {"removed"}});
  write_service<wire::Error>(6, "error", error{errc::busy, "later"});
}

void write_hellos() {
  hello_challenge challenge{{}, {}, {bytes_of("a role key"), {}}};
  challenge.nonce.bytes.fill(std::byte{1});
  challenge.incarnation.value.bytes.fill(2);
  challenge.key.by.bytes.fill(std::byte{3});
  hello_answer answer{challenge.nonce, {}, challenge.incarnation, challenge.key, {}};
  answer.nonce.bytes.fill(std::byte{4});
  answer.proof.bytes.fill(std::byte{5});
  write("hello_message/challenge", encode(challenge));
  write("hello_message/answer", encode(answer));
  write("hello_message/proof", encode(hello_proof{answer.nonce, answer.proof}));
}

void write_graph_rows() {
  source_record plain{.path = path("a/one.txt")}, sprite{.path = path("a/tux.sprite")};
  plain.state.content = {number(1), 5};
  sprite.listed = true;
  sprite.rule = 3;
  sprite.state.content = {number(2), 50};
  sprite.state.references = {{{path("a/tux.png"), path("images/tux.png")}, true}};
  sprite.shown = std::vector{path("images/tux.png")};
  source_record gone{.path = path("a/zz")};
  gone.present = false;
  write("source_row/three", encode_sources({7, 9}, {plain, sprite, gone}));
  write("source_row/none", encode_sources({}, {}));
  result_record made{.main = path("a/word.low"), .recipe = {}, .built = {}, .outputs = {}, .discovered = {}};
  made.rule = 1;
  made.recipe = number(3);
  made.built = number(4);
  made.signature = 77;
  made.cost_ns = 1'000'000;
  made.narrowed = true;
  made.outputs = {
      {path("a/word.up"), {number(5), 5}, true, {}, {}},
      {path("a/word.wide"), {number(9), 11}, true, {{number(10), 4}, {number(11), 7}}, {path("b/x.ktx2")}}};
  made.discovered = {path("a/include.h")};
  write("result_row/one", encode_results({7, 9}, {made}));
  write("row_name/packed", encode(row_name{false, 0, "levels/world1", 3, 5}));
  write("row_name/delta", encode(row_name{true, 99, "", 0, 0}));
  cache_row cached;
  cached.add({{{path_set_entry::kind::path, "a/include.h"}, {path_set_entry::kind::glob, "*.glsl"}},
              number(6),
              {{path("a/word.up"), {number(5), 5}, {}},
               {path("a/word.wide"), {number(9), 11}, {{number(10), 4}, {number(11), 7}}}},
              100,
              90,
              "argv = tr"});
  cached.add({{}, number(7), {}, 1, 1, "", 1'700'000'000'000, sandbox_tier::namespaces});
  const auto row = encode(cached);
  write("cache_row/two", row);
  // Of a program to come; `version_1` to `version_3` are of those that were, and are read.
  write("cache_row/newer", std::string(1, static_cast<char>(row[0] + 1)) + row.substr(1));
  action_history history{"changed",
                         "a/include.h",
                         17,
                         number(8),
                         {{"argv", "tr a-z A-Z"}, {"input a", "5a"}},
                         true,
                         {{"input a", "59", "5a"}, {"tool tr", std::nullopt, "11"}},
                         2,
                         sandbox_tier::landlock};
  write("history_row/two", encode(history));
  write("history_row/empty", encode(action_history{}));
}

void write_store_rows() {
  stored_content one;
  one.ref = {blind.sha256({}), 5};
  one.chunks = {{{number(1), 5}}};
  one.where = extent{segment_id{3}, 4096, 5};
  write("index_row/one", encode_index_row(one));
  one.ref.size = 131'072;
  one.chunks = {{{number(1), 65'536}, {number(2), 65'536}}};
  one.where->length = 131'072;
  write("index_row/two", encode_index_row(one));
  write("segment_row/open", encode_segment_row({false, 12'345}));
  write("segment_row/sealed", encode_segment_row({true, 268'435'456}));
}

void write_mirror_rows() {
  mirror_change change;
  change.note = bytes_of("note");
  change.shown = {{path("a.txt"), {number(1), 3}}, {path("b.txt"), {number(2), 4}}};
  change.hidden = {path("c.txt")};
  change.replaced = {{path("a.txt"), {number(3), 5}}};
  change.tree = 1;
  write("mirror_change/all", encode(change));
  write("mirror_change/none", encode(mirror_change{}));
  write("mirror_list/two", encode_mirror_list({{{number(1), 65'536}, {number(2), 17}}}));
  write("mirror_list/none", encode_mirror_list({}));
  swap_plan plan;
  plan.now = some_head();
  graphite::head_file file;
  file.value = some_head();
  plan.head_bytes = encode_head(file, blind).value();
  plan.marks = {{plan.now.lineage, {1'700'000'000}, {42}}};
  write("subscriber_note/one", encode_note(plan));
}

void write_statement(const char* name, char kind, const result<signed_statement>& made) {
  write(std::string("statement/") + name, std::string(1, kind) + std::string(as_text(made.value().body)));
}

void write_trust() {
  const validity year{1'700'000'000'000'000'000, 1'731'000'000'000'000'000};
  const auto key = sign_channel_key({"main", {}, 7, year}, blind_key);
  const auto grant = sign_ticket({"main", "game-1", {}, 8, year}, blind_key);
  const auto token = sign_token({"studio", "ci", {verb::build}, 9, year}, blind_key);
  const auto next = sign_succession({"main", {}, some_head().lineage, epoch_number{17}}, blind_key);
  public_key other;
  other.bytes.fill(std::byte{3});
  write_statement("channel_key", 0, key);
  write_statement("succession", 1, next);
  write_statement("root_succession", 2, sign_root_succession({other, year}, blind_key));
  write_statement("role_key", 3, sign_role_key({role::relay, "relay-1", {}, 10, year}, blind_key));
  write_statement("ticket", 4, grant);
  write_statement("token", 5, token);
  const auto revoked = sign_revocations({2, {1, 300}, {curve_key{}}}, blind_key);
  write_statement("revocations", 6, revoked);
  write("signature_of_head/one", encode_signature_block({key.value(), {}}));
  write("shown_ticket/one", encode_ticket({key.value(), grant.value()}));
  write("token_in_text/one", token_text(token.value()));
  write("client_name/one", encode_client_identity({"ann", {verb::query, verb::operate}, 17}).value());
  write("client_name/all", encode_client_identity({"ci", verb_set::all(), ~std::uint64_t{0}}).value());
  write("learned_trust/two", encode_trust({{encode_signed(next.value())}, encode_signed(revoked.value())}));
  write("learned_trust/none", encode_trust({}));
  write("pinned_roots/two", pins_text({{other, {}}, {{}, 1'731'000'000'000'000'000}}));
}

void write_logs() {
  const auto open_folder = [](const char* name) {
    std::filesystem::remove_all(folder / name);
    std::filesystem::create_directories(folder / name);
    return owned_fd(::open((folder / name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  };
  const auto records = open_folder("record_log"), pages = open_folder("page_log");
  auto log = graphite::record_log::open(records.get(), "three", [](auto, auto) {}).value();
  (void)log.append({as_bytes(std::string_view("one")), as_bytes(std::string_view("two"))}).value();
  (void)log.append({as_bytes(std::string_view("three"))}).value();
  auto index = graphite::page_log::open(pages.get(), "two").value();
  const auto appended = index.append(
      {{number(1), as_bytes(std::string_view("a page"))}, {number(2), as_bytes(std::string_view("other"))}});
  GRAPHITE_INVARIANT(appended.has_value());
}

void write_textures() {
  byte_vector tga(18);
  for (const auto& [at, value] : {std::pair<int, int>{2, 11}, {12, 3}, {14, 2}, {16, 8}, {17, 0x20}})
    tga[static_cast<std::size_t>(at)] = static_cast<std::byte>(value);
  for (const int value : {0x83, 9, 0x01, 7, 8}) tga.push_back(static_cast<std::byte>(value));
  write("tga/grey_runs", tga);
  ktx2_description what;
  what.format = texel_format::bc3;
  what.width = 5;
  what.height = 3;
  what.levels = 2;
  auto file = ktx2_head(what, {32, 16});
  for (unsigned i = 0; i < 48; ++i) file.push_back(static_cast<std::byte>(i * 37));
  write("ktx2/two_levels", file);
  const auto about = encode(preview_about{preview_kind::mesh, 640, 480, 3});
  write("preview_answer/mesh", about);
}

}  // namespace

void write_seeds(const std::filesystem::path& into) {
  folder = into;
  write_records();
  write_export();
  write_index_walks();
  write_mapped_indexes();
  write_crash_records();
  write_announcements();
  write_chunk_messages();
  write_access();
  write_service_messages();
  write_hellos();
  write_graph_rows();
  write_store_rows();
  write_mirror_rows();
  write_trust();
  write_logs();
  write_textures();
  for (const auto write : {write_cluster_seeds, write_store_seeds, write_job_seeds}) write(into);
}

}  // namespace graphite::fuzz
