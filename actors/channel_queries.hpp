#pragma once

#include "actors/channel.hpp"

/// \file How the channel actor answers the facade's questions. Translation only.

namespace graphite {

using channel_self = channel_actor::stateful_pointer<channel_actor_state>;

void answer_query(channel_self self, const query& asked, const query::status& what);
void answer_query(channel_self self, const query& asked, const query::rollback& what);
void answer_query(channel_self self, const query& asked, const query::diff& what);

/// Everything else is no question for a channel.
template <class Other>
void answer_query(channel_self, const query& asked, const Other&) {
  refuse(asked, {errc::unsupported, "a channel cannot answer this"});
}

}  // namespace graphite
