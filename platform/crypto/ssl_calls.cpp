#include "platform/crypto/ssl_calls.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/tls_failure.hpp"
#include "platform/crypto/open_handshakes.hpp"
#include "platform/linux/address_text.hpp"

namespace {

/// The next definition after the program's own: the one of libssl. A program that has none cannot go on.
template <class Function>
Function* real(const char* name) {
  auto* const found = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
  GRAPHITE_INVARIANT(found != nullptr);
  return found;
}

struct code_range {
  std::uintptr_t begin = 0, end = 0;
};

/// Where the code of CAF's TLS lies; the programs that have it are linked with it, so that it stays there.
code_range code_of_caf() {
  code_range out;
  ::dl_iterate_phdr(
      [](dl_phdr_info* library, std::size_t, void* into) {
        if (std::string_view(library->dlpi_name).find("/libcaf_openssl.so") == std::string_view::npos)
          return 0;
        for (std::size_t i = 0; i < library->dlpi_phnum; ++i) {
          const auto& part = library->dlpi_phdr[i];
          if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
          const std::uintptr_t begin = library->dlpi_addr + part.p_vaddr;
          *static_cast<code_range*>(into) = {begin, begin + part.p_memsz};
          return 1;
        }
        return 0;
      },
      &out);
  return out;
}

/// Whether `address` is in CAF's TLS: only that is cured, others hear the truth. Looked for once: dladdr
/// walks through all symbols of the program, which others' handshakes would pay for.
bool is_of_caf(const void* address) {
  static const code_range caf = code_of_caf();
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  return caf.begin <= at && at < caf.end;
}

/// What CAF gets to hear: nothing that it would throw for.
int told(int outcome, const void* caller) {
  if (outcome == 1 || !is_of_caf(caller)) return outcome;
  ERR_clear_error();
  return 1;
}

/// Who is at the other end: asked at first, since a peer that has gone has no name any more.
struct named_peer {
  std::string name;  ///< "ADDRESS:PORT"; empty, and the port 0, when it was not known
  std::uint16_t port = 0;
};

/// Of all systems of the process, each of which has a thread. Never destroyed: threads may outlive statics.
struct shared_handshakes {
  std::mutex mutex;
  graphite::open_handshakes open;
  graphite::refused_connections refused;
  std::map<const SSL*, named_peer> peers;  ///< of all sessions of CAF that have begun to shake hands
};
shared_handshakes& handshakes() {
  static auto* const out = new shared_handshakes;
  return *out;
}

/// Under the lock, no session that is known is freed, and CAF closes a descriptor after its session: those
/// that are shut down here are the ones that were meant. CAF sees it as the peer's end.
void shut_down(const std::vector<int>& descriptors) {
  for (const int fd : descriptors) ::shutdown(fd, SHUT_RDWR);
}

named_peer peer_of(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return {};
  named_peer out{graphite::address_text(peer, size), 0};
  if (peer.ss_family == AF_INET) out.port = ntohs(reinterpret_cast<const sockaddr_in&>(peer).sin_port);
  if (peer.ss_family == AF_INET6) out.port = ntohs(reinterpret_cast<const sockaddr_in6&>(peer).sin6_port);
  return out;
}

/// Leaves the queue of errors as it is: CAF reads it next.
std::string why_refused(SSL* ssl) {
  const auto verdict = SSL_get_verify_result(ssl);
  const char* const words = verdict == X509_V_OK ? ERR_reason_error_string(ERR_peek_error())
                                                 : X509_verify_cert_error_string(verdict);
  const std::string text = words == nullptr ? "it does not keep to TLS" : words;
  return graphite::tls_failure_text(text).value_or(text);
}

/// Of a connection of CAF's that TLS has ended. A peer that just goes was not refused.
void keep_reason(SSL* ssl) {
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return;
  auto& shared = handshakes();
  const std::lock_guard lock(shared.mutex);
  const auto& peer = shared.peers[ssl];
  if (SSL_is_server(ssl) != 0)
    shared.refused.accepted({peer.name, why_refused(ssl)});
  else
    shared.refused.dialled(peer.port, why_refused(ssl));
}

/// A peer that refuses tells why, and closes; CAF may be writing then, and would not read it any more. Leaves
/// errno and the queue of errors as after the write.
void look_for_alert(SSL* ssl) {
  static auto* const read = real<int(SSL*, void*, int)>("SSL_read");
  const int before = errno;
  char byte = 0;
  const int got = read(ssl, &byte, 1);
  if (got <= 0 && SSL_get_error(ssl, got) == SSL_ERROR_SSL) keep_reason(ssl);
  ERR_clear_error();
  errno = before;
}

void note_peer(SSL* ssl) {
  auto& shared = handshakes();
  const std::lock_guard lock(shared.mutex);
  if (!shared.peers.contains(ssl)) shared.peers[ssl] = peer_of(SSL_get_fd(ssl));
}

/// CAF never gives up a peer that says nothing.
void note_handshake(SSL* ssl, int outcome, bool dialled) {
  if (outcome != 1 && SSL_get_error(ssl, outcome) == SSL_ERROR_SSL) keep_reason(ssl);
  auto& shared = handshakes();
  const std::lock_guard lock(shared.mutex);
  if (outcome == 1 || SSL_get_error(ssl, outcome) != SSL_ERROR_WANT_READ) return shared.open.ends(ssl);
  shut_down(shared.open.waits(ssl, SSL_get_fd(ssl), dialled ? shared.peers[ssl].port : std::uint16_t{0},
                              std::chrono::steady_clock::now()));
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int SSL_read(SSL* ssl, void* into, int size) {
  static auto* const next = real<int(SSL*, void*, int)>("SSL_read");
  ERR_clear_error();
  const int got = next(ssl, into, size);
  // Who dials hears only now that its certificate does not count.
  if (got <= 0 && SSL_get_error(ssl, got) == SSL_ERROR_SSL && is_of_caf(__builtin_return_address(0)))
    keep_reason(ssl);
  return got;
}

__attribute__((visibility("default"))) int SSL_write(SSL* ssl, const void* from, int size) {
  static auto* const next = real<int(SSL*, const void*, int)>("SSL_write");
  ERR_clear_error();
  const int sent = next(ssl, from, size);
  if (sent <= 0 && SSL_get_error(ssl, sent) == SSL_ERROR_SYSCALL && is_of_caf(__builtin_return_address(0)))
    look_for_alert(ssl);
  return sent;
}

__attribute__((visibility("default"))) int SSL_connect(SSL* ssl) {
  static auto* const next = real<int(SSL*)>("SSL_connect");
  const bool caf = is_of_caf(__builtin_return_address(0));
  if (caf) note_peer(ssl);
  ERR_clear_error();
  const int outcome = next(ssl);
  if (caf) note_handshake(ssl, outcome, true);
  return outcome;
}

__attribute__((visibility("default"))) int SSL_accept(SSL* ssl) {
  static auto* const next = real<int(SSL*)>("SSL_accept");
  const bool caf = is_of_caf(__builtin_return_address(0));
  if (caf) note_peer(ssl);
  ERR_clear_error();
  const int outcome = next(ssl);
  if (caf) note_handshake(ssl, outcome, false);
  return outcome;
}

__attribute__((visibility("default"))) void SSL_free(SSL* ssl) {
  static auto* const next = real<void(SSL*)>("SSL_free");
  {
    auto& shared = handshakes();
    const std::lock_guard lock(shared.mutex);
    shared.open.ends(ssl);
    shared.peers.erase(ssl);
  }
  next(ssl);
}

__attribute__((visibility("default"))) int SSL_CTX_use_certificate_chain_file(SSL_CTX* context,
                                                                              const char* file) {
  static auto* const next = real<int(SSL_CTX*, const char*)>("SSL_CTX_use_certificate_chain_file");
  return told(next(context, file), __builtin_return_address(0));
}

__attribute__((visibility("default"))) int SSL_CTX_use_PrivateKey_file(SSL_CTX* context, const char* file,
                                                                       int type) {
  static auto* const next = real<int(SSL_CTX*, const char*, int)>("SSL_CTX_use_PrivateKey_file");
  return told(next(context, file, type), __builtin_return_address(0));
}

__attribute__((visibility("default"))) int SSL_CTX_load_verify_locations(SSL_CTX* context, const char* file,
                                                                         const char* folder) {
  static auto* const next = real<int(SSL_CTX*, const char*, const char*)>("SSL_CTX_load_verify_locations");
  return told(next(context, file, folder), __builtin_return_address(0));
}

}  // extern "C"

namespace graphite {

namespace {

struct known_call {
  const char* name;
  std::uintptr_t ours;
};

#define GRAPHITE_CALL(name) \
  known_call { #name, reinterpret_cast < std::uintptr_t>(&name) }
std::array<known_call, 8> known_calls() {
  return {GRAPHITE_CALL(SSL_read),
          GRAPHITE_CALL(SSL_write),
          GRAPHITE_CALL(SSL_connect),
          GRAPHITE_CALL(SSL_accept),
          GRAPHITE_CALL(SSL_free),
          GRAPHITE_CALL(SSL_CTX_use_certificate_chain_file),
          GRAPHITE_CALL(SSL_CTX_use_PrivateKey_file),
          GRAPHITE_CALL(SSL_CTX_load_verify_locations)};
}
#undef GRAPHITE_CALL

/// A loaded library as the dynamic linker lays it out (System V ABI, "Dynamic Linking").
class loaded_object {
 public:
  explicit loaded_object(const dl_phdr_info& from) : base_(from.dlpi_addr) {
    for (int i = 0; i < from.dlpi_phnum; ++i) {
      const auto& segment = from.dlpi_phdr[i];
      if (segment.p_type == PT_LOAD) end_ = std::max(end_, base_ + segment.p_vaddr + segment.p_memsz);
      if (segment.p_type == PT_DYNAMIC)
        dynamic_ = reinterpret_cast<const ElfW(Dyn)*>(base_ + segment.p_vaddr);
    }
  }

  /// Where calls of `name` go; nothing when it does not call it through the linker.
  std::optional<std::uintptr_t> target_of(const char* name) const {
    if (const auto found = search(at(DT_JMPREL), number(DT_PLTRELSZ), name)) return found;
    return search(at(DT_RELA), number(DT_RELASZ), name);
  }
  /// An address inside is the library's own stub: the linker looks the name up at the first call.
  bool contains(std::uintptr_t address) const { return base_ <= address && address < end_; }

 private:
  std::uintptr_t number(ElfW(Sxword) tag) const {
    for (auto* one = dynamic_; one != nullptr && one->d_tag != DT_NULL; ++one)
      if (one->d_tag == tag) return one->d_un.d_val;
    return 0;
  }
  /// glibc has made addresses of them, other linkers leave offsets.
  std::uintptr_t at(ElfW(Sxword) tag) const {
    const auto value = number(tag);
    return value == 0 || value >= base_ ? value : base_ + value;
  }
  std::optional<std::uintptr_t> search(std::uintptr_t table, std::size_t bytes, const char* name) const {
    if (table == 0) return std::nullopt;
    const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(at(DT_SYMTAB));
    const auto* names = reinterpret_cast<const char*>(at(DT_STRTAB));
    const auto* relocations = reinterpret_cast<const ElfW(Rela)*>(table);
    for (std::size_t i = 0; i < bytes / sizeof(ElfW(Rela)); ++i) {
      const auto symbol = ELF64_R_SYM(relocations[i].r_info);
      if (symbol == 0 || std::strcmp(names + symbols[symbol].st_name, name) != 0) continue;
      return *reinterpret_cast<const std::uintptr_t*>(base_ + relocations[i].r_offset);
    }
    return std::nullopt;
  }

  std::uintptr_t base_, end_ = 0;
  const ElfW(Dyn) * dynamic_ = nullptr;
};

struct library_search {
  std::string_view name;
  std::optional<loaded_object> found;
};

int take_library(dl_phdr_info* info, std::size_t, void* raw) {
  auto& search = *static_cast<library_search*>(raw);
  const std::string_view path = info->dlpi_name == nullptr ? "" : info->dlpi_name;
  const auto file = path.substr(path.rfind('/') + 1);
  if (file.substr(0, search.name.size()) != search.name) return 0;
  search.found.emplace(*info);
  return 1;
}

tl::unexpected<error> not_cured(std::string_view library, const char* name, const char* why) {
  return fail(errc::unsupported,
              std::string(library) + " calls " + name + " " + why +
                  ": one peer that is cut off would silence all others of this process. "
                  "Start the program as it was built, without LD_PRELOAD; a program of your "
                  "own links graphite_ssl_calls and exports its symbols");
}

}  // namespace

void give_up_dials(std::uint16_t port) {
  auto& shared = handshakes();
  const std::lock_guard lock(shared.mutex);
  shut_down(shared.open.give_up_dials(port));
}

std::vector<refused_connection> take_refused_peers() {
  auto& shared = handshakes();
  const std::lock_guard lock(shared.mutex);
  return shared.refused.take_accepted();
}

std::optional<std::string> take_dial_refusal(std::uint16_t port) {
  auto& shared = handshakes();
  const std::lock_guard lock(shared.mutex);
  return shared.refused.take_dialled(port);
}

result<void> check_ssl_calls(std::string_view library) {
  library_search search{library, std::nullopt};
  ::dl_iterate_phdr(take_library, &search);
  if (!search.found) return fail(errc::not_found, std::string(library) + " is not loaded: nothing to check");
  for (const auto& call : known_calls()) {
    const auto target = search.found->target_of(call.name);
    if (!target) return not_cured(library, call.name, "in a way that cannot be seen");
    if (*target == call.ours) continue;
    if (!search.found->contains(*target)) return not_cured(library, call.name, "of another library");
    if (reinterpret_cast<std::uintptr_t>(::dlsym(RTLD_DEFAULT, call.name)) != call.ours)
      return not_cured(library, call.name, "which the linker finds in another library");
  }
  return {};
}

}  // namespace graphite
