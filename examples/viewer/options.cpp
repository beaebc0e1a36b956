#include "options.hpp"

#include <stdexcept>

namespace viewer {

const char* const help =
    R"(graphite-viewer shows the PNG images of a bundle, and reloads them while it runs.

  graphite-viewer FOLDER                    what `graphite dev` or `graphite subscribe --no-files` keeps
  graphite-viewer --from HOST:PORT FOLDER   subscribes by itself, and keeps the channel in FOLDER

In a folder of images:

  graphite init && graphite dev &           prints the address for --from
  graphite-viewer .graphite/bundles/main    now save an image: its tile changes, and a frame flashes

  --frames N         end after N frames; otherwise when the window is closed, or on Ctrl-C
  --screenshot FILE  write the last frame as a PNG image
  --report           print frame times, generations and textures as a JSON object at the end
  --verbose          say on stderr when a generation is shown
  --size WxH         of the window; default 1280x720
  --hz N             frames in a second, 1 to 1000; default 240
  --uploads N        textures made in a frame, at most; 1 to 1000; default 4
  --help             this text

Keys: wheel, arrows, page up and down to scroll; escape to end. Without a screen: SDL_VIDEODRIVER=dummy.

The graph has a bar for each frame, from its beginning to the next one's; the line is the time that a frame has.
A dropped frame is a slot of that length in which none began. Images are decoded in a thread of their own;
all pictures that a generation changes are exchanged in one frame.

Exit codes: 0 it ended as asked; 1 it could not go on, and says why; 2 the command line is wrong.
)";

namespace {

/// The whole of `text`. Throws std::invalid_argument that names `option`.
double number(const std::string& text, const std::string& option, double least, double most) {
  std::size_t used = 0;
  double out = 0;
  try {
    out = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != text.size() || !(out >= least && out <= most))
    throw std::invalid_argument(option + " takes a number from " + std::to_string(static_cast<long>(least)) +
                                " to " + std::to_string(static_cast<long>(most)) + ", not '" + text + "'");
  return out;
}

void parse_size(const std::string& text, options& out) {
  const auto cross = text.find('x');
  if (cross == std::string::npos) throw std::invalid_argument("--size takes WxH, such as 1280x720");
  out.width = static_cast<int>(number(text.substr(0, cross), "--size", 200, 16'384));
  out.height = static_cast<int>(number(text.substr(cross + 1), "--size", 200, 16'384));
}

/// True where `name` is an option with a value, which is taken.
bool parse_valued(const std::string& name, const std::string& value, options& out) {
  if (name == "--from")
    out.from = value;
  else if (name == "--screenshot")
    out.screenshot = value;
  else if (name == "--frames")
    out.frames = static_cast<std::uint64_t>(number(value, name, 1, 1e15));
  else if (name == "--hz")
    out.hz = number(value, name, 1, 1000);
  else if (name == "--uploads")
    out.uploads_max = static_cast<int>(number(value, name, 1, 1000));
  else if (name == "--size")
    parse_size(value, out);
  else
    return false;
  return true;
}

}  // namespace

std::optional<options> parse(int argc, char** argv) {
  options out;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--help" || word == "-h") return std::nullopt;
    if (word == "--report") {
      out.report = true;
    } else if (word == "--verbose") {
      out.verbose = true;
    } else if (word.size() > 1 && word[0] == '-') {
      if (!parse_valued(word, i + 1 < argc ? argv[i + 1] : "", out))
        throw std::invalid_argument("no option " + word);
      if (++i == argc) throw std::invalid_argument(word + " needs a value");
    } else if (out.folder.empty()) {
      out.folder = word;
    } else {
      throw std::invalid_argument("one folder, not also '" + word + "'");
    }
  }
  if (out.folder.empty()) throw std::invalid_argument("which bundle? Give its folder");
  return out;
}

}  // namespace viewer
