#pragma once

#include "CoreMinimal.h"

struct TStatId {};
#define RETURN_QUICK_DECLARE_CYCLE_STAT(name, group) return TStatId()

class FTickableGameObject {
 public:
  virtual ~FTickableGameObject() = default;
  virtual void Tick(float DeltaTime) = 0;
  virtual bool IsTickable() const { return true; }
  virtual bool IsTickableInEditor() const { return false; }
  virtual TStatId GetStatId() const = 0;
};
