#include "platform/zmq/peer_connections.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "platform/linux/address_text.hpp"

namespace graphite {

namespace {

/// Empty where it has gone already.
std::string address_of_peer(int descriptor) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&at), &size) != 0) return {};
  const auto part = [](const void* bytes, std::size_t of) {
    return std::string(static_cast<const char*>(bytes), of);
  };
  if (at.ss_family == AF_INET) return part(&reinterpret_cast<const sockaddr_in&>(at).sin_addr, 4);
  if (at.ss_family != AF_INET6) return {};
  const auto& address = reinterpret_cast<const sockaddr_in6&>(at).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address)) return part(address.s6_addr + 12, 4);
  return part(address.s6_addr, 8);
}

/// For people; empty where it has gone already.
std::string name_of_peer(int descriptor) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&at), &size) != 0) return {};
  return address_text(at, size);
}

/// What was read from it so far; zero where the system does not say.
std::uint64_t bytes_read_from(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  int unread = 0;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  if (size < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) return 0;
  if (ioctl(descriptor, SIOCINQ, &unread) != 0) unread = 0;
  const auto received = static_cast<std::uint64_t>(info.tcpi_bytes_received);
  return received - std::min<std::uint64_t>(received, static_cast<std::uint64_t>(std::max(unread, 0)));
}

std::uint64_t untaken(int descriptor, std::uint64_t taken) {
  const auto read = bytes_read_from(descriptor);
  return read - std::min(read, taken);
}

template <class Key>
void one_less(std::map<Key, std::size_t>& of, const Key& key) {
  const auto found = of.find(key);
  if (found != of.end() && --found->second == 0) of.erase(found);
}

}  // namespace

peer_connections::own_descriptor::own_descriptor(int of) : descriptor_(fcntl(of, F_DUPFD_CLOEXEC, 0)) {}

peer_connections::own_descriptor::~own_descriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

void peer_connections::accepted(int descriptor, time_point now) {
  ended(descriptor);  // of the same number, and its end was not told
  connection one{own_descriptor(descriptor), {}, now, ++last_number_, round_, 0, {}, false};
  one.address = address_of_peer(one.own.get());
  const auto address = one.address;
  auto& count = ++of_address_[address];
  auto& kept = open_.emplace(descriptor, std::move(one)).first->second;
  if (count <= limits_.of_address_max) return;
  end_longest_ungranted(1, now, &address);
  const auto now_open = of_address_.find(address);
  if (now_open != of_address_.end() && now_open->second > limits_.of_address_max) end(kept);
}

void peer_connections::ended(int descriptor) {
  const auto at = open_.find(descriptor);
  if (at == open_.end()) return;
  left_bytes_ += untaken(at->second.own.get(), at->second.taken_bytes);
  if (!at->second.ending) forget(at->second);
  open_.erase(at);
}

void peer_connections::settle(int descriptor) {
  const auto at = open_.find(descriptor);
  if (at != open_.end()) at->second.taken_bytes = bytes_read_from(at->second.own.get());
}

std::string peer_connections::name_of(int descriptor) const {
  const auto at = open_.find(descriptor);
  if (at == open_.end() || at->second.round == round_) return {};
  return name_of_peer(at->second.own.get());
}

void peer_connections::clear() {
  open_.clear();
  of_address_.clear();
  of_key_.clear();
  left_bytes_ = 0;
}

void peer_connections::took(int descriptor, std::size_t bytes, const std::optional<curve_key>& who) {
  const auto at = open_.find(descriptor);
  if (at == open_.end()) {  // of one that has ended
    left_bytes_ -= std::min<std::uint64_t>(left_bytes_, bytes);
    return;
  }
  auto& one = at->second;
  one.taken_bytes += bytes;
  if (!who || one.who || one.ending) return;
  one.who = who;
  if (++of_key_[*who] > limits_.of_key_max) end(one);
}

void peer_connections::watch(time_point now) {
  for (auto& [descriptor, one] : open_)
    if (!one.ending && untaken(one.own.get(), one.taken_bytes) > limits_.held_bytes_max) end(one);
  if (full())
    end_longest_ungranted(std::max<std::size_t>(1, limits_.all_max / 4), now - limits_.ungranted_grace,
                          nullptr);
}

bool peer_connections::granted(const connection& one) const {
  if (limits_.admission == nullptr) return true;
  return one.who && limits_.admission->admits(served_port::heads, *one.who);
}

/// Of `address`, if any.
void peer_connections::end_longest_ungranted(std::size_t most, time_point before,
                                             const std::string* address) {
  std::vector<connection*> found;
  for (auto& [descriptor, one] : open_)
    if (!one.ending && one.since <= before && (address == nullptr || one.address == *address) &&
        !granted(one))
      found.push_back(&one);
  std::sort(found.begin(), found.end(), [](auto* a, auto* b) { return a->number < b->number; });
  if (found.size() > most) found.resize(most);
  for (auto* one : found) end(*one);
}

/// libzmq reads the end of it, and tells.
void peer_connections::end(connection& one) {
  one.ending = true;
  forget(one);
  (void)::shutdown(one.own.get(), SHUT_RDWR);  // fails where it has ended by itself
}

void peer_connections::forget(const connection& one) {
  one_less(of_address_, one.address);
  if (one.who) one_less(of_key_, *one.who);
}

}  // namespace graphite
