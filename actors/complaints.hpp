#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace graphite {

/// What was said about paths that are left out, so that each thing is said once and taken back when its cause
/// is gone. Pure. At most paths_max paths; of others nothing is said.
class complaint_book {
 public:
  static constexpr std::size_t paths_max = 10'000;
  /// Who found out: a look at a folder takes back what earlier looks said, a reading what readings said.
  enum class source { look, reading };

  /// Whether `text` is news about `path`.
  bool add(const std::string& path, const std::string& text, source by);
  /// Whether something was said of `path`.
  bool remove(std::string_view path) { return said_.erase(std::string(path)) > 0; }
  /// Paths at or below `folder` of which earlier looks spoke, but for those that `keep` wants: forgotten.
  std::vector<std::string> settle(std::string_view folder,
                                  const std::function<bool(const std::string&)>& keep);

 private:
  struct said {
    std::string text;
    source by = source::look;
  };
  std::map<std::string, said, std::less<>> said_;
};

}  // namespace graphite
