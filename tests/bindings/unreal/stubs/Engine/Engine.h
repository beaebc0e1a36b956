#pragma once

#include "CoreMinimal.h"

class UEngine : public UObject {
 public:
  void ForceGarbageCollection(bool bFullPurge = false) {
    stub::asked.push_back(bFullPurge ? "collect all" : "collect");
  }
};
inline UEngine* GEngine = nullptr;
