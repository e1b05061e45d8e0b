// SPDX-License-Identifier: Apache-2.0
// What Consul answers.
#pragma once

#include <string>

namespace meshd::registry::consul {

inline std::string check(const std::string& id, const std::string& status, const std::string& service = "") {
    return R"({"Node":"vm","CheckID":")" + id + R"(","Status":")" + status + R"(","ServiceName":")" + service + R"("})";
}

struct InstanceText {
    std::string id = "w";
    std::string node = R"("Node":"vm","Address":"127.0.0.1")";
    std::string address = "10.0.0.1";
    int port = 80;
    std::string more{};  // of the service
    std::string checks{};

    [[nodiscard]] std::string json() const {
        return R"({"Node":{)" + node + R"(},"Service":{"ID":")" + id + R"(","Address":")" + address + R"(","Port":)" +
               std::to_string(port) + (more.empty() ? "" : "," + more) + R"(},"Checks":[)" + checks + "]}";
    }
};

inline std::string virtual_address(const std::string& address, int port, const std::string& meta = "null") {
    return R"("TaggedAddresses":{"virtual":{"Address":")" + address + R"(","Port":)" + std::to_string(port) + R"(}},"Meta":)" +
           meta;
}

// Of version 1.8.7, without the parts that nobody reads.
inline const std::string web_of_consul = R"([
    {"Node": {"ID": "6ca529a6-1fec-9714-e960-dbfd21261fbd", "Node": "vm", "Address": "127.0.0.1", "Datacenter": "dc1",
              "TaggedAddresses": {"lan": "127.0.0.1", "wan": "127.0.0.1"}, "Meta": {"consul-network-segment": ""}},
     "Service": {"ID": "web-1", "Service": "web", "Tags": ["canary", "version=v2"], "Address": "10.0.0.1",
                 "TaggedAddresses": {"lan_ipv4": {"Address": "10.0.0.1", "Port": 8080},
                                     "virtual": {"Address": "10.96.0.10", "Port": 80}},
                 "Meta": {"zone": "b"}, "Port": 8080, "Weights": {"Passing": 5, "Warning": 1}, "EnableTagOverride": false,
                 "Proxy": {"MeshGateway": {}, "Expose": {}}, "Connect": {}, "CreateIndex": 12, "ModifyIndex": 12},
     "Checks": [{"Node": "vm", "CheckID": "serfHealth", "Name": "Serf Health Status", "Status": "passing", "ServiceID": ""},
                {"Node": "vm", "CheckID": "c1", "Status": "warning", "ServiceID": "web-1", "ServiceName": "web", "Type": "ttl"}]},
    {"Node": {"Node": "vm", "Address": "127.0.0.1", "Datacenter": "dc1", "Meta": {"consul-network-segment": ""}},
     "Service": {"ID": "web-2", "Service": "web", "Tags": [], "Address": "", "Meta": null, "Port": 8081,
                 "Weights": {"Passing": 1, "Warning": 1}},
     "Checks": [{"Node": "vm", "CheckID": "serfHealth", "Status": "passing"},
                {"Node": "vm", "CheckID": "_service_maintenance:web-2", "Status": "critical", "ServiceID": "web-2"}]}
])";

}  // namespace meshd::registry::consul
