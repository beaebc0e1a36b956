#include <fmt/format.h>

#include <algorithm>

#include "coordinator/cluster/dispatcher_state.hpp"
#include "coordinator/cluster/status_report.hpp"

// Whether any node that is here could run something, and what is missing where none can.

namespace graphite {

namespace {

using offers = std::vector<std::shared_ptr<const control::join>>;

bool has_tool(const control::join& node, const control::tool_offer& wanted) {
  return std::ranges::find(node.tools, wanted) != node.tools.end();
}

bool has_property(const control::join& node, const control::property& wanted) {
  return std::ranges::find(node.properties, wanted) != node.properties.end();
}

bool has_room(const control::domain_offer& domain, const attempt_needs& needs) {
  return domain.cpu_milli >= needs.cpu_milli && domain.memory_bytes >= needs.memory_bytes &&
         std::ranges::all_of(needs.resources, [&](const resource_amount& wanted) {
           return wanted.count == 0 || std::ranges::any_of(domain.resources, [&](const auto& one) {
                    return one.name == wanted.name && one.count >= wanted.count;
                  });
         });
}

bool has_room(const control::join& node, const attempt_needs& needs) {
  return std::ranges::any_of(node.domains, [&](const auto& domain) { return has_room(domain, needs); });
}

bool fits(const control::join& node, const recipe_book::entry& recipe) {
  return std::ranges::all_of(recipe.what->tools, [&](const auto& one) { return has_tool(node, one); }) &&
         std::ranges::all_of(recipe.platform, [&](const auto& one) { return has_property(node, one); }) &&
         has_room(node, recipe.what->needs);
}

std::string told_tool(const offers& nodes, const control::tool_offer& wanted) {
  const bool another = std::ranges::any_of(nodes, [&](const auto& node) {
    return std::ranges::any_of(node->tools, [&](const auto& one) { return one.name == wanted.name; });
  });
  return another ? fmt::format("the nodes have another build of the tool '{}' than the coordinator has found",
                               wanted.name)
                 : fmt::format("no node has the tool '{}'", wanted.name);
}

std::string told_misfit(const offers& nodes, const recipe_book::entry& recipe) {
  const auto any = [&](const auto& has) {
    return std::ranges::any_of(nodes, [&](const auto& node) { return has(*node); });
  };
  for (const auto& tool : recipe.what->tools)
    if (!any([&](const auto& node) { return has_tool(node, tool); })) return told_tool(nodes, tool);
  for (const auto& one : recipe.platform)
    if (!any([&](const auto& node) { return has_property(node, one); }))
      return fmt::format("no node has {}={}", one.name, one.value);
  if (!any([&](const auto& node) { return has_room(node, recipe.what->needs); }))
    return "no node has " + needs_text(recipe.what->needs);
  return "no node has all that it asks for: each lacks something";
}

}  // namespace

std::optional<std::string> dispatcher_impl::misfit(recipe_id recipe) const {
  const auto* known = recipes.find(recipe);
  if (known == nullptr) return std::nullopt;
  offers nodes;
  for (const auto& [number, session] : sessions)
    if (session.link != link_id{} && !session.leaving) nodes.push_back(session.offer);
  const bool one_fits = std::ranges::any_of(nodes, [&](const auto& node) { return fits(*node, *known); });
  if (nodes.empty() || one_fits) return std::nullopt;
  return told_misfit(nodes, *known);
}

std::optional<std::string> dispatcher::misfit(recipe_id recipe) const { return impl_->misfit(recipe); }

}  // namespace graphite
