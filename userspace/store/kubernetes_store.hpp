// SPDX-License-Identifier: Apache-2.0
// Objects as MeshConfigurations of a cluster. Each is written by itself, if nobody else has written it since list(); the server
// has checked all of them before the first is written.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "model/registries.hpp"
#include "registry/kubernetes/credentials.hpp"
#include "store/ask.hpp"
#include "store/store.hpp"

namespace meshd::store {

class KubernetesStore : public Store {
public:
    // `token_file` stands above what the kubeconfig says.
    KubernetesStore(model::KubernetesRegistry settings, std::string token_file, Ask ask);

    [[nodiscard]] const std::string& name() const override { return settings_.name; }
    [[nodiscard]] std::string where(const Object& object) const override;
    [[nodiscard]] std::string as_kept(const std::string& text) const override;
    base::Result<std::vector<Item>> list() override;
    base::Result<Written> write(const std::vector<Change>& changes) override;

private:
    enum class Really : bool { no, yes };

    base::Result<Written> write(const Change& change, Really really);
    base::Result<web::AsyncResponse> send(const std::string& method, const std::string& path, std::string body);
    [[nodiscard]] base::Error refusal(const std::string& verb, const web::AsyncResponse& answer) const;

    model::KubernetesRegistry settings_;
    std::string token_file_;
    Ask ask_;
    registry::kubernetes::Credentials credentials_;
    std::map<std::string, boost::json::object> known_;  // of list(), by their names in Kubernetes
};

}  // namespace meshd::store
