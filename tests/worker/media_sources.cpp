#include "tests/worker/sources.hpp"

#include <array>

#include "tests/transforms/sound_sources.hpp"
#include "tests/transforms/zip_sources.hpp"

namespace graphite::test {

namespace {

constexpr auto fragment = R"(#version 450
#include "lib/light.glsl"
layout(location = 0) in vec2 uv;
layout(location = 0) out vec4 color;
layout(set = 1, binding = 2) uniform sampler2DArray tiles;
#ifdef FOG
layout(push_constant) uniform fog { vec4 tint; } far;
#endif
void main() {
  color = texture(tiles, vec3(uv, 1.0)) * lit(uv.x);
#ifdef FOG
  color += far.tint;
#endif
}
)";

constexpr auto light = R"(
#pragma once
const float steps[3] = float[](0.1, 0.5, 1.0);
float lit(float x) { return steps[int(x * 2.0)] + (x > 0.5 ? 1.0 : 0.0); }
)";

constexpr auto compute = R"(#version 450
layout(local_size_x = 8, local_size_y = 4) in;
layout(constant_id = 3) const int steps = 7;
struct light { vec3 at; float power; };
layout(std140, set = 0, binding = 1) uniform scene { mat4 view; light lights[2]; vec2 size; };
layout(std430, set = 0, binding = 2) buffer values { uint count; float data[]; };
void main() {
  float sum = size.x + view[0][0];
  for (int i = 0; i < steps; ++i) sum += lights[i & 1].power + lights[i & 1].at.x;
  switch (count % 3u) { case 0u: sum += 1.0; break; default: sum *= 2.0; }
  data[gl_GlobalInvocationID.x] = sum + float(count);
}
)";

source_file shader(const std::string& path, std::string bytes,
                   std::map<std::string, std::string> beside = {}) {
  return {.transform = "shader",
          .path = path,
          .bytes = std::move(bytes),
          .options = {},
          .outputs = {},
          .beside = std::move(beside)};
}

source_file with_fog(source_file file) {
  file.options = {{"variants", std::vector<std::string>{"fog: FOG"}}};
  file.outputs = {"{dir}/{name}.spv", "{dir}/{name}.json", "{dir}/{name}.*.spv", "{dir}/{name}.*.json"};
  return file;
}

source_file sound(const std::string& path, std::string bytes, given_options options = {}) {
  return {.transform = "audio", .path = path, .bytes = std::move(bytes), .options = std::move(options)};
}

source_file text(const std::string& path, std::string bytes) {
  return {.transform = "text", .path = path, .bytes = std::move(bytes)};
}

source_file archive(std::string bytes) {
  return {.transform = "archive", .path = "packs/a.zip", .bytes = std::move(bytes)};
}

/// The checksum of every Ogg page: CRC-32 with the polynomial 04C11DB7, not reflected (RFC 3533).
std::string mend_ogg(std::string bytes) {
  for (std::size_t at = 0; at + 27 <= bytes.size();) {
    if (bytes.compare(at, 4, "OggS") != 0) {
      ++at;
      continue;
    }
    const auto count = static_cast<unsigned char>(bytes[at + 26]);
    std::size_t size = 27 + std::size_t{count};
    for (std::size_t i = 0; i < count && at + 27 + i < bytes.size(); ++i)
      size += static_cast<unsigned char>(bytes[at + 27 + i]);
    if (at + size > bytes.size()) break;
    bytes.replace(at + 22, 4, 4, '\0');
    std::uint32_t crc = 0;
    for (std::size_t i = at; i < at + size; ++i) {
      crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << 24;
      for (int bit = 0; bit < 8; ++bit) crc = crc << 1 ^ (crc >> 31 != 0 ? 0x04c11db7u : 0u);
    }
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 22 + i] = static_cast<char>(crc >> 8 * i);
    at += size;
  }
  return bytes;
}

std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  put_number(out, value, bytes);
  return out;
}

/// A WAV file that says what it is told to say.
std::string lying_wav(unsigned channels, std::uint32_t rate_hz, unsigned bits, std::uint32_t data_bytes,
                      const std::string& data = std::string(64, '\1')) {
  return "RIFF" + little_endian(36 + data.size(), 4) + "WAVEfmt " + little_endian(16, 4) +
         little_endian(1, 2) + little_endian(channels, 2) + little_endian(rate_hz, 4) +
         little_endian(rate_hz * channels * bits / 8, 4) + little_endian(channels * bits / 8, 2) +
         little_endian(bits, 2) + "data" + little_endian(data_bytes, 4) + data;
}

