#include <filesystem>
#include <fstream>
#include <random>

#include "bench/child.hpp"
#include "bench/openssl_speed.hpp"
#include "bench/workloads.hpp"
#include "core/units.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/crypto/sha256.hpp"
#include "runtime/head_gate.hpp"

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t now_ns = 1'800'000'000'000'000'000, year_ns = 31'536'000'000'000'000;

[[noreturn]] void end_with(const error& why) { give_up(why.context); }

/// From the bytes of a head to the word that it may be believed, in microseconds: its key was never seen (as
/// after a rotation), or was just seen.
std::vector<double> head_us(std::size_t heads, bool new_key_each) {
  const openssl_hasher hash;
  const ed25519_verifier verifier;
  const auto root = ed25519_signer::generate().value(), key = ed25519_signer::generate().value();
  std::vector<byte_vector> made;
  for (std::size_t i = 0; i < heads; ++i) {
    const channel_key_statement says{
        "main", key->key(), new_key_each ? i + 1 : 1, {now_ns - year_ns, now_ns + year_ns}};
    const auto statement = sign_channel_key(says, *root).value();
    head_file file;
    file.value.channel = "main";
    file.value.epoch.value = 1'800'000'000;
    file.value.sequence.value = i + 1;
    file.value.root = hash.sha256(as_bytes(std::to_string(i)));
    file.signature = signed_head(signed_part(file.value, hash).value(), statement, *key).value();
    made.push_back(encode_head(file, hash).value());
  }
  head_gate gate({root->key()}, verifier);
  std::vector<double> out;
  for (const auto& bytes : made) {
    const double start = now_seconds();
    const auto read = decode_head(bytes, hash);
    if (!read) end_with(read.error());
    const auto passed =
        gate.check_head("main", byte_span(bytes).first(head_shared_bytes), read->signature, now_ns);
    out.push_back((now_seconds() - start) * 1e6);
    if (!passed) end_with(passed.error());
  }
  return out;
}

/// A project of files whose sizes are those of a game's: half of the bytes in files of some hundred KB, built
/// by the shipped program. GB of contents.
double build_bundle(const std::string& folder, const std::string& program, std::size_t mib) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> sizes(10.5, 1.6);
  fs::create_directories(folder);
  std::ofstream(folder + "/graphite.toml") << "[project]\nname = \"verify\"\n";
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; bytes < mib * MiB; ++i) {
    const auto size = std::min<std::uint64_t>(static_cast<std::uint64_t>(sizes(random)) + 1, 64 * MiB);
    const auto place = folder + "/" + std::to_string(i % 100);
    fs::create_directories(place);
    std::ofstream(place + "/" + std::to_string(i) + ".bin", std::ios::binary) << random_bytes(size, i);
    bytes += size;
  }
  if (!time_command({program, "build", "-C", folder})) give_up("the bundle was not built");
  return static_cast<double>(bytes) / 1e9;
}

}  // namespace

report run_verify_bundle(const bench_options& options) {
  report out;
  const std::size_t heads = options.quick ? 50 : 2'000, mib = options.quick ? 16 : 2'048;
  const int rounds = options.quick ? 1 : 7;
  out.figures.push_back({"head_us", median(head_us(heads, true)), "us", better::lower, 200.0, {}, {}});
  out.figures.push_back(
      {"known_key_head_us", median(head_us(heads, false)), "us", better::lower, {}, {}, {}});
  const auto work = temporary_folder("verify");
  const auto program = options.programs + "/graphite";
  const double gigabytes = build_bundle(work, program, mib);
  std::vector<double> verified, openssl;
  for (int i = 0; i < rounds; ++i) {
    if (options.peers)
      if (const auto v = openssl_speed(2)) openssl.push_back(*v / 1e3);
    const auto time = time_command({program, "bundle", "verify", work + "/.graphite/bundles/main"});
    if (!time) give_up("the bundle is not good");
    verified.push_back(gigabytes / *time);
  }
  fs::remove_all(work);
  figure bundle{"bundle_gb_per_s", median(verified), "GB/s", better::higher, {}, {}, {}};
  if (options.peers)
    bundle.peer =
        openssl.empty() ? "openssl is missing: scripts/setup --peers" : "openssl speed -multi 2 sha256";
  if (!openssl.empty()) bundle.peer_value = median(openssl), bundle.goal = 0.8 * median(openssl);
  out.figures.push_back(bundle);
  out.notes.push_back(std::to_string(mib) +
                      " MiB in files of log-normal sizes (median 36 KB), in the page cache; the whole run of "
                      "`graphite bundle verify`, two threads");
  return out;
}

}  // namespace graphite::bench
