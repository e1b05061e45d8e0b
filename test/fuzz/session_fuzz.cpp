// SPDX-License-Identifier: Apache-2.0
// A handshake between two workers, and data after it, with somebody on the wire who changes, cuts, repeats and makes up what one
// of them says. Whoever gets through is who he should be, and hears nothing but what was said, in its order.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "test_certificates.hpp"
#include "tls/session.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace meshd::tls {
namespace {

using Step = Session::Step;

class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), end_(data + size) {}
    std::uint8_t byte() { return data_ == end_ ? 0 : *data_++; }
    std::size_t number() { return std::size_t{byte()} << 8U | byte(); }
    std::string bytes(std::size_t size) {
        std::string some;
        while (some.size() < size && data_ != end_) some += static_cast<char>(byte());
        return some;
    }

private:
    const std::uint8_t *data_, *end_;
};

struct Nodes {
    TemporaryDirectory directory;
    TestAuthority authority{directory, "authority"};
    std::shared_ptr<const Credentials> client = load("client"), server = load("server");

    std::shared_ptr<const Credentials> load(const std::string& name) {
        return *Credentials::load(authority.issue_for("spiffe://example.org/" + name), authority.trust());
    }
};

struct End {
    End(std::shared_ptr<const Credentials> credentials, Session::Side side, std::string expected)
        : session(std::move(credentials), side, wire), peer(std::move(expected)) {}

    void hear(std::string_view bytes) {
        wire.received = bytes;
        if (state == Step::more) state = session.handshake();
        if (state == Step::done && session.peer() != peer) __builtin_trap();
        while (state == Step::done) {
            std::string into(600, '\0');
            const auto got = session.read(into);
            heard.append(into, 0, got.size);
            if (got.step == Step::more) break;
            if (got.step != Step::done) state = got.step;
        }
    }
    void say(std::string_view plain) {
        if (state == Step::done && session.write(plain) != Step::done) state = Step::failed;
    }
    std::string take() { return std::exchange(wire.to_send, {}); }

    Wire wire;
    Session session;
    std::string peer, heard;
    Step state = Step::more;
};

// What the one on the wire makes of a flight.
std::string changed(Input& input, std::string flight) {
    const auto at = [&] { return flight.empty() ? 0 : input.number() % flight.size(); };
    switch (input.byte() % 8) {
        case 0: {
            const auto place = at();
            if (!flight.empty()) flight[place] = static_cast<char>(static_cast<std::uint8_t>(flight[place]) ^ input.byte());
            return flight;
        }
        case 1:
            return flight.substr(0, at());
        case 2:
            return flight + flight;
        case 3:
            return flight.insert(at(), input.bytes(input.byte()));
        case 4:
            return flight.erase(at(), input.byte());
        case 5: {  // a record of its own
            const auto body = input.bytes(input.byte());
            const char header[] = {static_cast<char>(20 + input.byte() % 5), 3, 3, 0, static_cast<char>(body.size())};
            return flight.insert(at(), std::string(header, sizeof header) + body);
        }
        default:
            return flight;
    }
}

void play(Input& input) {
    static Nodes nodes;
    End client(nodes.client, Session::Side::client, "spiffe://example.org/server");
    End server(nodes.server, Session::Side::server, "spiffe://example.org/client");
    const bool is_client_changed = (input.byte() & 1U) != 0;
    const std::string question(700, 'q');
    const std::string answer(1500, 'a');
    std::string asked;
    std::string answered;
    client.hear({});
    for (int flight = 0; flight < 8; ++flight) {
        const auto there = client.take();
        server.hear(is_client_changed ? changed(input, there) : there);
        if (server.state == Step::done) {
            server.say(answer);
            answered += answer;
        }
        const auto back = server.take();
        client.hear(is_client_changed ? back : changed(input, back));
        if (client.state == Step::done) {
            client.say(question);
            asked += question;
        }
    }
    if (!asked.starts_with(server.heard) || !answered.starts_with(client.heard)) __builtin_trap();
}

}  // namespace
}  // namespace meshd::tls

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    meshd::tls::Input input(data, size);
    meshd::tls::play(input);
    return 0;
}
