#include "actors/watcher_look.hpp"

namespace graphite {

namespace {

bool newer_is_known(const rescan_in_progress& rescan, std::string_view path) {
  if (rescan.useless || rescan.changed.contains(path)) return true;
  for (auto end = path.size(); end != std::string_view::npos && end > 0; end = path.rfind('/', end - 1))
    if (rescan.folders.contains(path.substr(0, end))) return true;
  return false;
}

void note_looked_at(rescan_in_progress& rescan, const std::string& folder) {
  if (!rescan.under_way) return;
  rescan.folders.insert(folder);
  if (folder.empty() || rescan.folders.size() > rescan_in_progress::paths_max) rescan.useless = true;
}

void adopt_links(watcher_state& state, const tree_survey& found) {
  for (const auto& [path, target] : found.links) {
    const auto [first, last] = state.links.equal_range(target);
    if (std::none_of(first, last, [&, &name = path](const auto& link) { return link.second == name; }))
      state.links.emplace(target, path);
  }
}

/// Says what is left out at or below `folder`, and takes back what no longer is; of what `newer` is known
/// nothing.
void adopt_skipped(watcher_self self, const std::string& folder, const tree_survey& found,
                   const std::function<bool(const std::string&)>& newer) {
  std::set<std::string, std::less<>> still;
  for (const auto& [path, reason] : found.skipped) still.insert(path);
  const auto keep = [&](const std::string& path) { return still.contains(path) || newer(path); };
  for (const auto& path : self->state.complaints.settle(folder, keep))
    self->send(self->state.with.graph, atom::notice_v, path, std::string());
  for (const auto& [path, reason] : found.skipped)
    if (!newer(path)) complain(self, path, "skipped: " + reason, complaint_book::source::look);
}

std::vector<rescan_change> adopt(watcher_self self, const std::string& folder, tree_survey found,
                                 const std::function<bool(const std::string&)>& newer) {
  adopt_skipped(self, folder, found, newer);
  adopt_links(self->state, found);
  std::erase_if(found.differences, [&](const auto& one) { return newer(one.path); });
  return std::move(found.differences);
}

}  // namespace

void complain(watcher_self self, const std::string& path, const std::string& text,
              complaint_book::source by) {
  if (self->state.complaints.add(path, text, by))
    self->send(self->state.with.graph, atom::notice_v, path, text);
}

void take_back(watcher_self self, const std::string& path) {
  if (self->state.complaints.remove(path))
    self->send(self->state.with.graph, atom::notice_v, path, std::string());
}

std::vector<rescan_change> look(watcher_self self, const std::string& folder) {
  auto& state = self->state;
  note_looked_at(state.rescan, folder);
  if (state.with.filter->reload(folder)) state.with.refresh(folder);
  auto found = state.with.survey(folder, *state.known);
  if (!found) {
    complain(self, folder, found.error().context, complaint_book::source::look);
    return {};
  }
  return adopt(self, folder, std::move(*found), [](const auto&) { return false; });
}

void note_changed(rescan_in_progress& rescan, const std::string& path) {
  if (!rescan.under_way) return;
  rescan.changed.insert(path);
  if (rescan.changed.size() > rescan_in_progress::paths_max) rescan.useless = true;
}

void start_rescan(watcher_self self, std::function<void(const std::vector<rescan_change>&)> done) {
  auto& state = self->state;
  if (state.rescan.under_way || !state.with.surveyor) return;
  state.rescan = {.under_way = true};
  if (state.with.filter->reload("")) state.with.refresh("");
  self->request(state.with.surveyor, caf::infinite, atom::rescan_v)
      .then(
          [self, done = std::move(done)](const survey_ptr& answer) {
            std::vector<rescan_change> differences;
            const auto newer = [self](const auto& path) { return newer_is_known(self->state.rescan, path); };
            if (*answer)
              differences = adopt(self, "", **answer, newer);
            else
              complain(self, "", answer->error().context, complaint_book::source::look);
            self->state.rescan = {};
            done(differences);
          },
          [self, done](const caf::error&) {
            self->state.rescan = {};
            done({});
          });
}

}  // namespace graphite
