#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"
#include "transforms/preview.hpp"

namespace graphite {

namespace {

/// WxH; false where it is none within the bounds.
bool read_picture_size(const std::string& text, preview_options& out) {
  const auto cross = text.find('x');
  if (cross == std::string::npos) return false;
  const auto side = [](const std::string& digits) -> std::uint32_t {
    const bool number =
        !digits.empty() && digits.size() <= 4 && digits.find_first_not_of("0123456789") == std::string::npos;
    return number ? static_cast<std::uint32_t>(std::stoul(digits)) : 0;
  };
  out.width = side(text.substr(0, cross));
  out.height = side(text.substr(cross + 1));
  return out.width >= 1 && out.height >= 1 && out.width <= preview_side_max && out.height <= preview_side_max;
}

}  // namespace

void add_preview(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.preview) return;
  struct words {
    project_options project;
    std::string size;
    preview_options options;
  };
  auto kept = std::make_shared<words>();
  CLI::App& command = *root.add_subcommand("preview", "Write a picture of what an asset looks like as PNG");
  auto& options = kept->options;
  command.add_option("ASSET", options.asset, "Path of an asset, such as img/rock.ktx2")->required();
  command
      .add_option("-o,--output", options.output,
                  "File to write (default: the asset's name with .png, here; within a project below "
                  ".graphite/previews)")
      ->envname("GRAPHITE_OUTPUT")
      ->type_name("FILE");
  command.add_option("--level", options.level, "Mip level, or level of detail; 0 is the finest")
      ->envname("GRAPHITE_LEVEL")
      ->type_name("N")
      ->check(CLI::Range(0, 64))
      ->capture_default_str();
  command.add_option("--size", kept->size, "Pixels of the picture (default: the level's; 512x512; 1024x256)")
      ->envname("GRAPHITE_SIZE")
      ->type_name("WxH")
      ->check([](const std::string& text) {
        preview_options ignored;
        return read_picture_size(text, ignored)
                   ? std::string()
                   : "'" + text + "' is no size: two numbers from 1 to 4096, such as 640x480";
      });
  command.add_flag("--force", options.force, "Replace FILE where it exists")->envname("GRAPHITE_FORCE");
  command.add_option("--channel", options.channel, "Channel")
      ->envname("GRAPHITE_CHANNEL")
      ->type_name("NAME")
      ->capture_default_str();
  add_project_options(command, kept->project);
  command.footer(
      "Shows one mip level of a texture, a mesh from above and beside, the waveform of a sound, as the "
      "newest\n"
      "generation on disk has them. Needs no service.\n\n"
      "Examples:\n"
      "  graphite preview img/rock.ktx2 --level 3\n"
      "  graphite preview models/tree.gmesh --level 1 --size 800x600 -o tree.png");
  command.callback([kept, &chosen, run = handlers.preview] {
    auto& given = kept->options;
    given.directory = kept->project.directory;
    given.state = kept->project.state;
    given.json = kept->project.json;
    if (!kept->size.empty()) read_picture_size(kept->size, given);
    chosen = [kept, run] { return run(kept->options); };
  });
}

}  // namespace graphite
