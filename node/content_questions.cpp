#include "node/content_questions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace graphite {

void content_questions::want(const digest& content, bool thorough, time_point now) {
  auto& of = open_.try_emplace(content, question{now, false, {}}).first->second;
  of.thorough = of.thorough || thorough;
  look_at(content);
}

void content_questions::place(const store_choice& all, std::size_t copies) {
  all_ = all;
  copies_ = std::max<std::size_t>(copies, 1);
  std::erase_if(lanes_, [&](const auto& one) {
    return !std::binary_search(all_.names().begin(), all_.names().end(), one.first);
  });
  std::vector<digest> contents;
  for (auto& [content, of] : open_) {
    std::erase_if(of.by, [&](const auto& one) {
      return !std::binary_search(all_.names().begin(), all_.names().end(), one.first);
    });
    contents.push_back(content);
  }
  for (const auto& content : contents) look_at(content);
}

/// Sees to it that these are asked, and counts what they have said.
content_questions::tally content_questions::ask_some(const digest& content, question& of,
                                                     std::span<const std::string> stores) {
  tally out;
  for (const auto& store : stores) {
    const auto [entry, fresh] = of.by.try_emplace(store, answer::none);
    if (fresh) lanes_[store].push_back(content);
    out.yes += entry->second == answer::yes ? 1 : 0;
    out.open += entry->second == answer::none || entry->second == answer::asked ? 1 : 0;
  }
  return out;
}

void content_questions::look_at(const digest& content) {
  auto& of = open_.at(content);
  const auto order = all_.first_names(content, copies_ + options_.further_max);
  if (order.empty()) return;  // there is nobody to ask
  const std::span<const std::string> names(order);
  const auto first = names.first(std::min(copies_, names.size()));
  const auto here = ask_some(content, of, first);
  if (here.yes > 0 && (here.open == 0 || !of.thorough)) return end(content, content_presence{here.yes, true});
  if (here.open > 0) return;
  const auto behind = ask_some(content, of, names.subspan(first.size()));
  if (behind.yes > 0 || behind.open == 0) end(content, content_presence{0, behind.yes > 0});
}

std::optional<content_questions::ask> content_questions::next(const std::string& store) {
  const auto lane = lanes_.find(store);
  if (lane == lanes_.end()) return std::nullopt;
  stores::have_request request;
  while (!lane->second.empty() && request.contents.size() < store_port_limits::contents_max) {
    const digest content = lane->second.front();
    lane->second.pop_front();
    const auto of = open_.find(content);
    if (of == open_.end()) continue;
    const auto by = of->second.by.find(store);
    if (by == of->second.by.end() || by->second != answer::none) continue;
    by->second = answer::asked;
    request.contents.push_back(content);
  }
  if (request.contents.empty()) return std::nullopt;
  inquiry about{request.contents};
  return ask{std::move(request), std::move(about)};
}

bool content_questions::answered(const std::string& store, const inquiry& of, const stores::reply& reply) {
  const auto* have = std::get_if<stores::have_reply>(&reply.header);
  if (have == nullptr || have->durable.size() != of.contents.size()) {
    unanswered(store, of);
    return false;
  }
  for (std::size_t i = 0; i < of.contents.size(); ++i)
    note(store, of.contents[i], have->durable[i] ? answer::yes : answer::no);
  return true;
}

void content_questions::unanswered(const std::string& store, const inquiry& of) {
  for (const auto& content : of.contents) note(store, content, answer::none);
}

void content_questions::note(const std::string& store, const digest& content, answer what) {
  const auto of = open_.find(content);
  if (of == open_.end()) return;
  const auto by = of->second.by.find(store);
  if (by == of->second.by.end() || by->second != answer::asked) return;
  by->second = what;
  if (what == answer::none)
    lanes_[store].push_back(content);
  else
    look_at(content);
}

void content_questions::give_up(time_point now) {
  std::vector<std::pair<digest, std::size_t>> late;
  for (const auto& [content, of] : open_) {
    if (now - of.since < options_.give_up_after) continue;
    const auto yes = std::ranges::count_if(of.by, [](const auto& one) { return one.second == answer::yes; });
    late.emplace_back(content, static_cast<std::size_t>(yes));
  }
  for (const auto& [content, yes] : late) {
    if (yes > 0)
      end(content, content_presence{std::min(yes, copies_), true});
    else
      end(content, fail(errc::unavailable,
                        fmt::format("{} stores are alive, and those that may have content {} do not answer",
                                    all_.size(), to_hex(content))));
  }
}

void content_questions::end(const digest& content, result<content_presence> how) {
  const digest id = content;  // it may be the one that goes
  open_.erase(id);
  ended_.push_back({id, std::move(how)});
}

}  // namespace graphite
