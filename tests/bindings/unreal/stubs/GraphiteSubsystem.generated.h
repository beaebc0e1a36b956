// What the engine's header tool would write.
#pragma once

#define GENERATED_BODY_OF_THIS_FILE \
 public:                            \
  using Super = UGameInstanceSubsystem;
