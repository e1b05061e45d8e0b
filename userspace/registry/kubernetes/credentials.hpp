// SPDX-License-Identifier: Apache-2.0
// How the API server is reached now: read again for each request, as tokens and certificates are replaced while they are used.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "model/registries.hpp"
#include "registry/kubernetes/kubeconfig.hpp"
#include "web/async_client.hpp"

namespace meshd::registry::kubernetes {

struct Access {
    std::string url;         // without a slash at its end
    std::string token;       // empty: none
    std::string token_from;  // for people
    web::TlsFiles tls;
};

class Credentials {
public:
    explicit Credentials(model::KubernetesRegistry settings) : settings_(std::move(settings)) {}

    base::Result<Access> current();

private:
    base::Result<KubeConfig> read() const;
    base::Result<std::string> path_of(const FileOrText& what);

    model::KubernetesRegistry settings_;
    // Certificates that stand in the kubeconfig itself, as files of this process alone that no directory names. They stay as long
    // as this object: a request that has been started may not have opened its own yet.
    std::map<std::string, base::UniqueFd> memory_files_;
};

// The name of this node in the cluster: as the settings say, else $NODE_NAME, else the host's.
std::string node_name(const model::KubernetesRegistry& settings);

}  // namespace meshd::registry::kubernetes
