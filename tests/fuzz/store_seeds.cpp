#include <fstream>

#include "bundle/byte_io.hpp"
#include "bundle/chunk_list.hpp"
#include "core/store_pass.hpp"
#include "schemas/codec/store_messages.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/blind_signer.hpp"
#include "tests/fuzz/seeds.hpp"

namespace graphite::fuzz {
namespace {

void write_file(const std::filesystem::path& path, byte_span bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << as_text(bytes);
}

byte_vector framed(const std::vector<byte_vector>& frames) {
  byte_vector out;
  byte_writer to(out);
  for (const auto& frame : frames) {
    to.number(static_cast<std::uint16_t>(frame.size()));
    to.bytes(frame);
  }
  return out;
}

byte_vector request(const stores::request& what, std::vector<byte_vector> raw = {}) {
  raw.insert(raw.begin(), encode_store_request(what));
  return framed(raw);
}

digest name_of(std::uint8_t n) {
  digest out;
  out.bytes.fill(n);
  return out;
}

/// As the blind hasher names them, so that the store takes them.
content_ref of_size(std::uint32_t size) { return content_of(chunk_ref{blind.sha256({}), size}, blind); }

}  // namespace

void write_store_seeds(const std::filesystem::path& into) {
  using enrolling = stores::enrol_request;
  using outcome = stores::put_outcome;
  const auto requests = into / "store_request", replies = into / "store_reply";
  write_file(requests / "begin", request(enrolling{}));
  write_file(requests / "pass", request(enrolling{enrolling::what::pass, byte_vector(40)}));
  write_file(requests / "have", request(stores::have_request{{name_of(1), of_size(4).id}}));
  write_file(requests / "put_whole", request(stores::put_request{{}, {{of_size(4), 0}, {{name_of(2), 5}, 0}}},
                                             {byte_vector(4), byte_vector(5)}));
  write_file(requests / "put_partly",
             request(stores::put_request{{}, {{of_size(40'000), 0}, {{name_of(2), 50}, 7}}},
                     {byte_vector(100), byte_vector(5)}));
  write_file(requests / "list", request(list_request{of_size(4).id, {}}));
  write_file(requests / "contents",
             request(contents_request{{{of_size(4).id, 0, 0, {}}, {name_of(3), 7, 1, {}}}, 65'536}));
  write_file(requests / "look", request(stores::look_request{{name_of(1), of_size(4).id}}));
  const auto reply = [&](const char* name, stores::reply what) {
    write_file(replies / name, framed(encode_store_reply(std::move(what))));
  };
  reply("refused", {refusal{errc::busy, "later"}, {}});
  reply("enrol", {stores::enrol_reply{byte_vector(100)}, {}});
  reply("have", {stores::have_reply{{true, false}}, {}});
  reply("put", {stores::put_reply{{{outcome::what::durable},
                                   {outcome::what::partly, 7},
                                   {outcome::what::refused, 0, errc::corrupt}}},
                {}});
  reply("list", {list_reply{}, {byte_vector(16), byte_vector(36)}});
  reply("contents", {contents_reply{{{false, 2}, {true, 0}}}, {byte_vector(9)}});
  reply("look", {stores::look_reply{}, {}});
  const auto pass = sign_store_pass({"main", {}, {-5, 50}}, blind_key).value();
  byte_vector statement{std::byte{7}};
  statement.insert(statement.end(), pass.body.begin(), pass.body.end());
  write_file(into / "statement" / "store_pass", statement);
}

}  // namespace graphite::fuzz
