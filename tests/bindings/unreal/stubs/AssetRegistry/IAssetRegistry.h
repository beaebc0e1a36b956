#pragma once

#include "CoreMinimal.h"
#include "UObject/UObjectGlobals.h"

class IAssetRegistry {
 public:
  static IAssetRegistry* Get() {
    static IAssetRegistry one;
    return &one;
  }
  virtual ~IAssetRegistry() = default;
  virtual void AssetCreated(UObject* asset) { stub::asked.push_back("created " + stub::name_of(asset)); }
  virtual void AssetDeleted(UObject* asset) { stub::asked.push_back("deleted " + stub::name_of(asset)); }
  virtual void AssetRenamed(const UObject* asset, const FString& old_path) {
    stub::asked.push_back("renamed " + stub::name_of(asset) + " from " + stub::narrow(*old_path));
  }
};
