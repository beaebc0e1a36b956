#include "sim/node_process.hpp"

#include <algorithm>

#include "schemas/codec/control_messages.hpp"
#include "sim/graph.hpp"
#include "sim/world.hpp"

namespace graphite::sim {

namespace {

constexpr int fetch_tries_max = 40, keep_tries_max = 60;

host host_of(const control::store_address& store) {
  return static_cast<host>(std::stoul(store.chunks.substr(4)));  // "nodeN"
}

std::uint64_t weight_of(const digest& content, host store) {
  return random(content_number(content) ^ store * 0x9e3779b97f4a7c15u).next();
}

}  // namespace

node_process::node_process(world& in, host at, control::join offer)
    : process(in.all), in_(in), at_(at), offer_(std::move(offer)) {}

void node_process::start() {
  born();
  node_agent_options options;
  options.offer = offer_;
  for (auto& byte : options.offer.incarnation.value.bytes) byte = static_cast<std::uint8_t>(in_.any.next());
  options.unacknowledged_max = 64;
  agent_ = std::make_unique<node_agent>(std::move(options));
  runs_.clear();
  link_ = {};
  dialling_ = leaving_ = false;
  settings_ = {};
  tick();
  dial();
}

void node_process::crash(bool told) {
  if (!alive()) return;
  in_.net.crashed(at_, told);
  died();
  in_.record({.what = event::kind::node_died, .node = at_ - 1});
}

void node_process::leave() {
  if (!alive() || std::exchange(leaving_, true)) return;
  take(agent_->leave("SIGTERM", in_.all.now()));
}

bool node_process::idle() const { return agent_ && agent_->count() == node_agent::counts{}; }

void node_process::put(const digest& content, std::function<void()> done) {
  if (disk_full) return;
  after(in_.any.between(milliseconds(1), milliseconds(4)), [this, content, done = std::move(done)] {
    kept_.insert(content);
    done();
  });
}

void node_process::take(agent_command_list commands) {
  for (const auto& command : commands) std::visit([this](const auto& one) { take(one); }, command);
}

void node_process::take(const agent_commands::send& what) {
  auto bytes = encode(what.what);
  if (bytes.size() > control_limits::message_bytes_max) in_.trouble("a node's message is too large");
  if (const auto* results = std::get_if<control::results>(&what.what))
    said_.insert(said_.end(), results->ends.begin(), results->ends.end());
  in_.net.send(link_, true, std::move(bytes));
}

void node_process::take(const agent_commands::start& what) {
  in_.count("attempts");
  in_.record({.what = event::kind::began,
              .node = at_ - 1,
              .number = what.how->needs.cpu_milli,
              .key = what.what->key,
              .attempt = what.what->attempt});
  auto& one = runs_[what.run];
  one.what = what;
  std::set<digest> told;
  for (const auto& body : what.what->bodies) told.insert(hash_text(as_text(body)));
  for (std::size_t i = 0; i < what.what->inputs.size(); ++i)
    if (const auto& id = what.what->inputs[i].content.id; !told.contains(id) && !has(id))
      one.missing.insert(i);
  fetch(what.run);
}

void node_process::take(const agent_commands::cancel& what) {
  after(duration{}, [this, run = what.run] { end(run, attempt_status::cancelled); });
}

void node_process::take(const agent_commands::hang_up& what) {
  if (what.why.code != errc::timed_out && what.why.code != errc::already_exists)
    in_.trouble(name() + " hangs up: " + what.why.context);
  in_.net.close(link_, true);
  link_ended();
}

void node_process::take(const agent_commands::settle& what) { settings_ = what.now; }

void node_process::take(const agent_commands::gone&) {
  crash(true);
  in_.all.after(milliseconds(500), [this] {
    if (!alive()) start();
  });
}

void node_process::tick() {
  const auto life = in_.coordinator->life();
  const bool reach = !in_.net.blocked(at_, 0) && !in_.net.blocked(0, at_);
  if (reach && life != 0) heard_at_ = in_.all.now();
  // What it sends is refused by a process that knows no such link, or by nobody at all.
  const bool refused = reach && life != 0 && life != link_life_;
  if (link_ != link_id{} && (refused || in_.all.now() - heard_at_ > seconds(8))) {
    in_.net.close(link_, true);
    link_ended();
  }
  take(agent_->tick(in_.all.now()));
  if (alive()) after(milliseconds(100), [this] { tick(); });
}

void node_process::dial() {
  if (!alive() || link_ != link_id{} || std::exchange(dialling_, true)) return;
  after(in_.any.between(milliseconds(20), milliseconds(300)), [this] { dialled(); });
}

void node_process::dialled() {
  dialling_ = false;
  auto& to = *in_.coordinator;
  if (!to.ready() || to.paused() || in_.net.blocked(at_, 0) || in_.net.blocked(0, at_)) return dial();
  heard_at_ = in_.all.now();
  const auto heard_of = [this](link_id link, byte_vector bytes) {
    if (link == link_) heard(std::move(bytes));
  };
  const auto closed = [this](link_id link) {
    if (link == link_) link_ended();
  };
  const auto link = in_.net.open({at_, this, heard_of, closed}, to.listening());
  link_ = link;
  link_life_ = to.life();
  to.dialled(link, name());
  said_.clear();
  first_said_ = 1;
  take(agent_->connected(in_.all.now()));
}

void node_process::link_ended() {
  if (link_ == link_id{}) return;
  link_ = {};
  in_.record({.what = event::kind::link_ended, .node = at_ - 1});
  take(agent_->disconnected());
  dial();
}

void node_process::heard(byte_vector bytes) {
  const auto message = decode_to_node(bytes);
  if (!message) return in_.trouble("a node cannot read: " + message.error().context);
  if (const auto* work = std::get_if<control::work>(&*message)) acknowledged(*work);
  if (const auto* welcome = std::get_if<control::welcome>(&*message))
    in_.record({.what = event::kind::welcomed, .node = at_ - 1, .number = welcome->epoch.value});
  take(agent_->received(*message, in_.all.now()));
}

/// By the numbers that were sent, not by those that the agent keeps.
void node_process::acknowledged(const control::work& what) {
  for (; first_said_ <= what.acknowledged && !said_.empty(); ++first_said_) {
    const auto& one = said_.front().result;
    if (one.status == attempt_status::succeeded)
      in_.record({.what = event::kind::forgot,
                  .node = at_ - 1,
                  .key = hash_text("key of " + one.log),
                  .value = one.outputs.at(0).content.id});
    said_.erase(said_.begin());
  }
}

void node_process::fetch(std::uint64_t number) {
  const auto found = runs_.find(number);
  if (found == runs_.end()) return;
  auto& one = found->second;
  if (one.missing.empty()) return do_it(number);
  if (++one.tries > fetch_tries_max) return end(number, attempt_status::refused);
  for (const auto input : one.missing) {
    const auto id = one.what.what->inputs[input].content.id;
    for (const auto& store : settings_.stores) {
      const auto from = host_of(store);
      auto* other = in_.node_at(from);
      if (other == nullptr || from == at_) continue;
      in_.net.post(at_, from, *other, [this, other, from, id, number, input, asker = life()] {
        if (!other->has(id)) return;
        in_.net.post(from, at_, *this, [this, number, input, asker] {
          const auto its = runs_.find(number);
          if (asker != life() || its == runs_.end() || its->second.missing.erase(input) == 0) return;
          in_.count("fetched");
          if (its->second.missing.empty()) do_it(number);
        });
      });
    }
  }
  after(milliseconds(150), [this, number] {
    const auto its = runs_.find(number);
    if (its != runs_.end() && !its->second.missing.empty()) fetch(number);
  });
}

void node_process::do_it(std::uint64_t number) {
  auto& one = runs_.at(number);
  one.tries = 0;
  const auto takes = duration(std::stoll(one.what.how->environment.at("TAKES")));
  after(takes, [this, number] {
    const auto its = runs_.find(number);
    if (its == runs_.end()) return;
    std::vector<digest> inputs;
    for (const auto& input : its->second.what.what->inputs) inputs.push_back(input.content.id);
    its->second.output = hash_text(output_text(its->second.what.how->rule, inputs));
    if (its->second.what.how->environment.contains("SMALL"))
      end(number, attempt_status::succeeded);
    else
      keep(number);
  });
}

std::vector<host> node_process::stores_for(const digest& content) const {
  std::vector<host> out;
  for (const auto& store : settings_.stores) out.push_back(host_of(store));
  std::ranges::sort(out, [&](host a, host b) { return weight_of(content, a) > weight_of(content, b); });
  if (out.size() > settings_.copies) out.resize(settings_.copies);
  return out;
}

/// In as many stores as there have to be.
void node_process::keep(std::uint64_t number) {
  const auto found = runs_.find(number);
  if (found == runs_.end()) return;
  auto& one = found->second;
  if (++one.tries > keep_tries_max) return end(number, attempt_status::refused);
  for (const auto to : stores_for(one.output)) {
    auto* store = in_.node_at(to);
    if (store == nullptr || one.kept_at.contains(to)) continue;
    const auto kept = [this, number, to, asker = life()] {
      const auto its = runs_.find(number);
      if (asker != life() || its == runs_.end()) return;
      its->second.kept_at.insert(to);
      if (its->second.kept_at.size() >= settings_.copies) end(number, attempt_status::succeeded);
    };
    if (to == at_)
      put(one.output, kept);
    else
      in_.net.post(at_, to, *store, [this, store, to, kept, content = one.output] {
        store->put(content, [this, to, kept] { in_.net.post(to, at_, *this, kept); });
      });
  }
  after(milliseconds(200), [this, number] { keep(number); });
}

void node_process::end(std::uint64_t number, attempt_status status) {
  const auto found = runs_.find(number);
  if (found == runs_.end()) return;
  const auto one = std::move(found->second);
  runs_.erase(found);
  control::attempt_end out;
  out.result.status = status;
  out.result.wall = out.result.cpu = duration(std::stoll(one.what.how->environment.at("TAKES")));
  if (status == attempt_status::succeeded) {
    std::vector<digest> inputs;
    for (const auto& input : one.what.what->inputs) inputs.push_back(input.content.id);
    const auto text = output_text(one.what.how->rule, inputs);
    const bool small = one.what.how->environment.contains("SMALL");
    out.result.outputs = {
        {logical_path::parse("out").value(), {one.output, small ? text.size() : large_bytes}, {}}};
    out.result.log = text;
    const auto bytes = as_bytes(text);
    if (small) out.bodies = {{bytes.begin(), bytes.end()}};
  }
  in_.record({.what = event::kind::ended,
              .node = at_ - 1,
              .key = one.what.what->key,
              .attempt = one.what.what->attempt});
  std::vector<std::pair<std::uint64_t, control::attempt_end>> ended;
  ended.emplace_back(number, std::move(out));
  take(agent_->ended(std::move(ended), in_.all.now()));
}

}  // namespace graphite::sim
