#pragma once

#include <map>

#include "CoreMinimal.h"

namespace stub {
/// What is loaded, by object path.
inline std::map<std::string, UObject*> objects;
inline std::string name_of(const UObject* object) {
  for (const auto& [name, known] : objects)
    if (known == object) return name;
  return "?";
}
}  // namespace stub

template <class T>
T* FindObject(UObject*, const TCHAR* name) {
  const auto found = stub::objects.find(stub::narrow(name));
  return found == stub::objects.end() ? nullptr : static_cast<T*>(found->second);
}
inline bool UObject::MarkPackageDirty() const {
  stub::asked.push_back("dirty " + stub::name_of(this));
  return true;
}
