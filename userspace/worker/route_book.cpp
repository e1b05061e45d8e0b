// SPDX-License-Identifier: Apache-2.0
#include "worker/route_book.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace meshd::worker {

using std::chrono::steady_clock;

namespace {

constexpr int rest = 4;  // times as long as making them took

bool is_encrypted(const model::Service& service) { return service.tls.mode != model::TlsMode::off; }
bool has_outside_backends(const model::Service& service) { return service.tls.mode == model::TlsMode::originate; }

}  // namespace

RouteBook::RouteBook(boost::asio::io_context& io, Outside outside, Handler handler)
    : outside_(std::move(outside)), handler_(std::move(handler)), timer_(io) {}

void RouteBook::take(const registry::Change& change) {
    bool has_changed = false;
    for (const auto& service : change.upsert) {
        if (is_encrypted(*service)) {
            services_.insert_or_assign(service->name, service);
            has_changed = true;
        } else {
            has_changed = services_.erase(service->name) > 0 || has_changed;
        }
    }
    for (const auto& name : change.remove) has_changed = services_.erase(name) > 0 || has_changed;
    // Also that there is none: before the first routes nobody is answered.
    const bool is_first = !std::exchange(has_begun_, true);
    if (!has_changed && !is_first) return;
    // At once, so that a new backend can be relayed to before the kernel has heard of it; unless many changes cost much.
    if (steady_clock::now() >= next_)
        make();
    else
        change_soon();
}

void RouteBook::begin_again() { services_.clear(); }

void RouteBook::outside_changed() {
    if (has_outside()) make();
}

bool RouteBook::has_outside() const {
    return std::any_of(services_.begin(), services_.end(), [](const auto& one) { return has_outside_backends(*one.second); });
}

void RouteBook::change_soon() {
    if (std::exchange(is_due_, true)) return;
    timer_.expires_at(next_);
    timer_.async_wait([this](boost::system::error_code ec) {
        if (!ec && is_due_) make();
    });
}

void RouteBook::make() {
    is_due_ = false;
    const auto begin = steady_clock::now();
    std::vector<relay::Route> routes;
    std::map<base::SocketAddress, std::string> frontends;
    for (const auto& [name, service] : services_) {
        const bool is_outside = has_outside_backends(*service);
        const auto credentials = is_outside ? outside_(service->tls.origination) : nullptr;
        for (const auto& port : service->ports) {
            for (const auto& address : service->addresses) frontends.emplace(base::SocketAddress{address, port.number}, name);
            for (const auto& backend : port.backends)
                routes.push_back({name, backend.endpoint, backend.host.value_or(backend.endpoint.address), port.number,
                                  is_outside, credentials});
        }
    }
    handler_(std::make_shared<const relay::Routes>(std::move(routes), std::move(frontends)));
    const auto end = steady_clock::now();
    next_ = end + rest * (end - begin);
}

}  // namespace meshd::worker
