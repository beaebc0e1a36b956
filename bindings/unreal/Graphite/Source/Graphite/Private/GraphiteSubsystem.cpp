#include "GraphiteSubsystem.h"

#include <string>

#include "AssetRegistry/IAssetRegistry.h"
#include "Engine/Engine.h"
#include "UObject/Package.h"
#include "UObject/UObjectGlobals.h"

DEFINE_LOG_CATEGORY(LogGraphite);

namespace {

using graphite_unreal::asset_change;
using graphite_unreal::dirty_asset;

std::string ToUtf8(const FString& Text) { return std::string(TCHAR_TO_UTF8(*Text)); }
FString FromUtf8(const std::string& Text) { return FString(UTF8_TO_TCHAR(Text.c_str())); }

/// The specification's hooks of 17.4.1. Objects that are not loaded need none of them: they are read anew.
class FGraphiteEngine final : public graphite_unreal::engine {
 public:
  explicit FGraphiteEngine(UGraphiteSubsystem& InOwner) : Owner(InOwner) {}

  void mark_dirty(const dirty_asset& Asset) override {
    if (const UObject* const Object = Loaded(Asset)) Object->MarkPackageDirty();
    Owner.OnAssetDirty.Broadcast(FromUtf8(Asset.path), FromUtf8(Asset.object_path));
  }

  void refresh_registry(const std::vector<dirty_asset>& Assets, bool) override {
    IAssetRegistry* const Registry = IAssetRegistry::Get();
    if (Registry == nullptr) return;
    for (const dirty_asset& Asset : Assets) {
      UObject* const Object = Loaded(Asset);
      if (Object == nullptr) continue;
      if (Asset.change == asset_change::added)
        Registry->AssetCreated(Object);
      else if (Asset.change == asset_change::removed)
        Registry->AssetDeleted(Object);
      else  // as the specification has it: to its own name
        Registry->AssetRenamed(Object, FromUtf8(Asset.object_path));
    }
  }

  void collect_garbage() override {
    // At the engine's next opportunity: objects in use must not go in the middle of a tick.
    if (GEngine != nullptr) GEngine->ForceGarbageCollection(true);
  }

 private:
  static UObject* Loaded(const dirty_asset& Asset) {
    return FindObject<UObject>(nullptr, *FromUtf8(Asset.object_path));
  }

  UGraphiteSubsystem& Owner;
};

}  // namespace

void UGraphiteSubsystem::Initialize(FSubsystemCollectionBase& Collection) {
  Super::Initialize(Collection);
  Engine = std::make_unique<FGraphiteEngine>(*this);
  Follower =
      std::make_unique<graphite_unreal::follower>(*Engine, graphite_unreal::object_paths(ToUtf8(Mount)));
  if (!BundleFolder.IsEmpty()) Follow(BundleFolder, Address, Channel);
}

void UGraphiteSubsystem::Deinitialize() {
  Follower.reset();
  Engine.reset();
  Super::Deinitialize();
}

bool UGraphiteSubsystem::Follow(const FString& Folder, const FString& FromAddress,
                                const FString& FromChannel) {
  graphite_unreal::follow_settings What;
  What.folder = ToUtf8(Folder);
  What.address = ToUtf8(FromAddress);
  What.channel = ToUtf8(FromChannel);
  bEnded = false;
  const graphite_unreal::outcome Done = Follower->follow(What);
  if (!Done.good()) UE_LOG(LogGraphite, Warning, TEXT("cannot follow: %s"), *FromUtf8(Done.text));
  return Done.good();
}

void UGraphiteSubsystem::Tick(float) {
  const graphite_unreal::outcome Done = Follower->poll(std::chrono::microseconds(BudgetMicroseconds));
  // Said once: what is current stays so, and the bundle is read on.
  if (!Done.good() && !bEnded)
    UE_LOG(LogGraphite, Warning, TEXT("does not follow any more: %s"), *FromUtf8(Done.text));
  bEnded = !Done.good();
}

bool UGraphiteSubsystem::IsTickable() const { return Follower != nullptr && Follower->follows(); }

TStatId UGraphiteSubsystem::GetStatId() const {
  RETURN_QUICK_DECLARE_CYCLE_STAT(UGraphiteSubsystem, STATGROUP_Tickables);
}

bool UGraphiteSubsystem::Read(const FString& Path, TArray<uint8>& Bytes) const {
  graphite_unreal::held_bytes Held;
  if (Follower == nullptr || !Follower->read(ToUtf8(Path), Held).good()) return false;
  Bytes.Reset();
  Bytes.Append(Held.data(), static_cast<int32>(Held.size()));
  return true;
}
