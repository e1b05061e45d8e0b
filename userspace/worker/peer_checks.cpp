// SPDX-License-Identifier: Apache-2.0
#include "worker/peer_checks.hpp"

#include <utility>

#include <boost/asio/post.hpp>

namespace meshd::worker {

void PeerChecks::add(const channel::TlsCheck& check) {
    for (const auto& asked : check.targets) {
        channel::TlsFinding finding;
        finding.id = check.id;
        finding.backend = asked.backend;
        auto way = find_way_(check.identity, asked);
        if (way && way->credentials == nullptr) {
            const bool is_outside = way->target.is_outside;
            finding.result = "no_identity_here";
            finding.meaning = is_outside ? "this node has no credentials in use that the connection could go by"
                                         : "this node has no certificate in use that the connection could go out under";
            finding.remedy = is_outside ? "see `meshctl certificate list` and origination.credentials of meshd.yaml"
                                        : "see `meshctl certificate list`";
            tell_(finding);
        } else if (!way) {
            finding.result = "no_route";
            finding.meaning = "the worker of this host knows no way to the backend";
            finding.remedy = "see `meshctl registry list`: the registry may have changed a moment ago";
            tell_(finding);
        } else {
            waiting_.push_back({check.id, std::move(*way)});
        }
    }
    begin_some();
}

void PeerChecks::begin_some() {
    while (running_ < most_at_once && !waiting_.empty()) {
        auto next = std::move(waiting_.front());
        waiting_.pop_front();
        ++running_;
        std::make_shared<PeerCheck>(io_, std::move(next.way.target), std::move(next.way.credentials), patience_,
                                    [this, id = next.id](channel::TlsFinding finding) {
                                        finding.id = id;
                                        tell_(finding);
                                        --running_;
                                        boost::asio::post(io_, [this] { begin_some(); });
                                    })
            ->begin();
    }
}

}  // namespace meshd::worker
