// SPDX-License-Identifier: Apache-2.0
#include "app/listener_store.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

namespace meshd::app {

namespace {

void tell(const std::string& state, const std::vector<int>& sockets = {}) {
    const int told = ::sd_pid_notify_with_fds(0, 0, state.c_str(), sockets.data(), static_cast<unsigned>(sockets.size()));
    if (told < 0) spdlog::warn("tell the service manager of listeners: {}", std::strerror(-told));
}

void let_go(const std::string& name) { tell("FDSTOREREMOVE=1\nFDNAME=" + name); }

}  // namespace

ListenerStore ListenerStore::inherit() {
    ListenerStore store;
    char** raw = nullptr;
    const int count = ::sd_listen_fds_with_names(1, &raw);
    const std::unique_ptr<char*, decltype(&::free)> names(raw, ::free);
    if (count < 0) spdlog::warn("take descriptors of the service manager: {}", std::strerror(-count));
    for (int i = 0; i < count; ++i) {
        const std::unique_ptr<char, decltype(&::free)> name(raw[i], ::free);
        store.inherited_[name.get()].emplace_back(SD_LISTEN_FDS_START + i);
    }
    return store;
}

steering::ListenersPtr ListenerStore::take(const std::string& name, const base::SocketAddress& address, unsigned count) {
    auto found = inherited_.extract(name);
    if (!found) return nullptr;
    auto sockets = std::move(found.mapped());
    const bool is_it = sockets.size() == count && std::all_of(sockets.begin(), sockets.end(), [&](const base::UniqueFd& socket) {
                           return steering::listens_at(socket.get(), address);
                       });
    if (!is_it) {
        spdlog::info("what the service manager kept as {} is not what is wanted now: opened anew", name);
        let_go(name);
        return nullptr;
    }
    auto listeners = std::make_shared<const steering::Listeners>(steering::Listeners{address.port, std::move(sockets)});
    kept_[name] = listeners;
    return listeners;
}

void ListenerStore::keep(const std::string& name, const steering::ListenersPtr& listeners) {
    auto& kept = kept_[name];
    if (kept == listeners) return;
    if (kept) let_go(name);
    kept = listeners;
    if (!listeners) return;
    std::vector<int> sockets;
    for (const auto& socket : listeners->sockets) sockets.push_back(socket.get());
    tell("FDSTORE=1\nFDNAME=" + name, sockets);
}

void ListenerStore::close_rest() {
    for (const auto& [name, sockets] : std::exchange(inherited_, {})) {
        spdlog::info("{} descriptors that the service manager kept as {} are not used any more", sockets.size(), name);
        let_go(name);
    }
}

}  // namespace meshd::app
