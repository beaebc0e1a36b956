#include <fmt/format.h>
#include <squish.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/child.hpp"
#include "bench/media.hpp"
#include "bench/media_quality.hpp"
#include "bench/worker_client.hpp"
#include "bench/workloads.hpp"
#include "transforms/ktx2_reader.hpp"

// Built-in transforms against the tools that people use for the same. Ours run in the shipped worker, one
// task after the other, with as many threads as the machine has processors, as a service gives one that is
// alone; a tool runs once a file, with as many as it likes. Both are timed by the clock, one at a time.

namespace graphite::bench {

namespace {

namespace fs = std::filesystem;

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

/// The picture at half its size: the mean of four pixels, of light and not of the numbers that stand for it.
picture_rgb halved(const picture_rgb& from) {
  const auto light = [](double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); };
  const auto number = [](double v) {
    return v <= 0.0031308 ? v * 12.92 : 1.055 * std::pow(v, 1 / 2.4) - 0.055;
  };
  std::array<double, 256> light_of{};
  for (std::size_t i = 0; i < light_of.size(); ++i) light_of[i] = light(static_cast<double>(i) / 255);
  picture_rgb out{from.width / 2, from.height / 2, {}};
  out.pixels.reserve(std::size_t{3} * out.width * out.height);
  for (std::size_t y = 0; y < out.height; ++y)
    for (std::size_t x = 0; x < std::size_t{3} * out.width; ++x) {
      const auto column = x / 3 * 6 + x % 3;
      double sum = 0;
      for (const auto row : {2 * y, 2 * y + 1})
        for (const auto at : {column, column + 3}) sum += light_of[from.pixels[row * 3 * from.width + at]];
      out.pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * number(sum / 4))));
    }
  return out;
}

/// Of a level of a DDS file with BC1 blocks.
double psnr_of_dds(const std::vector<picture_rgb>& levels, std::size_t level, const std::string& dds) {
  std::size_t at = 128;  // after the header
  for (std::size_t above = 0; above < level; ++above)
    at += std::size_t{levels[above].width} * levels[above].height / 2;
  const auto& wanted = levels[level];
  std::vector<std::uint8_t> pixels(std::size_t{4} * wanted.width * wanted.height);
  if (dds.size() < at + pixels.size() / 8 || dds.compare(84, 4, "DXT1") != 0)
    give_up("the tool wrote no DDS file with BC1 blocks");
  squish::DecompressImage(pixels.data(), static_cast<int>(wanted.width), static_cast<int>(wanted.height),
                          dds.data() + at, squish::kDxt1);
  return psnr(wanted, pixels.data());
}

double psnr_of_ktx2(const std::vector<picture_rgb>& levels, std::size_t level, const std::string& ktx2) {
  const auto image =
      ktx2_pixels(as_bytes(std::string_view(ktx2)), static_cast<std::uint32_t>(level), 0, 1 * GiB);
  if (!image) give_up(image.error().context);
  return psnr(levels[level], reinterpret_cast<const std::uint8_t*>(image->pixels.data()));
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
  worker_client& one_thread;
  report& out;
  int count;
};

/// Square pictures, with what their first two levels are to be.
struct picture_set {
  std::vector<std::vector<picture_rgb>> levels;
  memory_files files;
  double pixels = 0;

  std::string name(std::size_t i) const { return std::to_string(levels[i][0].width); }
};

picture_set make_pictures(const bench_run& run, const std::vector<std::uint32_t>& sides) {
  picture_set out;
  for (const auto side : sides) {
    auto whole = make_picture(side, side, side);
    const auto name = std::to_string(side) + ".png";
    out.files.files[name] = png_of(whole);
    write_file(run.work + "/" + name, out.files.files[name]);
    out.pixels += static_cast<double>(side) * side;
    auto half = halved(whole);
    out.levels.push_back({std::move(whole), std::move(half)});
  }
  return out;
}

