#include "cli/store_keeper.hpp"

#include <algorithm>
#include <charconv>

#include "bundle/stored_bytes.hpp"
#include "cli/segment_cache.hpp"
#include "core/hex.hpp"
#include "core/messages/zap.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/store/index_row.hpp"

namespace graphite {

namespace {

constexpr std::string_view use_prefix = "store/used/";
constexpr std::size_t slice = 256;  ///< contents that are dropped or loaded while no request is answered

std::string use_key(const digest& content) { return std::string(use_prefix) + index_key(content); }

std::optional<digest> digest_of(std::string_view key) {
  digest out;
  if (key.size() != out.bytes.size()) return std::nullopt;
  std::copy(key.begin(), key.end(), out.bytes.begin());
  return out;
}

std::vector<content_ref> only(const std::vector<content_ref>& of, const std::vector<bool>& wanted,
                              bool value) {
  std::vector<content_ref> out;
  for (std::size_t i = 0; i < of.size(); ++i)
    if (wanted[i] == value) out.push_back(of[i]);
  return out;
}

}  // namespace

store_keeper::store_keeper(ports with, options chosen)
    : with_(std::move(with)), options_(std::move(chosen)), upkeep_(options_.self, options_.upkeep) {
  following_ = std::thread([this] { run("store-follow", &store_keeper::follow); });
  caring_ = std::thread([this] { run("store-care", &store_keeper::care); });
  copying_ = std::thread([this] { run("store-upkeep", &store_keeper::look_after); });
}

store_keeper::~store_keeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto* one : {&following_, &caring_, &copying_}) one->join();
  write_uses();
}

void store_keeper::run(const char* name, work what) {
  name_thread(name);
  while (true) {
    const bool more = (this->*what)();
    if (!sleep(more ? duration::zero() : options_.tick)) return;
  }
}

/// False: it ends.
bool store_keeper::sleep(duration most) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, most, [this] { return stopping_; });
  return !stopping_;
}

void store_keeper::use(const control::settings& said) {
  std::vector<std::string> names;
  for (const auto& store : said.stores)
    names.push_back(store.key != curve_key{} ? user_id_of(store.key) : store.chunks);
  const std::lock_guard lock(mutex_);
  copies_ = said.copies;
  upkeep_.place(names, said.copies, said.store_away, with_.clock.now());
}

void store_keeper::answered(const control::need_answer& said) {
  {
    const std::lock_guard lock(mutex_);
    if (said.number == asked_) answer_ = said;
  }
  wake_.notify_all();
}

/// Nothing where the coordinator does not say it in time, or cannot.
std::optional<control::need_answer> store_keeper::needed(const std::vector<content_ref>& contents) {
  const std::lock_guard turn(asking_);
  control::need_question question;
  for (const auto& content : contents) question.contents.push_back(content.id);
  {
    const std::lock_guard lock(mutex_);
    question.number = ++asked_;
    answer_.reset();
  }
  const auto count = question.contents.size();
  const auto began = with_.clock.now();
  with_.ask(std::move(question));
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, options_.answer_within, [this] { return answer_ || stopping_; });
  auto out = std::exchange(answer_, std::nullopt);
  if (!out || out->needed.size() != count) return std::nullopt;
  out->age += with_.clock.now() - began;  // as it may have been under way
  return out;
}

// Who follows.

bool store_keeper::follow() {
  if (with_.trust) with_.port.set_trust(with_.trust());
  const auto now = with_.clock.now();
  if (now - told_at_ < options_.tell_every) return false;
  const auto fresh = state();
  if (fresh == told_) return false;
  told_ = fresh;
  told_at_ = now;
  with_.tell(fresh);
  return false;
}

control::store_state store_keeper::state() {
  control::store_state out;
  with_.port.keep([&](store_service&, store_ledger& ledger) {
    out.contents = ledger.size();
    out.bytes = ledger.bytes();
    out.bytes_max = ledger.bytes_max();
    out.full = !ledger.admit(store_port_limits::small_bytes_max).has_value();
    const std::lock_guard lock(mutex_);
    out.to_check = upkeep_.to_check(ledger);
  });
  out.file_bytes = with_.contents.usage().file_bytes;
  const auto delivered = with_.others.delivered();
  out.copied = delivered.contents;
  out.copied_bytes = delivered.bytes;
  const std::lock_guard lock(mutex_);
  out.dropped = counted_.dropped;
  out.dropped_bytes = counted_.dropped_bytes;
  out.damaged = counted_.damaged;
  return out;
}

// Who cares for what is here.

bool store_keeper::care() {
  if (!loaded_) {
    const auto done = load();
    if (!done) with_.log.error("what this store has could not be read: {}", done.error().context);
    const std::lock_guard lock(mutex_);
    loaded_ = done.has_value();
    return false;
  }
  look_at_doubted();
  look_for_losses();
  if (with_.clock.now() - written_ >= options_.write_uses_every) write_uses();
  return collect();
}

