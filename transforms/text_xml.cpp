#include <algorithm>
#include <memory>
#include <vector>

#include <expat.h>
#include <fmt/format.h>

#include "transforms/text_formats.hpp"

namespace graphite {

namespace {

struct xml_span {
  std::size_t begin = 0, end = 0;
};

/// Reads a document once and collects which bytes of it may go. Bytes are copied as they are, so that the
/// encoding, entities and the way of quoting stay.
class xml_check {
 public:
  explicit xml_check(std::string_view text) : text_(text), parser_(XML_ParserCreate(nullptr)) {
    // Its hash tables get a fixed salt instead of one from the system.
    XML_SetHashSalt(parser_.get(), 0x9E3779B9);
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(
        parser_.get(),
        [](void* self, const XML_Char*, const XML_Char** attributes) { of(self).begin_element(attributes); },
        [](void* self, const XML_Char*) { of(self).end_element(); });
    XML_SetCharacterDataHandler(parser_.get(), [](void* self, const XML_Char* data, int size) {
      of(self).characters({data, static_cast<std::size_t>(size)});
    });
    XML_SetCommentHandler(parser_.get(), [](void* self, const XML_Char*) { of(self).comment(); });
    XML_SetCdataSectionHandler(
        parser_.get(), [](void* self) { of(self).content(); }, [](void*) {});
    XML_SetDoctypeDeclHandler(
        parser_.get(),
        [](void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
          of(self).in_doctype_ = true;
        },
        [](void* self) { of(self).in_doctype_ = false; });
    XML_SetEntityDeclHandler(parser_.get(), [](void* self, const XML_Char* name, int, const XML_Char*, int,
                                               const XML_Char*, const XML_Char*, const XML_Char*,
                                               const XML_Char*) {
      of(self).refuse(errc::corrupt,
                      fmt::format("declares the entity `{}`: refused", std::string_view(name).substr(0, 80)));
    });
    XML_SetDefaultHandler(parser_.get(), [](void* self, const XML_Char* data, int size) {
      of(self).other({data, static_cast<std::size_t>(size)});
    });
  }

  result<std::string> run() {
    const auto status = XML_Parse(parser_.get(), text_.data(), static_cast<int>(text_.size()), 1);
    if (!mistake_.context.empty()) return tl::unexpected<error>(mistake_);
    if (status != XML_STATUS_OK) {
      const auto why = XML_GetErrorCode(parser_.get());
      return fail(why == XML_ERROR_NO_MEMORY ? errc::too_large : errc::corrupt,
                  text_place(text_, here().begin) + XML_ErrorString(why));
    }
    std::string out;
    out.reserve(text_.size());
    std::size_t kept = 0;
    std::sort(removed_.begin(), removed_.end(),
              [](const xml_span& a, const xml_span& b) { return a.begin < b.begin; });
    for (const auto& span : removed_) {
      out += text_.substr(kept, span.begin - kept);
      kept = span.end;
    }
    return out += text_.substr(kept);
  }

 private:
  struct element {
    bool preserve = false;  ///< xml:space
    bool mixed = false;     ///< holds text that is not only white space
    bool parent = false;    ///< holds elements
    std::vector<xml_span> space;
  };
  struct parser_freed {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
  };

  static xml_check& of(void* self) { return *static_cast<xml_check*>(self); }

  xml_span here() const {
    const auto begin =
        std::min(text_.size(),
                 static_cast<std::size_t>(std::max<XML_Index>(0, XML_GetCurrentByteIndex(parser_.get()))));
    return {begin, begin + static_cast<std::size_t>(XML_GetCurrentByteCount(parser_.get()))};
  }

  void refuse(errc code, std::string why) {
    if (!mistake_.context.empty()) return;
    mistake_ = {code, text_place(text_, here().begin) + std::move(why)};
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  void begin_element(const XML_Char** attributes) {
    if (open_.size() == text_depth_max)
      return refuse(errc::too_large, fmt::format("nested deeper than {}", text_depth_max));
    element next;
    if (!open_.empty()) {
      open_.back().parent = true;
      next.preserve = open_.back().preserve;
    }
    for (; *attributes != nullptr; attributes += 2)
      if (std::string_view(attributes[0]) == "xml:space")
        next.preserve = std::string_view(attributes[1]) == "preserve";
    open_.push_back(std::move(next));
  }

  void end_element() {
    const auto& last = open_.back();
    if (last.parent && !last.mixed && !last.preserve)
      removed_.insert(removed_.end(), last.space.begin(), last.space.end());
    open_.pop_back();
  }

  void content() {
    if (!open_.empty()) open_.back().mixed = true;
  }

  void characters(std::string_view data) {
    const auto span = here();
    // A reference such as &#32; was written to stay; in UTF-16 its & is the first or second byte.
    const bool reference = text_.substr(span.begin, 2).find('&') != text_.npos;
    if (reference || data.find_first_not_of(" \t\r\n") != data.npos) return content();
    if (!open_.empty() && !open_.back().mixed) open_.back().space.push_back(span);
  }

  void comment() {
    if (!in_doctype_) removed_.push_back(here());
  }

  /// Outside the root element: white space, declarations. Inside: references to unknown entities.
  void other(std::string_view data) {
    if (in_doctype_) return;
    if (!open_.empty()) return content();
    if (data.find_first_not_of(" \t\r\n") == data.npos && !data.empty()) removed_.push_back(here());
  }

  std::string_view text_;
  std::unique_ptr<XML_ParserStruct, parser_freed> parser_;
  std::vector<element> open_;
  std::vector<xml_span> removed_;
  bool in_doctype_ = false;
  error mistake_{errc::corrupt, ""};
};

}  // namespace

result<std::string> minified_xml(std::string_view text) { return xml_check(text).run(); }

}  // namespace graphite
