// SPDX-License-Identifier: Apache-2.0
// Decoders of what a request carries: they believe nothing and name what is wrong. Private to this library.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "config/settings.hpp"
#include "control/agent_view.hpp"
#include "http/message.hpp"
#include "model/service.hpp"

namespace meshd::control {

base::Result<ExplainQuery> explain_query(const http::Request& request);
base::Result<FlowQuery> flow_query(const http::Request& request);
base::Result<WatchQuery> watch_query(const http::Request& request);
base::Result<std::optional<std::int32_t>> identity_query(const http::Request& request);  // of which process; nothing: of none
base::Result<EventQuery> event_query(const http::Request& request);
base::Result<WatchQuery> event_watch_query(const http::Request& request);
base::Result<BackendStateQuery> backend_state_query(std::string_view body);
base::Result<BackendStateQuery> backend_name_query(const http::Request& request);
base::Result<FlowQuery> flush_query(const http::Request& request);  // names at least one thing
base::Result<PolicyQuery> policy_query(const http::Request& request);
base::Result<TlsCheckQuery> tls_check_query(std::string_view body);
base::Result<PlanQuery> plan_query(std::string_view body);
base::Result<LogLevelQuery> log_level_query(std::string_view body);
base::Result<PauseQuery> pause_query(std::string_view body);
base::Result<std::optional<std::string>> resume_query(std::string_view body);  // the service's name, if one is named
// Which registry is to be asked; nothing: all.
base::Result<std::optional<std::string>> registry_query(std::string_view body);
base::Result<std::string> announcement_query(std::string_view body);  // the name of an announced service
base::Result<void> no_members(std::string_view body);                 // an empty object, or no body at all
base::Result<void> no_query(const http::Request& request);

// Text from outside, made fit for an error message: printable ASCII, bounded, in quotes.
std::string in_quotes(std::string_view text);

}  // namespace meshd::control