/// What an earlier process has left, with when it was used. What is not known counts as used now.
result<void> store_keeper::load() {
  losses_ = with_.contents.losses();
  std::vector<std::pair<digest, std::int64_t>> uses;
  GRAPHITE_CHECK(with_.rows.scan(table::meta, use_prefix, [&](std::string_view key, std::string_view value) {
    std::int64_t ms = 0;
    std::from_chars(value.data(), value.data() + value.size(), ms);
    if (const auto content = digest_of(key.substr(use_prefix.size()))) uses.emplace_back(*content, ms);
    return true;
  }));
  std::vector<content_ref> some;
  std::vector<row_write> stale;
  auto use = uses.begin();  // both ascend
  const auto take = [&] {
    with_.port.keep([&](store_service&, store_ledger& ledger) {
      for (const auto& content : some) {
        for (; use != uses.end() && use->first < content.id; ++use)
          stale.push_back({table::meta, use_key(use->first), std::nullopt});
        const bool known = use != uses.end() && use->first == content.id;
        ledger.add(content, known ? use->second : now_ms());
      }
    });
    some.clear();
  };
  GRAPHITE_CHECK(each_content(with_.rows, [&](const content_ref& content) {
    some.push_back(content);
    if (some.size() == slice) take();
  }));
  take();
  for (; use != uses.end(); ++use) stale.push_back({table::meta, use_key(use->first), std::nullopt});
  return stale.empty() ? result<void>() : with_.rows.write(stale, key_value_store::durability::lazy);
}

void store_keeper::write_uses() {
  written_ = with_.clock.now();
  std::vector<std::pair<digest, std::int64_t>> used;
  with_.port.keep([&](store_service&, store_ledger& ledger) { used = ledger.take_used(); });
  std::vector<row_write> rows;
  for (const auto& [content, ms] : used) rows.push_back({table::meta, use_key(content), std::to_string(ms)});
  if (rows.empty()) return;
  if (const auto done = with_.rows.write(rows, key_value_store::durability::lazy); !done)
    with_.log.warn("when contents were used is not written: {}", done.error().context);
}

/// What is wrong goes at once: whoever brings it again is to find that it is not here.
void store_keeper::look_at_doubted() {
  std::vector<digest> doubted;
  with_.port.keep([&](store_service& service, store_ledger&) { doubted = service.take_doubted(); });
  for (const auto& id : doubted) {
    const auto known = with_.contents.find(id);
    if (!known || !*known || has_right_bytes(with_.contents, (*known)->ref, with_.hash)) continue;
    result<void> gone;
    with_.port.keep([&](store_service& service, store_ledger&) {
      gone = service.drop(id, [this](const digest& content) { return with_.contents.forget(content); });
    });
    with_.log.error("content {} is damaged here{}", to_hex(id),
                    gone ? " and was forgotten" : ": " + gone.error().context);
    dead_ = true;
    const std::lock_guard lock(mutex_);
    ++counted_.damaged;
  }
}

/// Files that are gone take their contents with them.
void store_keeper::look_for_losses() {
  const auto now = with_.clock.now();
  if (now - looked_for_losses_ < options_.look_for_losses_every) return;
  looked_for_losses_ = now;
  with_.contents.look_for_losses();
  const auto losses = with_.contents.losses();
  if (std::exchange(losses_, losses) == losses) return;
  std::optional<digest> last;
  std::uint64_t lost = 0;
  for (bool more = true; more;) {
    with_.port.keep([&](store_service&, store_ledger& ledger) {
      const auto some = ledger.after(last, slice);
      more = !some.empty();
      for (const auto& content : some) {
        last = content.id;
        const auto known = with_.contents.find(content.id);
        if (!known || *known) continue;
        ledger.remove(content.id);
        ++lost;
      }
    });
  }
  with_.log.error(
      "{} contents of this store are lost with their files; others that have them bring them again", lost);
}

/// True: something went, and there may be more.
bool store_keeper::collect() {
  std::vector<content_ref> proposed;
  with_.port.keep([&](store_service&, store_ledger& ledger) {
    collecting_ = ledger.wants_collection(collecting_);
    if (collecting_) proposed = ledger.propose(now_ms());
  });
  std::uint64_t gone = 0;
  if (!proposed.empty()) {
    const auto answer = needed(proposed);
    if (!answer) return false;
    std::vector<digest> unneeded;
    for (const auto& content : only(proposed, answer->needed, false)) unneeded.push_back(content.id);
    gone += drop(unneeded, std::chrono::ceil<milliseconds>(answer->age));
    gone += drop(elsewhere(only(proposed, answer->needed, true)), milliseconds(0));
  }
  if (gone != 0) {
    dead_ = true;
    return true;
  }
  if (!std::exchange(dead_, false)) return false;
  const auto freed = free_segments();
  const auto trouble = freed ? std::string() : freed.error().context;
  if (trouble != std::exchange(trouble_, trouble) && !trouble.empty())
    with_.log.warn("what was dropped is not freed yet: {}", trouble);
  dead_ = !freed;
  return false;
}

