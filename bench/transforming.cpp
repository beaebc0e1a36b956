#include <fmt/format.h>
#include <squish.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "bench/child.hpp"
#include "bench/media.hpp"
#include "bench/worker_client.hpp"
#include "bench/workloads.hpp"
#include "transforms/ktx2_reader.hpp"

// Built-in transforms against the tools that people use for the same. Ours run in the shipped worker, one
// task after the other, as a build's slot does; a tool runs once a file. Both are timed by the clock, one at
// a time.

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;
using options_map = std::map<std::string, option_value, std::less<>>;

std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Peak signal to noise of RGB, in dB; `rgba` has four bytes a pixel.
double psnr(const picture_rgb& wanted, const std::uint8_t* rgba) {
  double sum = 0;
  const auto count = std::size_t{wanted.width} * wanted.height;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t c = 0; c < 3; ++c) {
      const double d = static_cast<double>(wanted.pixels[3 * i + c]) - rgba[4 * i + c];
      sum += d * d;
    }
  return 10 * std::log10(255.0 * 255.0 / (sum / static_cast<double>(3 * count)));
}

/// Of the first level of a DDS file with BC1 blocks.
double psnr_of_dds(const picture_rgb& wanted, const std::string& dds) {
  constexpr std::size_t header_bytes = 128;
  std::vector<std::uint8_t> pixels(std::size_t{4} * wanted.width * wanted.height);
  if (dds.size() < header_bytes + pixels.size() / 8 || dds.compare(84, 4, "DXT1") != 0)
    give_up("the tool wrote no DDS file with BC1 blocks");
  squish::DecompressImage(pixels.data(), static_cast<int>(wanted.width), static_cast<int>(wanted.height),
                          dds.data() + header_bytes, squish::kDxt1);
  return psnr(wanted, pixels.data());
}

double psnr_of_ktx2(const picture_rgb& wanted, const std::string& ktx2) {
  const auto image = ktx2_pixels(as_bytes(std::string_view(ktx2)), 0, 0, 1 * GiB);
  if (!image) give_up(image.error().context);
  return psnr(wanted, reinterpret_cast<const std::uint8_t*>(image->pixels.data()));
}

/// A tool's name and version where it is there and wanted; says in the notes that it is not there.
std::string peer_name(const bench_options& options, const std::vector<std::string>& version,
                      const std::string& package, report& out) {
  if (!options.peers) return {};
  auto line = first_line_of(version);
  if (line.empty())
    out.notes.push_back(version.front() + " is missing: scripts/setup --peers installs " + package);
  return line.substr(0, 60);
}

/// The rate of ours and of the peer, the middle of each one's rounds.
figure rate(const std::string& name, const std::string& unit, double work, const std::vector<double>& ours,
            const std::string& peer, const std::vector<double>& theirs) {
  figure out{name, work / median(ours), unit, better::higher, {}, peer, {}};
  if (!theirs.empty()) {
    out.peer_value = work / median(theirs);
    out.goal = 1.5 * *out.peer_value;
  }
  return out;
}

struct rounds {
  std::vector<double> ours, theirs;
};

/// Runs both in turn.
rounds in_turn(int count, bool peer, const std::function<double()>& ours,
               const std::function<std::optional<double>()>& theirs) {
  rounds out;
  for (int i = 0; i < count; ++i) {
    out.ours.push_back(ours());
    if (!peer) continue;
    if (const auto seconds = theirs()) out.theirs.push_back(*seconds);
  }
  return out;
}

struct bench_run {
  const bench_options& options;
  std::string work;
  worker_client& worker;
  report& out;
  int count;
};

void measure_textures(bench_run& run) {
  const std::array<std::uint32_t, 3> sides = run.options.quick
                                                 ? std::array<std::uint32_t, 3>{64, 128, 256}
                                                 : std::array<std::uint32_t, 3>{512, 1024, 2048};
  std::vector<picture_rgb> pictures;
  memory_files files;
  double pixels = 0;
  for (const auto side : sides) {
    pictures.push_back(make_picture(side, side, side));
    const auto name = std::to_string(side) + ".png";
    files.files[name] = png_of(pictures.back());
    write_file(run.work + "/" + name, files.files[name]);
    pixels += static_cast<double>(side) * side;
  }
  const auto peer = peer_name(run.options, {"convert", "-version"}, "imagemagick", run.out);
  const auto times = in_turn(
      run.count, !peer.empty(),
      [&] {
        const auto start = now_seconds();
        for (const auto side : sides)
          run.worker.run("texture", std::to_string(side) + ".png", files, {{"format", std::string("bc1")}});
        return now_seconds() - start;
      },
      [&]() -> std::optional<double> {
        const auto start = now_seconds();
        for (const auto side : sides) {
          const auto name = run.work + "/" + std::to_string(side);
          if (!time_command({"convert", name + ".png", "-define", "dds:compression=dxt1", name + ".dds"}))
            return std::nullopt;
        }
        return now_seconds() - start;
      });
  run.out.figures.push_back(
      rate("texture_mpix_per_s", "Mpixel/s", pixels / 1e6, times.ours, peer, times.theirs));
  double ours = 0, theirs = 0;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const auto name = std::to_string(sides[i]);
    ours += psnr_of_ktx2(pictures[i], files.made.at(name + ".ktx2")) / static_cast<double>(sides.size());
    if (!times.theirs.empty())
      theirs += psnr_of_dds(pictures[i], read_whole(run.work + "/" + name + ".dds")) /
                static_cast<double>(sides.size());
  }
  figure quality{"texture_psnr_db", ours, "dB", better::higher, {}, peer, {}};
  if (!times.theirs.empty()) quality.peer_value = quality.goal = theirs;
  run.out.figures.push_back(quality);
}

