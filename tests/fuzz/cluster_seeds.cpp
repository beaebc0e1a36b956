#include <fstream>

#include "coordinator/cluster/cluster_rows.hpp"
#include "schemas/codec/control_messages.hpp"
#include "schemas/codec/view_messages.hpp"
#include "tests/fuzz/seeds.hpp"

namespace graphite::fuzz {
namespace {

struct cluster_seeds {
  std::filesystem::path folder;

  void write(const std::string& name, std::string_view text) const {
    const auto path = folder / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  void say(const std::string& name, const to_coordinator& message) const {
    write("control_message/" + name, '\0' + std::string(as_text(encode(message))));
  }
  void say(const std::string& name, const to_node& message) const {
    write("control_message/" + name, '\1' + std::string(as_text(encode(message))));
  }
  void say(const std::string& name, const view_to_coordinator& message) const {
    write("view_message/" + name, '\0' + std::string(as_text(encode(message))));
  }
  void say(const std::string& name, const view_to_watcher& message) const {
    write("view_message/" + name, '\1' + std::string(as_text(encode(message))));
  }
};

digest digest_of(std::uint8_t byte) {
  digest out;
  out.bytes.fill(byte);
  return out;
}

logical_path path_of(std::string_view text) { return logical_path::parse(text).value(); }

byte_vector small_body() { return byte_vector(10, std::byte{'a'}); }

attempt_needs some_needs() { return {1500, 2 * GiB, {{"gpu", 1}}}; }

void write_from_nodes(const cluster_seeds& out) {
  control::join joining;
  joining.incarnation.value.bytes.fill(1);
  joining.domains = {{4000, 8 * GiB, {{"gpu", 1}}, 8, "0-3"}};
  joining.running = {
      {{{5}, {6}, {7}}, digest_of(1), 0, some_needs(), 9, seconds(3), 4, control::run_state::waiting}};
  joining.chunks = "10.0.0.2:7403";
  joining.chunks_key.bytes.fill(std::byte{9});
  joining.store = true;
  joining.tools = {{"cc", digest_of(2)}};
  joining.properties = {{"os", "linux"}};
  out.say("join", joining);
  control::attempt_end good, bad;
  good.attempt = {{5}, {6}, {7}};
  good.result.status = attempt_status::succeeded;
  good.result.outputs = {{path_of("a.o"), {digest_of(3), 10}, {}},
                         {path_of("c"), {digest_of(4), 20}, {{digest_of(5), 12}, {digest_of(6), 8}}}};
  good.result.discovered = {path_of("a.h")};
  good.bodies = {small_body()};
  bad.attempt = {{5}, {8}, {1}};
  bad.result.message = "no such file";
  control::attempt_end without;
  without.attempt = {{5}, {9}, {1}};
  without.result.status = attempt_status::lost_input;
  without.result.lost = {digest_of(11)};
  out.say("results", control::results{11, {good, bad, without}});
  out.say("beat", control::beat{3});
  out.say("leave", control::leave{"SIGTERM"});
  out.say("question", control::need_question{4, {digest_of(1), digest_of(2)}});
  out.say("store", control::store_state{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, true});
}

void write_from_coordinators(const cluster_seeds& out) {
  control::settings settings{true, 2, {{"10.0.0.3:7403", {}}}};
  settings.stores[0].key.bytes.fill(std::byte{7});
  settings.store_away = seconds(30);
  out.say("settings", settings);
  out.say("answer", control::need_answer{4, {true, false}, seconds(2)});
  out.say("revocations", control::revocations{small_body()});
  out.say("welcome",
          control::welcome{{5}, seconds(10), {attempt_key{{5}, {60}, {1}}, std::nullopt}, settings});
  out.say("refusal", control::refusal{errc::stale_epoch, "an earlier reign"});
  command_spec command;
  command.argv = {"{tool:cc}", "-c", "{in}"};
  command.inputs = {"**/*.h"};
  command.tools = {"cc"};
  built_in_spec texture;
  texture.name = "texture";
  control::recipe first, second;
  first.rule = "compile";
  first.command = std::make_shared<const command_spec>(command);
  first.environment = {{"PATH", "/bin"}};
  first.tools = {{"cc", digest_of(2)}};
  first.needs = some_needs();
  first.pool = 4;
  second.number = 1023;
  second.rule = "textures";
  second.built_in = std::make_shared<const built_in_spec>(texture);
  control::assignment one{.main_input = path_of("a.c")};
  one.attempt = {{5}, {6}, {7}};
  one.key = digest_of(9);
  one.inputs = {{path_of("a.c"), {digest_of(10), 4}, true, {}}};
  one.bodies = {small_body()};
  one.outputs = {{"a.o", false}, {"*.log", true}};
  out.say("work", control::work{{first, second}, {one}, {{{{5}, {2}, {1}}, true}}, 10});
}

void write_of_views(const cluster_seeds& out) {
  views::join joining;
  joining.incarnation.value.bytes.fill(1);
  joining.epoch_seen.value = 4;
  joining.view = "main";
  joining.project_file = "game/graphite.toml";
  const views::settings settings{2, {{"10.0.0.3:7403", {}}}};
  using verdict = views::verdict;
  out.say("join", view_to_coordinator(joining));
  out.say("revised", view_to_coordinator(views::revised{3, {digest_of(4), 900}}));
  out.say("welcome", view_to_watcher(views::welcome{{5}, {digest_of(4), 900}, settings}));
  out.say("refusal", view_to_watcher(views::refusal{errc::already_exists, "it is fed"}));
  out.say("settings", view_to_watcher(settings));
  out.say("accepted", view_to_watcher(verdict{3, verdict::what::accepted}));
  out.say("published", view_to_watcher(verdict{3, verdict::what::published, errc::io, "generation 9"}));
  out.say("refused", view_to_watcher(verdict{3, verdict::what::refused, errc::corrupt, "no snapshot"}));
  out.say("missing", view_to_watcher(verdict{3, verdict::what::missing, errc::not_found, "3 contents"}));
}

}  // namespace

void write_cluster_seeds(const std::filesystem::path& into) {
  const cluster_seeds out{into};
  write_from_nodes(out);
  write_from_coordinators(out);
  write_of_views(out);
  using service = lease_table::service;
  out.write("cluster_row/two",
            encode_cluster({{{"a", service::in, true}, {"b", service::draining, false}},
                            {{"team", digest_of(1), "it ran on a, b, c when they died"}}}));
  out.write("cluster_row/empty", encode_cluster({}));
  learned_rules rules;
  const auto rule = rules.intern(7);
  for (int i = 1; i < 40; ++i) rules.note(rule, {milliseconds(i * i), milliseconds(i), 10'000u * i});
  out.write("learned_rule_row/some", encode_rule(rules.row_of(rule)));
  out.write("learned_rule_row/none", encode_rule({8, {}, {}, {}}));
}

}  // namespace graphite::fuzz
