// Exactly the part of the Unreal Engine's API that bindings/unreal uses, declared by hand after its
// documentation so that the engine-facing files can be compiled, and their own logic be run, without an
// engine. Bodies only note what was asked. bindings/unreal/README.md lists the same names.
#pragma once

#include <codecvt>
#include <cstdint>
#include <functional>
#include <locale>
#include <string>
#include <vector>

using TCHAR = char16_t;
using int32 = std::int32_t;
using uint8 = std::uint8_t;
#define TEXT(x) u##x

// The engine has a macro of this name, which would break any function of it.
#define check(expression) static_cast<void>(expression)

namespace stub {
/// What the engine was asked for, in order.
inline std::vector<std::string> asked;
inline std::string narrow(const TCHAR* text) {
  return std::wstring_convert<std::codecvt_utf8_utf16<TCHAR>, TCHAR>().to_bytes(text);
}
inline std::u16string widen(const char* text) {
  return std::wstring_convert<std::codecvt_utf8_utf16<TCHAR>, TCHAR>().from_bytes(text);
}
}  // namespace stub

#define TCHAR_TO_UTF8(text) stub::narrow(text).c_str()
#define UTF8_TO_TCHAR(text) stub::widen(text).c_str()

class FString {
 public:
  FString() = default;
  FString(const TCHAR* text) : text_(text) {}
  bool IsEmpty() const { return text_.empty(); }
  const TCHAR* operator*() const { return text_.c_str(); }

 private:
  std::u16string text_;
};

template <class T>
class TArray {
 public:
  void Reset() { all_.clear(); }
  void Append(const T* first, int32 count) { all_.insert(all_.end(), first, first + count); }
  int32 Num() const { return static_cast<int32>(all_.size()); }
  const T* GetData() const { return all_.data(); }

 private:
  std::vector<T> all_;
};

#define DECLARE_MULTICAST_DELEGATE_TwoParams(name, first, second) \
  class name {                                                    \
   public:                                                        \
    template <class F>                                            \
    void AddLambda(F handler) {                                   \
      all_.push_back(handler);                                    \
    }                                                             \
    void Broadcast(first one, second two) const {                 \
      for (const auto& handler : all_) handler(one, two);         \
    }                                                             \
                                                                  \
   private:                                                       \
    std::vector<std::function<void(first, second)>> all_;         \
  }

#define DECLARE_LOG_CATEGORY_EXTERN(name, level, all) extern int name
#define DEFINE_LOG_CATEGORY(name) int name = 0
#define UE_LOG(category, level, format, text) stub::asked.push_back("log " + stub::narrow(text))

#define UCLASS(...)
#define UPROPERTY(...)
#define GENERATED_BODY() GENERATED_BODY_OF_THIS_FILE

class UObject {
 public:
  virtual ~UObject() = default;
  bool MarkPackageDirty() const;
};
