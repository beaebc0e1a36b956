#include <gtest/gtest.h>

#include <random>

#include "engine_world.hpp"

// Random edits, builds of random kinds, targets and cancels. The oracle is an engine that never rests and
// builds the same sources from nothing.

namespace graphite::test {
namespace {

using publishing = engine_options::publishing;

/// What a source is: its text, and the asset that it refers to, or nothing.
struct model {
  std::string text, refers_to;
};

class random_run {
 public:
  explicit random_run(unsigned seed) : random_(seed), world_(rules(), [](auto& o) { o.dry = true; }) {}

  void step() {
    switch (below(8)) {
      case 0:
        return build({publishing::all_or_nothing, below(2) == 0, {}});
      case 1:
        return build({publishing::as_ready, true, {}});
      case 2:
        return build_target();
      case 3:
        return build_and_cancel();
      case 4:
        return restart();
      default:
        return edit();
    }
  }

  /// What is not stale is shown as the oracle makes it; and the list and describe() agree.
  void check() {
    const auto wanted = from_nothing();
    std::set<std::string> listed;
    for (const auto& task : world_.engine->stale().tasks) {
      EXPECT_TRUE(listed.insert(task.path).second) << task.path << " twice";
      EXPECT_TRUE(world_.engine->describe(path_of(task.path))->stale) << task.path << ": " << task.reason;
    }
    for (const auto& [path, record] : world_.channel) {
      const auto now = world_.engine->describe(path_of(path));
      ASSERT_TRUE(now) << path;
      if (now->stale || !wanted->shows(path)) continue;  // the oracle shows less where something failed
      EXPECT_EQ(world_.shown_text(path), wanted->shown_text(path)) << path;
    }
    for (const auto& [path, record] : wanted->channel)
      EXPECT_TRUE(world_.shows(path) || world_.engine->describe(path_of(path))->stale) << path;
    for (const auto& [path, source] : sources_)
      EXPECT_EQ(world_.engine->describe(path_of(path))->stale, listed.count(path) != 0) << path;
  }

  /// Without a failure everything is shown. With one, what was shown together with it may be held back.
  void finish() {
    build({publishing::as_ready, true, {}});
    const auto wanted = from_nothing();
    if (wanted->engine->status().failed > 0) return check();
    EXPECT_TRUE(world_.engine->stale().tasks.empty());
    EXPECT_EQ(world_.channel.size(), wanted->channel.size());
    for (const auto& [path, record] : wanted->channel)
      EXPECT_EQ(world_.shown_text(path), wanted->shown_text(path)) << path;
  }

 private:
  static std::vector<rule_spec> rules() {
    return {command_rule("ab", {"*.a"}, {"{stem}.b"}, {"*.h"}), command_rule("bc", {"*.b"}, {"{stem}.c"}),
            command_rule("mn", {"*.m"}, {"{stem}.n"}, {"*.b"})};
  }

  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  std::string any_source() {
    static const std::vector<std::string> all{"1.a", "2.a", "3.a", "1.m", "x.h", "1.t", "2.t", "3.t"};
    return all[below(static_cast<unsigned>(all.size()))];
  }

  void edit() {
    for (auto left = 1 + below(3); left > 0; --left) {
      const auto path = any_source();
      if (below(6) == 0) {
        sources_.erase(path);
        world_.save({{path, std::nullopt}});
        continue;
      }
      auto& source = sources_[path];
      static const std::vector<std::string> texts{"A", "B", "C", "bad"};
      source.text = texts[below(4)];
      if (source.text == "bad" && below(2) == 0) source.text = "D";
      static const std::vector<std::string> targets{"", "", "1.c", "2.c", "1.n", "2.t"};
      if (path.ends_with(".t")) source.refers_to = targets[below(6)];
      put(world_, path, source);
    }
  }

  static void put(engine_world& into, const std::string& path, const model& source) {
    std::vector<std::string> references;
    if (!source.refers_to.empty()) references.push_back(source.refers_to);
    into.refer(path, source.text, references);
  }

  void build(const run_options& how) { world_.build(how); }

  void build_target() {
    static const std::vector<std::string> all{"1.a", "1.c", "2.c", "1.n", "1.t", "2.t"};
    const auto path = path_of(all[below(6)]);
    const auto before = world_.engine->describe(path);
    if (!before) return;
    world_.build({publishing::as_ready, true, {path}});
    const auto now = world_.engine->describe(path);
    const auto wanted = from_nothing();
    EXPECT_TRUE(!now || !now->stale || wanted->engine->status().failed > 0)
        << path.str() << ": " << now->state;
  }

  void build_and_cancel() {
    world_.start({publishing::as_ready, true, {}});
    world_.run_for(milliseconds(50 + below(150)));
    world_.cancel();
  }

  revision all_sources(engine_world& into) const {
    revision all;
    for (const auto& [path, source] : sources_) {
      source_change change{path_of(path), source_state{content_of(source.text), {}, {}}};
      if (!source.refers_to.empty()) change.now->references = {{{path_of(source.refers_to)}, false}};
      into.texts[change.now->content] = source.text;
      all.changes.push_back(std::move(change));
    }
    all.complete_scan = true;
    return all;
  }

  void restart() {
    world_.restart();
    world_.apply(all_sources(world_));
    world_.settle();
  }

  std::unique_ptr<engine_world> from_nothing() const {
    auto out = std::make_unique<engine_world>(rules());
    out->apply(all_sources(*out));
    out->settle();
    return out;
  }

  std::mt19937 random_;
  engine_world world_;
  std::map<std::string, model> sources_;
};

TEST(engine_run_property, what_is_not_stale_is_what_a_build_from_nothing_shows) {
  for (unsigned seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_run run(seed);
    for (int i = 0; i < 25 && !HasFailure(); ++i) {
      SCOPED_TRACE("step " + std::to_string(i));
      run.step();
      run.check();
    }
    run.finish();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace graphite::test
