// Follows a bundle for a game: marks what changed dirty, tells the asset registry, and has old assets
// collected.
#pragma once

#include <memory>

#include "CoreMinimal.h"
#include "GraphiteCore.h"
#include "Subsystems/GameInstanceSubsystem.h"
#include "Tickable.h"

#include "GraphiteSubsystem.generated.h"

DECLARE_LOG_CATEGORY_EXTERN(LogGraphite, Log, All);

/// One for each game instance; game thread only. What it follows is in the project's Game.ini:
///   [/Script/Graphite.GraphiteSubsystem]
///   BundleFolder=/path/to/.graphite/bundles/main
UCLASS(Config = Game)
class GRAPHITE_API UGraphiteSubsystem : public UGameInstanceSubsystem, public FTickableGameObject {
  GENERATED_BODY()

 public:
  /// The bundle folder; with Address: where to keep the channel. Empty: nothing is followed.
  UPROPERTY(Config)
  FString BundleFolder;
  /// HOST:PORT of a publisher or relay; empty: the folder is followed.
  UPROPERTY(Config)
  FString Address;
  /// Empty: the only one that is served.
  UPROPERTY(Config)
  FString Channel;
  /// Below which assets of the bundle have their objects.
  UPROPERTY(Config)
  FString Mount = TEXT("/Game/Graphite");
  /// How long a tick may take for changes.
  UPROPERTY(Config)
  int32 BudgetMicroseconds = 500;

  /// An asset came, changed or went: its path in the bundle, and that of its object. In the game thread.
  DECLARE_MULTICAST_DELEGATE_TwoParams(FOnAssetDirty, const FString&, const FString&);
  FOnAssetDirty OnAssetDirty;

  void Initialize(FSubsystemCollectionBase& Collection) override;
  void Deinitialize() override;
  void Tick(float DeltaTime) override;
  bool IsTickable() const override;
  bool IsTickableInEditor() const override { return true; }
  TStatId GetStatId() const override;

  /// Ends what was followed before. False: the log says why.
  bool Follow(const FString& Folder, const FString& FromAddress, const FString& FromChannel);
  /// A copy of an asset's first part as it is now. False where there is none.
  bool Read(const FString& Path, TArray<uint8>& Bytes) const;

 private:
  std::unique_ptr<graphite_unreal::engine> Engine;
  std::unique_ptr<graphite_unreal::follower> Follower;
  bool bEnded = false;
};
