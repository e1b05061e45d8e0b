// SPDX-License-Identifier: Apache-2.0
// Questions to servers of DNS on the thread of a loop: c-ares driven by Asio.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/address.hpp"
#include "registry/dns/answer.hpp"
#include "registry/intake.hpp"

namespace meshd::registry::dns {

struct LookupError {
    Failure kind = Failure::unreachable;
    base::Error error;
};

class Resolver {
public:
    using Handler = std::function<void(tl::expected<Answer, LookupError>)>;

    // Without servers: those of /etc/resolv.conf, as it is now.
    Resolver(boost::asio::io_context& io, const std::vector<base::SocketAddress>& servers);
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    ~Resolver();  // no handler is called any more

    // The name as it is: no search list, no file of hosts. The handler is never called from within ask().
    void ask(const std::string& name, RecordType type, Handler handler);

private:
    class Channel;
    std::shared_ptr<Channel> channel_;
};

}  // namespace meshd::registry::dns
