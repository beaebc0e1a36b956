#pragma once

#include "actors/graph.hpp"

/// \file How the graph actor answers the facade's questions. Translation only.

namespace graphite {

using graph_self = graph_actor::stateful_pointer<graph_state>;

void answer_query(graph_self self, const query_ptr& asked, const query::build& what);
void answer_query(graph_self self, const query_ptr& asked, const query::status& what);
void answer_query(graph_self self, const query_ptr& asked, const query::why& what);
void answer_query(graph_self self, const query_ptr& asked, const query::graph& what);
void answer_query(graph_self self, const query_ptr& asked, const query::describe& what);
void answer_query(graph_self self, const query_ptr& asked, const query::stale& what);
void answer_query(graph_self self, const query_ptr& asked, const query::trace& what);
void answer_query(graph_self self, const query_ptr& asked, const query::cancel& what);
/// About generations: the channel knows.
void answer_query(graph_self self, const query_ptr& asked, const query::rollback& what);
void answer_query(graph_self self, const query_ptr& asked, const query::diff& what);
/// The watcher answers these itself; here they are refused.
void answer_query(graph_self self, const query_ptr& asked, const query::hold& what);
void answer_query(graph_self self, const query_ptr& asked, const query::release& what);

/// Does what the engine wants; in graph.cpp.
void execute(graph_self self, engine_command_list commands);

/// Answers the builds that wait, where everything is settled.
void answer_builds(graph_state& state);

}  // namespace graphite