/// How near a level is to what it is to be, of all pictures; of what was made last.
figure likeness(const bench_run& run, const picture_set& set, std::size_t level, const std::string& name,
                const std::string& peer) {
  double ours = 0, theirs = 0;
  const auto count = static_cast<double>(set.levels.size());
  for (std::size_t i = 0; i < set.levels.size(); ++i) {
    ours += psnr_of_ktx2(set.levels[i], level, set.files.made.at(set.name(i) + ".ktx2")) / count;
    if (peer.empty()) continue;
    theirs += psnr_of_dds(set.levels[i], level, read_whole(run.work + "/" + set.name(i) + ".dds")) / count;
  }
  figure out{name, ours, "dB", better::higher, {}, peer, {}};
  if (!peer.empty()) out.peer_value = out.goal = theirs;
  return out;
}

/// `fit`: the tool's word for how much it tries.
void measure_texture_quality(bench_run& run, picture_set& set, const std::string& quality,
                             const std::string& fit, const std::string& figures) {
  const auto peer = peer_name(run.options, {"convert", "-version"}, "imagemagick", run.out);
  const auto times = in_turn(
      run.count, !peer.empty(),
      [&] {
        const auto start = now_seconds();
        for (std::size_t i = 0; i < set.levels.size(); ++i)
          run.worker.run("texture", set.name(i) + ".png", set.files,
                         {{"format", std::string("bc1")}, {"quality", quality}});
        return now_seconds() - start;
      },
      [&]() -> std::optional<double> {
        const auto start = now_seconds();
        for (std::size_t i = 0; i < set.levels.size(); ++i) {
          const auto path = run.work + "/" + set.name(i);
          if (!time_command({"convert", path + ".png", "-define", "dds:compression=dxt1", "-define",
                             "dds:cluster-fit=" + fit, path + ".dds"}))
            return std::nullopt;
        }
        return now_seconds() - start;
      });
  const auto measured = times.theirs.empty() ? std::string() : peer;
  run.out.figures.push_back(
      rate(figures + "_mpix_per_s", "Mpixel/s", set.pixels / 1e6, times.ours, peer, times.theirs));
  run.out.figures.push_back(likeness(run, set, 0, figures + "_psnr_db", measured));
  run.out.figures.push_back(likeness(run, set, 1, figures + "_mip_psnr_db", measured));
}

void measure_textures(bench_run& run) {
  const bool quick = run.options.quick;
  auto all = make_pictures(run, quick ? std::vector{64u, 128u, 256u} : std::vector{512u, 1024u, 2048u});
  measure_texture_quality(run, all, "normal", "false", "texture");
  auto one = make_pictures(run, {quick ? 64u : 512u});  // it takes both many times as long
  measure_texture_quality(run, one, "high", "true", "texture_high");
}

