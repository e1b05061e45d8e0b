// SPDX-License-Identifier: Apache-2.0
#include "store/kubernetes_store.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "config/text_file.hpp"
#include "http/message.hpp"
#include "registry/kubernetes/status.hpp"
#include "store/kubernetes_object.hpp"

namespace meshd::store {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds patience{30};
const std::string resource = "/apis/meshd.dev/v1alpha1/meshconfigurations";

json::object object_in(const std::string& text) {
    boost::system::error_code error;
    auto value = json::parse(text, error);
    return !error && value.is_object() ? std::move(value.get_object()) : json::object{};
}

}  // namespace

KubernetesStore::KubernetesStore(model::KubernetesRegistry settings, std::string token_file, Ask ask)
    : settings_(std::move(settings)), token_file_(std::move(token_file)), ask_(std::move(ask)), credentials_(settings_) {}

std::string KubernetesStore::where(const Object& object) const {
    return "kubernetes:" + settings_.name + "/" + kubernetes_name(object);
}

std::string KubernetesStore::as_kept(const std::string& text) const { return as_kubernetes_keeps(text); }

base::Result<web::AsyncResponse> KubernetesStore::send(const std::string& method, const std::string& path, std::string body) {
    auto access = credentials_.current();
    if (!access) return base::fail(std::move(access.error()));
    if (!token_file_.empty()) {
        auto token = config::read_secret_file(token_file_);
        if (!token) return base::fail(std::move(token.error()));
        access->token = std::move(*token);
    }
    web::AsyncRequest request;
    request.method = method;
    request.url = access->url + path;
    request.headers["Accept"] = "application/json";
    if (!body.empty()) request.headers["Content-Type"] = "application/json";
    if (!access->token.empty()) request.headers["Authorization"] = "Bearer " + access->token;
    request.body = std::move(body);
    if (access->url.starts_with("https:")) request.tls = access->tls;
    request.timeout = patience;
    auto answer = ask_(std::move(request));
    if (answer) return std::move(*answer);
    auto& error = answer.error().error;
    if (error.remedy.empty()) error.remedy = "see that the API server runs and that the kubeconfig leads to it (--kubeconfig)";
    return base::fail(std::move(error));
}

base::Error KubernetesStore::refusal(const std::string& verb, const web::AsyncResponse& answer) const {
    const auto status = registry::kubernetes::status_of(object_in(answer.body));
    base::Error error{verb,
                      "the MeshConfigurations of registry " + settings_.name,
                      0,
                      fmt::format("it answers {}{}{}", answer.status, status.message.empty() ? "" : ": ", status.message),
                      {}};
    if (answer.status == 401) error.remedy = "name a kubeconfig with a valid user by --kubeconfig, or a token by --token-file";
    if (answer.status == 403)
        error.remedy =
            "you need the verbs list, create, update and delete for meshconfigurations of the API group meshd.dev; "
            "docs/kubernetes.md "
            "has such a role";
    if (answer.status == 404 && verb == "read")
        error.remedy = "the cluster does not know them yet: `kubectl apply -f deploy/kubernetes/crd.yaml`";
    return error;
}

base::Result<std::vector<Item>> KubernetesStore::list() {
    known_.clear();
    std::vector<Item> items;
    for (std::string behind;;) {
        const auto page = "?limit=500" + (behind.empty() ? std::string{} : "&continue=" + http::percent_encode(behind));
        const auto answer = send("GET", resource + page, {});
        if (!answer) return base::fail(answer.error());
        if (answer->status != 200) return base::fail(refusal("read", *answer));
        const auto list = object_in(answer->body);
        const auto* const objects = list.if_contains("items");
        if (objects == nullptr || !objects->is_array())
            return base::fail({"read", "the answer of the API server", 0, "it is no list of objects", {}});
        for (const auto& one : objects->get_array()) {
            auto item = one.is_object() ? item_of(one.get_object(), "kubernetes:" + settings_.name + "/") : std::nullopt;
            if (!item) return base::fail({"read", "the answer of the API server", 0, "an object in it has no name", {}});
            known_[kubernetes_name(item->object)] = one.get_object();
            items.push_back(std::move(*item));
        }
        behind = registry::kubernetes::continue_of(list);
        if (behind.empty()) return items;
    }
}

base::Result<Written> KubernetesStore::write(const std::vector<Change>& changes) {
    // A right that is missing, or a form that the server does not take, is found before anything is written.
    for (const auto really : {Really::no, Really::yes})
        for (const auto& change : changes)
            if (const auto written = write(change, really); !written || *written == Written::overtaken) return written;
    return Written::done;
}

base::Result<Written> KubernetesStore::write(const Change& change, Really really) {
    const auto name = kubernetes_name(change.object);
    const auto found = known_.find(name);
    const auto* const before = found == known_.end() ? nullptr : &found->second;
    const std::string query = std::string("?fieldManager=meshctl") + (really == Really::no ? "&dryRun=All" : "");
    auto answer = [&] {
        if (!change.text) {
            const auto options = json::object{
                {"apiVersion", "v1"},
                {"kind", "DeleteOptions"},
                {"preconditions", {{"resourceVersion", before ? text_in(*before, {"metadata", "resourceVersion"}) : ""}}}};
            return send("DELETE", resource + "/" + name + (really == Really::no ? "?dryRun=All" : ""), json::serialize(options));
        }
        auto body = json::serialize(kubernetes_object(change.object, *change.text, before));
        if (before == nullptr) return send("POST", resource + query, std::move(body));
        return send("PUT", resource + "/" + name + query, std::move(body));
    }();
    if (!answer) return base::fail(std::move(answer.error()));
    // Somebody has written or deleted it in between, or made one of this name.
    if (answer->status == 409 || (answer->status == 404 && before != nullptr)) return Written::overtaken;
    if (answer->status != 200 && answer->status != 201)
        return base::fail(refusal((change.text ? "write " : "delete ") + change.object.text() + " to", *answer));
    return Written::done;
}

}  // namespace meshd::store
