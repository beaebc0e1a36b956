#include <gtest/gtest.h>

#include <algorithm>

#include "bundle/part_list.hpp"
#include "engine_world.hpp"

// What is made has references and parts.

namespace graphite::test {
namespace {

std::vector<rule_spec> scene_rules() {
  return {command_rule("mesh", {"*.gltf"}, {"{stem}.mesh"}), command_rule("tex", {"*.png"}, {"{stem}.ktx"})};
}

std::vector<asset_id> ids(std::vector<std::string> paths) {
  std::vector<asset_id> out;
  for (const auto& one : paths) out.push_back(id_of(path_of(one)));
  std::sort(out.begin(), out.end());
  return out;
}

std::size_t runs_of(const engine_world& w, const std::string& main) {
  return static_cast<std::size_t>(
      std::count_if(w.started.begin(), w.started.end(),
                    [&](const attempt_spec& spec) { return spec.main_input.str() == main; }));
}

TEST(made_references, a_mesh_refers_to_what_is_made_of_the_textures_that_its_source_names) {
  engine_world w(scene_rules());
  w.save({{"wood.png", "W"}, {"iron.png", "I"}});
  w.refer("a.gltf", "A", {"@wood.png", "@iron.png"});
  w.settle();
  EXPECT_EQ(w.channel.at("a.mesh").references, ids({"wood.ktx", "iron.ktx"}));
  EXPECT_EQ(w.shown_text("a.mesh"), "mesh(A:)") << "they are not read when it is made";
}

TEST(made_references, a_changed_texture_does_not_make_the_mesh_again) {
  engine_world w(scene_rules());
  w.save({{"wood.png", "W"}});
  w.refer("a.gltf", "A", {"@wood.png"});
  w.settle();
  w.save({{"wood.png", "W2"}});
  w.settle();
  EXPECT_EQ(runs_of(w, "a.gltf"), 1u);
  EXPECT_EQ(w.shown_text("wood.ktx"), "tex(W2:)");
}

TEST(made_references, a_mesh_is_not_shown_before_the_texture_of_its_revision) {
  engine_world w(scene_rules());
  w.save({{"wood.png", "W"}});
  w.refer("a.gltf", "A", {"@wood.png"});
  w.settle();
  w.tool_time = [](const attempt_spec& spec) { return milliseconds(spec.rule == "tex" ? 500 : 10); };
  revision what;
  for (const std::string name : {"a.gltf", "wood.png"}) {
    w.texts[content_of(name + "2")] = name + "2";
    source_state state{content_of(name + "2"), {}, {}};
    if (name == "a.gltf") state.references.push_back({{path_of("wood.png")}, false, true});
    what.changes.push_back({path_of(name), state});
  }
  w.apply(what);
  w.run_for(milliseconds(200));
  EXPECT_EQ(w.shown_text("a.mesh"), "mesh(A:)");
  EXPECT_EQ(w.shown_text("wood.ktx"), "tex(W:)");
  w.settle();
  EXPECT_EQ(w.shown_text("a.mesh"), "mesh(a.gltf2:)");
  EXPECT_EQ(w.shown_text("wood.ktx"), "tex(wood.png2:)");
}

TEST(made_references, a_failed_texture_holds_the_mesh_of_its_revision_back) {
  engine_world w(scene_rules());
  w.save({{"wood.png", "W"}});
  w.refer("a.gltf", "A", {"@wood.png"});
  w.settle();
  w.save({{"wood.png", "bad"}});
  w.settle();
  w.refer("a.gltf", "A2", {"@wood.png"});
  w.settle();
  EXPECT_EQ(w.shown_text("a.mesh"), "mesh(A:)");
  EXPECT_EQ(w.engine->behind().count, 2u);
  w.save({{"wood.png", "W3"}});
  w.settle();
  EXPECT_EQ(w.shown_text("a.mesh"), "mesh(A2:)");
  EXPECT_EQ(w.shown_text("wood.ktx"), "tex(W3:)");
}

TEST(made_references, a_missing_texture_is_told_and_referred_to_once_it_is_there) {
  engine_world w(scene_rules());
  w.refer("a.gltf", "A", {"@wood.png"});
  w.settle();
  EXPECT_EQ(w.told("refers to wood.png, which does not exist"), 1u);
  EXPECT_TRUE(w.channel.at("a.mesh").references.empty());
  w.save({{"wood.png", "W"}});
  w.settle();
  EXPECT_EQ(w.channel.at("a.mesh").references, ids({"wood.ktx"}));
  EXPECT_EQ(runs_of(w, "a.gltf"), 1u);
  w.save({{"wood.png", std::nullopt}});
  w.settle();
  EXPECT_TRUE(w.channel.at("a.mesh").references.empty());
  EXPECT_FALSE(w.shows("wood.ktx"));
}

TEST(made_references, a_required_texture_that_is_missing_fails_the_mesh_until_it_is_there) {
  engine_world w(scene_rules());
  w.refer("a.gltf", "A", {"!@wood.png"});
  w.settle();
  EXPECT_FALSE(w.shows("a.mesh"));
  EXPECT_GE(w.told("a.gltf needs wood.png, which does not exist"), 1u);
  w.save({{"wood.png", "W"}});
  w.settle();
  EXPECT_EQ(w.channel.at("a.mesh").references, ids({"wood.ktx"}));
  w.save({{"wood.png", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.engine->status().failed, 1u);
}

TEST(made_references, other_references_of_the_same_bytes_are_shown_without_a_new_content) {
  engine_world w(scene_rules());
  w.save({{"wood.png", "W"}, {"iron.png", "I"}});
  w.refer("a.gltf", "A", {"@wood.png"});
  w.settle();
  w.refer("a.gltf", "A", {"@iron.png"});
  w.settle();
  EXPECT_EQ(w.channel.at("a.mesh").references, ids({"iron.ktx"}));
}

TEST(made_references, cycles_of_them_are_no_errors) {
  engine_world w(scene_rules());
  w.refer("a.gltf", "A", {"@b.gltf"});
  w.refer("b.gltf", "B", {"@a.gltf"});
  w.settle();
  EXPECT_EQ(w.channel.at("a.mesh").references, ids({"b.mesh"}));
  EXPECT_EQ(w.channel.at("b.mesh").references, ids({"a.mesh"}));
  EXPECT_EQ(w.engine->status().failed, 0u);
}

TEST(made_references, they_are_edges_of_the_graph) {
  engine_world w(scene_rules());
  w.save({{"wood.png", "W"}});
  w.refer("a.gltf", "A", {"@wood.png"});
  w.settle();
  const auto needed = w.engine->rdeps(path_of("wood.png"))->paths;
  EXPECT_NE(std::find(needed.begin(), needed.end(), "a.mesh"), needed.end());
  const auto needs = w.engine->deps(path_of("a.mesh"))->paths;
  EXPECT_NE(std::find(needs.begin(), needs.end(), "wood.png"), needs.end());
}

TEST(made_references, a_restart_finds_them_as_they_were_shown) {
  engine_world w(scene_rules());
  w.save({{"wood.png", "W"}});
  w.refer("a.gltf", "A", {"@wood.png", "@none.png"});
  w.settle();
  const auto shown = w.publications.size();
  w.restart();
  w.apply({});
  w.settle();
  EXPECT_EQ(w.publications.size(), shown);
  w.restart();
  w.save({{"none.png", "N"}});
  w.settle();
  EXPECT_EQ(w.channel.at("a.mesh").references, ids({"none.ktx", "wood.ktx"}));
  EXPECT_EQ(runs_of(w, "a.gltf"), 1u);
  w.restart();
  w.save({{"wood.png", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.channel.at("a.mesh").references, ids({"none.ktx"}));
}

TEST(made_references, a_restart_while_held_back_shows_nothing_half) {
  engine_world w(scene_rules());
  w.save({{"wood.png", "W"}});
  w.refer("a.gltf", "A", {"@wood.png"});
  w.settle();
  w.save({{"wood.png", "bad"}});
  w.refer("a.gltf", "A2", {"@wood.png"});
  w.settle();
  w.restart();
  w.save({{"wood.png", "bad"}});
  w.refer("a.gltf", "A2", {"@wood.png"});
  w.settle();
  EXPECT_EQ(w.shown_text("a.mesh"), "mesh(A:)");
  w.save({{"wood.png", "good"}});
  w.settle();
  EXPECT_EQ(w.shown_text("a.mesh"), "mesh(A2:)");
  EXPECT_EQ(w.channel.at("a.mesh").references, ids({"wood.ktx"}));
}

/// A tool whose outputs have two parts.
attempt_result in_two_parts(engine_world& w, const attempt_spec& spec) {
  auto out = concatenate(w, spec);
  const openssl_hasher hash;
  for (auto& output : out.outputs) {
    const auto text = w.texts[output.content];
    output.parts = {content_of(text + "-head"), content_of(text + "-tail")};
    output.content = content_of_parts(output.parts, hash);
  }
  return out;
}

TEST(made_order, what_its_transform_expects_to_take_long_starts_first) {
  auto all = scene_rules();
  all[1].transform = "texture";
  all[1].built_in.emplace().name = "texture";
  all[1].built_in->cost_ns_per_byte = 1'000'000;
  engine_world w(all, [](engine_options& options) { options.jobs = 1; });
  w.save({{"a.png", "small"}, {"b.png", std::string(90, 'x')}, {"c.png", std::string(500, 'x')}});
  w.settle();
  ASSERT_EQ(w.started.size(), 3u);
  EXPECT_EQ(w.started[0].main_input.str(), "a.png") << "nothing else was ready";
  EXPECT_EQ(w.started[1].main_input.str(), "c.png");
  EXPECT_EQ(w.started[2].main_input.str(), "b.png");
}

TEST(made_parts, each_is_in_the_record_and_comes_back_after_a_restart) {
  engine_world w(scene_rules());
  w.tool = [&w](const attempt_spec& spec) { return in_two_parts(w, spec); };
  w.save({{"wood.png", "W"}});
  w.settle();
  const auto& parts = w.channel.at("wood.ktx").parts;
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].content, content_of("tex(W:)-head"));
  EXPECT_EQ(parts[1].content, content_of("tex(W:)-tail"));
  w.restart();
  w.apply({});
  w.settle();
  EXPECT_EQ(w.started.size(), 1u);
  const auto all = w.engine->shown();
  ASSERT_EQ(all.changes.upserts.size(), 1u);
  EXPECT_EQ(all.changes.upserts[0].parts, parts);
}

TEST(made_parts, a_cached_result_has_them_too) {
  engine_world w(scene_rules());
  w.tool = [&w](const attempt_spec& spec) { return in_two_parts(w, spec); };
  w.save({{"wood.png", "W"}});
  w.settle();
  w.save({{"wood.png", "V"}});
  w.settle();
  w.save({{"wood.png", "W"}});
  w.settle();
  EXPECT_EQ(w.started.size(), 2u);
  EXPECT_EQ(w.channel.at("wood.ktx").parts.at(1).content, content_of("tex(W:)-tail"));
}

TEST(made_parts, one_that_was_lost_is_made_again) {
  engine_world w(scene_rules());
  w.tool = [&w](const attempt_spec& spec) { return in_two_parts(w, spec); };
  w.save({{"wood.png", "W"}});
  w.settle();
  w.lose({"tex(W:)-tail"});
  w.settle();
  EXPECT_EQ(w.started.size(), 2u);
}

TEST(made_parts, a_user_of_it_is_given_all) {
  auto all = scene_rules();
  all.push_back(command_rule("pack", {"*.pack"}, {"{stem}.zip"}, {"*.ktx"}));
  engine_world w(all);
  w.tool = [&w](const attempt_spec& spec) {
    return spec.rule == "tex" ? in_two_parts(w, spec) : concatenate(w, spec);
  };
  w.save({{"wood.png", "W"}, {"x.pack", "X"}});
  w.settle();
  const auto& spec = w.started.back();
  ASSERT_EQ(spec.main_input.str(), "x.pack");
  ASSERT_EQ(spec.inputs.size(), 2u);
  EXPECT_EQ(spec.inputs[0].parts.size(), 2u);
  EXPECT_TRUE(spec.inputs[1].parts.empty());
}

TEST(made_parts, those_that_do_not_fit_their_content_fail) {
  engine_world w(scene_rules());
  w.tool = [&w](const attempt_spec& spec) {
    auto out = in_two_parts(w, spec);
    out.outputs.front().parts.pop_back();
    return out;
  };
  w.save({{"wood.png", "W"}});
  w.settle();
  EXPECT_FALSE(w.shows("wood.ktx"));
  EXPECT_EQ(w.engine->status().failed, 1u);
}

}  // namespace
}  // namespace graphite::test