std::vector<source_format> sound_formats() {
  const auto mono = tones(1, 8'000, 0.05), stereo = tones(2, 44'100, 0.02), three = tones(3, 22'050, 0.02);
  const auto gain = given_options{{"loudness", -16.0}, {"channels", std::string("mono")}};
  std::vector<source_file> wavs{
      sound("s/a.wav", wav(1, 8'000, mono)), sound("s/b.wav", wav(2, 44'100, stereo, SF_FORMAT_FLOAT), gain),
      sound("s/c.wav", wav(3, 22'050, three, SF_FORMAT_PCM_24)),
      sound("s/d.aiff", encoded(SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 1, 8'000, mono))};
  std::vector<source_file> flacs{
      sound("s/a.flac", encoded(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 8'000, mono)),
      sound("s/b.flac", encoded(SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 2, 44'100, stereo), gain)};
  std::vector<source_file> oggs{
      sound("s/a.ogg", encoded(SF_FORMAT_OGG | SF_FORMAT_VORBIS, 1, 8'000, mono)),
      sound("s/b.ogg", encoded(SF_FORMAT_OGG | SF_FORMAT_VORBIS, 2, 44'100, stereo), gain)};
  return {{"wav", std::move(wavs)}, {"flac", std::move(flacs)}, {"ogg", std::move(oggs), mend_ogg}};
}

std::vector<source_format> text_formats() {
  return {
      {"json",
       {text("a.json",
             R"({ "a": [1, -2.5e3, true, null, "x\u00e9\n\"y"], "b": { "c": {} , "d": [ [ ], [ 0 ] ] } })"),
        text("b.json", "\xef\xbb\xbf[\"\\ud83d\\ude00\", 18446744073709551616, 1e-400]\n")}},
      {"xml",
       {text("a.xml",
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->\n<a xmlns:n=\"urn:n\" k='1 &amp; 2'>\n  "
             "<n:b xml:space=\"preserve\"> x <c/> </n:b>\n  <![CDATA[<raw>]]>&#x41;<?pi data?>\n</a>\n"),
        text("b.xml",
             "<!DOCTYPE a [<!ELEMENT a (b*)><!ATTLIST b k CDATA #IMPLIED>]><a> <b k=\"&lt;\"/> <b/> </a>")}},
      {"toml",
       {text("a.toml",
             "# c\na = 1 # one\n[t.u]\nb = \"x # y\"\nc = [ 1, # two\n 2 ]\nd = { e = 1.5, f = "
             "1979-05-27T07:32:00Z }\n[[v]]\nw = '''\n# in\n'''\n[[v]]\nx.y.z = true\n"),
        text("b.toml", "s = \"\"\"a \\\n  b\"\"\"\nh = 0xff\no = -inf\nl = 'c:\\d'\n")}}};
}

}  // namespace

std::vector<source_format> media_formats() {
  const std::map<std::string, std::string> lib{{"sh/lib/light.glsl", light}};
  std::vector<source_format> out{
      {"shader", {with_fog(shader("sh/a.frag", fragment, lib)), shader("sh/b.comp", compute)}}};
  for (auto& one : sound_formats()) out.push_back(std::move(one));
  for (auto& one : text_formats()) out.push_back(std::move(one));
  out.push_back({"zip",
                 {archive(zip_of({{"b.txt", repeated("two ", 40)},
                                  {"d/", "", false, 040755},
                                  {"d/a.txt", "one", false},
                                  {"empty", ""}},
                                 "a comment")),
                  archive(zip_of({{"x/y/z.bin", repeated("abcdefgh", 30)}, {"x/w", "stored", false}}))}});
  return out;
}

source_file larger_sound() {
  return sound("s/long.wav", wav(2, 44'100, tones(2, 44'100, 18.0)), {{"loudness", -16.0}});
}

namespace {

std::string laughs() {
  std::string out = "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a0 \"ha\">";
  for (int i = 1; i < 20; ++i)
    out +=
        "<!ENTITY a" + std::to_string(i) + " \"" + repeated("&a" + std::to_string(i - 1) + ";", 10) + "\">";
  return out + "]><l>&a19;</l>";
}

std::string doubling_macros(int levels) {
  std::string out = "#version 450\n#define m0 1.0\n";
  for (int i = 1; i < levels; ++i) {
    const auto before = "m" + std::to_string(i - 1);
    out += "#define m" + std::to_string(i) + " " + before + "+" + before + "\n";
  }
  return out + "void main() { float x = m" + std::to_string(levels - 1) + "; }\n";
}

std::string in_main(const std::string& statements) {
  return "#version 450\nlayout(location = 0) out vec4 color;\nvoid main() {\n" + statements + "\n}\n";
}

std::string nested_structs(int depth) {
  std::string out = "#version 450\nstruct s0 { vec4 a[64]; };\n";
  for (int i = 1; i < depth; ++i)
    out += "struct s" + std::to_string(i) + " { s" + std::to_string(i - 1) + " a[64]; };\n";
  return out + "layout(set = 0, binding = 0) buffer b { s" + std::to_string(depth - 1) +
         " all; };\nlayout(location = 0) out vec4 c;\nvoid main() { c = vec4(1.0); }\n";
}

std::vector<trap> shader_traps() {
  const auto frag = [](std::string bytes) { return shader("a.frag", std::move(bytes)); };
  const std::map<std::string, std::string> ring{{"r/x.glsl", "#include \"y.glsl\"\n"},
                                                {"r/y.glsl", "#include \"x.glsl\"\n"}};
  return {
      {"includes_in_a_ring", shader("r/a.frag", "#version 450\n#include \"x.glsl\"\nvoid main() {}\n", ring)},
      {"includes_itself", shader("a.glsl.frag", "#version 450\n#include \"a.glsl.frag\"\nvoid main() {}\n")},
      {"deep_parentheses",
       frag(in_main("color = vec4(" + repeated("(", 50'000) + "1.0" + repeated(")", 50'000) + ");"))},
      {"deep_blocks", frag(in_main(repeated("{", 50'000) + repeated("}", 50'000)))},
      {"deep_ifs", frag(in_main(repeated("if (color.x > 0.0) ", 50'000) + "color = vec4(1.0);"))},
      {"deep_else_ifs",
       frag(in_main(repeated("if (color.x > 0.0) color.y = 1.0; else ", 50'000) + "color = vec4(1.0);"))},
      {"deep_loops", frag(in_main(repeated("for (;;) ", 20'000) + ";"))},
      {"deep_negations", frag(in_main("color = vec4(" + repeated("- ", 50'000) + "1.0);"))},
      {"deep_questions", frag(in_main("float x = " + repeated("color.x > 1.0 ? 1.0 : ", 20'000) + "1.0;"))},
      {"deep_assignments", frag(in_main("float x; " + repeated("x = ", 50'000) + "1.0;"))},
      {"deep_indices",
       frag(in_main("int a[2]; int x = " + repeated("a[", 20'000) + "0" + repeated("]", 20'000) + ";"))},
      {"deep_calls",
       frag(in_main("float x = " + repeated("sin(", 20'000) + "1.0" + repeated(")", 20'000) + ";"))},
      {"long_sum", frag(in_main("float x = 1.0" + repeated(" + 1.0", 100'000) + ";"))},
      {"long_comma", frag(in_main("float x; x = 1.0" + repeated(", x = 1.0", 100'000) + ";"))},
      {"deep_conditions", frag("#version 450\n" + repeated("#if 1\n", 50'000) + "void main() {}\n")},
      {"long_condition", frag("#version 450\n#if " + repeated("(", 100'000) + "1" + repeated(")", 100'000) +
                              "\n#endif\nvoid main() {}\n")},
      {"condition_of_negations",
       frag("#version 450\n#if " + repeated("!", 100'000) + "1\n#endif\nvoid main() {}\n")},
      {"condition_divides_by_zero", frag("#version 450\n#if 1 / 0\n#endif\nvoid main() {}\n")},
      {"condition_of_the_least_number",
       frag("#version 450\n#if (-2147483647 - 1) / -1\n#endif\nvoid main() {}\n"), false},
      {"macros_that_double", frag(doubling_macros(64))},
      {"macro_of_itself", frag("#version 450\n#define f(x) f(f(x)) f(x)\nvoid main() { f(f(f(f(1)))); }\n")},
      {"macro_with_deep_arguments", frag("#version 450\n#define f(x) x\nvoid main() { float a = " +
                                         repeated("f(", 20'000) + "1.0" + repeated(")", 20'000) + "; }\n")},
      {"array_of_2_31", frag("#version 450\nfloat a[2147483647];\nvoid main() { a[7] = 1.0; }\n"), false},
      {"constant_array_of_2_31",
       frag(in_main("const float a[2147483647] = float[2147483647](1.0); color = vec4(a[0]);"))},
      {"array_of_arrays", frag("#version 450\nfloat a" + repeated("[8]", 60) + ";\nvoid main() {}\n"), false},
      {"array_with_a_large_default",
       frag("#version 450\nfloat a[100000000] = float[](1.0);\nvoid main() {}\n")},
      {"members_in_members", frag(nested_structs(12)), false},
      {"function_calls_itself",
       frag("#version 450\nfloat f(float x) { return f(x); }\nvoid main() { f(1.0); }\n")},
      {"constant_division_by_zero", frag(in_main("const int x = 1 / 0; color = vec4(float(x % 0));")), false},
      {"constant_least_number",
       frag(in_main("const int m = -2147483647 - 1; color = vec4(float(m / -1 + m % -1));")), false},
      {"shift_by_too_much", frag(in_main("const int x = 1 << 99; color = vec4(float(x >> -5));")), false},
      {"no_version", frag("void main() {}\n"), false},
      {"version_of_2_64", frag("#version 18446744073709551616\nvoid main() {}\n")},
      {"line_of_2_64", frag("#version 450\n#line 18446744073709551616 9999999999\nvoid main() { x; }\n")},
      {"a_name_without_an_end",
       frag("#version 450\nfloat " + std::string(1 << 20, 'a') + ";\nvoid main() {}\n")},
      {"a_number_without_an_end", frag(in_main("float x = " + std::string(1 << 20, '1') + ".0;"))},
      {"a_comment_without_an_end", frag("#version 450\nvoid main() {} /*" + std::string(1 << 20, '*'))},
      {"location_of_2_31",
       frag("#version 450\nlayout(location = 2147483647) out vec4 c;\nvoid main() { c = vec4(1.0); }\n")},
      {"binding_of_2_31",
       frag("#version 450\nlayout(set = 2147483647, binding = 2147483647) uniform sampler2D "
            "t;\nlayout(location = 0) out vec4 c;\nvoid main() { c = texture(t, vec2(0)); }\n")},
      {"many_functions", frag("#version 450\n" + repeated("void f(int);\n", 50'000) + "void main() {}\n"),
       false},
  };
}

std::vector<trap> sound_traps() {
  auto long_flac = encoded(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 8'000, tones(1, 8'000, 0.05));
  // The low 36 bits of the eight bytes at 18 of STREAMINFO: samples.
  for (std::size_t i = 22; i < 26; ++i) long_flac[i] = '\xff';
  return {
      {"wav_of_0_hz", sound("a.wav", lying_wav(1, 0, 16, 64))},
      {"wav_of_1_hz", sound("a.wav", lying_wav(1, 1, 16, 64))},
      {"wav_of_4_ghz", sound("a.wav", lying_wav(1, 0xffffffff, 16, 64))},
      {"wav_of_no_channels", sound("a.wav", lying_wav(0, 48'000, 16, 64))},
      {"wav_of_65535_channels", sound("a.wav", lying_wav(65'535, 48'000, 16, 64))},
      {"wav_of_no_bits", sound("a.wav", lying_wav(1, 48'000, 0, 64))},
      {"wav_of_65535_bits", sound("a.wav", lying_wav(1, 48'000, 65'535, 64))},
      {"wav_that_says_4_gib", sound("a.wav", lying_wav(1, 48'000, 16, 0xffffffff)), false},
      {"wav_that_says_nothing", sound("a.wav", lying_wav(1, 48'000, 16, 0))},
      {"wav_of_no_samples", sound("a.wav", lying_wav(1, 48'000, 16, 0, ""))},
      {"wav_with_a_long_chunk",
       sound("a.wav", std::string("RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\x7f", 20))},
      {"wav_of_many_chunks", sound("a.wav", "RIFF" + little_endian(8'000'000, 4) + "WAVE" +
                                                repeated(std::string("junk\0\0\0\0", 8), 100'000))},
      {"flac_that_says_2_36_samples", sound("a.flac", long_flac)},
      {"flac_without_frames", sound("a.flac", long_flac.substr(0, 42))},
      {"ogg_pages_without_an_end",
       sound("a.ogg", mend_ogg(repeated(std::string("OggS\0\2\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 27),
                                        10'000)))},
  };
}

std::vector<trap> text_traps() {
  std::string attributes = "<a", keys = "{";
  for (int i = 0; i < 100'000; ++i) {
    attributes += " k" + std::to_string(i) + "='1'";
    keys += "\"k" + std::to_string(i) + "\":1,";
  }
  return {
      {"xml_of_a_billion_laughs", text("a.xml", laughs())},
      {"xml_of_parameter_entities",
       text("a.xml", "<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\">%p;]><a/>")},
      {"xml_of_an_outer_entity",
       text("a.xml", "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>")},
      {"xml_10000_deep", text("a.xml", repeated("<a>", 100'000) + repeated("</a>", 100'000))},
      {"xml_with_many_attributes", text("a.xml", attributes + "/>"), false},
      {"xml_of_a_long_token", text("a.xml", "<a k='" + std::string(16 << 20, 'x'))},
      {"xml_in_utf_16", text("a.xml", std::string("\xff\xfe<\0a\0/\0>\0", 10)), false},
      {"json_deep_arrays", text("a.json", repeated("[", 1'000'000) + repeated("]", 1'000'000))},
      {"json_deep_objects", text("a.json", repeated("{\"a\":", 1'000'000) + "1" + repeated("}", 1'000'000))},
      {"json_with_many_keys", text("a.json", keys + "\"z\":1}"), false},
      {"json_of_a_long_number", text("a.json", std::string(1 << 20, '9'))},
      {"json_of_half_a_pair", text("a.json", "\"\\ud800\"")},
      {"toml_deep_arrays", text("a.toml", "a = " + repeated("[", 1'000'000) + repeated("]", 1'000'000))},
      {"toml_deep_tables",
       text("a.toml", "a = " + repeated("{ a = ", 200'000) + "1" + repeated("}", 200'000))},
      {"toml_long_key", text("a.toml", repeated("a.", 200'000) + "b = 1\n")},
      {"toml_long_header", text("a.toml", "[" + repeated("a.", 200'000) + "b]\n")},
      {"toml_tables_of_tables", text("a.toml", "[[" + repeated("a.", 200'000) + "b]]\n")},
      {"toml_headers_one_after_the_other", text("a.toml",
                                                [] {
                                                  std::string out, name = "a";
                                                  for (int i = 0; i < 2'000; ++i)
                                                    out += "[" + name + "]\n", name += ".a";
                                                  return out;
                                                }())},
  };
}

std::vector<trap> archive_traps() {
  const std::string zeros(24 << 20, '\0');
  std::vector<packed_file> shared{{"a0", std::string(50'000, 'a')}};
  for (int i = 1; i < 200; ++i) {
    auto one = shared.front();
    one.name = "a" + std::to_string(i);
    one.place_lie = 0;
    shared.push_back(std::move(one));
  }
  std::vector<packed_file> many;
  for (int i = 0; i < 10'001; ++i) many.push_back({std::to_string(i), "", false});
  const auto inner = zip_of({{"zeros", zeros}});
  packed_file lies{"a", zeros};
  lies.size_lie = 10;
  packed_file boasts{"a", "x"};
  boasts.size_lie = 0xfffffffe;
  return {
      {"zip_of_zeros", archive(zip_of({{"zeros", zeros}}))},
      {"zip_in_a_zip", archive(zip_of({{"inner.zip", inner}})), false},
      {"zip_whose_entries_share_bytes", archive(zip_of(shared))},
      {"zip_of_too_many_entries", archive(zip_of(many))},
      {"zip_that_says_too_little", archive(zip_of({lies}))},
      {"zip_that_says_too_much", archive(zip_of({boasts}))},
      {"zip_of_a_comment", archive("PK\5\6" + std::string(70'000, '\0'))},
      {"zip_that_leaves_its_folder", archive(zip_of({{"../../etc/passwd", "x"}}))},
  };
}

}  // namespace

std::vector<trap> media_traps() {
  auto out = shader_traps();
  for (const auto& more : {sound_traps(), text_traps(), archive_traps()})
    out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace graphite::test