/// How many went.
std::uint64_t store_keeper::drop(std::span<const digest> contents, milliseconds age) {
  counted now;
  std::vector<row_write> uses;
  for (std::size_t i = 0; i < contents.size(); i += slice) {
    const auto some = contents.subspan(i, std::min(slice, contents.size() - i));
    with_.port.keep([&](store_service& service, store_ledger& ledger) {
      for (const auto& content : some) {
        if (!ledger.may_go(content, age, now_ms())) continue;
        const auto before = ledger.bytes();
        if (!service.drop(content, [this](const digest& one) { return with_.contents.forget(one); }))
          continue;
        ++now.dropped;
        now.dropped_bytes += before - ledger.bytes();
        uses.push_back({table::meta, use_key(content), std::nullopt});
      }
    });
  }
  if (!uses.empty())
    if (const auto done = with_.rows.write(uses, key_value_store::durability::lazy); !done)
      with_.log.warn("when contents were used is not written: {}", done.error().context);
  const std::lock_guard lock(mutex_);
  counted_.dropped += now.dropped;
  counted_.dropped_bytes += now.dropped_bytes;
  return now.dropped;
}

/// Of contents that are needed those that others are to have, and have: this is a copy too many. The rest
/// counts as used, so that it is not asked about again soon.
std::vector<digest> store_keeper::elsewhere(const std::vector<content_ref>& needed) {
  std::vector<content_ref> others;
  std::vector<digest> stays;
  std::size_t copies = 0;
  {
    const std::lock_guard lock(mutex_);
    copies = copies_;
    for (const auto& content : needed) {
      if (upkeep_.others_suffice() && !upkeep_.belongs_here(content.id))
        others.push_back(content);
      else
        stays.push_back(content.id);
    }
  }
  std::vector<digest> out;
  const bool there = !others.empty() && with_.others.bring(others, copies).has_value();
  for (const auto& content : others) (there ? out : stays).push_back(content.id);
  with_.port.keep([&](store_service&, store_ledger& ledger) {
    for (const auto& content : stays) ledger.used(content, now_ms());
  });
  return out;
}

result<void> store_keeper::free_segments() {
  return keep_only(with_.contents, [this] {
    std::vector<digest> out;
    for (std::optional<digest> last;;) {
      const auto before = out.size();
      with_.port.keep([&](store_service&, store_ledger& ledger) {
        for (const auto& content : ledger.after(last, 16 * slice)) out.push_back(content.id);
      });
      if (out.size() == before) return out;
      last = out.back();
    }
  });
}

// Who looks after copies.

/// True: there is more to do at once.
bool store_keeper::look_after() {
  store_upkeep::batch batch;
  with_.port.keep([&](store_service&, store_ledger& ledger) {
    const std::lock_guard lock(mutex_);
    if (!loaded_) {
      batch.waits = true;
      return;
    }
    batch = upkeep_.next(ledger, with_.clock.now());
    const bool before = std::exchange(in_pass_, upkeep_.in_pass());
    if (before == in_pass_) return;
    if (in_pass_)
      with_.log.info("looks whether other stores have what they should of {} contents", ledger.size());
    else
      with_.log.info("other stores have what they should; {} contents were copied since the start",
                     with_.others.delivered().contents);
  });
  if (batch.contents.empty()) return !batch.waits;
  const auto answer = needed(batch.contents);
  const bool done = answer && bring(only(batch.contents, answer->needed, true));
  if (!done) {
    const std::lock_guard lock(mutex_);
    upkeep_.failed();
  }
  return done;
}

/// Where this store is one of those that are to have a content, the others have to be one fewer.
bool store_keeper::bring(const std::vector<content_ref>& contents) {
  std::vector<content_ref> here, elsewhere;
  std::size_t copies = 0;
  {
    const std::lock_guard lock(mutex_);
    copies = copies_;
    for (const auto& content : contents)
      (upkeep_.belongs_here(content.id) ? here : elsewhere).push_back(content);
  }
  result<void> done;
  if (!here.empty() && copies > 1) done = with_.others.bring(here, copies - 1);
  if (done && !elsewhere.empty()) done = with_.others.bring(elsewhere, copies);
  const auto trouble = done ? std::string() : done.error().context;
  if (trouble != std::exchange(upkeep_trouble_, trouble) && !trouble.empty())
    with_.log.warn("other stores lack what they should have: {}", trouble);
  return done.has_value();
}

}  // namespace graphite
