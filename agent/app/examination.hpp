// SPDX-License-Identifier: Apache-2.0
// GET /v1/doctor: from what is known of this node to what is well and what is to be mended. Pure, but for context_facts().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "app/context.hpp"
#include "app/map_view.hpp"
#include "app/node_look.hpp"
#include "base/error.hpp"
#include "kernel/hook_programs.hpp"

namespace meshd::app {

enum class Health : std::uint8_t {
    ok,
    note,  // good to know when something is wrong elsewhere
    problem,
    unknown,  // could not be looked at
};

struct Finding {
    std::string check;  // "clock"
    Health health = Health::ok;
    std::string what;
    std::string why = {};     // why it matters; empty when it is well
    std::string remedy = {};  // the command or the line that mends it
};
using Findings = std::vector<Finding>;

void examine_degradations(const Degradations& degradations, Findings& findings);
void examine_configuration(const base::Result<void>& read, Findings& findings);
void examine_bpffs(const std::string& path, bool is_mounted, const base::Result<std::vector<int>>& other_versions,
                   Findings& findings);
void examine_previous(std::optional<int> kept, Findings& findings);  // an older ABI version, to roll back to
void examine_hooks(const base::Result<std::vector<kernel::HookProgram>>& others, Findings& findings);
void examine_device_programs(const base::Result<std::vector<kernel::HookProgram>>& others, Findings& findings);
void examine_maps(const base::Result<std::vector<MapFill>>& fills, Findings& findings);
void examine_drift(std::optional<std::chrono::system_clock::time_point> last, std::size_t operations, const ClockLook& clock,
                   Findings& findings);
// As the worker reports them; see docs/api.md.
void examine_registries(const boost::json::array& registries, const ClockLook& clock, Findings& findings);
void examine_certificates(const boost::json::array& certificates, const ClockLook& clock, Findings& findings);
void examine_clock(const ClockLook& clock, bool needs_certificates, Findings& findings);
// `role`: "state_directory". `least_free`: bytes.
void examine_directory(const std::string& role, const DirectoryLook& look, uid_t owner, std::uint64_t least_free,
                       Findings& findings);
void examine_open_files(const std::string& process, const std::optional<OpenFiles>& files, Findings& findings);
void examine_group(const std::string& name, bool exists, Findings& findings);

// {"checks": [{"check", "state", "what", "why", "remedy"}], "problems", "notes"}
boost::json::object to_json(const Findings& findings);

// `configuration`: how it would be read now.
base::Result<boost::json::object> examination(const Context& context, const base::Result<void>& configuration);

}  // namespace meshd::app
