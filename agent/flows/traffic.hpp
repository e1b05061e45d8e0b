// SPDX-License-Identifier: Apache-2.0
// What went to each backend: what the programs counted of connections that have ended, and what those that are open say.
#pragma once

#include <map>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "flows/names.hpp"
#include "flows/scan.hpp"

namespace meshd::flows {

struct BackendTraffic {
    md_traffic counted{};  // bytes with those of open connections
    std::uint64_t open = 0;
    OpenTraffic forwarded;
};

struct Totals {
    std::map<std::pair<std::uint32_t, std::uint32_t>, BackendTraffic> backends;  // by service id and backend id
    std::map<std::pair<Source, State>, std::uint64_t> flows;
    std::uint32_t capacity = 0;
};

// Keeps what was last said, since a connection that ends while it is read would make a counter go back for a moment.
class Totaller {
public:
    explicit Totaller(const kernel::FlowMaps& maps) : maps_(maps) {}

    base::Result<Totals> read();

private:
    const kernel::FlowMaps& maps_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, md_traffic> said_;
};

boost::json::object totals_json(const Totals& totals, const ServiceNames& names);

// As metric_families(): per service and backend, but no more than `most_backends` of them: the others are added up under the
// backend "other". Times are per service.
boost::json::array totals_families(const Totals& totals, const ServiceNames& names, std::size_t most_backends);

}  // namespace meshd::flows