void measure_meshes(bench_run& run) {
  const auto made = make_scene(run.options.quick ? 50 : 500, "hills.bin", 7);
  memory_files files;
  files.files = {{"hills.gltf", made.json}, {"hills.bin", made.buffer}};
  for (const auto& [name, bytes] : files.files) write_file(run.work + "/" + name, bytes);
  const auto peer = peer_name(run.options, {"gltfpack", "-v"}, "gltfpack", run.out);
  const auto measure = [&](const std::string& name, const options_map& with,
                           const std::vector<std::string>& more) {
    const auto times = in_turn(
        run.count, !peer.empty(),
        [&] {
          const auto start = now_seconds();
          run.worker.run("mesh", "hills.gltf", files, with);
          return now_seconds() - start;
        },
        [&] {
          std::vector<std::string> argv{"gltfpack", "-i", run.work + "/hills.gltf", "-o",
                                        run.work + "/hills.glb"};
          argv.insert(argv.end(), more.begin(), more.end());
          return time_command(argv);
        });
    run.out.figures.push_back(
        rate(name, "Mtriangle/s", static_cast<double>(made.triangles) / 1e6, times.ours, peer, times.theirs));
  };
  // The tool does not order for overdraw.
  measure("mesh_mtri_per_s", {{"overdraw", 1.0}}, {});
  measure("mesh_lod_mtri_per_s", {{"overdraw", 1.0}, {"lods", std::int64_t{1}}, {"lod_ratio", 0.5}},
          {"-si", "0.5"});
}

void measure_sounds(bench_run& run) {
  const double seconds = run.options.quick ? 2 : 30;
  memory_files files;
  files.files["chords.wav"] = make_sound(seconds, 3);
  write_file(run.work + "/chords.wav", files.files["chords.wav"]);
  const auto peer = peer_name(run.options, {"opusenc", "--version"}, "opus-tools", run.out);
  const auto times = in_turn(
      run.count, !peer.empty(),
      [&] {
        const auto start = now_seconds();
        run.worker.run("audio", "chords.wav", files, {{"bitrate", std::int64_t{96}}});
        return now_seconds() - start;
      },
      [&] {
        return time_command(
            {"opusenc", "--quiet", "--bitrate", "96", run.work + "/chords.wav", run.work + "/chords.opus"});
      });
  run.out.figures.push_back(rate("audio_x_realtime", "x", seconds, times.ours, peer, times.theirs));
  if (!times.theirs.empty())
    run.out.notes.push_back(fmt::format("sound: {} bytes, the tool's {} bytes",
                                        files.made.begin()->second.size(),
                                        fs::file_size(run.work + "/chords.opus")));
}

void measure_shaders(bench_run& run) {
  const int count = run.options.quick ? 3 : 40;
  memory_files files;
  for (int i = 0; i < count; ++i) {
    const auto name = std::to_string(i) + ".frag";
    files.files[name] = make_shader(static_cast<std::uint64_t>(i));
    write_file(run.work + "/" + name, files.files[name]);
  }
  const auto peer = peer_name(run.options, {"glslangValidator", "--version"}, "glslang-tools", run.out);
  const auto times = in_turn(
      run.count, !peer.empty(),
      [&] {
        const auto start = now_seconds();
        for (int i = 0; i < count; ++i)
          run.worker.run("shader", std::to_string(i) + ".frag", files, {{"optimize", std::string("none")}});
        return now_seconds() - start;
      },
      [&]() -> std::optional<double> {
        const auto start = now_seconds();
        for (int i = 0; i < count; ++i) {
          const auto name = run.work + "/" + std::to_string(i);
          if (!time_command({"glslangValidator", "-V", name + ".frag", "-o", name + ".spv"}))
            return std::nullopt;
        }
        return now_seconds() - start;
      });
  run.out.figures.push_back(rate("shader_per_s", "1/s", count, times.ours, peer, times.theirs));
}

}  // namespace

report run_transforms(const bench_options& options) {
  report out;
  worker_client worker(options.programs);
  bench_run run{options, temporary_folder("transforms"), worker, out, options.quick ? 1 : 7};
  measure_textures(run);
  measure_meshes(run);
  measure_sounds(run);
  measure_shaders(run);
  out.notes.push_back(
      fmt::format("a warm worker of ours, a process a file of the tools; {} rounds in turn, medians; "
                  "ours reflects and validates shaders, too",
                  run.count));
  fs::remove_all(run.work);
  return out;
}

}  // namespace graphite::bench