void measure_meshes(bench_run& run) {
  const auto made = make_scene(run.options.quick ? 50 : 500, "hills.bin", 7);
  memory_files files;
  files.files = {{"hills.gltf", made.json}, {"hills.bin", made.buffer}, {"hills.obj", obj_of(made)}};
  for (const auto& [name, bytes] : files.files) write_file(run.work + "/" + name, bytes);
  const auto peer = peer_name(run.options, {"gltfpack", "-v"}, "gltfpack", run.out);
  std::string peer_made;  // by the run before
  const auto measure = [&](const std::string& name, const std::string& file, const given_options& with,
                           const std::vector<std::string>& more) {
    fs::remove(run.work + "/hills.glb");
    const auto times = in_turn(
        run.count, !peer.empty(),
        [&] {
          const auto start = now_seconds();
          run.worker.run("mesh", file, files, with);
          return now_seconds() - start;
        },
        [&] {
          std::vector<std::string> argv{"gltfpack", "-i", run.work + "/" + file, "-o",
                                        run.work + "/hills.glb"};
          argv.insert(argv.end(), more.begin(), more.end());
          return time_command(argv);
        });
    run.out.figures.push_back(
        rate(name, "Mtriangle/s", static_cast<double>(made.triangles) / 1e6, times.ours, peer, times.theirs));
    peer_made = times.theirs.empty() ? std::string() : read_whole(run.work + "/hills.glb");
  };
  const auto add_quality = [&](const std::string& name, const std::string& unit, double ours,
                               const std::function<double(const triangle_mesh&)>& of_peer) {
    figure out{name, ours, unit, better::lower, {}, peer, {}};
    if (!peer.empty())
      out.peer_value = out.goal = of_peer(triangles_of_gltf(read_whole(run.work + "/hills.glb")));
    run.out.figures.push_back(out);
  };
  // The tool does not order for overdraw.
  measure("mesh_obj_mtri_per_s", "hills.obj", {{"overdraw", 1.0}}, {});
  measure("mesh_mtri_per_s", "hills.gltf", {{"overdraw", 1.0}}, {});
  add_quality("mesh_cache_misses", "a triangle",
              cache_misses(triangles_of_gmesh(files.made.begin()->second, 0)), cache_misses);
  measure("mesh_lod_mtri_per_s", "hills.gltf",
          {{"overdraw", 1.0}, {"lods", std::int64_t{1}}, {"lod_ratio", 0.5}}, {"-si", "0.5"});
  const auto source = triangles_of_gltf(made.json, made.buffer);
  const auto coarser = triangles_of_gmesh(files.made.begin()->second, 1);
  std::size_t of_peer = 0;
  add_quality("mesh_lod_error", "of the longest side", greatest_error(source, coarser),
              [&](const triangle_mesh& theirs) {
                of_peer = theirs.indices.size() / 3;
                return greatest_error(source, theirs);
              });
  run.out.notes.push_back(
      fmt::format("triangles of the coarser level: {}, the tool's {}", coarser.indices.size() / 3, of_peer));
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
  figure likeness{"audio_likeness_db",
                  sound_likeness(files.files["chords.wav"], files.made.begin()->second),
                  "dB, segmental SNR",
                  better::higher,
                  {},
                  peer,
                  {}};
  if (!times.theirs.empty())
    likeness.peer_value = likeness.goal =
        sound_likeness(files.files["chords.wav"], read_whole(run.work + "/chords.opus"));
  run.out.figures.push_back(likeness);
  if (!times.theirs.empty())
    run.out.notes.push_back(fmt::format("sound: {} bytes, the tool's {} bytes",
                                        files.made.begin()->second.size(),
                                        fs::file_size(run.work + "/chords.opus")));
}

/// What a slot of a full build makes, whose other slots are busy, too.
void measure_sound_of_one_thread(bench_run& run) {
  const double seconds = run.options.quick ? 2 : 30;
  memory_files files;
  files.files["chords.wav"] = make_sound(seconds, 3);
  std::vector<double> times;
  for (int i = 0; i < run.count; ++i) {
    const auto start = now_seconds();
    run.one_thread.run("audio", "chords.wav", files, {{"bitrate", std::int64_t{96}}});
    times.push_back(now_seconds() - start);
  }
  run.out.figures.push_back(rate("audio_x_realtime_1_thread", "x", seconds, times, "", {}));
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
  const auto threads = std::max(1u, std::thread::hardware_concurrency());
  worker_client worker(options.programs, threads), one_thread(options.programs);
  bench_run run{options, temporary_folder("transforms"), worker, one_thread, out, options.quick ? 1 : 7};
  measure_textures(run);
  measure_meshes(run);
  measure_sounds(run);
  measure_sound_of_one_thread(run);
  measure_shaders(run);
  out.notes.push_back(
      fmt::format("a warm worker of ours with {} threads, a process a file of the tools; {} rounds in turn, "
                  "medians; ours reflects and validates shaders, too",
                  threads, run.count));
  fs::remove_all(run.work);
  return out;
}

}  // namespace graphite::bench
