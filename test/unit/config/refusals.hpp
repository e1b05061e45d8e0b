// SPDX-License-Identifier: Apache-2.0
// Tables of refusals, and files of services that differ from a good one in one thing.
#pragma once

#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace meshd::config {

struct Refusal {
    std::string name;
    std::string text;
    std::string expected;  // behind "cannot accept FILE:"
};

inline std::string name_of(const testing::TestParamInfo<Refusal>& info) { return info.param.name; }
inline void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.text; }

// Each table is an instance of one of these; the test itself stands in refusals_test.cpp.
class RegistryRefusal : public testing::TestWithParam<Refusal> {};  // of web.yaml, a file of services
class SettingsRefusal : public testing::TestWithParam<Refusal> {};  // of meshd.yaml

// The lines of one service.
struct ServiceLines {
    std::string name = "    name: web\n";
    std::string address = "    address: 10.96.0.10\n";
    std::string port = "    port: 80\n";
    std::string extra = {};
    std::string backends = "    backends: []\n";
};

// An item of the list of services.
inline std::string next_service(const ServiceLines& lines) {
    const auto text = lines.name + lines.address + lines.port + lines.extra + lines.backends;
    return "  -" + text.substr(3);
}

inline std::string service(const ServiceLines& lines) { return "services:\n" + next_service(lines); }

}  // namespace meshd::config
