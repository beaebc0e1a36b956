#include <gtest/gtest.h>

#include "tests/bindings/bundle_on_disk.hpp"
#include "tests/support/wait_until.hpp"

// With stubs for the engine, which has a macro `check`: after all others.
#include "AssetRegistry/IAssetRegistry.h"
#include "Engine/Engine.h"
#include "GraphiteSubsystem.h"

extern "C" const char* const Graphite_module_stub;

namespace graphite {
namespace {

using namespace test;

FString text_of(const std::string& text) { return FString(stub::widen(text.c_str()).c_str()); }

struct unreal_subsystem : ::testing::Test {
  unreal_subsystem() {
    stub::asked.clear();
    stub::objects = {{"/Game/Graphite/a_txt.a_txt", &object}};
    GEngine = &engine;
    subsystem.OnAssetDirty.AddLambda([this](const FString& path, const FString& in_engine) {
      dirty.push_back(stub::narrow(*path) + " " + stub::narrow(*in_engine));
    });
  }
  ~unreal_subsystem() override { GEngine = nullptr; }
  /// Ticks until something was asked for; what.
  std::vector<std::string> next() {
    wait_until([&] {
      subsystem.Tick(0.016f);
      return !stub::asked.empty();
    });
    subsystem.Tick(0.016f);  // what the budget left
    return std::exchange(stub::asked, {});
  }

  bundle_on_disk disk{20};
  UObject object;
  UEngine engine;
  UGraphiteSubsystem subsystem;
  FSubsystemCollectionBase collection;
  std::vector<std::string> dirty;
};

TEST_F(unreal_subsystem, marks_packages_tells_the_registry_and_collects) {
  subsystem.BundleFolder = text_of(disk.path());
  subsystem.BudgetMicroseconds = 30'000'000;
  EXPECT_FALSE(subsystem.IsTickable()) << "the class's default object is not initialised";
  subsystem.Initialize(collection);
  ASSERT_TRUE(subsystem.IsTickable() && subsystem.IsTickableInEditor());
  subsystem.Tick(0.016f);  // the first generation
  EXPECT_TRUE(stub::asked.empty());
  const std::string name = "/Game/Graphite/a_txt.a_txt";
  disk.change("a.txt", as_bytes(std::string_view("one")));
  disk.change("b.txt", as_bytes(std::string_view("is not loaded")));
  EXPECT_EQ(next(), (std::vector<std::string>{"dirty " + name, "created " + name}));
  disk.change("a.txt", as_bytes(std::string_view("two")));
  EXPECT_EQ(next(),
            (std::vector<std::string>{"dirty " + name, "renamed " + name + " from " + name, "collect all"}));
  TArray<uint8> bytes;
  ASSERT_TRUE(subsystem.Read(text_of("a.txt"), bytes));
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(bytes.GetData()), 3), "two");
  EXPECT_FALSE(subsystem.Read(text_of("no/such"), bytes));
  disk.remove("a.txt");
  EXPECT_EQ(next(), (std::vector<std::string>{"dirty " + name, "deleted " + name, "collect all"}));
  const std::set<std::string> told(dirty.begin(), dirty.end());
  EXPECT_EQ(told, (std::set<std::string>{"a.txt " + name, "b.txt /Game/Graphite/b_txt.b_txt"}));
  subsystem.Deinitialize();
  EXPECT_FALSE(subsystem.IsTickable());
  EXPECT_FALSE(subsystem.Read(text_of("a.txt"), bytes));
}

TEST_F(unreal_subsystem, says_what_it_cannot_follow) {
  subsystem.BundleFolder = text_of(disk.path() + "/head");
  subsystem.Initialize(collection);
  if (!subsystem.IsTickable()) {
    ASSERT_EQ(stub::asked.size(), 1u);
    EXPECT_EQ(stub::asked[0].rfind("log cannot", 0), std::string::npos);
  }
  EXPECT_FALSE(subsystem.Follow(text_of(disk.path() + "/kept"), text_of("no address"), FString()));
  EXPECT_FALSE(stub::asked.empty());
  EXPECT_FALSE(subsystem.IsTickable());
  EXPECT_TRUE(subsystem.Follow(text_of(disk.path()), FString(), FString()));
  EXPECT_TRUE(subsystem.IsTickable());
  subsystem.Deinitialize();
}

TEST(unreal_module, is_there) { EXPECT_STREQ(Graphite_module_stub, "Graphite"); }

}  // namespace
}  // namespace graphite
