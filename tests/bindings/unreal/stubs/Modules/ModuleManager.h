#pragma once

class FDefaultModuleImpl {};
#define IMPLEMENT_MODULE(kind, name)                       \
  extern "C" const char* const name##_module_stub = #name; \
  static_assert(sizeof(kind) > 0)
